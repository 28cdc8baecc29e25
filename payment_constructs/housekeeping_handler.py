"""Runs inside Lambda. This file travels in the template (4,096 characters at most): there is no asset to ship."""

from typing import Any

import boto3
import cfnresponse

TAG = {"Key": "EmptyOnDestroy", "Value": "true"}


def handler(event: dict[str, Any], context: object) -> None:
    """Answers CloudFormation for every housekeeping resource, whatever happens: without an answer a stack hangs."""
    try:
        properties, deleted = event["ResourceProperties"], event["RequestType"] == "Delete"
        if "GroupId" in properties and not deleted:
            close(boto3.client("ec2"), properties["GroupId"])
        if "BucketName" in properties and deleted:
            empty(boto3.client("s3"), properties["BucketName"])
        subject = properties.get("GroupId") or properties["BucketName"]
        cfnresponse.send(event, context, cfnresponse.SUCCESS, {}, subject)
    except Exception as error:
        cfnresponse.send(event, context, cfnresponse.FAILED, {}, event.get("PhysicalResourceId"), reason=repr(error))


def close(ec2: Any, group_id: str) -> None:
    """Takes every rule from a security group."""
    group = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    if group["IpPermissions"]:
        ec2.revoke_security_group_ingress(GroupId=group_id, IpPermissions=group["IpPermissions"])
    if group["IpPermissionsEgress"]:
        ec2.revoke_security_group_egress(GroupId=group_id, IpPermissions=group["IpPermissionsEgress"])


def empty(s3: Any, bucket: str) -> None:
    """Deletes every version and delete marker, governance locks included, where the bucket still carries the tag.

    Taking the custom resource out of a template deletes it too: the tag goes first then, and the objects stay.
    """
    if TAG not in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]:
        return
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = page.get("Versions", []) + page.get("DeleteMarkers", [])
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        if objects:
            deletion = {"Objects": objects, "Quiet": True}
            result = s3.delete_objects(Bucket=bucket, Delete=deletion, BypassGovernanceRetention=True)
            if result.get("Errors"):
                raise RuntimeError(f"{bucket}: {result['Errors'][0]}")
