"""Daily backups of what cannot be made again, and a copy of each in the DR region."""

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_backup as backup
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.keys import EncryptionKey

RETENTION = Duration.days(35)
"""How long a recovery point is kept; both vaults of production refuse less."""


class BackupVault(backup.BackupVault):
    """A vault for recovery points (PCI DSS 12.10.1: data backup processes).

    Where data is retained it is locked in compliance mode: once seven days have passed, nobody, the account's root and
    AWS included, can delete a recovery point early or take the lock away, so that whoever holds the account cannot take
    the backups too. A mistake costs little: no recovery point can be kept for more than 400 days, and an empty vault
    can be deleted still. Elsewhere nothing is locked, and housekeeping empties the vault on destroy.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html

    Args:
        vault_name: The vault's name; its ARN is known by it before it stands.
        retain: Whether the vault is locked and outlives its stack.
    """

    def __init__(self, scope: Construct, construct_id: str, *, vault_name: str, retain: bool) -> None:
        super().__init__(
            scope,
            construct_id,
            backup_vault_name=vault_name,
            encryption_key=EncryptionKey(
                scope, f"{construct_id}Key", purpose=f"Backup vault {vault_name}", retain=retain
            ),
            lock_configuration=(
                backup.LockConfiguration(
                    min_retention=RETENTION, max_retention=Duration.days(400), changeable_for=Duration.days(7)
                )
                if retain
                else None
            ),
            removal_policy=RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY,
        )


POLICY = "service-role/AWSBackupServiceRolePolicyForBackup"


class Backups(Construct):
    """A plan that takes a backup at 02:00 Singapore time every day, keeps it 35 days here and 35 in the DR region.

    It is the way back from a deletion or a corruption that replication would carry along. Point-in-time recovery stays
    with the services themselves (Aurora's own backups, the table's): copies have none.

    Not in the plan: the audit log. Its objects are versioned, locked against everybody for longer than a recovery
    point lives, and replicated within 15 minutes; a backup would add nothing but a role that may read all of them.

    Copies of a DynamoDB backup need the account's opt-in to AWS Backup's advanced DynamoDB features, in this region;
    accounts made since November 2021 have it. A global table is backed up as the table of its region, and restored as
    a table of one region.

    Args:
        plan_name: The plan's name.
        vault: Where backups are kept in this region.
        copy_vault: Where each is copied to; a vault of the DR region.
        resources: The ARNs of what is backed up.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        plan_name: str,
        vault: BackupVault,
        copy_vault: backup.IBackupVault,
        resources: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("backup.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(POLICY)],
        )
        acknowledge(
            self.role,
            f"AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{POLICY}]",
            control=(
                "AWS's own policy for this one service, which may take snapshots and cannot delete data; the plan "
                "names every resource that is backed up."
            ),
        )
        self.plan = backup.BackupPlan(
            self,
            "Plan",
            backup_plan_name=plan_name,
            backup_vault=vault,
            backup_plan_rules=[
                backup.BackupPlanRule(
                    rule_name="Daily",
                    schedule_expression=events.Schedule.cron(hour="18", minute="0"),
                    start_window=Duration.hours(1),
                    completion_window=Duration.hours(8),
                    delete_after=RETENTION,
                    copy_actions=[
                        backup.BackupPlanCopyActionProps(destination_backup_vault=copy_vault, delete_after=RETENTION)
                    ],
                )
            ],
        )
        backup.CfnBackupSelection(
            self,
            "Selection",
            backup_plan_id=self.plan.backup_plan_id,
            backup_selection=backup.CfnBackupSelection.BackupSelectionResourceTypeProperty(
                selection_name="Data", iam_role_arn=self.role.role_arn, resources=list(resources)
            ),
        )
