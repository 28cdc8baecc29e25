"""The role in which a pipeline of another account looks at the gate, and at nothing else."""

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct


class GateReader(Construct):
    """May describe one alarm.

    DescribeAlarms can be narrowed to metric alarms by name, not to composite ones; the gate is a metric alarm.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html

    Args:
        role_name: A fixed name; the pipeline knows the role by it.
        gate: The alarm.
        trusted: Who may take the role on.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, role_name: str, gate: cloudwatch.IAlarm, trusted: iam.IPrincipal
    ) -> None:
        super().__init__(scope, construct_id)
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            statements=[iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=[gate.alarm_arn])],
        )
        iam.Role(self, "Role", role_name=role_name, assumed_by=trusted, managed_policies=[policy])
