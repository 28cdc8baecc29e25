"""Custom resources for what CloudFormation cannot do: default security groups, emptying on destroy, a peer's routes."""

from pathlib import Path

from aws_cdk import CustomResource, Duration, Stack, Tags
from aws_cdk import aws_backup as backup
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.backups import Backups, BackupVault
from payment_constructs.logs import LogGroup
from payment_constructs.monitoring.alarm import AlarmTopic
from payment_constructs.python_function import PythonFunction, inline_code

CODE = Path(__file__).with_name("functions") / "housekeeping.py"


class HousekeepingRole(iam.Role):
    """Role of an environment's housekeeping function, by a fixed name that other accounts know too.

    The DR stack creates it, because policies there must name a principal that exists. Its own policy allows no
    deletion; each bucket and vault allows its own emptying.
    """

    def __init__(self, scope: Construct, construct_id: str, *, role_name: str) -> None:
        super().__init__(
            scope, construct_id, role_name=role_name, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
        )

    def allow_emptying_vault(self, vault: backup.BackupVault) -> None:
        """Allows deleting the vault's recovery points when its environment is destroyed."""
        Tags.of(vault).add("EmptyOnDestroy", "true")
        vault.add_to_access_policy(self._statement("backup:DeleteRecoveryPoint", resources=["*"]))

    def allow_emptying_bucket(self, bucket: s3.Bucket) -> None:
        """Allows sealing and emptying the bucket when its environment is destroyed."""
        Tags.of(bucket).add("EmptyOnDestroy", "true")
        bucket.add_to_resource_policy(
            self._statement(
                "s3:GetBucketTagging",
                "s3:GetBucketPolicy",
                "s3:PutBucketPolicy",
                "s3:ListBucketVersions",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:BypassGovernanceRetention",
                resources=[bucket.bucket_arn, bucket.arn_for_objects("*")],
            )
        )

    def _statement(self, *actions: str, resources: list[str]) -> iam.PolicyStatement:
        principals = [iam.ArnPrincipal(self.role_arn)]
        return iam.PolicyStatement(
            sid="EmptyOnDestroy", principals=principals, actions=list(actions), resources=resources
        )


class Housekeeping(Construct):
    """One function for all custom resources of an environment, with permissions on the named resources only."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role: HousekeepingRole,
        log_key: kms.IKey,
        topic: AlarmTopic,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = role
        log_group = LogGroup(self, "Log", key=log_key, retain=retain)
        imported_role = iam.Role.from_role_name(self, "Role", role.role_name, mutable=False)
        self._policy = iam.ManagedPolicy(
            self, "Policy", roles=[imported_role], statements=[log_group.write_statement()]
        )
        topic.allow_failed_events(self._policy)
        function = PythonFunction(
            self,
            "Function",
            code=inline_code(CODE),
            timeout=Duration.minutes(15),
            role=imported_role,
            log_group=log_group,
            topic=topic,
        )
        self.service_token = function.function_arn
        # The function needs its permissions until it has answered the last deletion.
        function.node.add_dependency(self._policy)
        acknowledge(
            function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency",
            control="Only CloudFormation invokes it, once per housekeeping resource of a deployment.",
        )
        acknowledge(
            function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaInsideVPC",
            "PCI.DSS.321::PCI.DSS.321-LambdaInsideVPC",
            control=(
                "It calls AWS's control plane over TLS and nothing inside the VPC; its policy names the single "
                "resources it may act on."
            ),
        )

    def close_default_security_group(self, vpc: ec2.Vpc) -> None:
        """Removes all rules from the VPC's default security group (PCI DSS 1.3; AWS Security Hub EC2.2)."""
        group = vpc.vpc_default_security_group
        self._policy.add_statements(
            iam.PolicyStatement(
                actions=["ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress"],
                resources=[Stack.of(self).format_arn(service="ec2", resource="security-group", resource_name=group)],
            )
        )
        # The policy pack looks for a resource of this id and type on the VPC.
        CustomResource(
            vpc,
            "RestrictDefaultSecurityGroupCustomResource",
            service_token=self.service_token,
            resource_type="Custom::VpcRestrictDefaultSG",
            properties={"GroupId": group},
        )

    def empty_bucket_on_destroy(self, construct_id: str, bucket: s3.Bucket) -> None:
        """Empties the bucket when this stack is deleted, versions locked in governance mode included.

        A bucket of another stack must outlive this one and allow the role to empty it.
        """
        properties = {"BucketName": bucket.bucket_name, "Region": Stack.of(bucket).region}
        emptying = self._emptying(construct_id, properties)
        if Stack.of(bucket) is Stack.of(self):
            self.role.allow_emptying_bucket(bucket)
            # The bucket policy must outlive the emptying that it allows.
            if bucket.policy:
                emptying.node.add_dependency(bucket.policy)

    def empty_vault_on_destroy(self, construct_id: str, vault: BackupVault, *, backups: Backups) -> None:
        """Deletes the vault's recovery points when this stack is deleted.

        A vault of another stack must outlive this one and allow the role to delete recovery points. The backup plan is
        deleted before them, and its role after them: AWS Backup needs the role of a recovery point to delete it.
        """
        self._policy.add_statements(
            iam.PolicyStatement(
                actions=["backup:ListTags", "backup:ListRecoveryPointsByBackupVault"],
                resources=[vault.arn],
            )
        )
        names = {"VaultName": vault.name, "VaultArn": vault.arn}
        emptying = self._emptying(construct_id, names | {"Region": Stack.of(vault).region})
        if Stack.of(vault) is Stack.of(self):
            self.role.allow_emptying_vault(vault)
            emptying.node.add_dependency(vault)
        emptying.node.add_dependency(backups.role)
        backups.plan.node.add_dependency(emptying)

    def _emptying(self, construct_id: str, properties: dict[str, str]) -> CustomResource:
        kind, token = "Custom::EmptyOnDestroy", self.service_token
        return CustomResource(self, construct_id, service_token=token, resource_type=kind, properties=properties)
