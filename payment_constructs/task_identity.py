"""Who a task of the payment service is: the role it works under, and the role that starts it."""

from collections.abc import Iterable

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge


class TaskIdentity(Construct):
    """The task role, to which each store grants what is done with it, and the execution role.

    Both are closed: what is granted stands in one managed policy each, so that a review sees all of it, and nothing
    that the CDK would add by itself.

    Args:
        repository_arn: The ECR repository that the image is pulled from.
    """

    def __init__(self, scope: Construct, construct_id: str, *, repository_arn: str) -> None:
        super().__init__(scope, construct_id)
        self.task_policy = iam.ManagedPolicy(self, "TaskPolicy")
        self.task_role = self._role("TaskRole", self.task_policy)
        self._execution_policy = iam.ManagedPolicy(self, "ExecutionPolicy")
        self.execution_role = self._role("ExecutionRole", self._execution_policy)
        self._execution_policy.add_statements(
            iam.PolicyStatement(
                actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                resources=[repository_arn],
            ),
            iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
        )
        acknowledge(
            self._execution_policy,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            control="ecr:GetAuthorizationToken knows no resource; what the token pulls is one named repository.",
        )

    def allow_logging(self, log_group: logs.ILogGroup) -> None:
        """Lets a starting task open its log stream."""
        self._execution_policy.add_statements(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
            )
        )

    def allow_configuration(
        self, *, parameters: Iterable[ssm.IStringParameter], secret: secretsmanager.ISecret, secret_key: kms.IKey
    ) -> None:
        """Lets a starting task read its configuration."""
        self._execution_policy.add_statements(
            iam.PolicyStatement(
                actions=["ssm:GetParameters"], resources=[parameter.parameter_arn for parameter in parameters]
            ),
            iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret.secret_arn]),
            iam.PolicyStatement(actions=["kms:Decrypt"], resources=[secret_key.key_arn]),
        )

    def _role(self, construct_id: str, policy: iam.ManagedPolicy) -> iam.IRole:
        stack = Stack.of(self)
        role = iam.Role(
            self,
            construct_id,
            # Only for tasks of this account (the confused-deputy guard of the ECS documentation).
            assumed_by=iam.ServicePrincipal(
                "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}
            ),
            managed_policies=[policy],
        )
        return role.without_policy_updates()
