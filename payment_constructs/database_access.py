"""Access of people to the database: a function that the break-glass role invokes, one recorded statement at a time."""

from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.database import DATABASE_NAME, PORT, Database
from payment_constructs.database_user import rds_certificate_authorities
from payment_constructs.logs import LogGroup
from payment_constructs.monitoring.alarm import AlarmTopic
from payment_constructs.network import network_interface_statements
from payment_constructs.python_function import PythonFunction, packaged_code

CODE = Path(__file__).with_name("functions") / "database_access.py"


class DatabaseAccess(Construct):
    """Function that logs in as an IAM database user for people, and reaches nothing but the database.

    No policy of the stack allows its invocation: the break-glass role has its permissions from elsewhere. A function's
    own policy cannot deny, so a managed policy does, to attach to all other roles that people use; the permissions
    boundary does it for the roles of the delivery.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,  # of the function, and the end of its log group's
        denial_name: str,  # of the managed policy
        database: Database,
        vpc: ec2.IVpc,
        break_glass_role_arn: str,
        log_key: kms.IKey,
        topic: AlarmTopic,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = LogGroup(self, "Log", log_group_name=f"/aws/lambda/{name}", key=log_key, retain=retain)
        # Any cluster: a restored one, which gets this one's name, has another resource id, and the policy would not
        # follow. https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html
        users = Stack.of(self).format_arn(
            service="rds-db", resource="dbuser:cluster-*", resource_name="payment_people_*"
        )
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            statements=[
                log_group.write_statement(),
                iam.PolicyStatement(actions=["rds-db:connect"], resources=[users]),
                *network_interface_statements(),
            ],
        )
        acknowledge(
            policy,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            control=(
                "Lambda creates and deletes the function's network interfaces, whose ids are not known beforehand; a "
                "deny statement refuses the same actions to the function's own code."
            ),
        )
        acknowledge(
            policy,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{users}]",
            control="The two users of people, in a restored cluster too; the security group reaches one cluster only.",
        )
        topic.allow_failed_events(policy)
        role = iam.Role(
            self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), managed_policies=[policy]
        )
        security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="Statements of people", allow_all_outbound=False
        )
        database.security_group.connections.allow_from(security_group, ec2.Port.tcp(PORT), "Statements of people")
        self.function = PythonFunction(
            self,
            "Function",
            function_name=name,
            code=packaged_code(CODE, packages=["pg8000"], files={"rds-ca.pem": rds_certificate_authorities()}),
            vpc=vpc,
            security_group=security_group,
            timeout=Duration.minutes(15),
            role=role.without_policy_updates(),
            log_group=log_group,
            topic=topic,
            variables={
                "HOST": database.cluster.cluster_endpoint.hostname,
                "PORT": str(PORT),
                "DATABASE": DATABASE_NAME,
            },
        )
        acknowledge(
            self.function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency",
            control="Only the break-glass role invokes it, for one statement, and an alarm notifies of it.",
        )
        function = self.function.function_arn
        others = {"ArnNotEquals": {"aws:PrincipalArn": break_glass_role_arn}}
        iam.ManagedPolicy(
            self,
            "Denial",
            managed_policy_name=denial_name,
            description="Keeps everybody but the break-glass role from the database.",
            statements=[
                iam.PolicyStatement(
                    effect=iam.Effect.DENY,
                    actions=[f"lambda:{verb}*" for verb in ("Add", "Create", "Delete", "Invoke", "Put", "Update")],
                    resources=[function, f"{function}:*"],
                    conditions=others,
                ),
                iam.PolicyStatement(
                    effect=iam.Effect.DENY,
                    actions=["iam:PassRole", "iam:UpdateAssumeRolePolicy"],
                    resources=[role.role_arn],
                    conditions=others,
                ),
                iam.PolicyStatement(
                    effect=iam.Effect.DENY, actions=["rds-db:connect"], resources=[users], conditions=others
                ),
            ],
        )
