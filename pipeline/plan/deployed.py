"""Deployed stacks, read from CloudFormation in the role `payment-plan-{environment}`, which reads nothing else."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from pipeline.plan.template import release_in


class PlanError(Exception):
    """A plan that cannot be made, with the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A deployed stack."""

    template: Mapping[str, Any]  # as it was submitted
    status: str  # such as UPDATE_COMPLETE
    release: str | None  # None if its template names none


def deployed(stack: str, *, environment: str, account: str, region: str) -> Deployed | None:
    """Reads a stack; None if it is not deployed.

    Raises:
        PlanError: If the role cannot be assumed.
    """
    client = _client(f"arn:aws:iam::{account}:role/payment-plan-{environment.lower()}", region=region)
    try:
        described = client.describe_stacks(StackName=stack)["Stacks"][0]
        if described["StackStatus"] == "REVIEW_IN_PROGRESS":  # it has a change set, and was never deployed
            return None
        template = client.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    if isinstance(template, str):
        template = json.loads(template)
    return Deployed(template=template, status=described["StackStatus"], release=release_in(template))


def _client(role: str, *, region: str) -> Any:
    sts = boto3.client("sts", region_name=region)
    try:
        credentials = sts.assume_role(RoleArn=role, RoleSessionName="plan")["Credentials"]
    except ClientError as error:
        # The role trusts the pipeline only. A person plans with credentials of the environment's own account.
        if sts.get_caller_identity()["Account"] == role.split(":")[4]:
            return boto3.client("cloudformation", region_name=region)
        raise PlanError(
            f"{role} cannot be assumed: deploy bootstrap/permissions.json in its account; outside the pipeline, use "
            f"credentials of that account ({error})."
        ) from error
    return boto3.client(
        "cloudformation",
        region_name=region,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
