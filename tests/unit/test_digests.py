"""What was approved is what is deployed: the digests behind Build, in the approval, in the plan and in the guard."""

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from pipeline import job
from pipeline.digests import handler as recorder
from pipeline.digests.content import content_digest, digest, release_digests, stack_digests
from pipeline.guard import handler as guard
from pipeline.plan import __main__ as command
from pipeline.plan.assembly import assembly_digests
from pipeline.settings import Delivery
from tests.templates import Assembly, statement_actions

STACK = "Prod-Payment"
TEMPLATE: dict[str, Any] = {
    "Parameters": {"Version": {"Type": "String", "Default": "/cdk-bootstrap/version"}},
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "Zahlungen für alle"}},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"S3Bucket": "assets", "S3Key": "a.zip"}}},
    },
}
CODE = {"index.py": b"import package", "package/__init__.py": b""}
TAGS = {"Environment": "Prod"}
JOB = "11111111-2222-3333-4444-555555555555"


def assembly_files(tags: dict[str, str] = TAGS, **further: dict[str, Any]) -> dict[str, bytes]:
    """A cloud assembly as the Build stage puts it out, with one stack in one environment, and further assets."""
    stack = {
        "type": "aws:cloudformation:stack",
        "properties": {"templateFile": "Payment.template.json", "stackName": STACK},
    }
    stage = {"directoryName": "assembly-Prod", "displayName": "PipelineStack/Prod"}
    documents = {
        "manifest.json": {"artifacts": {"assembly-Prod": {"type": "cdk:cloud-assembly", "properties": stage}}},
        "assembly-Prod/manifest.json": {"artifacts": {"Payment": stack}},
        "assembly-Prod/Payment.template.json": TEMPLATE,
        "assembly-Prod/Payment.template.json.config.json": {"Tags": tags},
        "assembly-Prod/Payment.assets.json": {"files": {"a": published("../asset.a", "zip", "a.zip"), **further}},
    }
    files = {name: json.dumps(document, indent=1).encode() for name, document in documents.items()}
    return files | {f"asset.a/{name}": content for name, content in CODE.items()}


def published(path: str, packaging: str, key: str) -> dict[str, Any]:
    """A file asset in the manifest of a stack."""
    destination = {"bucketName": "assets", "objectKey": key}
    return {"source": {"path": path, "packaging": packaging}, "destinations": {"there": destination}}


def zipped(files: dict[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", compression=compression) as writing:
        for name, content in files.items():
            writing.writestr(name, content)
    return archive.getvalue()


def digests_of(files: dict[str, bytes]) -> dict[str, str]:
    return release_digests(files.keys(), files.__getitem__)


class Stubs:
    """Clients that check each call and answer against botocore's service models."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, *services: str) -> None:
        options = {"region_name": "ap-southeast-1", "aws_access_key_id": "k", "aws_secret_access_key": "s"}
        self._clients = {service: boto3.client(service, **options) for service in services}
        self._stubs = {service: Stubber(client) for service, client in self._clients.items()}
        for each in (module, job):
            monkeypatch.setattr(each, "boto3", SimpleNamespace(client=lambda name, **_: self._clients[name]))
        for stub in self._stubs.values():
            stub.activate()

    def client(self, service: str) -> Any:
        return self._clients[service]

    def expect(self, service: str, operation: str, answer: dict[str, Any], **request: Any) -> None:
        self._stubs[service].add_response(operation, answer, request)

    def all_called(self) -> None:
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()


def test_the_recorder_keeps_the_digests_of_the_assembly_as_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    files = assembly_files()
    stubs = Stubs(monkeypatch, recorder, "s3", "codepipeline")
    stubs.expect("s3", "get_object", streamed(zipped(files)), Bucket="artifacts", Key="p/Synth_Outp/1")
    stubs.expect(
        "codepipeline",
        "put_job_success_result",
        {},
        jobId=JOB,
        executionDetails={"summary": "digests of Prod"},
        outputVariables=digests_of(files),
    )
    recorder.handler(recording(), None)
    stubs.all_called()


def streamed(content: bytes) -> dict[str, Any]:
    return {"Body": StreamingBody(io.BytesIO(content), len(content))}


def recording() -> dict[str, Any]:
    location = {"s3Location": {"bucketName": "artifacts", "objectKey": "p/Synth_Outp/1"}}
    names = ("accessKeyId", "secretAccessKey", "sessionToken")
    data = {"inputArtifacts": [{"location": location}], "artifactCredentials": dict.fromkeys(names, "of the job")}
    return {"CodePipeline.job": {"id": JOB, "data": data}}


def test_the_recorder_fails_the_release_when_it_cannot_read_the_assembly(monkeypatch: pytest.MonkeyPatch) -> None:
    stubs = Stubs(monkeypatch, recorder, "s3", "codepipeline")
    stubs.expect("s3", "get_object", streamed(b"no zip"), Bucket="artifacts", Key="p/Synth_Outp/1")
    failure = {"type": "JobFailed", "message": "The release has no digests: BadZipFile('File is not a zip file')"}
    stubs.expect("codepipeline", "put_job_failure_result", {}, jobId=JOB, failureDetails=failure)
    recorder.handler(recording(), None)
    stubs.all_called()


def test_a_digest_ignores_white_space_order_and_what_cloudformation_returns_as_question_marks() -> None:
    returned = json.dumps(TEMPLATE, indent=4).replace("f\\u00fcr", "f?r")
    reordered = dict(reversed(json.loads(returned).items()))
    assert digest(reordered) == digest(TEMPLATE)
    assert digest({**TEMPLATE, "Description": "another"}) != digest(TEMPLATE)


def test_a_parameter_has_its_default_whether_cloudformation_reports_it_or_not() -> None:
    reported = {"Version": "/cdk-bootstrap/version"}
    given: tuple[dict[str, str], ...] = ({}, reported, {"Version": "/another"})
    plain, same, other = (stack_digests(TEMPLATE, parameters=each, tags=TAGS, contents={}) for each in given)
    assert plain == same != other


def test_an_asset_is_compared_by_its_files_however_they_are_compressed() -> None:
    stored, deflated = (content_digest(zipped(CODE, compression=each)) for each in (zipfile.ZIP_STORED, 8))
    assert stored == deflated
    for changed in (CODE | {"index.py": b"import other"}, CODE | {"new.py": b""}, {"index.py": CODE["index.py"]}):
        assert content_digest(zipped(changed)) != stored
    assert content_digest(b"no zip") != content_digest(b"no zip either")


def test_an_asset_that_the_guard_would_not_compare_fails_the_release() -> None:
    another = assembly_files(another=published("file", "file", "b.txt")) | {"assembly-Prod/file": b"content"}
    with pytest.raises(ValueError, match=r"not so in Payment is assets/b\.txt"):
        digests_of(another)
    template = published("Payment.template.json", "file", "t.json")
    assert digests_of(assembly_files(template=template)) == digests_of(assembly_files())


def guarded(
    monkeypatch: pytest.MonkeyPatch,
    *,
    template: dict[str, Any] = TEMPLATE,
    tags: dict[str, str] = TAGS,
    parameters: dict[str, str] | None = None,
    code: dict[str, bytes] = CODE,
) -> Callable[[], str]:
    """The guard's answer to a change set, for a release whose Build made TEMPLATE with TAGS."""
    stubs = Stubs(monkeypatch, guard, "sts", "cloudformation", "s3", "codepipeline")
    role, change_set = "arn:aws:iam::444444444444:role/reader", {"StackName": STACK, "ChangeSetName": "Change"}
    credentials = {"AccessKeyId": "A" * 16, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2030-01-01"}
    stubs.expect("sts", "assume_role", {"Credentials": credentials}, RoleArn=role, RoleSessionName="change-set-guard")
    described = {
        "Status": "CREATE_COMPLETE",
        "Changes": [{"ResourceChange": {"Action": "Add", "LogicalResourceId": "T", "ResourceType": "AWS::SNS::Topic"}}],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    body = {"TemplateBody": json.dumps(template, indent=2)}
    stubs.expect("cloudformation", "describe_change_set", described, **change_set)
    stubs.expect("cloudformation", "get_template", body, TemplateStage="Original", **change_set)
    stubs.expect("cloudformation", "describe_change_set", described, **change_set)
    stubs.expect("s3", "get_object", streamed(zipped(code)), Bucket="assets", Key="a.zip")
    stubs.expect("s3", "list_object_versions", {"Versions": [{"Key": "a.zip"}]}, Bucket="assets", Prefix="a.zip")
    result: dict[str, Any] = {}
    client = stubs.client("codepipeline")
    monkeypatch.setattr(client, "put_job_success_result", lambda **answer: result.update(answer))
    monkeypatch.setattr(client, "put_job_failure_result", lambda **answer: result.update(answer))
    user = {"stack": STACK, "change_set": "Change", "region": "ap-southeast-1", "role": role}
    user |= {"pipeline": "delivery", "execution": "execution", "digests": digests_of(assembly_files())[STACK]}
    configuration = {"configuration": {"UserParameters": json.dumps(user)}}
    job = {"CodePipeline.job": {"id": JOB, "data": {"actionConfiguration": configuration}}}

    def answer() -> str:
        guard.handler(job, None)
        stubs.all_called()
        return str(result.get("failureDetails", {}).get("message", ""))

    return answer


RESOURCES = {**TEMPLATE["Resources"], "Role": {"Type": "AWS::IAM::Role", "Properties": {}}}
OVERWRITTEN = {**TEMPLATE, "Resources": RESOURCES}


def test_the_guard_passes_what_build_made(monkeypatch: pytest.MonkeyPatch) -> None:
    assert guarded(monkeypatch, parameters={"Version": "/cdk-bootstrap/version"})() == ""


@pytest.mark.parametrize(
    ("change_set", "part"),
    [
        ({"template": OVERWRITTEN}, "template"),
        ({"tags": {"Environment": "Dev"}}, "parameters and tags"),
        ({"parameters": {"Version": "/another"}}, "parameters and tags"),
        ({"template": OVERWRITTEN, "tags": {}}, "template and parameters and tags"),
        ({"code": CODE | {"index.py": b"import other"}}, "assets"),
    ],
)
def test_the_guard_refuses_what_build_did_not_make_and_says_what_differs(
    monkeypatch: pytest.MonkeyPatch, change_set: dict[str, Any], part: str
) -> None:
    assert guarded(monkeypatch, **change_set)() == (
        f"{STACK}: the change set is not what Build made of this release, which differs in {part}. "
        "Do not retry: docs/operations.md#find-out-who-changed-a-release."
    )


def stage(assembly: Assembly, name: str) -> list[dict[str, Any]]:
    (found,) = (each["Actions"] for each in assembly.pipeline_stages() if each["Name"] == name)
    return sorted(found, key=lambda action: action["RunOrder"])


def test_the_digests_are_recorded_right_behind_build_under_a_role_that_does_nothing_else(assembly: Assembly) -> None:
    synth = stage(assembly, "Build")[0]
    (record,) = (action for action in stage(assembly, "Build") if action["Name"] == "Digests")
    assert synth["RunOrder"] < record["RunOrder"]
    assert record["InputArtifacts"] == synth["OutputArtifacts"][:1]
    functions = assembly.resources("PipelineStack", "AWS::Lambda::Function")
    role = functions[record["Configuration"]["FunctionName"]["Ref"]]["Role"]["Fn::GetAtt"][0]
    attached = [
        statement
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        for policy in assembly.resources("PipelineStack", kind).values()
        if {"Ref": role} in policy.get("Roles", [])
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    allowed = {action for statement in attached for action in statement_actions(statement)}
    assert {action for action in allowed if not action.startswith(("logs:", "kms:", "sns:"))} == {
        "codepipeline:PutJobFailureResult",
        "codepipeline:PutJobSuccessResult",
    }


def test_approval_plan_and_guard_refer_to_the_recorded_digests_within_1000_characters(
    assembly: Assembly, delivery: Delivery
) -> None:
    recorded = assembly_digests(assembly.directory)
    longest = {"PLAN_SUBJECT": "s" * 150, "PLAN_SUMMARY": "s" * 400}
    for environment in delivery.environments:
        actions = stage(assembly, environment.name)
        guards = [json.loads(each["Configuration"]["UserParameters"]) for each in actions if "Guard" in each["Name"]]
        assert {each["digests"] for each in guards} == {f"#{{Digests.{each['stack']}}}" for each in guards}
        values = [each["Configuration"]["UserParameters"] for each in actions if "Guard" in each["Name"]]
        for asked in ("Approve", "Confirm"):
            for each in (s for s in assembly.pipeline_stages() if s["Name"] == f"{asked}{environment.name}"):
                (approval,) = (a for a in each["Actions"] if a["ActionTypeId"]["Category"] == "Approval")
                values.append(approval["Configuration"]["CustomData"])
                assert f"SHA-256 #{{Digests.{environment.name}}}" in values[-1]
        for value in values:
            names = re.findall(r"#{[\w@-]+\.([\w-]+)}", value)
            assert names, value
            text = value
            for name in names:
                text = text.replace(f".{name}}}", recorded.get(name) or longest.get(name, "x" * 40))
            # https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
            assert len(text) <= 1000, "a configuration value has at most 1,000 characters"
    plans = [
        action for each in assembly.pipeline_stages() for action in each["Actions"] if action["Name"].startswith("Plan")
    ]
    for action in plans:
        wanted = f"#{{Digests.{action['Name'].removeprefix('Plan')}}}"
        assert wanted in json.dumps(action["Configuration"]["EnvironmentVariables"])


def test_every_template_tag_and_asset_counts_for_the_digest_of_its_environment(
    assembly: Assembly, delivery: Delivery
) -> None:
    files = (each for each in assembly.directory.rglob("*") if each.is_file())
    names = {each.relative_to(assembly.directory).as_posix() for each in files}
    before = assembly_digests(assembly.directory)
    stacks = {f"{each.name}-{stack}" for each in delivery.environments for stack in ("DisasterRecovery", "Payment")}
    assert before.keys() == stacks | {each.name for each in delivery.environments}
    for name in sorted(names):
        is_asset = name.endswith("/index.py")
        if is_asset or (name.startswith("assembly-") and name.endswith((".template.json", ".config.json"))):

            def read(file: str, changed: str = name) -> bytes:
                content = (assembly.directory / file).read_bytes()
                return content.replace(b"Payment", b"Another").replace(b"def", b"class") if file == changed else content

            changed = {key for key, value in release_digests(names, read).items() if value != before[key]}
            expected = 2 * len(delivery.environments) if is_asset else 2  # a stack and its environment
            assert len(changed) == expected, f"{name} changes {changed}, not the digests of its stacks and environments"


@pytest.mark.parametrize("construct", ["Digests", "Findings", "Guard", "UpdateHold"])
def test_the_inline_code_runs_without_this_project(assembly: Assembly, construct: str) -> None:
    functions = assembly.resources("PipelineStack", "AWS::Lambda::Function")
    (code,) = (each["Code"]["ZipFile"] for name, each in functions.items() if name.startswith(construct))
    script = (
        "import sys, types; sys.modules['boto3'] = types.ModuleType('boto3'); exec(sys.stdin.read()); "
        "print(handler.__name__)"
    )
    run = subprocess.run([sys.executable, "-I", "-S", "-c", script], input=code, capture_output=True, text=True)  # noqa: PLW1510, S603
    assert run.stdout == "handler\n", run.stderr


def test_the_plan_refuses_an_assembly_that_build_did_not_make(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "deployed", lambda *_, **__: None)
    monkeypatch.setattr(command, "OUTPUT", tmp_path)
    made = assembly_digests(assembly.directory)
    results = []
    for recorded in (made["Prod"], made["Staging"]):
        arguments = ["plan", "Prod", "--assembly", str(assembly.directory), "--digest", recorded]
        monkeypatch.setattr(sys, "argv", arguments)
        results.append(command.main())
    assert results == [0, 1]
    printed = capsys.readouterr()
    assert made["Prod"] in printed.out, "print the digest that the approval has"
    assert "is not what Build made of this release" in printed.err


def test_no_two_actions_write_artifacts_below_the_same_prefix(assembly: Assembly) -> None:
    """CodePipeline takes 10 characters of an artifact's name; `plans` is the prefix of the plans."""
    prefixes = [
        (f"{each['Name']}/{action['Name']}", artifact["Name"][:10])
        for each in assembly.pipeline_stages()
        for action in each["Actions"]
        for artifact in action.get("OutputArtifacts", [])
    ]
    writers = {prefix: {writer for writer, other in prefixes if other == prefix} for _, prefix in prefixes}
    assert {prefix: found for prefix, found in writers.items() if len(found) > 1} == {}
    synth = {prefix for writer, prefix in prefixes if writer == "Build/Synth"}
    assert {prefix for _, prefix in prefixes if prefix.startswith("Synth_")} == synth, "rename the other artifact"
    pipeline = assembly.only("PipelineStack", "AWS::CodePipeline::Pipeline")["Name"]
    assert pipeline[:20] != "plans"
