"""VPC peering between an environment and the one before it, for administrative access to the earlier database."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import CustomResource, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.database import PORT
from payment_constructs.housekeeping import Housekeeping
from payment_constructs.roles import trusted_roles

VPC_ID = "VpcId"
ROUTE_TABLE_IDS = "DatabaseRouteTableIds"
"""Outputs of the earlier environment's stack that the later one reads."""


class PeeringAdmission(Construct):
    """The earlier environment's side: admits the later one to the database port only (PCI DSS 1.3.1), and its role.

    The role is for the later environment's deployment: it reads this stack's outputs, accepts a connection to this
    VPC, and changes the routes of the database subnets. It cannot change a security group. It exists without a peering
    too: this environment is deployed before the later one, which still needs the role to remove its routes when peering
    is switched off.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role_name: str,  # fixed: the later environment knows the role by it
        vpc: ec2.Vpc,
        database: ec2.ISecurityGroup,
        cidr: str | None,  # of the later environment's VPC; None admits no traffic
        account: str,  # the later environment's; may be this one
        role_names: Sequence[str],  # roles of that account that may assume the role; they need not exist yet
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
        # Fn::GetStackOutput knows the stack by its name, not by its id.
        this_stack = f"arn:aws:cloudformation:{stack.region}:{stack.account}:stack/{stack.stack_name}/*"
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            statements=[
                iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[this_stack]),
                # CloudFormation reads the state of the connection that it accepts.
                iam.PolicyStatement(actions=["ec2:DescribeVpcPeeringConnections"], resources=["*"]),
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
            control="A connection has no id before the request; the condition allows only connections to this VPC.",
        )
        acknowledge(
            policy,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{this_stack}]",
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            control="Reads only: this stack by its name, whatever its id is, and connections, which IAM cannot narrow.",
        )
        trusted = trusted_roles(*role_names, account=account)
        iam.Role(self, "Role", role_name=role_name, assumed_by=trusted, managed_policies=[policy])


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The earlier environment, as the later one knows it."""

    stack_name: str
    account: str
    region: str
    cidr: str
    role_arn: str
    """The role of its PeeringAdmission."""

    def output(self, name: str) -> str:
        """An output of its stack, read with its role when our stack is deployed."""
        return Fn.get_stack_output(self.stack_name, name, self.region, self.role_arn)


class Peering(Construct):
    """The later environment's side: the peering connection, and the routes of both sides.

    Routes to the peer are on the private subnets' route tables only. With the peer's role, housekeeping adds the return
    routes on its database subnets' route tables and switches on DNS resolution; CloudFormation can do neither in
    another account. Deleting this construct removes all of it. Only the peer's PeeringAdmission admits traffic.
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
        assume_peer_role = iam.ManagedPolicy(
            self,
            "Policy",
            roles=[iam.Role.from_role_name(self, "Role", housekeeping.role.role_name, mutable=False)],
            statements=[iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[peer.role_arn])],
        )
        return_routes = CustomResource(
            self,
            "WayBack",
            service_token=housekeeping.service_token,
            resource_type="Custom::PeeringWayBack",
            properties={
                # The physical id: with another peer or CIDR, CloudFormation removes the old routes.
                "WayBack": f"{peer.role_arn} {cidr}",
                "RoleArn": peer.role_arn,
                "Region": peer.region,
                "RouteTableIds": peer.output(ROUTE_TABLE_IDS),
                "Cidr": cidr,
                "ConnectionId": connection.ref,
            },
        )
        return_routes.node.add_dependency(assume_peer_role)
