"""The input of a CodePipeline job and sessions in other accounts, for the functions that the pipeline invokes.

Each contains this module as a part of its one file, so it imports nothing of this project.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import boto3


def cloud_assembly(data: Mapping[str, Any]) -> zipfile.ZipFile:
    """The cloud assembly, which the job has temporary credentials for."""
    (artifact,) = data["inputArtifacts"]
    where, credentials = artifact["location"]["s3Location"], data["artifactCredentials"]
    storage = boto3.client(
        "s3",
        aws_access_key_id=credentials["accessKeyId"],
        aws_secret_access_key=credentials["secretAccessKey"],
        aws_session_token=credentials["sessionToken"],
    )
    content = storage.get_object(Bucket=where["bucketName"], Key=where["objectKey"])["Body"].read()
    return zipfile.ZipFile(io.BytesIO(content))


def session_of(role: str, *, region: str, name: str) -> dict[str, str]:
    """Region and credentials for the clients of another account."""
    credentials = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName=name)["Credentials"]
    return {
        "region_name": region,
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }
