"""Access of people to the database: a function that the break-glass role invokes, one recorded statement at a time."""

from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.database import Database
from payment_constructs.database_function import DatabaseFunction
from payment_constructs.logs import LogGroup
from payment_constructs.monitoring.alarm import AlarmTopic

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
        # Any cluster: a restored one, which gets this one's name, has another resource id, and the policy would not
        # follow. https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html
        users = Stack.of(self).format_arn(
            service="rds-db", resource="dbuser:cluster-*", resource_name="payment_people_*"
        )
        self.function = DatabaseFunction(
            self,
            "Function",
            function_name=name,
            code=CODE,
            statements=[iam.PolicyStatement(actions=["rds-db:connect"], resources=[users])],
            database=database,
            vpc=vpc,
            description="Statements of people",
            rule_description="Statements of people",
            timeout=Duration.minutes(15),
            log_group=LogGroup(self, "Log", log_group_name=f"/aws/lambda/{name}", key=log_key, retain=retain),
            topic=topic,
        )
        acknowledge(
            self.function.policy,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{users}]",
            control="The two users of people, in a restored cluster too; the security group reaches one cluster only.",
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
                    resources=[self.function.execution_role.role_arn],
                    conditions=others,
                ),
                iam.PolicyStatement(
                    effect=iam.Effect.DENY, actions=["rds-db:connect"], resources=[users], conditions=others
                ),
            ],
        )
