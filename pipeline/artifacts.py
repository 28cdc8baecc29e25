"""The pipeline's artifact store in the DR region, which its actions there read from."""

from collections.abc import Iterable
from typing import Any

from aws_cdk import DefaultStackSynthesizer, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.keys import EncryptionKey
from payment_constructs.logs import AccessLogBucket
from pipeline.settings import Delivery


class ArtifactStore(Construct):
    """An encrypted, versioned artifact bucket with a rotating key that the target accounts may use.

    Artifacts are copies of commits and can be made again, so they expire after 90 days; the store itself is retained.

    Args:
        account: The tooling account.
        region: The region that the store serves.
    """

    def __init__(self, scope: Construct, construct_id: str, *, account: str, region: str) -> None:
        super().__init__(scope, construct_id)
        self._region = region
        self.bucket_name = f"payment-delivery-artifacts-{account}-{region}"
        access_logs = AccessLogBucket(
            self, "AccessLogs", bucket_name=f"payment-delivery-access-logs-{account}-{region}", retain=True
        )
        self.key = EncryptionKey(self, "Key", purpose=f"Delivery artifacts in {region}", retain=True)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=self.bucket_name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix="artifacts/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(90),
                    noncurrent_version_expiration=Duration.days(30),
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                )
            ],
            removal_policy=RemovalPolicy.RETAIN,
        )
        acknowledge(
            self.bucket,
            "NIST.800.53.R5::NIST.800.53.R5-S3BucketReplicationEnabled",
            "PCI.DSS.321::PCI.DSS.321-S3BucketReplicationEnabled",
            control="An artifact is a copy of a commit: the pipeline makes it again from the repository.",
        )

    def seen_from(self, scope: Construct) -> s3.IBucket:
        """The bucket as a stack of another region knows it: by attributes.

        A grant on the construct itself would open every key of the account to whoever it is given to.

        Args:
            scope: The stack that looks at it.
        """
        return s3.Bucket.from_bucket_attributes(
            scope,
            f"Artifacts-{self._region}",
            bucket_name=self.bucket_name,
            region=self._region,
            encryption_key=kms.Key.from_key_arn(scope, f"ArtifactsKey-{self._region}", self.key.key_arn),
        )

    def allow_reading(self, roles: Iterable[str]) -> None:
        """Lets roles of the target accounts read artifacts.

        Args:
            roles: Their ARNs. They must exist: S3 and KMS refuse policies that name nobody.
        """
        principals: list[iam.IPrincipal] = [iam.ArnPrincipal(role) for role in roles]
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="TargetAccounts",
                principals=principals,
                actions=["s3:GetObject", "s3:GetObjectVersion"],
                resources=[self.bucket.arn_for_objects("*")],
            )
        )
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="TargetAccounts",
                principals=principals,
                actions=["kms:Decrypt", "kms:DescribeKey"],
                resources=["*"],
            )
        )


class RegionalArtifactsStack(Stack):
    """One artifact store; PipelineStack depends on it, so ``cdk deploy PipelineStack`` brings it along.

    Without it CDK Pipelines makes a support stack of its own, whose bucket has no access log and no rotating key.

    Args:
        delivery: Whose artifacts it holds; the deploy roles of its environments may read them.
        region: The region of the store.
    """

    def __init__(self, scope: Construct, construct_id: str, *, delivery: Delivery, region: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, termination_protection=True, **kwargs)
        self.store = ArtifactStore(self, "Artifacts", account=delivery.account, region=region)
        # CDK Pipelines grants this in its own region only. The roles are those that `cdk bootstrap` makes.
        qualifier = DefaultStackSynthesizer.DEFAULT_QUALIFIER
        accounts = dict.fromkeys(environment.account for environment in delivery.environments)
        self.store.allow_reading(
            f"arn:aws:iam::{account}:role/cdk-{qualifier}-deploy-role-{account}-{region}" for account in accounts
        )
