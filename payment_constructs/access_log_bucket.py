"""Where S3 and the load balancer write their access logs: a bucket apart, because no locked bucket can receive them."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge


class AccessLogBucket(s3.Bucket):
    """Access logs, kept for 400 days (PCI DSS 10.5.1: twelve months).

    Args:
        bucket_name: A globally unique name.
        retain: Whether the logs outlive their stack.
    """

    def __init__(self, scope: Construct, construct_id: str, *, bucket_name: str, retain: bool) -> None:
        super().__init__(
            scope,
            construct_id,
            bucket_name=bucket_name,
            # Log delivery writes with SSE-S3 only:
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
            removal_policy=RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY,
        )
        acknowledge(
            self,
            "NIST.800.53.R5::NIST.800.53.R5-S3DefaultEncryptionKMS",
            "PCI.DSS.321::PCI.DSS.321-S3DefaultEncryptionKMS",
            control="Log delivery supports SSE-S3 only; the bucket is encrypted with AES-256, private and TLS-only.",
        )
        acknowledge(
            self,
            "NIST.800.53.R5::NIST.800.53.R5-S3BucketReplicationEnabled",
            "PCI.DSS.321::PCI.DSS.321-S3BucketReplicationEnabled",
            control="Access logs support the audit log, which itself is replicated, locked, into the DR region.",
        )
