"""Lambda function for the custom resources of housekeeping, deployed inside the template."""

import json
import time
from typing import Any

import boto3
import cfnresponse
from botocore.exceptions import ClientError

TAG = {"Key": "EmptyOnDestroy", "Value": "true"}
SEAL = "Sealed"


def handler(event: dict[str, Any], context: Any) -> None:
    """Answers CloudFormation for every custom resource, also after an error: without an answer the stack hangs."""
    try:
        properties, deleted = event["ResourceProperties"], event["RequestType"] == "Delete"
        if "GroupId" in properties and not deleted:
            close(boto3.client("ec2"), properties["GroupId"], event["StackId"].split(":")[4])
        if "BucketName" in properties:
            empty(boto3.client("s3", region_name=properties["Region"]), properties["BucketName"], deleted)
        if "VaultName" in properties and deleted:
            clear(boto3.client("backup", region_name=properties["Region"]), properties, context)
        if "WayBack" in properties:
            return_routes(properties, deleted)
        subjects = ("GroupId", "BucketName", "VaultName", "WayBack")
        subject = next(properties[key] for key in subjects if key in properties)
        cfnresponse.send(event, context, cfnresponse.SUCCESS, {}, subject)
    except Exception as error:
        cfnresponse.send(event, context, cfnresponse.FAILED, {}, event.get("PhysicalResourceId"), reason=repr(error))


def close(ec2: Any, group_id: str, account: str) -> None:
    """Revokes the two default rules of a default security group; either may already be revoked."""
    itself = {"UserIdGroupPairs": [{"UserId": account, "GroupId": group_id}], "IpProtocol": "-1"}
    anywhere = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}], "IpProtocol": "-1"}
    gone = ("InvalidPermission.NotFound",)
    ignoring(gone, ec2.revoke_security_group_ingress, GroupId=group_id, IpPermissions=[itself])
    ignoring(gone, ec2.revoke_security_group_egress, GroupId=group_id, IpPermissions=[anywhere])


def ignoring(codes: tuple[str, ...], call: Any, **arguments: Any) -> None:
    """Makes a call and ignores these error codes, of something that is already deleted."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise


def empty(s3: Any, bucket: str, deleted: bool) -> None:
    """Deletes every version and delete marker, governance locks included, if the bucket still has the tag.

    Removing the custom resource from a template also deletes it; then the tag is removed first, and the objects stay.
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
    """Denies further objects (late access logs, replicas), which would prevent the deletion of the bucket.

    A bucket in the other region outlives this stack: when the stack is created again, the denial is removed.
    """
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    statements = [one for one in policy["Statement"] if one.get("Sid") != SEAL]
    if sealed:
        actions = ["s3:PutObject", "s3:ReplicateObject", "s3:ReplicateDelete"]
        resource = f"arn:aws:s3:::{bucket}/*"
        statements += [{"Sid": SEAL, "Effect": "Deny", "Principal": "*", "Action": actions, "Resource": resource}]
    if statements != policy["Statement"]:
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy | {"Statement": statements}))


def clear(backup: Any, vault: dict[str, str], context: Any) -> None:
    """Deletes every recovery point of a vault that still has the tag, and waits for AWS Backup."""
    if backup.list_tags(ResourceArn=vault["VaultArn"])["Tags"].get(TAG["Key"]) != TAG["Value"]:
        return
    name = vault["VaultName"]
    pages = backup.get_paginator("list_recovery_points_by_backup_vault")
    while points := [one for page in pages.paginate(BackupVaultName=name) for one in page["RecoveryPoints"]]:
        if context.get_remaining_time_in_millis() < 60_000:  # noqa: PLR2004 - time to answer
            raise RuntimeError(f"{name}: {len(points)} recovery points are not deleted yet")
        for point in points:
            if point["Status"] != "DELETING":
                backup.delete_recovery_point(BackupVaultName=name, RecoveryPointArn=point["RecoveryPointArn"])
        time.sleep(10)


def return_routes(peering: dict[str, str], deleted: bool) -> None:
    """Adds or deletes the peer's return routes, and switches on DNS resolution, with the peer's role.

    The peer may be in another account.
    """
    role = boto3.client("sts").assume_role(RoleArn=peering["RoleArn"], RoleSessionName="peering")["Credentials"]
    ec2 = boto3.client(
        "ec2",
        region_name=peering["Region"],
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )
    connection = peering["ConnectionId"]
    gone = ("InvalidRoute.NotFound", "InvalidRouteTableID.NotFound")
    for table in peering["RouteTableIds"].split(","):
        route = {"RouteTableId": table, "DestinationCidrBlock": peering["Cidr"]}
        ignoring(gone, ec2.delete_route, **route)
        if not deleted:
            ec2.create_route(**route, VpcPeeringConnectionId=connection)
    if not deleted:
        ec2.modify_vpc_peering_connection_options(
            VpcPeeringConnectionId=connection,
            AccepterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True},
        )
