"""Which resources a backup plan takes."""

from rehearsal.emulator.server.api import api
from rehearsal.emulator.server.bridge import Attributes, Properties, ResourceType


def _create(_name: str, properties: Properties) -> tuple[str, Attributes]:
    plan = properties["BackupPlanId"]
    made = api("backup").create_backup_selection(BackupPlanId=plan, BackupSelection=properties["BackupSelection"])
    selection: str = made["SelectionId"]
    physical_id = f"{selection}_{plan}"
    return physical_id, {"BackupPlanId": plan, "SelectionId": selection, "Id": physical_id}


def _delete(physical_id: str, properties: Properties) -> None:
    selection = physical_id.partition("_")[0]
    api("backup").delete_backup_selection(BackupPlanId=properties["BackupPlanId"], SelectionId=selection)


RESOURCE_TYPES = {
    "AWS::Backup::BackupSelection": ResourceType(create=_create, delete=_delete, note="no backup job runs by itself"),
}
