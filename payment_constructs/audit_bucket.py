"""The bucket of an audit log: write once, read for years. Source and replica are made alike."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct


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
