"""CloudFormation: references between stacks, change sets, roles of other accounts."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal.emulator import Emulator
from stacks import ACCOUNT, PRIMARY, RECOVERY, StackError, deploy

OTHER_ACCOUNT = "333333333333"


def _parameter(value: Any) -> dict[str, Any]:
    return {"Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}}


VALUE = {"Value": {"Fn::GetAtt": ["Parameter", "Value"]}}


def _output_of(stack: str, **reference: str) -> dict[str, Any]:
    return {"Fn::GetStackOutput": {"StackName": stack, "OutputName": "Value", **reference}}


def test_a_stack_reads_the_output_of_another_region(emulator: Emulator) -> None:
    deploy(emulator, "Producer", _parameter("made there"), outputs=VALUE, region=RECOVERY)
    joined = {"Fn::Join": ["", ["it was ", _output_of("Producer", Region=RECOVERY)]]}
    assert deploy(emulator, "Consumer", _parameter(joined), outputs=VALUE) == {"Value": "it was made there"}


def test_a_stack_reads_the_output_of_another_account_with_a_role(emulator: Emulator) -> None:
    deploy(emulator, "Elsewhere", _parameter("theirs"), outputs=VALUE, account=OTHER_ACCOUNT)
    reference = _output_of("Elsewhere", RoleArn=f"arn:aws:iam::{OTHER_ACCOUNT}:role/reader")
    assert deploy(emulator, "Reader", _parameter(reference), outputs=VALUE) == {"Value": "theirs"}


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ({"StackName": "Missing", "OutputName": "Value"}, "there is no stack Missing"),
        ({"StackName": "Present", "OutputName": "Missing"}, "has no output Missing"),
        ({"StackName": "Present"}, "requires StackName and OutputName"),
    ],
)
def test_a_reference_to_a_missing_output_fails_the_stack(
    emulator: Emulator, reference: dict[str, str], reason: str
) -> None:
    deploy(emulator, "Present", _parameter(reason), outputs=VALUE)
    with pytest.raises(StackError, match=reason):
        deploy(emulator, f"Dangling-{len(reason)}", _parameter({"Fn::GetStackOutput": reference}))


def test_an_unknown_type_is_refused_by_name(emulator: Emulator) -> None:
    with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::Imaginary::Thing\]"):
        deploy(emulator, "Imaginary", {"Thing": {"Type": "AWS::Imaginary::Thing"}})


def test_a_condition_on_the_account_creates_a_resource_in_that_account_only(emulator: Emulator) -> None:
    own = {"Fn::Equals": [{"Ref": "AWS::AccountId"}, OTHER_ACCOUNT]}
    there = _parameter("there")["Parameter"] | {"Condition": "Own"}
    template = {"Conditions": {"Own": own}, "Resources": _parameter("everywhere") | {"Own": there}}
    for account, expected in ((ACCOUNT, {"Parameter"}), (OTHER_ACCOUNT, {"Parameter", "Own"})):
        cloudformation = emulator.client("cloudformation", account=account, region=PRIMARY)
        cloudformation.create_stack(StackName="Conditional", TemplateBody=json.dumps(template))
        cloudformation.get_waiter("stack_create_complete").wait(StackName="Conditional", WaiterConfig={"Delay": 1})
        resources = cloudformation.describe_stack_resources(StackName="Conditional")["StackResources"]
        assert {each["LogicalResourceId"] for each in resources} == expected


def test_an_assumed_role_works_in_the_account_of_the_role(emulator: Emulator) -> None:
    sts = emulator.client("sts", account="111111111111", region=PRIMARY)
    role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/cdk-hnb659fds-deploy-role-{OTHER_ACCOUNT}-{PRIMARY}"
    key = sts.assume_role(RoleArn=role, RoleSessionName="delivery")["Credentials"]["AccessKeyId"]
    there = emulator.client("sts", account=key, region=PRIMARY)
    assert there.get_caller_identity()["Account"] == OTHER_ACCOUNT


def _change_set(emulator: Emulator, stack: str, template: dict[str, Any], *, kind: str) -> dict[str, Any]:
    cloudformation = emulator.client("cloudformation", account=ACCOUNT, region=PRIMARY)
    cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName="release",
        ChangeSetType=kind,
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found: dict[str, Any] = cloudformation.describe_change_set(StackName=stack, ChangeSetName="release")
        if not found["Status"].endswith(("PENDING", "IN_PROGRESS")):
            return found
        time.sleep(0.03)
    raise TimeoutError(stack)


def test_a_change_set_accepts_named_roles_and_dynamic_references(emulator: Emulator) -> None:
    ssm = emulator.client("ssm", account=ACCOUNT, region=PRIMARY)
    ssm.put_parameter(Name="/given", Type="String", Value="given")
    role = {"RoleName": "named", "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}}
    template = {
        "Parameters": {"Given": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/given"}},
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": role},
            **_parameter({"Fn::Sub": "${Given} {{resolve:ssm:/given}}"}),
        },
    }
    assert _change_set(emulator, "Changed", template, kind="CREATE")["Status"] == "CREATE_COMPLETE"
    cloudformation = emulator.client("cloudformation", account=ACCOUNT, region=PRIMARY)
    cloudformation.execute_change_set(StackName="Changed", ChangeSetName="release")
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName="Changed", WaiterConfig={"Delay": 1, "MaxAttempts": 10})
    made = cloudformation.describe_stack_resource(StackName="Changed", LogicalResourceId="Parameter")
    name = made["StackResourceDetail"]["PhysicalResourceId"]
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "given given"


def test_a_change_set_has_its_own_template_parameters_and_tags(emulator: Emulator) -> None:
    ssm = emulator.client("ssm", account=ACCOUNT, region=PRIMARY)
    ssm.put_parameter(Name="/version", Type="String", Value="21")
    deploy(emulator, "Compared", _parameter("deployed"))
    parameter = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/version"}
    body = json.dumps({"Parameters": {"Version": parameter}, "Resources": _parameter("new")}, indent=3)
    names = {"StackName": "Compared", "ChangeSetName": "new"}
    tags = [{"Key": "Environment", "Value": "Dev"}]
    cloudformation = emulator.client("cloudformation", account=ACCOUNT, region=PRIMARY)
    cloudformation.create_change_set(ChangeSetType="UPDATE", TemplateBody=body, Tags=tags, **names)
    template = cloudformation.get_template(TemplateStage="Original", **names)["TemplateBody"]
    assert template == json.loads(body)
    described = cloudformation.describe_change_set(**names)
    assert described["Tags"] == tags
    reported = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}
    assert reported == {"Version": "/version"}, "the name of the parameter, as CloudFormation reports it"


@pytest.mark.parametrize(
    ("resource_type", "before", "after", "replacement"),
    [
        ("AWS::S3::Bucket", {"BucketName": "replaced-before"}, {"BucketName": "replaced-after"}, "True"),
        ("AWS::S3::Bucket", {}, {"VersioningConfiguration": {"Status": "Enabled"}}, "False"),
        ("AWS::KMS::Key", {"Description": "before"}, {"Description": "after"}, "False"),
    ],
)
def test_a_change_set_reports_replacements_of_stateful_resources(
    emulator: Emulator, resource_type: str, before: dict[str, Any], after: dict[str, Any], replacement: str
) -> None:
    stack = f"Replaced-{replacement}-{resource_type.rpartition(':')[2]}"
    deploy(emulator, stack, {"Resource": {"Type": resource_type, "Properties": before}})
    template = {"Resources": {"Resource": {"Type": resource_type, "Properties": after}}}
    changes = _change_set(emulator, stack, template, kind="UPDATE")["Changes"]
    assert [change["ResourceChange"]["Replacement"] for change in changes] == [replacement]
