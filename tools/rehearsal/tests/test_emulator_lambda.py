"""Custom resources whose inline Python functions run as on AWS."""

from typing import Any

from cdk_rehearsal.emulator import Emulator
from stacks import ACCOUNT, PRIMARY, RECOVERY, delete, deploy

EMPTY_A_BUCKET = """
import boto3
import cfnresponse

def handler(event, context):
    bucket = event["ResourceProperties"]["BucketName"]
    if event["RequestType"] == "Delete":
        for version in boto3.resource("s3").Bucket(bucket).object_versions.all():
            version.delete(BypassGovernanceRetention=True)
    here = {"Account": boto3.client("sts").get_caller_identity()["Account"], "Region": boto3.Session().region_name}
    cfnresponse.send(event, context, cfnresponse.SUCCESS, here, f"empties-{bucket}")
"""
CLOSE_A_GROUP = """
import json, urllib.request
import boto3

def handler(event, context):
    group = event["ResourceProperties"]["GroupId"]
    ec2 = boto3.client("ec2")
    found = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    if event["RequestType"] != "Delete":
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=found["IpPermissions"])
        ec2.revoke_security_group_egress(GroupId=group, IpPermissions=found["IpPermissionsEgress"])
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": f"closes-{group}"}
    request = urllib.request.Request(event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request)
"""


def _function(code: str) -> dict[str, Any]:
    return {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Timeout": 60,
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": code},
            },
        },
    }


def _custom(kind: str, **properties: Any) -> dict[str, Any]:
    return {
        "Type": f"Custom::{kind}",
        "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, **properties},
    }


def test_a_function_empties_a_locked_bucket_before_its_deletion(emulator: Emulator) -> None:
    locked = {
        "BucketName": "emptied",
        "VersioningConfiguration": {"Status": "Enabled"},
        "ObjectLockEnabled": True,
        "ObjectLockConfiguration": {
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 7}},
        },
    }
    resources = _function(EMPTY_A_BUCKET) | {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": locked},
        "Emptier": _custom("BucketEmptier", BucketName={"Ref": "Bucket"}),
    }
    deploy(emulator, "Emptied", resources, region=RECOVERY)
    s3 = emulator.client("s3", account=ACCOUNT, region=RECOVERY)
    for body in (b"one", b"two"):
        s3.put_object(Bucket="emptied", Key="entry", Body=body)
    s3.delete_object(Bucket="emptied", Key="entry")
    delete(emulator, "Emptied", region=RECOVERY)
    assert "emptied" not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


def test_a_function_runs_in_the_account_and_region_of_its_stack(emulator: Emulator) -> None:
    resources = _function(EMPTY_A_BUCKET) | {"Resource": _custom("Whereabouts", BucketName="none")}
    whereabouts = {name: {"Fn::GetAtt": ["Resource", name]} for name in ("Account", "Region")}
    made = deploy(emulator, "Whereabouts", resources, outputs=whereabouts, account="333333333333", region=RECOVERY)
    assert made == {"Account": "333333333333", "Region": RECOVERY}


def test_a_function_closes_the_default_security_group(emulator: Emulator) -> None:
    group = {"Fn::GetAtt": ["Vpc", "DefaultSecurityGroup"]}
    resources = _function(CLOSE_A_GROUP) | {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Closed": _custom("ClosedDefaultGroup", GroupId=group),
    }
    made = deploy(emulator, "Closed", resources, outputs={"Group": group})
    ec2 = emulator.client("ec2", account=ACCOUNT, region=PRIMARY)
    in_group = [{"Name": "group-id", "Values": [made["Group"]]}]
    assert ec2.describe_security_group_rules(Filters=in_group)["SecurityGroupRules"] == []
