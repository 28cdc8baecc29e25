"""Lambda functions in Python, with code inside the template or, where they need packages, in a file asset."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from payment_constructs.monitoring.alarm import AlarmTopic
from payment_constructs.packages import copy_packages


class PythonFunction(lambda_.Function):
    """Python function with a log group and a dead-letter topic; with a VPC, in its private subnets."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,  # its module `index` has a `handler`
        timeout: Duration,
        role: iam.IRole,  # gets no further permissions here
        log_group: logs.ILogGroup,
        topic: AlarmTopic,  # the dead-letter topic; the role must be allowed to publish to it
        variables: dict[str, str] | None = None,
        vpc: ec2.IVpc | None = None,
        security_group: ec2.ISecurityGroup | None = None,
        function_name: str | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            function_name=function_name,
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=code,
            timeout=timeout,
            role=role,
            log_group=log_group,
            dead_letter_topic=topic.topic,
            environment=variables,
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS) if vpc else None,
            security_groups=[security_group] if security_group else None,
        )


def inline_code(module: Path, *, imports: Sequence[Path] = ()) -> lambda_.Code:
    """A module that needs only the standard library, boto3 and cfnresponse, inside the template.

    What it imports is put before it, as inline code is one file (of at most 4 MB): names must be unique in all of them.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html
    """
    texts = [each.read_text(encoding="utf-8") for each in (*imports, module)]
    for each in imports:
        texts[-1] = re.sub(rf"(?m)^from \S+\.{each.stem} import (\([^)]*\)|[^(\n]+)\n", "", texts[-1])
    return lambda_.Code.from_inline("\n".join(texts))


def packaged_code(module: Path, *, packages: Sequence[str], files: Mapping[str, str] | None = None) -> lambda_.Code:
    """A module with installed pure-Python packages and the packages that they require, as a file asset.

    The packages are those of requirements.txt, which `make setup` installed with their hashes: a synthesis downloads
    nothing. Bytecode and what pip notes are left out, so that equal packages have an equal hash on every machine.
    """
    text = module.read_text(encoding="utf-8")
    directory = _assembled(text, tuple(sorted(packages)), tuple(sorted((files or {}).items())))
    return lambda_.Code.from_asset(directory.name)


@cache  # the same directory for every environment; it is deleted when Python exits
def _assembled(module: str, packages: tuple[str, ...], files: tuple[tuple[str, str], ...]) -> "TemporaryDirectory[str]":
    directory = TemporaryDirectory(prefix="function-")
    top = Path(directory.name)
    for name, text in {"index.py": module, **dict(files)}.items():
        (top / name).write_text(text, encoding="utf-8")
    copy_packages(packages, top)
    for path in (top, *top.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # Lambda runs as another user
    return directory
