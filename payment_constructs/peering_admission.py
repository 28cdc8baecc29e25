"""What an environment allows the one after it: its database's port, and a role for the way back."""

from collections.abc import Sequence

from aws_cdk import Aws, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.database import PORT
from payment_constructs.trusted_roles import trusted_roles


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
