"""How a bucket is replicated into the DR region: everything, in time, and measured."""

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from payment_constructs.replication_role import ReplicationRole

RULE = "DisasterRecovery"
"""The id of a bucket's one replication rule; its metrics carry it."""

MINUTES = 15
"""What replication time control promises; S3 takes no other value."""


def replicate(
    bucket: s3.Bucket,
    *,
    role: ReplicationRole,
    replica_bucket_name: str,
    key: kms.Key | None = None,
    replica_key: kms.IKey | None = None,
    delete_markers: bool,
) -> None:
    """Replicates every object of a bucket, with replication time control and its metrics.

    Args:
        bucket: The source.
        role: Copies the objects; it may write into the replica.
        replica_bucket_name: The bucket in the other region.
        key: Encrypts the source, where a key does.
        replica_key: Encrypts the replica, where a key does. Its key ARN: IAM authorises no key by its alias.
        delete_markers: Whether both sides list the same; versions under a marker stay either way.
    """
    role.may_read(bucket, key=key)
    minutes = s3.CfnBucket.ReplicationTimeValueProperty(minutes=MINUTES)
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - tells the type checker what an L2 bucket holds
    resource.replication_configuration = s3.CfnBucket.ReplicationConfigurationProperty(
        role=role.role_arn,
        rules=[
            s3.CfnBucket.ReplicationRuleProperty(
                id=RULE,
                status="Enabled",
                priority=0,
                filter=s3.CfnBucket.ReplicationRuleFilterProperty(prefix=""),
                delete_marker_replication=s3.CfnBucket.DeleteMarkerReplicationProperty(
                    status="Enabled" if delete_markers else "Disabled"
                ),
                source_selection_criteria=s3.CfnBucket.SourceSelectionCriteriaProperty(
                    sse_kms_encrypted_objects=s3.CfnBucket.SseKmsEncryptedObjectsProperty(status="Enabled")
                )
                if replica_key
                else None,
                destination=s3.CfnBucket.ReplicationDestinationProperty(
                    bucket=f"arn:aws:s3:::{replica_bucket_name}",
                    account=Stack.of(bucket).account,
                    encryption_configuration=s3.CfnBucket.EncryptionConfigurationProperty(
                        replica_kms_key_id=replica_key.key_arn
                    )
                    if replica_key
                    else None,
                    replication_time=s3.CfnBucket.ReplicationTimeProperty(status="Enabled", time=minutes),
                    metrics=s3.CfnBucket.MetricsProperty(status="Enabled", event_threshold=minutes),
                ),
            )
        ],
    )
