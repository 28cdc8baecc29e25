"""Checks of the drill: each raises DrillError with what it found instead."""

from typing import Any, NoReturn

from botocore.exceptions import ClientError


class DrillError(Exception):
    """Something that the runbook promises is not so: on AWS it would not have been either."""


def must(true: object, otherwise: str) -> None:
    """Fails with the words that say what was found instead."""
    if not true:
        raise DrillError(otherwise)


def locked(s3: Any, *, bucket: str, keys: list[str]) -> None:
    """Each object's newest version is retained, and nobody can delete it."""
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


def gone(client: Any, *, region: str) -> None:
    """The region answers nothing."""
    try:
        client.list_tables()
    except ClientError as error:
        must(error.response["ResponseMetadata"]["HTTPStatusCode"] == 503, f"{region}: {error}")  # noqa: PLR2004
    else:
        _not_gone(region)


def _not_gone(region: str) -> NoReturn:
    raise DrillError(f"{region} still answers: this is no drill.")
