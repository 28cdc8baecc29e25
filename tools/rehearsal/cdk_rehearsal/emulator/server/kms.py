"""Replicas of multi-region keys."""

import json

from cdk_rehearsal.emulator.server.bridge import Attributes, Properties, ResourceType, api, boolean, given

_SHORTEST_WAIT = 7  # days; AWS's default is 30


def _create_replica(_name: str, properties: Properties) -> tuple[str, Attributes]:
    """A replica is asked for where its primary is."""
    primary_region = properties["PrimaryKeyArn"].split(":")[3]
    here = api("kms")
    wanted = given(properties, "Description")
    if "KeyPolicy" in properties:
        wanted["Policy"] = json.dumps(properties["KeyPolicy"])
    if "Tags" in properties:
        wanted["Tags"] = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in properties["Tags"]]
    made = api("kms", region=primary_region).replicate_key(
        KeyId=properties["PrimaryKeyArn"], ReplicaRegion=here.meta.region_name, **wanted
    )["ReplicaKeyMetadata"]
    return made["KeyId"], {"Arn": made["Arn"], "KeyId": made["KeyId"]}


def _update_replica(key: str, _old: Properties, new: Properties) -> Attributes:
    kms = api("kms")
    kms.update_key_description(KeyId=key, Description=new.get("Description", ""))
    if "KeyPolicy" in new:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(new["KeyPolicy"]))
    switch = kms.enable_key if boolean(new.get("Enabled", True)) else kms.disable_key
    switch(KeyId=key)
    found = kms.describe_key(KeyId=key)["KeyMetadata"]
    return {"Arn": found["Arn"], "KeyId": key}


def _delete_replica(key: str, properties: Properties) -> None:
    days = properties.get("PendingWindowInDays", _SHORTEST_WAIT)
    api("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=days)


RESOURCE_TYPES = {
    "AWS::KMS::ReplicaKey": ResourceType(create=_create_replica, update=_update_replica, delete=_delete_replica),
}
