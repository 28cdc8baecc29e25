"""Lambda functions whose code is inside the template, so that a deployment has no file assets."""

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
    """Python function with a log group and a dead-letter topic; with a VPC, in its private subnets."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: Path,  # has a `handler`; imports the standard library, boto3, cfnresponse and the modules below
        modules: Sequence[Path] = (),  # of this package, each after the ones that it imports
        timeout: Duration,
        role: iam.IRole,  # gets no further permissions here
        log_group: logs.ILogGroup,
        topic: AlarmTopic,  # the dead-letter topic; the role must be allowed to publish to it
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
    """The files as one module, without their imports of each other."""
    lines = (line for file in files for line in file.read_text(encoding="utf-8").splitlines(keepends=True))
    return "".join(line for line in lines if not line.startswith("from payment_constructs."))
