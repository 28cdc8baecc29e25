"""The night before: what AWS Backup would do by its plan, started by hand because the emulator has no schedule.

Nothing is said here of what is backed up and where to: the plan that stands says it, and so does its selection.
"""

from typing import Any

from rehearsal.drill.checks import must


def back_up(backup: Any) -> int:
    """Carry out every rule of every plan once; returns the number of copies that were made."""
    copies = 0
    for plan in backup.list_backup_plans()["BackupPlansList"]:
        plan_id = plan["BackupPlanId"]
        rules = backup.get_backup_plan(BackupPlanId=plan_id)["BackupPlan"]["Rules"]
        for selected in backup.list_backup_selections(BackupPlanId=plan_id)["BackupSelectionsList"]:
            selection = backup.get_backup_selection(BackupPlanId=plan_id, SelectionId=selected["SelectionId"])
            chosen = selection["BackupSelection"]
            for rule in rules:
                for arn in chosen["Resources"]:
                    copies += _carry_out(backup, rule=rule, arn=arn, role=chosen["IamRoleArn"])
    return copies


def _carry_out(backup: Any, *, rule: dict[str, Any], arn: str, role: str) -> int:
    vault = rule["TargetBackupVaultName"]
    job = backup.start_backup_job(BackupVaultName=vault, ResourceArn=arn, IamRoleArn=role)
    for copy in rule["CopyActions"]:
        copied = backup.start_copy_job(
            RecoveryPointArn=job["RecoveryPointArn"],
            SourceBackupVaultName=vault,
            DestinationBackupVaultArn=copy["DestinationBackupVaultArn"],
            IamRoleArn=role,
            Lifecycle=copy.get("Lifecycle", {}),
        )
        state = backup.describe_copy_job(CopyJobId=copied["CopyJobId"])["CopyJob"]["State"]
        must(state == "COMPLETED", f"The copy of {arn} is {state}.")
    return len(rule["CopyActions"])
