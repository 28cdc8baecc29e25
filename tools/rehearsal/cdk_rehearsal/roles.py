"""IAM roles that an action assumes: each must exist and trust the account of the pipeline."""

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.errors import DeliveryError

_SECONDS = 43_200  # a delivery may wait for an approval


def taken(role_arn: str, *, emulator: Emulator, region: str, session: str) -> str:
    """The access key id of a session of a role that a service takes, such as CodeBuild that of a project."""
    sts = emulator.client("sts", account=role_arn.split(":")[4], region=region)
    key: str = sts.assume_role(RoleArn=role_arn, RoleSessionName=session, DurationSeconds=_SECONDS)["Credentials"][
        "AccessKeyId"
    ]
    return key


def assume(role_arn: str, *, emulator: Emulator, home: Environment, session: str, key: str = "") -> str:
    """The access key id of a session of the role, which the role of `key` assumes.

    The emulator finds everything else by it.
    """
    _, _, _, _, account, resource = role_arn.split(":", 5)
    iam = emulator.client("iam", account=account, region=home.region)
    try:
        role = iam.get_role(RoleName=resource.rpartition("/")[2])["Role"]
    except ClientError as error:
        raise DeliveryError(
            f"{role_arn} does not exist: bootstrap account {account} (cdk bootstrap --trust {home.account})."
        ) from error
    if not _trusts(role["AssumeRolePolicyDocument"], account=home.account):
        raise DeliveryError(
            f"{role_arn} does not trust the pipeline's account: bootstrap account {account} with "
            f"--trust {home.account}."
        )
    sts = emulator.client("sts", account=key or home.account, region=home.region)
    credentials = sts.assume_role(RoleArn=role_arn, RoleSessionName=session, DurationSeconds=_SECONDS)["Credentials"]
    assumed: str = credentials["AccessKeyId"]
    return assumed


def _trusts(policy: Mapping[str, Any], *, account: str) -> bool:
    return any(
        principal == account or f":{account}:" in principal
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
        for principal in _listed(statement.get("Principal", {}).get("AWS", []))
    )


def _listed(value: str | Iterable[str]) -> Iterable[str]:
    return [value] if isinstance(value, str) else value
