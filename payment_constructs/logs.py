"""CloudWatch log groups, and the bucket for access logs of S3 and the load balancer."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.replication import ReplicationRole, replicate


class LogGroup(logs.LogGroup):
    """Encrypted log group with 400 days' retention: PCI DSS 10.5.1 requires twelve months, CloudWatch has no 366."""

    def __init__(
        self, scope: Construct, construct_id: str, *, key: kms.IKey, retain: bool, log_group_name: str | None = None
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            log_group_name=log_group_name,
            encryption_key=key,
            retention=logs.RetentionDays.THIRTEEN_MONTHS,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if retain else RemovalPolicy.DESTROY,
        )

    def write_statement(self) -> iam.PolicyStatement:
        """Allows writing log events, for the policy of a function or task."""
        return iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[self.log_group_arn]
        )


class AccessLogBucket(s3.Bucket):
    """Bucket for access logs, kept for 400 days (PCI DSS 10.5.1: twelve months).

    A bucket of its own, because a bucket with Object Lock cannot receive access logs. Replicated where it has a
    replica bucket and a replication role.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket_name: str,
        retain: bool,
        replica_bucket_name: str | None = None,
        replication_role: ReplicationRole | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            bucket_name=bucket_name,
            # Log delivery supports SSE-S3 only:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(400),
                    noncurrent_version_expiration=Duration.days(30),
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                )
            ],
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if retain else RemovalPolicy.DESTROY,
        )
        acknowledge(
            self,
            "NIST.800.53.R5::NIST.800.53.R5-S3DefaultEncryptionKMS",
            "PCI.DSS.321::PCI.DSS.321-S3DefaultEncryptionKMS",
            control="Log delivery supports SSE-S3 only; the bucket is encrypted with AES-256, private and TLS-only.",
        )
        if replica_bucket_name is None or replication_role is None:
            acknowledge(
                self,
                "NIST.800.53.R5::NIST.800.53.R5-S3BucketReplicationEnabled",
                "PCI.DSS.321::PCI.DSS.321-S3BucketReplicationEnabled",
                control="The last bucket of a replication chain: access logs are replicated to this region.",
            )
        else:
            # Each bucket expires its logs by its own lifecycle rule.
            replicate(self, role=replication_role, replica_bucket_name=replica_bucket_name, delete_markers=False)
