"""What every table has for itself, and what the emulator's own handler of an ordinary table leaves out of it."""

from ministack.core.responses import get_region

from rehearsal.emulator.server.api import api
from rehearsal.emulator.server.bridge import Attributes, Completion, Properties, boolean, given, tag_changes

_SETTINGS = ("ContributorInsightsSpecification", "DeletionProtectionEnabled", "PointInTimeRecoverySpecification")


def apply_time_to_live(name: str, old: Properties, new: Properties) -> None:
    """Expiry of items; a property that the template drops switches it off."""
    before, after = old.get("TimeToLiveSpecification"), new.get("TimeToLiveSpecification")
    if before == after:
        return
    if after is None:
        after = given(before or {}, "AttributeName") | {"Enabled": False}
    api("dynamodb").update_time_to_live(TableName=name, TimeToLiveSpecification=after)


def apply_settings(name: str, region: str, old: Properties, new: Properties) -> None:
    """The settings that each replica has for itself, and that an ordinary table has too."""
    dynamodb = api("dynamodb", region=region)
    recovery = new.get("PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": False})
    if recovery != old.get("PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": False}):
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    protected = boolean(new.get("DeletionProtectionEnabled", False))
    if protected != boolean(old.get("DeletionProtectionEnabled", False)):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=protected)
    insights = boolean(new.get("ContributorInsightsSpecification", {}).get("Enabled", False))
    if insights != boolean(old.get("ContributorInsightsSpecification", {}).get("Enabled", False)):
        action = "ENABLE" if insights else "DISABLE"
        dynamodb.update_contributor_insights(TableName=name, ContributorInsightsAction=action)
    arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
    wanted, unwanted = tag_changes(old, new)
    if unwanted:
        dynamodb.untag_resource(ResourceArn=arn, TagKeys=unwanted)
    if wanted:
        dynamodb.tag_resource(ResourceArn=arn, Tags=wanted)


def _complete_table(name: str, old: Properties, new: Properties) -> Attributes:
    """What the emulator's own handler of an ordinary table leaves out."""
    apply_time_to_live(name, old, new)
    apply_settings(name, get_region(), given(old, *_SETTINGS), given(new, *_SETTINGS))
    if (encryption := new.get("SSESpecification", {})) != old.get("SSESpecification", {}):
        specification = given(encryption, "SSEType", "KMSMasterKeyId")
        specification["Enabled"] = boolean(encryption.get("SSEEnabled", False))
        api("dynamodb").update_table(TableName=name, SSESpecification=specification)
    return {"TableId": api("dynamodb").describe_table(TableName=name)["Table"]["TableId"]}


COMPLETIONS = {"AWS::DynamoDB::Table": Completion(apply=_complete_table)}
