"""The way from an environment's private subnets to the database of the environment before it, and back."""

from dataclasses import dataclass

from aws_cdk import CustomResource, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from payment_constructs.housekeeping import Housekeeping

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
