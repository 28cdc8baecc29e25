"""The way from an environment's private subnets to the database of the environment before it, and back."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Aws, CustomResource, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.database import PORT
from payment_constructs.housekeeping import Housekeeping
from payment_constructs.roles import trusted_roles


class PeeringAdmission(Construct):
    """The later environment's addresses are admitted to the database's port, and to nothing else (PCI DSS 1.3.1).

    The role is for the later environment's deployment alone: it reads this stack's outputs, accepts a connection to
    this VPC, and keeps the routes of the database subnets. It changes no security group: who is admitted stands here.
    It waits there without a peering too. This environment is deployed before the later one, which still needs the role
    to remove the way back when the peering is switched off.

    Args:
        role_name: A fixed name; the later environment knows the role by it.
        vpc: The network that is peered with.
        database: The database's security group.
        cidr: The later environment's addresses; None while it does not peer, which admits nobody.
        account: Its account, which may be our own.
        role_names: Who of that account may take the role on; they need not exist yet.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role_name: str,
        vpc: ec2.Vpc,
        database: ec2.ISecurityGroup,
        cidr: str | None,
        account: str,
        role_names: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        if cidr:
            ec2.CfnSecurityGroupIngress(
                self,
                "Ingress",
                group_id=database.security_group_id,
                cidr_ip=cidr,
                ip_protocol="tcp",
                from_port=PORT,
                to_port=PORT,
                description="Administration from the environment after this one",
            )
        stack = Stack.of(self)
        network = stack.format_arn(service="ec2", resource="vpc", resource_name=vpc.vpc_id)
        connections = f"arn:aws:ec2:{stack.region}:{stack.account}:vpc-peering-connection/*"
        tables = [
            stack.format_arn(service="ec2", resource="route-table", resource_name=subnet.route_table.route_table_id)
            for subnet in vpc.isolated_subnets
        ]
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            statements=[
                iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[Aws.STACK_ID]),
                iam.PolicyStatement(actions=["ec2:AcceptVpcPeeringConnection"], resources=[network]),
                iam.PolicyStatement(
                    actions=["ec2:AcceptVpcPeeringConnection", "ec2:ModifyVpcPeeringConnectionOptions"],
                    resources=[connections],
                    conditions={"ArnEquals": {"ec2:AccepterVpc": network}},
                ),
                iam.PolicyStatement(actions=["ec2:CreateRoute", "ec2:DeleteRoute"], resources=tables),
            ],
        )
        acknowledge(
            policy,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{connections}]",
            control="A connection has no id before it is asked for; the condition leaves those that end in this VPC.",
        )
        iam.Role(
            self,
            "Role",
            role_name=role_name,
            assumed_by=trusted_roles(*role_names, account=account),
            managed_policies=[policy],
        )


VPC_ID = "VpcId"
ROUTE_TABLE_IDS = "DatabaseRouteTableIds"
"""The outputs of the earlier environment that the later one reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The earlier environment, as the later one knows it.

    Args:
        stack_name: Publishes its VPC and its database's route tables.
        account: Its account, which may be our own.
        region: Where it is.
        cidr: The VPC's addresses.
        role_arn: The role that waits there for us.
    """

    stack_name: str
    account: str
    region: str
    cidr: str
    role_arn: str

    def output(self, name: str) -> str:
        """What its stack publishes, read in its role when our stack is deployed."""
        return Fn.get_stack_output(self.stack_name, name, self.region, self.role_arn)


class Peering(Construct):
    """The connection, asked for by the later environment, with everything that belongs to it on either side.

    Our side: a route to the peer on the private subnets' tables; none from the public or the database subnets. The
    peer's side, in its own role: a route back on its database subnets' tables, and DNS resolution, neither of which
    CloudFormation can make in another account. Removing this removes all of it. Whether anybody is admitted is up to
    the peer (PeeringAdmission); nothing here admits anyone.

    Args:
        vpc: Our network.
        cidr: Its addresses.
        peer: The environment whose database can be administered from here.
        housekeeping: Does on the peer's side what CloudFormation cannot.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, vpc: ec2.Vpc, cidr: str, peer: Peer, housekeeping: Housekeeping
    ) -> None:
        super().__init__(scope, construct_id)
        connection = ec2.CfnVPCPeeringConnection(
            self,
            "Connection",
            vpc_id=vpc.vpc_id,
            peer_vpc_id=peer.output(VPC_ID),
            peer_owner_id=peer.account,
            peer_region=peer.region,
            # Within one account CloudFormation accepts without a role.
            peer_role_arn=None if peer.account == Stack.of(self).account else peer.role_arn,
        )
        for number, subnet in enumerate(vpc.private_subnets, start=1):
            ec2.CfnRoute(
                self,
                f"Route{number}",
                route_table_id=subnet.route_table.route_table_id,
                destination_cidr_block=peer.cidr,
                vpc_peering_connection_id=connection.ref,
            )
        assuming = iam.ManagedPolicy(
            self,
            "Policy",
            roles=[iam.Role.from_role_name(self, "Role", housekeeping.role.role_name, mutable=False)],
            statements=[iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[peer.role_arn])],
        )
        way_back = CustomResource(
            self,
            "WayBack",
            service_token=housekeeping.service_token,
            resource_type="Custom::PeeringWayBack",
            properties={
                # Its identity: another peer or other addresses are another way, and the old one is removed.
                "WayBack": f"{peer.role_arn} {cidr}",
                "RoleArn": peer.role_arn,
                "Region": peer.region,
                "RouteTableIds": peer.output(ROUTE_TABLE_IDS),
                "Cidr": cidr,
                "ConnectionId": connection.ref,
            },
        )
        way_back.node.add_dependency(assuming)
