"""What CloudFormation cannot do itself: close a default security group, empty what it deletes, act for a peer."""

from pathlib import Path

from aws_cdk import CustomResource, Duration, Stack, Tags
from aws_cdk import aws_backup as backup
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.backups import Backups
from payment_constructs.inline_function import InlineFunction
from payment_constructs.logs import LogGroup
from payment_constructs.monitoring.alarm import AlarmTopic


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


CODE = Path(__file__).with_name("functions") / "housekeeping.py"


class Housekeeping(Construct):
    """One function that answers CloudFormation for all of it, allowed to act on what it was handed and on nothing else.

    Args:
        role: Who it is.
        log_key: Encrypts the function's log; it allows log groups.
        topic: Is told of an event that the function could not even answer.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, role: HousekeepingRole, log_key: kms.IKey, topic: AlarmTopic
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = LogGroup(self, "Log", key=log_key, retain=False)
        self.role = role
        known = iam.Role.from_role_name(self, "Role", role.role_name, mutable=False)
        self._policy = iam.ManagedPolicy(
            self,
            "Policy",
            roles=[known],
            statements=[
                iam.PolicyStatement(
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
                )
            ],
        )
        topic.allow_failed_events(self._policy)
        self._function = InlineFunction(
            self,
            "Function",
            code=CODE,
            timeout=Duration.minutes(15),
            role=known,
            log_group=log_group,
            topic=topic,
        )
        self.service_token = self._function.function_arn
        # Its rights stand before it, and until after its end.
        self._function.node.add_dependency(self._policy)
        acknowledge(
            self._function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency",
            control="Only CloudFormation invokes it, once per housekeeping resource of a deployment.",
        )
        acknowledge(
            self._function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaInsideVPC",
            "PCI.DSS.321::PCI.DSS.321-LambdaInsideVPC",
            control=(
                "It calls AWS's control plane over TLS and nothing inside the VPC; its policy names the single "
                "resources it may act on."
            ),
        )

    def close_default_security_group(self, vpc: ec2.Vpc) -> None:
        """Takes all rules from the VPC's default group (PCI DSS 1.3; AWS Security Hub EC2.2)."""
        self._policy.add_statements(
            iam.PolicyStatement(
                actions=["ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress"],
                resources=[
                    Stack.of(self).format_arn(
                        service="ec2", resource="security-group", resource_name=vpc.vpc_default_security_group
                    )
                ],
            ),
        )
        # The policy pack looks for a resource of this id and type on the VPC.
        CustomResource(
            vpc,
            "RestrictDefaultSecurityGroupCustomResource",
            service_token=self.service_token,
            resource_type="Custom::VpcRestrictDefaultSG",
            properties={"GroupId": vpc.vpc_default_security_group},
        )

    def empty_on_destroy(self, name: str, bucket: s3.Bucket) -> None:
        """Empties the bucket when this stack is deleted, locked versions (governance mode) included.

        Args:
            name: The id of its emptying.
            bucket: Of this stack, or of one that outlives it and that lets the role empty the bucket.
        """
        emptying = CustomResource(
            self,
            name,
            service_token=self.service_token,
            resource_type="Custom::EmptyOnDestroy",
            properties={"BucketName": bucket.bucket_name, "Region": Stack.of(bucket).region},
        )
        if Stack.of(bucket) is Stack.of(self):
            self.role.may_empty(bucket)
            # The bucket's policy must outlive the emptying that it allows.
            if bucket.policy:
                emptying.node.add_dependency(bucket.policy)

    def clear_on_destroy(self, name: str, vault: backup.BackupVault, *, backups: Backups) -> None:
        """Deletes the vault's recovery points when this stack is deleted.

        Args:
            name: The id of its clearing.
            vault: Of this stack, or of one that outlives it and that lets the role delete recovery points.
            backups: What fills the vault. Its plan is deleted first, and its role last: without the role that made it,
                AWS Backup cannot delete a recovery point.
        """
        self._policy.add_statements(
            iam.PolicyStatement(
                actions=["backup:ListTags", "backup:ListRecoveryPointsByBackupVault"],
                resources=[vault.backup_vault_arn],
            )
        )
        clearing = CustomResource(
            self,
            name,
            service_token=self.service_token,
            resource_type="Custom::EmptyOnDestroy",
            properties={
                "VaultName": vault.backup_vault_name,
                "VaultArn": vault.backup_vault_arn,
                "Region": Stack.of(vault).region,
            },
        )
        if Stack.of(vault) is Stack.of(self):
            self.role.may_clear(vault)
        clearing.node.add_dependency(backups.role)
        backups.plan.node.add_dependency(clearing)
