"""The pipeline's artifact stores: one in its own region, and one for its actions in the DR region."""

from collections.abc import Iterable, Sequence
from typing import Any

from aws_cdk import DefaultStackSynthesizer, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.keys import EncryptionKey, imported_key
from payment_constructs.logs import AccessLogBucket
from stages.environment import Environment


class ArtifactStore(Construct):
    """An encrypted, versioned artifact bucket with a rotating key that the target accounts may use.

    Artifacts are copies of commits and can be created again, so they expire after 90 days; the store is retained.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        account, region = Stack.of(self).account, Stack.of(self).region
        self.region = region
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
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        # An access point has an ARN and a policy of its own, which policies on the bucket's ARN do not cover.
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="NoAccessPoints",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:*"],
                resources=[self.bucket.bucket_arn, self.bucket.arn_for_objects("*")],
                conditions={"Null": {"s3:DataAccessPointArn": "false"}},
            )
        )
        acknowledge(
            self.bucket,
            "NIST.800.53.R5::NIST.800.53.R5-S3BucketReplicationEnabled",
            "PCI.DSS.321::PCI.DSS.321-S3BucketReplicationEnabled",
            control="An artifact is a copy of a commit: the pipeline can create it again from the repository.",
        )

    def import_into(self, scope: Construct) -> s3.IBucket:
        """The bucket in a stack of another region, imported by its attributes.

        A grant there on the construct itself would allow the use of every key in the account.
        """
        return s3.Bucket.from_bucket_attributes(
            scope,
            f"Artifacts-{self.region}",
            bucket_name=self.bucket_name,
            region=self.region,
            encryption_key=imported_key(
                scope,
                f"ArtifactsKey-{self.region}",
                key=self.key,
                parameter_name=f"/payment-delivery/artifacts-key/{self.region}",
            ),
        )

    def allow_reading(self, role_arns: Iterable[str]) -> None:
        """Lets roles of the target accounts read artifacts; S3 and KMS refuse a policy if a role does not exist."""
        principals: list[iam.IPrincipal] = [iam.ArnPrincipal(role) for role in role_arns]
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="TargetAccounts",
                principals=principals,
                # As the CDK grants to the roles of its own region.
                actions=["s3:GetBucket*", "s3:GetObject*", "s3:List*"],
                resources=[self.bucket.bucket_arn, self.bucket.arn_for_objects("*")],
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
    """The artifact store of another region; ``cdk deploy PipelineStack`` deploys it first.

    Without it CDK Pipelines adds a support stack, whose bucket has no access log and no rotating key.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, environments: Sequence[Environment], **kwargs: Any
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=True, **kwargs)
        self.store = ArtifactStore(self, "Artifacts")
        # CDK Pipelines grants this in its own region only. `cdk bootstrap` creates the roles.
        qualifier = DefaultStackSynthesizer.DEFAULT_QUALIFIER
        accounts = dict.fromkeys(environment.account for environment in environments)
        self.store.allow_reading(
            f"arn:aws:iam::{account}:role/cdk-{qualifier}-deploy-role-{account}-{self.region}" for account in accounts
        )
