"""S3 replication to the DR region, with Replication Time Control and its metrics."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

RULE = "DisasterRecovery"
"""The id of a bucket's one replication rule, and a dimension of its metrics."""

MINUTES = 15
"""The threshold of Replication Time Control; S3 accepts no other value."""


class ReplicationRole(iam.Role):
    """Role that S3 assumes to replicate objects, created in the DR stack, which is deployed first.

    It has no policy of its own: the policies of the two buckets and keys allow it, as they may within one account, so
    it can never access other objects.
    """

    def __init__(self, scope: Construct, construct_id: str, *, role_name: str) -> None:
        super().__init__(scope, construct_id, role_name=role_name, assumed_by=iam.ServicePrincipal("s3.amazonaws.com"))

    def allow_read(self, bucket: s3.Bucket, *, key: kms.Key | None = None) -> None:
        """Allows replication from this source bucket."""
        self._allow(bucket, "s3:GetReplicationConfiguration", "s3:ListBucket", resource=bucket.bucket_arn)
        self._allow(
            bucket,
            "s3:GetObjectVersionForReplication",
            "s3:GetObjectVersionAcl",
            "s3:GetObjectVersionTagging",
            # Without these two, nothing replicates from a bucket with Object Lock.
            "s3:GetObjectRetention",
            "s3:GetObjectLegalHold",
            resource=bucket.arn_for_objects("*"),
        )
        if key:
            self._allow(key, "kms:Decrypt", resource="*")

    def allow_write(self, bucket: s3.Bucket, *, key: kms.Key | None = None) -> None:
        """Allows replication to this destination bucket."""
        self._allow(
            bucket, "s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags", resource=bucket.arn_for_objects("*")
        )
        if key:
            # The data key is for S3 Bucket Keys, which the replica uses.
            self._allow(key, "kms:Encrypt", "kms:GenerateDataKey", resource="*")

    def _allow(self, owner: s3.Bucket | kms.Key, *actions: str, resource: str) -> None:
        owner.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ArnPrincipal(self.role_arn)], actions=list(actions), resources=[resource]
            )
        )


def replicate(
    bucket: s3.Bucket,
    *,
    role: ReplicationRole,
    replica_bucket_name: str,
    key: kms.Key | None = None,
    replica_key: kms.IKey | None = None,
    delete_markers: bool,
) -> None:
    """Replicates every object of a bucket; ``delete_markers`` makes both buckets list the same objects.

    The keys are those of buckets encrypted with KMS. The replica's is given by its key ARN: IAM authorises no key by
    its alias.
    """
    role.allow_read(bucket, key=key)
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - the type of an L2 bucket's default child
    rtc_time = s3.CfnBucket.ReplicationTimeValueProperty(minutes=MINUTES)
    encryption, kms_objects = None, None
    if replica_key:
        encryption = s3.CfnBucket.EncryptionConfigurationProperty(replica_kms_key_id=replica_key.key_arn)
        kms_objects = s3.CfnBucket.SourceSelectionCriteriaProperty(
            sse_kms_encrypted_objects=s3.CfnBucket.SseKmsEncryptedObjectsProperty(status="Enabled")
        )
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
                source_selection_criteria=kms_objects,
                destination=s3.CfnBucket.ReplicationDestinationProperty(
                    bucket=f"arn:aws:s3:::{replica_bucket_name}",
                    account=Stack.of(bucket).account,
                    encryption_configuration=encryption,
                    replication_time=s3.CfnBucket.ReplicationTimeProperty(status="Enabled", time=rtc_time),
                    metrics=s3.CfnBucket.MetricsProperty(status="Enabled", event_threshold=rtc_time),
                ),
            )
        ],
    )
