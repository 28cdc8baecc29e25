"""The audit log: a locked, append-only S3 bucket that is replicated to the DR region."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.keys import EncryptionKey, through
from payment_constructs.replication import ReplicationRole, replicate


class AuditLog(Construct):
    """Audit bucket with its key and its replication to the DR region.

    Replicates every object, also those encrypted with KMS, and delete markers, so that both buckets list the same
    objects; versions under a delete marker stay locked in both. S3 Replication Time Control applies: 15 minutes, with
    metrics.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket_name: str,
        replica_bucket_name: str,
        replica_key: kms.IKey,  # by its key ARN: IAM authorises no key by its alias
        replication_role: ReplicationRole,
        access_logs: s3.IBucket,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = EncryptionKey(self, "Key", purpose=f"Audit log {bucket_name}", retain=retain)
        self.bucket = AuditBucket(
            self, "Bucket", bucket_name=bucket_name, key=self.key, access_logs=access_logs, retain=retain
        )
        replicate(
            self.bucket,
            role=replication_role,
            replica_bucket_name=replica_bucket_name,
            key=self.key,
            replica_key=replica_key,
            delete_markers=True,
        )

    def grant_append(self, *, role: iam.IRole, policy: iam.ManagedPolicy) -> None:
        """Allows the role to write new objects only: no read, no delete, no change of a lock.

        The bucket policy allows the write to this one role; the role's policy allows the use of the key.
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
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[self.key.key_arn],
                conditions=through("s3", Stack.of(self).region),
            )
        )


class AuditBucket(s3.Bucket):
    """Versioned, locked, encrypted and access-logged bucket without public access or plain HTTP.

    With ``retain``, objects are locked in compliance mode for 400 days: no principal can delete them or shorten the
    lock, the root user included (PCI DSS 10.3.2, 10.5.1). Otherwise they are locked in governance mode for a day, so
    that the environment can be destroyed. Objects never expire; after 90 days they move to Intelligent-Tiering.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket_name: str,
        key: kms.IKey,
        access_logs: s3.IBucket,
        retain: bool,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            bucket_name=bucket_name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            object_lock_enabled=True,
            object_lock_default_retention=(
                s3.ObjectLockRetention.compliance(Duration.days(400))
                if retain
                else s3.ObjectLockRetention.governance(Duration.days(1))
            ),
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"audit-{Stack.of(scope).region}/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.INTELLIGENT_TIERING, transition_after=Duration.days(90)
                        )
                    ],
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                )
            ],
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if retain else RemovalPolicy.DESTROY,
        )
