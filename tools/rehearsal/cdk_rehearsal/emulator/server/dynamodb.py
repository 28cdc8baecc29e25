"""DynamoDB: global tables with their replicas, and the settings of ordinary tables that ministack ignores.

Ministack's own handler of AWS::DynamoDB::GlobalTable ignores the replicas, and its update of a table without a name in
the template creates a new, empty table: changing a tag would lose the items.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from botocore.exceptions import ClientError
from ministack.core.responses import get_account_id, get_region, request_scope

from cdk_rehearsal.emulator.server import outage
from cdk_rehearsal.emulator.server.resource_types import (
    Attributes,
    Completion,
    Properties,
    ResourceType,
    api,
    boolean,
    given,
    tag_changes,
)

_SETTINGS = ("ContributorInsightsSpecification", "DeletionProtectionEnabled", "PointInTimeRecoverySpecification")


def _apply_time_to_live(name: str, old: Properties, new: Properties) -> None:
    """Set the expiry of items; removing the property disables it."""
    before, after = old.get("TimeToLiveSpecification"), new.get("TimeToLiveSpecification")
    if before == after:
        return
    if after is None:
        after = given(before or {}, "AttributeName") | {"Enabled": False}
    api("dynamodb").update_time_to_live(TableName=name, TimeToLiveSpecification=after)


def _apply_settings(name: str, region: str, old: Properties, new: Properties) -> None:
    """Set what each replica has for itself, and an ordinary table too."""
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
    _apply_time_to_live(name, old, new)
    _apply_settings(name, get_region(), given(old, *_SETTINGS), given(new, *_SETTINGS))
    if (encryption := new.get("SSESpecification", {})) != old.get("SSESpecification", {}):
        specification = given(encryption, "SSEType", "KMSMasterKeyId")
        specification["Enabled"] = boolean(encryption.get("SSEEnabled", False))
        api("dynamodb").update_table(TableName=name, SSESpecification=specification)
    return {"TableId": api("dynamodb").describe_table(TableName=name)["Table"]["TableId"]}


COMPLETIONS = {"AWS::DynamoDB::Table": Completion(apply=_complete_table)}


_STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}  # what replication reads
Replicas = dict[str, Properties]


def _replicas(properties: Properties) -> Replicas:
    return {replica["Region"]: replica for replica in properties.get("Replicas", [])}


def _encryption(properties: Properties, replica: Properties) -> dict[str, Any]:
    """The table states that it is encrypted, each replica the key of its own region."""
    table = properties.get("SSESpecification", {})
    if not boolean(table.get("SSEEnabled", False)):
        return {}
    key = replica.get("SSESpecification", {})
    return {"Enabled": True} | given(table, "SSEType") | given(key, "KMSMasterKeyId")


def _create_global(name: str, properties: Properties) -> tuple[str, Attributes]:
    name = properties.get("TableName", name)
    home = _replicas(properties).get(get_region(), {})
    wanted = given(properties, "KeySchema", "AttributeDefinitions", "BillingMode", "LocalSecondaryIndexes")
    if indexes := properties.get("GlobalSecondaryIndexes"):
        wanted["GlobalSecondaryIndexes"] = [given(each, "IndexName", "KeySchema", "Projection") for each in indexes]
    if encryption := _encryption(properties, home):
        wanted["SSESpecification"] = encryption
    if len(_replicas(properties)) > 1 or "StreamSpecification" in properties:
        wanted["StreamSpecification"] = _STREAM | properties.get("StreamSpecification", {})
    api("dynamodb").create_table(TableName=name, **wanted)
    try:
        return name, _apply_global(name, {}, properties)
    except Exception:
        _delete_global(name, {})
        raise


def _apply_global(name: str, old: Properties, new: Properties) -> Attributes:
    """Update replicas and settings; no item changes."""
    before, after = _replicas(old), _replicas(new)
    home, dynamodb = get_region(), api("dynamodb")
    _apply_capacity(name, old, new)
    for region in before.keys() - after.keys() - {home}:
        dynamodb.update_table(TableName=name, ReplicaUpdates=[{"Delete": {"RegionName": region}}])
    for region in sorted(after.keys() - before.keys() - {home}):
        key = given(_encryption(new, after[region]), "KMSMasterKeyId")
        dynamodb.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": region} | key}])
    _apply_time_to_live(name, old, new)
    for region, replica in after.items():
        _apply_settings(name, region, before.get(region, {}), replica)
        encryption = _encryption(new, replica)
        if encryption != (_encryption(old, before[region]) if region in before else {}):
            specification = encryption or {"Enabled": False}
            api("dynamodb", region=region).update_table(TableName=name, SSESpecification=specification)
    table = dynamodb.describe_table(TableName=name)["Table"]
    attributes = {"Arn": table["TableArn"], "TableId": table["TableId"]}
    return attributes | ({"StreamArn": table["LatestStreamArn"]} if "LatestStreamArn" in table else {})


def _apply_capacity(name: str, old: Properties, new: Properties) -> None:
    """Update billing and indexes in each existing replica, which ministack does not do."""
    before, after = (
        {index["IndexName"]: index for index in properties.get("GlobalSecondaryIndexes", [])}
        for properties in (old, new)
    )
    changes = [{"Delete": {"IndexName": gone}} for gone in before.keys() - after.keys()]
    changes += [
        {"Create": given(after[added], "IndexName", "KeySchema", "Projection")}
        for added in after.keys() - before.keys()
    ]
    for region in _replicas(old).keys() & _replicas(new).keys():
        dynamodb = api("dynamodb", region=region)
        if new.get("BillingMode") != old.get("BillingMode"):
            dynamodb.update_table(TableName=name, BillingMode=new.get("BillingMode", "PROVISIONED"))
        for change in changes:
            dynamodb.update_table(
                TableName=name,
                AttributeDefinitions=new["AttributeDefinitions"],
                GlobalSecondaryIndexUpdates=[change],
            )


def _delete_global(name: str, _properties: Properties) -> None:
    """Delete all replicas, or none if one has deletion protection."""
    dynamodb = api("dynamodb")
    try:
        table = dynamodb.describe_table(TableName=name)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return
        raise
    regions = [replica["RegionName"] for replica in table.get("Replicas", [])]
    for region in (get_region(), *regions):
        if api("dynamodb", region=region).describe_table(TableName=name)["Table"]["DeletionProtectionEnabled"]:
            raise ValueError(f"Table {name} is protected against deletion in {region}: disable deletion protection")
    for region in regions:
        dynamodb.update_table(TableName=name, ReplicaUpdates=[{"Delete": {"RegionName": region}}])
    dynamodb.delete_table(TableName=name)


RESOURCE_TYPES = {
    "AWS::DynamoDB::GlobalTable": ResourceType(create=_create_global, update=_apply_global, delete=_delete_global),
}


Replicate = Callable[..., None]


def waiting(replicate: Replicate, *, tables: Any) -> Replicate:
    """Ministack's replication of one write, which waits while a region of the table is cut off or lost.

    As on AWS, the last write to an item wins. A table in more than two regions replicates to none of them until all
    are well.
    """
    writes: dict[tuple[str, str, str], tuple[str, str, Any, Any]] = {}

    def replicate_later(table: Any, event_name: str, old_item: Any, new_item: Any) -> None:
        if not outage.cut_off(*table.get("_global_regions", [])):
            replicate(table, event_name, old_item, new_item)
            return
        written = new_item if new_item is not None else old_item
        key = repr([written.get(name) for name in (table["pk_name"], table["sk_name"]) if name])
        writes[get_account_id(), table["TableName"], key] = (get_region(), event_name, old_item, deepcopy(new_item))

    def deliver() -> None:
        for (account, name, _), (region, *change) in writes.items():
            with request_scope(account, region):
                if table := tables.get(name):
                    replicate(table, *change)
        writes.clear()

    outage.when_restored(deliver)
    return replicate_later
