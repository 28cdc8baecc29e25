"""Recorded calls of roles are judged by a policy engine against what is deployed."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.emulator import Coverage, Emulator
from cdk_rehearsal.implied import BY_THE_SERVICE
from cdk_rehearsal.permissions import engine
from cdk_rehearsal.permissions.deployed import Deployed
from cdk_rehearsal.permissions.judgement import Permissions, Unused, judge
from cdk_rehearsal.processes import Processes
from cdk_rehearsal.report import Report
from cdk_rehearsal.roles import taken
from cdk_rehearsal.toolchain import Toolchain
from stacks import deploy

HOME = Environment(account="600000000010", region="eu-west-1")
APP = Path(__file__).parents[3]
BUCKET = "judged-objects"
OBJECTS = f"arn:aws:s3:::{BUCKET}/*"
SEND = "arn:aws:sqs:eu-west-1:600000000010:orders"


def allow(action: str | list[str], resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def role(name: str, *statements: Mapping[str, Any], service: str = "lambda.amazonaws.com") -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    properties = {
        "RoleName": name,
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "Policies": [{"PolicyName": "own", "PolicyDocument": policy}] if statements else [],
    }
    return {"Type": "AWS::IAM::Role", "Properties": properties}


KEY_POLICY = {
    "Effect": "Allow",
    "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
    "Action": "kms:*",
    "Resource": "*",
}
KEY = {"Fn::GetAtt": ["Key", "Arn"]}
ENCRYPTION = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}}
FUNCTION = {"Runtime": "python3.13", "Handler": "index.handler", "Code": {"ZipFile": "def handler(*_): ..."}}
RESOURCES = {
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [KEY_POLICY]}}},
    "Bucket": {
        "Type": "AWS::S3::Bucket",
        "Properties": {
            "BucketName": BUCKET,
            "BucketEncryption": {"ServerSideEncryptionConfiguration": [ENCRYPTION]},
        },
    },
    "Writer": role("writer", allow("s3:PutObject", OBJECTS), allow("kms:GenerateDataKey", KEY)),
    "Reader": role("reader", allow("s3:GetObject", OBJECTS)),
    "Idle": role("idle", allow(["sqs:SendMessage", "sqs:ReceiveMessage"], SEND)),
    "Distrusting": role("distrusting", service="ec2.amazonaws.com"),
    "Function": {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Role": {"Fn::GetAtt": ["Distrusting", "Arn"]}, **FUNCTION},
    },
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
    "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24"}},
    "Endpoint": {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {
            "VpcId": {"Ref": "Vpc"},
            "ServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"},
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [allow("s3:*", f"arn:aws:s3:::{BUCKET}/a", Principal="*")],
            },
        },
    },
    "InAVpc": role("in-a-vpc", allow("s3:GetObject", OBJECTS), allow("ec2:*", "*"), allow("kms:Decrypt", KEY)),
    "FunctionInAVpc": {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "in-a-vpc",
            "Role": {"Fn::GetAtt": ["InAVpc", "Arn"]},
            "VpcConfig": {
                "SubnetIds": [{"Ref": "Subnet"}],
                "SecurityGroupIds": [{"Fn::GetAtt": ["Vpc", "DefaultSecurityGroup"]}],
            },
            **FUNCTION,
        },
    },
}


class World:
    """The deployed stack, and calls of its roles."""

    def __init__(self, emulator: Emulator, node: Path) -> None:
        self._emulator, self._node = emulator, node
        deploy(emulator, "Judged", RESOURCES, account=HOME.account, region=HOME.region)

    def client(self, service: str, *, name: str) -> Any:
        """A client in a role."""
        arn = f"arn:aws:iam::{HOME.account}:role/{name}"
        key = taken(arn, emulator=self._emulator, region=HOME.region, session="test")
        return self._emulator.client(service, account=key, region=HOME.region)

    def judged(
        self,
        *,
        since: int = 0,
        unused: Mapping[str, Iterable[str]] | None = None,
        sometimes_unused: Mapping[str, Iterable[str]] | None = None,
    ) -> Permissions:
        """The judgement of every call so far."""
        return judge(
            self._emulator.calls(),
            since=since,
            deployed=Deployed(self._emulator, environments=[HOME], without="CDKToolkit"),
            simulate=partial(engine.simulate, app=APP, node=self._node),
            unused=unused or {},
            sometimes_unused=sometimes_unused or {},
        )


@pytest.fixture(scope="module")
def world(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(emulator, Toolchain(tmp_path_factory.mktemp("tools"), processes=Processes()).node)
    world.client("s3", name="writer").put_object(Bucket=BUCKET, Key="a", Body=b"1")
    for name in ("reader", "in-a-vpc"):
        world.client("s3", name=name).get_object(Bucket=BUCKET, Key="a")
    world.client("s3", name="reader").put_object(Bucket=BUCKET, Key="b", Body=b"2")
    return world


@pytest.fixture(scope="module")
def judged(world: World) -> Permissions:
    return world.judged()


def of(permissions: Permissions, *words: str) -> list[str]:
    return [each for each in permissions.missing if all(word in each for word in words)]


def test_a_call_that_the_policies_allow_is_no_fault(judged: Permissions) -> None:
    assert not of(judged, "role/writer")


def test_a_missing_permission_is_named_with_role_resource_and_statement(judged: Permissions) -> None:
    assert of(judged, "calls s3:PutObject on") == [
        "arn:aws:iam::600000000010:role/reader calls s3:PutObject on arn:aws:s3:::judged-objects/b (s3 PUT "
        '/judged-objects/b): its policies lack {"Effect": "Allow", "Action": "s3:PutObject", "Resource": '
        '"arn:aws:s3:::judged-objects/b"}'
    ]


def test_the_key_of_an_encrypted_object_must_be_usable_too(judged: Permissions) -> None:
    (denied,) = of(judged, "role/reader calls kms:Decrypt", "its policies lack")
    assert "(s3:GetObject on arn:aws:s3:::judged-objects/a)" in denied


def test_a_role_must_trust_the_service_that_a_resource_names_it_for(judged: Permissions) -> None:
    (denied,) = of(judged, "lambda.amazonaws.com calls sts:AssumeRole")
    assert 'role/distrusting lacks {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}' in denied


def test_a_surplus_permission_is_named_with_role_action_and_resource(judged: Permissions) -> None:
    assert [str(each) for each in judged.surplus] == [
        "idle sqs:SendMessage on arn:aws:sqs:eu-west-1:600000000010:orders (own)",
        "idle sqs:ReceiveMessage on arn:aws:sqs:eu-west-1:600000000010:orders (own)",
    ]
    assert judged.faults(complete=True)[-1].endswith(
        "no call used it; remove it, or add its reason to `unused` in the configuration"
    )


def test_a_delivery_that_ends_early_has_no_surplus(judged: Permissions) -> None:
    assert judged.faults(complete=False) == list(judged.missing)


def test_a_reason_explains_unused_actions_of_a_role(world: World) -> None:
    found = world.judged(
        unused={"nothing sends": ["id* sqs:Send*"]}, sometimes_unused={"no message": ["idle sqs:Receive*"]}
    )
    assert [(each.action, each.reason) for each in found.unused] == [
        ("sqs:SendMessage", "nothing sends"),
        ("sqs:ReceiveMessage", "no message"),
    ]
    assert not found.stale


def test_a_reason_why_a_used_permission_is_unused_is_a_fault(world: World) -> None:
    entries = ["writer s3:Put* kms:*", "idle sqs:*"]
    stale = world.judged(unused={"nothing writes": entries})
    assert stale.stale == ("writer s3:Put*", "writer kms:*")
    assert any(
        fault.startswith("writer s3:Put*: calls used it; remove it from `unused`")
        for fault in stale.faults(complete=True)
    )
    assert stale.faults(complete=False) == list(stale.missing)
    assert not world.judged(sometimes_unused={"nothing writes": entries}).stale


def test_a_reason_for_a_role_that_other_settings_have_is_no_fault(world: World) -> None:
    assert not world.judged(unused={"no peering": ["peering-* ec2:*", "writer ec2:*"]}).stale


def test_the_policy_of_a_vpc_endpoint_limits_what_code_in_the_vpc_calls(world: World) -> None:
    objects, others = f"arn:aws:s3:::{BUCKET}/a", f"arn:aws:s3:::{BUCKET}/of-others"
    call = {"role": f"arn:aws:iam::{HOME.account}:role/in-a-vpc", "region": HOME.region, "action": "s3:GetObject"}
    sent = {**call, "operation": "s3 GET", "context": {}, "number": 1}
    permissions = judge(
        [
            {**sent, "resource": objects},
            {**sent, "resource": others},
            {**sent, "resource": others, "operation": BY_THE_SERVICE},
        ],
        deployed=Deployed(world._emulator, environments=[HOME], without=""),
        simulate=partial(engine.simulate, app=APP, node=world._node),
        unused={},
        sometimes_unused={},
    )
    assert of(permissions, "role/in-a-vpc calls s3:") == [
        f"arn:aws:iam::{HOME.account}:role/in-a-vpc calls s3:GetObject on {others} (s3 GET): the policy of the VPC "
        "endpoint does not allow it"
    ]


def test_the_report_says_that_no_policy_of_the_organization_is_judged(judged: Permissions) -> None:
    assert judged.lines()[-1] == (
        "Not judged: service control policies and resource control policies, which the organization owns."
    )


def test_an_earlier_call_is_no_fault_any_more(world: World, emulator: Emulator) -> None:
    latest = max(call["number"] for call in emulator.calls())
    assert not of(world.judged(since=latest), "role/reader")


def test_a_call_on_a_bucket_that_is_deleted_since_is_not_judged(world: World, emulator: Emulator) -> None:
    s3, bucket = emulator.client("s3", account=HOME.account, region=HOME.region), "judged-once"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": HOME.region})
    world.client("s3", name="reader").put_object(Bucket=bucket, Key="a", Body=b"1")
    assert of(world.judged(), bucket)
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_bucket(Bucket=bucket)
    assert not of(world.judged(), bucket)


def test_an_operation_without_a_known_action_is_a_fault(world: World) -> None:
    unknown = {"role": f"arn:aws:iam::{HOME.account}:role/idle", "resource": "*", "region": HOME.region}
    call = {**unknown, "action": "", "operation": "robots POST /dance", "context": {}, "number": 1}
    permissions = judge(
        [call],
        deployed=Deployed(world._emulator, environments=[HOME], without="Judged"),
        simulate=lambda simulations: [] if not simulations else pytest.fail("nothing can be judged"),
        unused={},
        sometimes_unused={},
    )
    assert permissions.missing == (
        "arn:aws:iam::600000000010:role/idle calls robots POST /dance, of which no IAM action is known",
    )


def test_an_app_without_the_engine_is_not_judged(tmp_path: Path) -> None:
    assert not engine.installed(tmp_path)
    permissions = Permissions(not_judged="none was judged")
    assert (permissions.summary, permissions.faults(complete=True)) == ("none was judged", [])


@pytest.mark.usefixtures("world")
def test_a_function_calls_as_its_role(emulator: Emulator) -> None:
    functions = emulator.client("lambda", account=HOME.account, region=HOME.region)
    (name,) = {each["FunctionName"] for each in functions.list_functions()["Functions"]} - {"in-a-vpc"}
    functions.invoke(FunctionName=name)
    log = [call for call in emulator.calls() if call["action"] == "logs:PutLogEvents"]
    assert [call["role"] for call in log if name in call["resource"]] == [
        f"arn:aws:iam::{HOME.account}:role/distrusting"
    ]


@pytest.mark.parametrize(
    ("delivered", "missing", "surplus", "succeeded"),
    [(True, "", "", True), (True, "denied", "", False), (True, "", "idle", False), (False, "", "idle", False)],
)
def test_a_delivery_succeeds_only_with_the_right_permissions(
    delivered: bool, missing: str, surplus: str, succeeded: bool
) -> None:
    unused = [Unused(role=name, action="a:B", policy="own", resources=("*",), reason="") for name in (surplus,) if name]
    report = Report(
        commit="c",
        title="",
        delivered=delivered,
        failure="" if delivered else "it failed",
        waiting="",
        seconds=1,
        executions=(),
        stacks=(),
        declared_types=frozenset(),
        notes=(),
        logs=Path(),
        coverage=Coverage(types={}, not_proved=(), no_database=""),
        not_proved=(),
        permissions=Permissions(missing=tuple(filter(None, [missing])), unused=tuple(unused)),
    )
    named = [text for text in (missing, surplus) if text and text in report.reason]
    assert (report.succeeded, bool(named)) == (succeeded, delivered and not succeeded)
