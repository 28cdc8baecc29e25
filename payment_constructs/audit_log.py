"""The audit log: what happened to payments, replicated as it is written into the DR region."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.audit_bucket import AuditBucket
from payment_constructs.encryption_key import EncryptionKey
from payment_constructs.replication_role import ReplicationRole


class AuditLog(Construct):
    """The bucket that the platform appends to, with its replication.

    Replication takes every object, those encrypted with KMS included, and delete markers, so that both sides list the
    same; versions under a marker stay locked on both sides. It is timed: 15 minutes, with metrics (S3 RTC).

    Args:
        bucket_name: A globally unique name.
        replica_bucket_name: The bucket in the DR region.
        replica_key: Encrypts the replica. Its key ARN, never an alias: IAM authorises no key by its alias.
        replication_role: Copies the objects; it may write into the replica.
        access_logs: Where access is logged.
        retain: Whether the log outlives its stack, and is locked in compliance mode.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket_name: str,
        replica_bucket_name: str,
        replica_key: kms.IKey,
        replication_role: ReplicationRole,
        access_logs: s3.IBucket,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = EncryptionKey(self, "Key", purpose=f"Audit log {bucket_name}", retain=retain)
        self.bucket = AuditBucket(
            self, "Bucket", bucket_name=bucket_name, key=self.key, access_logs=access_logs, retain=retain
        )
        replication_role.may_read(self.bucket, key=self.key)
        self._replicate(
            role=replication_role, destination=f"arn:aws:s3:::{replica_bucket_name}", destination_key=replica_key
        )

    def grant_append(self, *, role: iam.IRole, policy: iam.ManagedPolicy) -> None:
        """Allows writing new objects and nothing else: no read, no delete, no change of a lock.

        The bucket itself allows it, to this role alone; the role's policy holds the key's part.
        """
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Append",
                principals=[iam.ArnPrincipal(role.role_arn)],
                actions=["s3:PutObject"],
                resources=[self.bucket.arn_for_objects("*")],
            )
        )
        policy.add_statements(
            iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.key.key_arn])
        )

    def _replicate(self, *, role: iam.IRole, destination: str, destination_key: kms.IKey) -> None:
        bucket = self.bucket.node.default_child
        assert isinstance(bucket, s3.CfnBucket)  # noqa: S101 - tells the type checker what an L2 bucket holds
        bucket.replication_configuration = s3.CfnBucket.ReplicationConfigurationProperty(
            role=role.role_arn,
            rules=[
                s3.CfnBucket.ReplicationRuleProperty(
                    id="DisasterRecovery",
                    status="Enabled",
                    priority=0,
                    filter=s3.CfnBucket.ReplicationRuleFilterProperty(prefix=""),
                    delete_marker_replication=s3.CfnBucket.DeleteMarkerReplicationProperty(status="Enabled"),
                    source_selection_criteria=s3.CfnBucket.SourceSelectionCriteriaProperty(
                        sse_kms_encrypted_objects=s3.CfnBucket.SseKmsEncryptedObjectsProperty(status="Enabled")
                    ),
                    destination=s3.CfnBucket.ReplicationDestinationProperty(
                        bucket=destination,
                        account=Stack.of(self).account,
                        encryption_configuration=s3.CfnBucket.EncryptionConfigurationProperty(
                            replica_kms_key_id=destination_key.key_arn
                        ),
                        # 15 minutes are the only value that S3 takes.
                        replication_time=s3.CfnBucket.ReplicationTimeProperty(
                            status="Enabled", time=s3.CfnBucket.ReplicationTimeValueProperty(minutes=15)
                        ),
                        metrics=s3.CfnBucket.MetricsProperty(
                            status="Enabled",
                            event_threshold=s3.CfnBucket.ReplicationTimeValueProperty(minutes=15),
                        ),
                    ),
                )
            ],
        )
