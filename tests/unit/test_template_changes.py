"""The changes between two templates: replacements, their causes, and the data that they would delete."""

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


def test_identical_templates_have_no_changes() -> None:
    assert compare({"Table": TABLE}, {"Table": TABLE}) == []


def test_added_and_removed_resources_are_reported() -> None:
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
def test_resource_schemas_determine_replacements(
    before: dict[str, Any], after: dict[str, Any], replacement: Replacement, causes: tuple[str, ...]
) -> None:
    (change,) = compare({"It": before}, {"It": after})
    assert (change.action, change.replacement, change.causes) == (Action.MODIFY, replacement, causes)


def test_a_nested_property_is_judged_by_its_full_path() -> None:
    def service(**network: Any) -> dict[str, Any]:
        rollout = {"Type": "ECS"}
        return {
            "Type": "AWS::ECS::Service",
            "Properties": {"DeploymentController": rollout, "LoadBalancers": [network]},
        }

    (change,) = compare({"It": service(ContainerPort=1)}, {"It": service(ContainerPort=2)})
    assert change.properties == ("LoadBalancers",)


def test_a_reference_to_a_replaced_resource_may_force_a_replacement() -> None:
    policy = {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {}}}
    reader = {"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Ref": "Bucket"}, "Type": "String"}}
    before = {"Bucket": BUCKET, "Policy": policy, "Reader": reader}
    changes = compare(before, {**before, "Bucket": changed(BUCKET, BucketName="other")})
    assert [(change.logical_id, change.replacement) for change in changes] == [
        ("Bucket", Replacement.ALWAYS),
        ("Policy", Replacement.CONDITIONAL),
    ]


def test_a_changed_parameter_default_changes_the_referring_property() -> None:
    bucket = changed(BUCKET, BucketName={"Ref": "Name"})
    parameters = ({"Name": {"Default": "a"}}, {"Name": {"Default": "b"}})
    (change,) = compare({"Bucket": bucket}, {"Bucket": bucket}, parameters)
    assert change.causes == ("BucketName",)


def test_data_loss_is_reported_with_the_entry_that_allows_it() -> None:
    changes = compare({"Table": TABLE, "Bucket": BUCKET}, {"Table": changed(TABLE, TableName="x"), "Bucket": BUCKET})
    (fault,) = stateful_faults(changes, allowed=())
    assert '"Prod-Payment/Table/TableName" to delivery.allowed_changes' in fault
    assert stateful_faults(changes, allowed=("Prod-Payment/Table/TableName",)) == []


def test_every_property_that_forces_a_replacement_is_listed() -> None:
    both = changed(TABLE, TableName="x", KeySchema=[])
    (change,) = compare({"Table": TABLE}, {"Table": both})
    assert (change.replacement, change.causes) == (Replacement.ALWAYS, ("TableName", "KeySchema"))


def test_a_renamed_logical_id_is_reported_as_data_loss() -> None:
    (fault,) = stateful_faults(compare({"Old": TABLE}, {"New": TABLE}), allowed=())
    assert "Old (AWS::DynamoDB::GlobalTable) would be deleted (it seems to be renamed to New)" in fault


def test_a_loss_in_place_is_reported_with_the_entry_that_allows_it() -> None:
    changes = compare({"Bucket": BUCKET}, {"Bucket": {**BUCKET, "DeletionPolicy": "Delete"}})
    (fault,) = stateful_faults(changes, allowed=())
    assert "Bucket (AWS::S3::Bucket) would keep less data, or protect it less, because of DeletionPolicy." in fault
    assert '"Prod-Payment/Bucket/DeletionPolicy" to delivery.allowed_changes' in fault
    assert stateful_faults(changes, allowed=("Prod-Payment/Bucket/DeletionPolicy",)) == []


def test_a_loss_in_place_by_a_parameter_is_reported() -> None:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": {"Ref": "Days"}}}
    parameters = ({"Days": {"Default": 400}}, {"Days": {"Default": 30}})
    (fault,) = stateful_faults(compare({"Log": group}, {"Log": group}, parameters), allowed=())
    assert "because of RetentionInDays" in fault


def test_a_nested_stack_is_refused_unless_it_is_removed_by_name() -> None:
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://example.com/a"}}
    for changes in (compare({}, {"Nested": nested}), compare({"Nested": nested}, {"Nested": changed(nested, Tags=[])})):
        (fault,) = stateful_faults(changes, allowed=())
        assert "Nested (AWS::CloudFormation::Stack) is a nested stack, and the change set does not show" in fault
    removed = compare({"Nested": nested}, {})
    assert stateful_faults(removed, allowed=("Prod-Payment/Nested/Delete",)) == []
    assert "would be deleted" in stateful_faults(removed, allowed=())[0]


def test_a_stateless_resource_may_be_deleted() -> None:
    policy = {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": "a", "PolicyDocument": {}}}
    assert stateful_faults(compare({"Policy": policy}, {}), allowed=()) == []
