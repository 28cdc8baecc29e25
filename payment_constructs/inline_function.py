"""A function whose code stands in its template: no asset to publish, none to lose."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from payment_constructs.monitoring.alarm import AlarmTopic


class InlineFunction(lambda_.Function):
    """A Python function, logged, whose failed events somebody reads.

    Args:
        code: Its file, which has a ``handler`` and needs nothing beside what AWS gives it, and its own modules.
        modules: The files of those, each after the ones that it imports from.
        timeout: How long one call may take.
        role: Who it is; it gets no further rights here.
        log_group: Where it logs.
        topic: Is told of a failed asynchronous event; the role may publish there.
        variables: Its environment.
        vpc: The network whose private subnets it stands in, where it stands in one.
        security_group: What it reaches there.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: Path,
        modules: Sequence[Path] = (),
        timeout: Duration,
        role: iam.IRole,
        log_group: logs.ILogGroup,
        topic: AlarmTopic,
        variables: dict[str, str] | None = None,
        vpc: ec2.IVpc | None = None,
        security_group: ec2.ISecurityGroup | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_inline(one_module(*modules, code)),
            timeout=timeout,
            role=role,
            log_group=log_group,
            dead_letter_topic=topic.topic,
            environment=variables,
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS) if vpc else None,
            security_groups=[security_group] if security_group else None,
        )


def one_module(*files: Path) -> str:
    """The files as the one that stands in the template, without their imports of each other."""
    lines = (line for file in files for line in file.read_text(encoding="utf-8").splitlines(keepends=True))
    return "".join(line for line in lines if not line.startswith("from payment_constructs."))
