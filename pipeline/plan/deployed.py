"""What stands in an account: the template of a stack, its release and its status, read and nothing else."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError


class UnreadableError(Exception):
    """An account that cannot be looked into, and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A stack that stands.

    Args:
        template: As it was handed over.
        status: Such as ``UPDATE_COMPLETE``.
        release: The value of its tag Release; None without one.
    """

    template: Mapping[str, Any]
    status: str
    release: str | None


def deployed(stack: str, *, account: str, region: str) -> Deployed | None:
    """Looks at a stack as the role that `cdk bootstrap` made for looking; None where it does not stand.

    Args:
        stack: The stack as CloudFormation knows it.
        account: The account that it stands in.
        region: Where.

    Raises:
        UnreadableError: When the role cannot be assumed.
    """
    client = _client(f"arn:aws:iam::{account}:role/cdk-hnb659fds-lookup-role-{account}-{region}", region=region)
    try:
        described = client.describe_stacks(StackName=stack)["Stacks"][0]
        if described["StackStatus"] == "REVIEW_IN_PROGRESS":  # a change set of a stack that never stood
            return None
        template = client.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}
    return Deployed(
        template=json.loads(template) if isinstance(template, str) else template,
        status=described["StackStatus"],
        release=tags.get("Release"),
    )


def _client(role: str, *, region: str) -> Any:
    try:
        assumed = boto3.client("sts", region_name=region).assume_role(RoleArn=role, RoleSessionName="plan")
    except ClientError as error:
        raise UnreadableError(
            f"{role} cannot be assumed: bootstrap its account with --trust for the tooling account ({error})."
        ) from error
    session = assumed["Credentials"]
    return boto3.client(
        "cloudformation",
        region_name=region,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
