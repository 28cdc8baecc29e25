"""EC2: networks, security group rules and peerings of stacks."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal.emulator import Emulator
from stacks import PRIMARY, StackError, delete, deploy

ACCOUNT = "222222222201"  # an account that no other test uses
PEER = "222222222202"
VPC = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
DATABASE_PORT = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": "5432"}


def _network(*, tags: dict[str, str]) -> dict[str, Any]:
    tagged = {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
    return {
        "Vpc": VPC,
        "Subnet": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24", "AvailabilityZone": f"{PRIMARY}c"},
        },
        "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc", **tagged}},
        "Gateway": {
            "Type": "AWS::EC2::NatGateway",
            "Properties": {
                "SubnetId": {"Ref": "Subnet"},
                "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
                **tagged,
            },
        },
        "FlowLog": {
            "Type": "AWS::EC2::FlowLog",
            "Properties": {
                "ResourceId": {"Ref": "Vpc"},
                "ResourceType": "VPC",
                "TrafficType": "ALL",
                "LogGroupName": "flow",
                "DeliverLogsPermissionArn": f"arn:aws:iam::{ACCOUNT}:role/flow",
                **tagged,
            },
        },
        "Database": _group(),
        "Service": _group(),
        "FromService": _rule("Ingress", of="Database", other={"SourceSecurityGroupId": _id("Service")}),
        "ToDatabase": _rule("Egress", of="Service", other={"DestinationSecurityGroupId": _id("Database")}),
    }


def _group() -> dict[str, Any]:
    return {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "group", "VpcId": {"Ref": "Vpc"}}}


def _id(group: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [group, "GroupId"]}


def _rule(direction: str, *, of: str, other: dict[str, Any]) -> dict[str, Any]:
    properties = {"GroupId": _id(of), **DATABASE_PORT, **other}
    return {"Type": f"AWS::EC2::SecurityGroup{direction}", "Properties": properties}


OUTPUTS = {
    "Gateway": {"Fn::GetAtt": ["Gateway", "NatGatewayId"]},
    "Address": {"Ref": "Address"},
    "Database": _id("Database"),
    "Service": _id("Service"),
    "Rule": {"Fn::GetAtt": ["FromService", "Id"]},
    "CidrBlock": {"Fn::GetAtt": ["Vpc", "CidrBlock"]},
}


@pytest.fixture
def ec2(emulator: Emulator) -> Any:
    return emulator.client("ec2", account=ACCOUNT, region=PRIMARY)


def _existing(ec2: Any) -> dict[str, list[str]]:
    gateways = ec2.describe_nat_gateways()["NatGateways"]
    return {
        "addresses": [each["PublicIp"] for each in ec2.describe_addresses()["Addresses"]],
        "gateways": [each["NatGatewayId"] for each in gateways if each["State"] != "deleted"],
        "flow logs": [each["FlowLogId"] for each in ec2.describe_flow_logs()["FlowLogs"]],
    }


def test_network_resources_are_created_and_deleted_with_the_stack(emulator: Emulator, ec2: Any) -> None:
    made = deploy(emulator, "Network", _network(tags={}), outputs=OUTPUTS, account=ACCOUNT)
    existing = _existing(ec2)
    assert existing["addresses"] == [made["Address"]]
    assert existing["gateways"] == [made["Gateway"]]
    assert len(existing["flow logs"]) == 1
    rule = ec2.describe_security_group_rules(SecurityGroupRuleIds=[made["Rule"]])["SecurityGroupRules"][0]
    assert (rule["GroupId"], rule["FromPort"], rule["ToPort"]) == (made["Database"], 5432, 5432)
    assert rule["ReferencedGroupInfo"]["GroupId"] == made["Service"]
    assert made["CidrBlock"] == "10.0.0.0/16"
    delete(emulator, "Network", account=ACCOUNT)
    assert _existing(ec2) == {"addresses": [], "gateways": [], "flow logs": []}


def test_a_change_of_tags_replaces_nothing_and_keeps_the_attributes(emulator: Emulator, ec2: Any) -> None:
    made = deploy(emulator, "Tagged", _network(tags={"Release": "1"}), outputs=OUTPUTS, account=ACCOUNT)
    assert deploy(emulator, "Tagged", _network(tags={"Version": "2"}), outputs=OUTPUTS, account=ACCOUNT) == made
    gateway = ec2.describe_nat_gateways(NatGatewayIds=[made["Gateway"]])["NatGateways"][0]
    assert gateway["Tags"] == [{"Key": "Version", "Value": "2"}]
    delete(emulator, "Tagged", account=ACCOUNT)


def test_the_default_group_of_a_vpc_admits_its_own_members(emulator: Emulator, ec2: Any) -> None:
    default = {"Group": {"Fn::GetAtt": ["Vpc", "DefaultSecurityGroup"]}}
    group = deploy(emulator, "Default", {"Vpc": VPC}, outputs=default, account=ACCOUNT)["Group"]
    permissions = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert [each["UserIdGroupPairs"] for each in permissions] == [[{"GroupId": group, "UserId": ACCOUNT}]]


def _peering(**properties: str) -> dict[str, Any]:
    peering = {"VpcId": {"Ref": "Vpc"}, "PeerOwnerId": PEER, **properties}
    return {"Vpc": VPC, "Peering": {"Type": "AWS::EC2::VPCPeeringConnection", "Properties": peering}}


def test_a_peering_with_another_account_is_accepted_with_its_role(emulator: Emulator, ec2: Any) -> None:
    there = deploy(emulator, "Peer", {"Vpc": VPC}, outputs={"Vpc": {"Ref": "Vpc"}}, account=PEER)["Vpc"]
    role = f"arn:aws:iam::{PEER}:role/peering"
    made = deploy(
        emulator,
        "Peering",
        _peering(PeerVpcId=there, PeerRoleArn=role),
        outputs={"Peering": {"Ref": "Peering"}},
        account=ACCOUNT,
    )
    found = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[made["Peering"]])
    assert found["VpcPeeringConnections"][0]["Status"]["Code"] == "active"


def test_a_peering_with_another_account_needs_a_role_there(emulator: Emulator) -> None:
    with pytest.raises(StackError, match="PeerRoleArn is required"):
        deploy(emulator, "Roleless", _peering(PeerVpcId="vpc-there"), account=ACCOUNT)


def test_dns_resolution_across_a_peering_is_recorded(emulator: Emulator, ec2: Any) -> None:
    one, other = (ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"] for number in (60, 61))
    connection = ec2.create_vpc_peering_connection(VpcId=one, PeerVpcId=other)["VpcPeeringConnection"]
    connection_id = connection["VpcPeeringConnectionId"]
    answer = ec2.modify_vpc_peering_connection_options(
        VpcPeeringConnectionId=connection_id,
        AccepterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True},
    )
    assert answer["AccepterPeeringConnectionOptions"] == {"AllowDnsResolutionFromRemoteVpc": True}
    assert connection_id in {each["PhysicalId"] for each in emulator.recorded()}


def test_options_of_a_missing_peering_are_refused(ec2: Any) -> None:
    with pytest.raises(ClientError, match=r"InvalidVpcPeeringConnectionID\.NotFound"):
        ec2.modify_vpc_peering_connection_options(VpcPeeringConnectionId="pcx-none")
