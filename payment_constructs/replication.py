"""How a bucket is replicated into the DR region: everything, in time, and measured."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct


class ReplicationRole(iam.Role):
    """The role that S3 replication takes on.

    Its rights stand in the policies of the two buckets and keys, which grant within one account as its own policy
    would: so that it can never reach another object than theirs. It is made on the replica's side, which stands first.

    Args:
        role_name: A fixed name, by which the source's side knows it.
    """

    def __init__(self, scope: Construct, construct_id: str, *, role_name: str) -> None:
        super().__init__(scope, construct_id, role_name=role_name, assumed_by=iam.ServicePrincipal("s3.amazonaws.com"))

    def may_read(self, bucket: s3.Bucket, *, key: kms.Key | None = None) -> None:
        """Lets it copy out of the source."""
        self._allow(bucket, "s3:GetReplicationConfiguration", "s3:ListBucket", resource=bucket.bucket_arn)
        self._allow(
            bucket,
            "s3:GetObjectVersionForReplication",
            "s3:GetObjectVersionAcl",
            "s3:GetObjectVersionTagging",
            # Without these two nothing replicates out of a bucket with Object Lock.
            "s3:GetObjectRetention",
            "s3:GetObjectLegalHold",
            resource=bucket.arn_for_objects("*"),
        )
        if key:
            self._allow(key, "kms:Decrypt", resource="*")

    def may_write(self, bucket: s3.Bucket, *, key: kms.Key | None = None) -> None:
        """Lets it copy into the replica."""
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
