"""Daily AWS Backup plan, with a copy of each backup in the DR region."""

from collections.abc import Sequence

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_backup as backup
from aws_cdk import aws_events as events
from constructs import Construct

from payment_constructs.keys import EncryptionKey
from payment_constructs.roles import service_role

RETENTION = Duration.days(35)
"""Of a recovery point; the vault lock of a retained environment refuses less."""


class Backups(Construct):
    """Plan that backs up at 02:00 Singapore time every day and keeps backups for 35 days in both regions.

    Backups recover from a deletion or a corruption that replication would copy; point-in-time recovery is up to Aurora
    and DynamoDB, and copies have none. The audit log is not in the plan: its objects are versioned, locked for longer
    than a recovery point lives, and replicated; a backup would only add a role that may read all of them.

    Copies of a DynamoDB backup need the account's opt-in to AWS Backup's advanced DynamoDB features in both regions,
    which pipeline/bootstrap/account.py gives. A global table is backed up and restored as a table of one region.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        plan_name: str,
        vault: "BackupVault",
        copy_vault: "BackupVault",  # in the DR region
        resources: Sequence[str],  # ARNs
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = service_role(
            self,
            "Role",
            service="backup.amazonaws.com",
            policy="service-role/AWSBackupServiceRolePolicyForBackup",
            control=(
                "AWS's managed policy for this one service, which may take snapshots and not delete data; the plan "
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
                        backup.BackupPlanCopyActionProps(
                            destination_backup_vault=backup.BackupVault.from_backup_vault_arn(
                                self, "CopyVault", copy_vault.arn
                            ),
                            delete_after=RETENTION,
                        )
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


class BackupVault(backup.BackupVault):
    """Encrypted vault for recovery points (PCI DSS 12.10.1: data backup processes).

    With ``retain``, the vault is locked in compliance mode: after seven days no principal, AWS included, can delete a
    recovery point early or remove the lock. An empty vault can still be deleted. The lock does not protect the keys,
    without which no recovery point can be read: the stack denies their destruction to all but two roles
    (`EncryptionKey.deny_destruction`). A principal that can assume one of the two can still destroy a key, after 7 to
    30 days and with a notification. The vault's key encrypts backups of DynamoDB and all copies; a backup of Aurora in
    the primary region keeps the cluster's key. Otherwise the vault is not locked, and housekeeping empties it.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html
    https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, vault_name: str, retain: bool) -> None:
        self.name = vault_name
        self.arn = Stack.of(scope).format_arn(
            service="backup",
            resource="backup-vault",
            resource_name=vault_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        """Without a reference to the vault: a stack that uses it in another region needs no ``Fn::GetStackOutput``."""
        self.key = EncryptionKey(scope, f"{construct_id}Key", purpose=f"Backup vault {vault_name}", retain=retain)
        lock = backup.LockConfiguration(
            min_retention=RETENTION, max_retention=Duration.days(400), changeable_for=Duration.days(7)
        )
        super().__init__(
            scope,
            construct_id,
            backup_vault_name=vault_name,
            encryption_key=self.key,
            lock_configuration=lock if retain else None,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if retain else RemovalPolicy.DESTROY,
        )
