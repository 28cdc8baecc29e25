"""What changes between two templates, which replacements follow, and which stored data that would lose."""

from typing import Any

import pytest

from pipeline.plan.changes import Action, Change, Replacement, stateful_faults, template_changes

TABLE = {
    "Type": "AWS::DynamoDB::GlobalTable",
    "Properties": {"TableName": "sessions", "KeySchema": [{"AttributeName": "sessionId", "KeyType": "HASH"}]},
}
BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "audit", "Tags": []}, "DeletionPolicy": "Retain"}


def compare(
    before: dict[str, Any] | None, after: dict[str, Any] | None, parameters: tuple[Any, Any] = ({}, {})
) -> list[Change]:
    old, new = (
        None if resources is None else {"Resources": resources, "Parameters": declared}
        for resources, declared in zip((before, after), parameters, strict=True)
    )
    return template_changes(stack="Prod-Payment", region="ap-southeast-1", before=old, after=new)


def changed(resource: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {**resource, "Properties": {**resource["Properties"], **properties}}


def test_the_same_template_changes_nothing() -> None:
    assert compare({"Table": TABLE}, {"Table": TABLE}) == []


def test_resources_come_and_go() -> None:
    assert [(change.logical_id, change.action) for change in compare({"Old": TABLE}, {"New": TABLE})] == [
        ("New", Action.ADD),
        ("Old", Action.REMOVE),
    ]
    assert [change.action for change in compare(None, {"Table": TABLE})] == [Action.ADD]
    assert [change.action for change in compare({"Table": TABLE}, None)] == [Action.REMOVE]


@pytest.mark.parametrize(
    ("before", "after", "replacement", "causes"),
    [
        (BUCKET, changed(BUCKET, Tags=[1]), Replacement.NEVER, ()),
        (BUCKET, changed(BUCKET, BucketName="other"), Replacement.ALWAYS, ("BucketName",)),
        (TABLE, changed(TABLE, TableName="other"), Replacement.ALWAYS, ("TableName",)),
        (TABLE, changed(TABLE, KeySchema=[]), Replacement.CONDITIONAL, ("KeySchema",)),
        (BUCKET, TABLE, Replacement.ALWAYS, ("Type",)),
        (BUCKET, {**BUCKET, "DeletionPolicy": "Delete"}, Replacement.NEVER, ()),
        (
            {"Type": "Vendor::Unheard::Of", "Properties": {"A": 1}},
            {"Type": "Vendor::Unheard::Of", "Properties": {"A": 2}},
            Replacement.CONDITIONAL,
            ("A",),
        ),
    ],
)
def test_the_schemas_say_what_is_replaced(
    before: dict[str, Any], after: dict[str, Any], replacement: Replacement, causes: tuple[str, ...]
) -> None:
    (change,) = compare({"It": before}, {"It": after})
    assert (change.action, change.replacement, change.causes) == (Action.MODIFY, replacement, causes)


def test_a_property_inside_another_is_judged_where_it_stands() -> None:
    def service(**network: Any) -> dict[str, Any]:
        rollout = {"Type": "ECS"}
        return {
            "Type": "AWS::ECS::Service",
            "Properties": {"DeploymentController": rollout, "LoadBalancers": [network]},
        }

    (change,) = compare({"It": service(ContainerPort=1)}, {"It": service(ContainerPort=2)})
    assert change.properties == ("LoadBalancers",)


def test_what_refers_to_a_replaced_resource_may_be_replaced_too() -> None:
    alias = {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {}}}
    reader = {"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Ref": "Bucket"}, "Type": "String"}}
    before = {"Bucket": BUCKET, "Policy": alias, "Reader": reader}
    changes = compare(before, {**before, "Bucket": changed(BUCKET, BucketName="other")})
    assert [(change.logical_id, change.replacement) for change in changes] == [
        ("Bucket", Replacement.ALWAYS),
        ("Policy", Replacement.CONDITIONAL),
    ]


def test_a_parameter_with_another_default_changes_what_it_names() -> None:
    bucket = changed(BUCKET, BucketName={"Ref": "Name"})
    parameters = ({"Name": {"Default": "a"}}, {"Name": {"Default": "b"}})
    (change,) = compare({"Bucket": bucket}, {"Bucket": bucket}, parameters)
    assert change.causes == ("BucketName",)


def test_lost_data_is_told_with_the_way_to_allow_it() -> None:
    changes = compare({"Table": TABLE, "Bucket": BUCKET}, {"Table": changed(TABLE, TableName="x"), "Bucket": BUCKET})
    (fault,) = stateful_faults(changes, allowed=())
    assert '"Prod-Payment/Table/TableName" to delivery.allowed_changes' in fault
    assert stateful_faults(changes, allowed=("Prod-Payment/Table/TableName",)) == []


def test_every_property_that_forces_it_is_wanted_by_name() -> None:
    both = changed(TABLE, TableName="x", KeySchema=[])
    (change,) = compare({"Table": TABLE}, {"Table": both})
    assert (change.replacement, change.causes) == (Replacement.ALWAYS, ("TableName", "KeySchema"))


def test_a_renamed_logical_id_is_a_loss_that_says_so() -> None:
    (fault,) = stateful_faults(compare({"Old": TABLE}, {"New": TABLE}), allowed=())
    assert "Old (AWS::DynamoDB::GlobalTable) would be deleted (it seems to be renamed to New)" in fault


def test_what_holds_no_data_may_go() -> None:
    policy = {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": "a", "PolicyDocument": {}}}
    assert stateful_faults(compare({"Policy": policy}, {}), allowed=()) == []
