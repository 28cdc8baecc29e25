"""Who copies logs into the DR region: a role without a policy, allowed by each side for what it does there."""

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
