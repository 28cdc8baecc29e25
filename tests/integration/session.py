"""Sessions of the roles that a verification assumes in the environment's account."""

import boto3

from tests.integration.deployed import Deployed

SECONDS = 900
"""Timeout of the build, and the shortest session that STS issues."""


def assume(role_arn: str, *, deployed: Deployed) -> boto3.Session:
    """A session of the role, in the primary region."""
    assumed = boto3.client("sts", region_name=deployed.region).assume_role(
        RoleArn=role_arn, RoleSessionName=f"verification-{deployed.release}"[:64], DurationSeconds=SECONDS
    )["Credentials"]
    return boto3.Session(
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
        region_name=deployed.region,
    )
