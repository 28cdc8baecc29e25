"""Account-wide books: CloudTrail trails and budgets."""

from typing import Any

from ministack.core.responses import get_account_id

from cdk_rehearsal.emulator.server.bridge import Attributes, Completion, Properties, ResourceType, api, boolean, given


def _apply_boundary(role: str, old: Properties, new: Properties) -> Attributes:
    before, after = old.get("PermissionsBoundary"), new.get("PermissionsBoundary")
    if after and after != before:
        api("iam").put_role_permissions_boundary(RoleName=role, PermissionsBoundary=after)
    if before and not after:
        api("iam").delete_role_permissions_boundary(RoleName=role)
    return {}


ROLE_COMPLETIONS = {"AWS::IAM::Role": Completion(apply=_apply_boundary)}


_ATTRIBUTES = ("KmsMasterKeyId", "SignatureVersion", "TracingConfig")


def _apply_topic(topic: str, old: Properties, new: Properties) -> Attributes:
    for name in _ATTRIBUTES:
        if new.get(name) != old.get(name):
            value = new.get(name, "")
            api("sns").set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue=value)
    return {}


TOPIC_COMPLETIONS = {"AWS::SNS::Topic": Completion(apply=_apply_topic)}


_TRAIL = (
    "S3BucketName", "S3KeyPrefix", "SnsTopicName", "IncludeGlobalServiceEvents", "IsMultiRegionTrail",
    "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn", "IsOrganizationTrail", "EnableLogFileValidation",
)  # fmt: skip


def _trail(properties: Properties) -> dict[str, Any]:
    wanted = given(properties, *_TRAIL)
    if "KMSKeyId" in properties:
        wanted["KmsKeyId"] = properties["KMSKeyId"]
    return {"EnableLogFileValidation": False} | wanted


def _log(name: str, properties: Properties) -> Attributes:
    trail = api("cloudtrail")
    if boolean(properties["IsLogging"]):
        trail.start_logging(Name=name)
    else:
        trail.stop_logging(Name=name)
    if selectors := properties.get("EventSelectors"):
        trail.put_event_selectors(TrailName=name, EventSelectors=selectors)
    return {"Arn": trail.get_trail(Name=name)["Trail"]["TrailARN"]}


def _create_trail(name: str, properties: Properties) -> tuple[str, Attributes]:
    name = properties.get("TrailName", name)
    tags = {"TagsList": properties["Tags"]} if "Tags" in properties else {}
    api("cloudtrail").create_trail(Name=name, **_trail(properties), **tags)
    return name, _log(name, properties)


def _update_trail(name: str, _old: Properties, new: Properties) -> Attributes:
    api("cloudtrail").update_trail(Name=name, **_trail(new))
    return _log(name, new)


def _delete_trail(name: str, _properties: Properties) -> None:
    api("cloudtrail").delete_trail(Name=name)


def _create_budget(name: str, properties: Properties) -> tuple[str, Attributes]:
    budget = {"BudgetName": name} | properties["Budget"]
    notifications = given(properties, "NotificationsWithSubscribers")
    api("budgets").create_budget(AccountId=get_account_id(), Budget=budget, **notifications)
    return budget["BudgetName"], {"Id": budget["BudgetName"]}


def _update_budget(name: str, _old: Properties, new: Properties) -> Attributes:
    budget = new["Budget"] | {"BudgetName": name}
    api("budgets").update_budget(AccountId=get_account_id(), NewBudget=budget)
    return {"Id": name}


def _delete_budget(name: str, _properties: Properties) -> None:
    api("budgets").delete_budget(AccountId=get_account_id(), BudgetName=name)


RESOURCE_TYPES = {
    "AWS::CloudTrail::Trail": ResourceType(
        create=_create_trail,
        update=_update_trail,
        delete=_delete_trail,
        note="no event is delivered to its bucket",
    ),
    "AWS::Budgets::Budget": ResourceType(
        create=_create_budget,
        update=_update_budget,
        delete=_delete_budget,
        note="nothing costs anything here",
    ),
}
