"""Runs inside Lambda. This file travels in the template, docstrings and comments taken out: there is no asset."""

import json
import time
from typing import Any

import boto3
import cfnresponse
from botocore.exceptions import ClientError

TAG = {"Key": "EmptyOnDestroy", "Value": "true"}
SEAL = "Sealed"


def handler(event: dict[str, Any], context: Any) -> None:
    """Answers CloudFormation for every housekeeping resource, whatever happens: without an answer a stack hangs."""
    try:
        properties, deleted = event["ResourceProperties"], event["RequestType"] == "Delete"
        if "GroupId" in properties and not deleted:
            close(boto3.client("ec2"), properties["GroupId"], event["StackId"].split(":")[4])
        if "BucketName" in properties:
            empty(boto3.client("s3", region_name=properties["Region"]), properties["BucketName"], deleted)
        if "VaultName" in properties and deleted:
            clear(boto3.client("backup", region_name=properties["Region"]), properties, context)
        subject = next(properties[key] for key in ("GroupId", "BucketName", "VaultName") if key in properties)
        cfnresponse.send(event, context, cfnresponse.SUCCESS, {}, subject)
    except Exception as error:
        cfnresponse.send(event, context, cfnresponse.FAILED, {}, event.get("PhysicalResourceId"), reason=repr(error))


def close(ec2: Any, group_id: str, account: str) -> None:
    """Takes the two rules from a default security group that AWS makes it with; either may be gone already."""
    itself = {"UserIdGroupPairs": [{"UserId": account, "GroupId": group_id}], "IpProtocol": "-1"}
    anywhere = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}], "IpProtocol": "-1"}
    for revoke, rule in (
        (ec2.revoke_security_group_ingress, itself),
        (ec2.revoke_security_group_egress, anywhere),
    ):
        try:
            revoke(GroupId=group_id, IpPermissions=[rule])
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidPermission.NotFound":
                raise


def empty(s3: Any, bucket: str, deleted: bool) -> None:
    """Deletes every version and delete marker, governance locks included, where the bucket still carries the tag.

    Taking the custom resource out of a template deletes it too: the tag goes first then, and the objects stay.
    """
    if TAG not in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]:
        return
    seal(s3, bucket, deleted)
    if not deleted:
        return
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = page.get("Versions", []) + page.get("DeleteMarkers", [])
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        if objects:
            deletion = {"Objects": objects, "Quiet": True}
            result = s3.delete_objects(Bucket=bucket, Delete=deletion, BypassGovernanceRetention=True)
            if result.get("Errors"):
                raise RuntimeError(f"{bucket}: {result['Errors'][0]}")


def seal(s3: Any, bucket: str, sealed: bool) -> None:
    """Refuses every further object, a late access log or replica, which would keep the bucket from being deleted.

    A bucket in the other region outlives this stack: when the stack comes back, the bucket is opened again.
    """
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    statements = [one for one in policy["Statement"] if one.get("Sid") != SEAL]
    if sealed:
        actions = ["s3:PutObject", "s3:ReplicateObject", "s3:ReplicateDelete"]
        resource = f"arn:aws:s3:::{bucket}/*"
        statements.append({"Sid": SEAL, "Effect": "Deny", "Principal": "*", "Action": actions, "Resource": resource})
    if statements != policy["Statement"]:
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy | {"Statement": statements}))


def clear(backup: Any, vault: dict[str, str], context: Any) -> None:
    """Deletes every recovery point of a vault that still carries the tag, and waits until AWS Backup is done."""
    if backup.list_tags(ResourceArn=vault["VaultArn"])["Tags"].get(TAG["Key"]) != TAG["Value"]:
        return
    name = vault["VaultName"]
    pages = backup.get_paginator("list_recovery_points_by_backup_vault")
    while points := [one for page in pages.paginate(BackupVaultName=name) for one in page["RecoveryPoints"]]:
        if context.get_remaining_time_in_millis() < 60_000:  # noqa: PLR2004 - enough to answer
            raise RuntimeError(f"{name}: {len(points)} recovery points are not deleted yet")
        for point in points:
            if point["Status"] != "DELETING":
                backup.delete_recovery_point(BackupVaultName=name, RecoveryPointArn=point["RecoveryPointArn"])
        time.sleep(10)
