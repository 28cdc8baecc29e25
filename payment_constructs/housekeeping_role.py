"""Who empties what an environment leaves behind: a role that buckets and vaults in both regions know."""

from aws_cdk import Tags
from aws_cdk import aws_backup as backup
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct


class HousekeepingRole(iam.Role):
    """The role of an environment's housekeeping function.

    IAM knows no regions: the role is made where the first bucket is that it may empty, because a policy cannot name
    a principal that does not exist yet. It holds no right to delete anything; each bucket and vault allows
    its own emptying.

    Args:
        role_name: A fixed name, by which other accounts know the function too.
    """

    def __init__(self, scope: Construct, construct_id: str, *, role_name: str) -> None:
        super().__init__(
            scope, construct_id, role_name=role_name, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
        )

    def may_clear(self, vault: backup.BackupVault) -> None:
        """Lets the vault's recovery points be deleted when its environment is destroyed."""
        Tags.of(vault).add("EmptyOnDestroy", "true")
        vault.add_to_access_policy(
            iam.PolicyStatement(
                sid="EmptyOnDestroy",
                principals=[iam.ArnPrincipal(self.role_arn)],
                actions=["backup:DeleteRecoveryPoint"],
                resources=["*"],
            )
        )

    def may_empty(self, bucket: s3.Bucket) -> None:
        """Lets the bucket be emptied, and sealed before that, when its environment is destroyed."""
        Tags.of(bucket).add("EmptyOnDestroy", "true")
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="EmptyOnDestroy",
                principals=[iam.ArnPrincipal(self.role_arn)],
                actions=[
                    "s3:GetBucketTagging",
                    "s3:GetBucketPolicy",
                    "s3:PutBucketPolicy",
                    "s3:ListBucketVersions",
                    "s3:DeleteObject",
                    "s3:DeleteObjectVersion",
                    "s3:BypassGovernanceRetention",
                ],
                resources=[bucket.bucket_arn, bucket.arn_for_objects("*")],
            )
        )
