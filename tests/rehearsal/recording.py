"""A pytest plugin that writes down what a test run asks of AWS, as IAM sees it: an action and a resource each.

`-p tests.rehearsal.recording`, and the file to write to in RECORD_CALLS_TO.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.client
import pytest

PREFIXES = {"monitoring": "cloudwatch"}
"""By the name that a service signs with, where IAM has another."""
ACTIONS = {
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}
"""Operations whose action has another name.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""
RESOURCES = {
    "AlarmNames": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}",
    "Bucket": "arn:aws:s3:::{name}",
    "DBClusterIdentifier": "arn:aws:rds:{region}:{account}:cluster:{name}",
    "Name": "arn:aws:ssm:{region}:{account}:parameter{name}",
    "QueueUrl": "arn:aws:sqs:{region}:{account}:{last}",
    "RoleArn": "{name}",
    "SecretId": "{name}",
    "TableName": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "services": "{name}",
}
"""By the argument that names one."""


def pytest_configure(config: pytest.Config) -> None:  # noqa: ARG001 - pytest finds a hook by its signature
    """Listens to every client that is made from now on."""
    calls: set[str] = set()
    file = Path(os.environ["RECORD_CALLS_TO"])
    carry_out = botocore.client.BaseClient._make_api_call

    def record(self: Any, operation: str, arguments: Mapping[str, Any]) -> Any:
        service = self.meta.service_model.signing_name
        action = f"{PREFIXES.get(service, service)}:{operation}"
        for resource in _resources(arguments, region=self.meta.region_name):
            calls.add(f"{ACTIONS.get(action, action)} {resource}")
        file.write_text("\n".join(sorted(calls)))
        return carry_out(self, operation, arguments)

    botocore.client.BaseClient._make_api_call = record


def _resources(arguments: Mapping[str, Any], *, region: str) -> list[str]:
    account = os.environ["ROLE_ARN"].split(":")[4]
    found = [
        form.format(region=region, account=account, name=name, last=name.rpartition("/")[2])
        for argument, form in RESOURCES.items()
        for name in _names(arguments.get(argument, []))
    ]
    return found or ["*"]


def _names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value
