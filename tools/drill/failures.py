"""The failure of a drill, and low-level checks that raise it."""

from typing import Any

from botocore.exceptions import ClientError

_UNAVAILABLE = 503


class DrillError(Exception):
    """A statement of the runbook is false; the message says what was found instead."""


def must(true: object, otherwise: str) -> None:
    """Raise `DrillError` with the message, unless the condition is true."""
    if not true:
        raise DrillError(otherwise)


def must_be_locked(s3: Any, *, bucket: str, keys: list[str]) -> None:
    """Each object is retained in compliance mode, and S3 refuses to delete it."""
    for key in keys:
        (version, *_) = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
        try:
            retention = s3.get_object_retention(Bucket=bucket, Key=version["Key"])["Retention"]
        except ClientError as error:
            raise DrillError(f"{key} in {bucket} has no lock: {error}") from error
        must(retention["Mode"] == "COMPLIANCE", f"{key} in {bucket} is locked in {retention['Mode']} mode only.")
        try:
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        except ClientError as error:
            must(error.response["Error"]["Code"] == "AccessDenied", f"{key} in {bucket}: {error}")
        else:
            raise DrillError(f"{key} in {bucket} could be deleted.")


def must_be_lost(dynamodb: Any, *, region: str) -> None:
    """The region refuses requests, or the drill would prove nothing."""
    try:
        dynamodb.list_tables()
    except ClientError as error:
        must(error.response["ResponseMetadata"]["HTTPStatusCode"] == _UNAVAILABLE, f"{region}: {error}")
    else:
        raise DrillError(f"{region} still answers.")
