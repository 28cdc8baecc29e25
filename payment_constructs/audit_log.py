"""The audit log: what happened to payments, replicated as it is written into the DR region."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.keys import EncryptionKey
from payment_constructs.replication import ReplicationRole, replicate


class AuditBucket(s3.Bucket):
    """A versioned, locked, encrypted, access-logged bucket without public access or plain HTTP.

    Where data is retained, objects are locked in compliance mode for 400 days: nobody, the account's root included, can
    delete or shorten (PCI DSS 10.3.2, 10.5.1). Elsewhere governance mode for a day, so that the environment can be
    destroyed. Nothing expires: after 90 days objects move to Intelligent-Tiering.

    Args:
        bucket_name: A globally unique name.
        key: Encrypts the objects; a key of the bucket's region.
        access_logs: Where access to it is logged.
        retain: Whether the log outlives its stack, and is locked in compliance mode.
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
                            storage_class=s3.StorageClass.INTELLIGENT_TIERING,
                            transition_after=Duration.days(90),
                        )
                    ],
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                )
            ],
            removal_policy=RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY,
        )


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
        replicate(
            self.bucket,
            role=replication_role,
            replica_bucket_name=replica_bucket_name,
            key=self.key,
            replica_key=replica_key,
            delete_markers=True,
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
