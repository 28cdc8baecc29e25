"""Stage conditions: retry, skip, fail and rollback; and Lambda actions."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdk_rehearsal.actions import invoke
from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.commit import Commit
from cdk_rehearsal.console import Step
from cdk_rehearsal.delivery import Push
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.engine import Engine
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.results import ExecutionResult
from workplaces import workplace_in

HOME = Environment(account="600000000007", region="eu-west-1")
TARGET = "600000000008"
NAME = "conditions"
BUCKET = "conditions-artifacts"
FUNCTION = """
import json, boto3

def handler(event, context):
    job = event["CodePipeline.job"]
    name = job["data"]["actionConfiguration"]["configuration"]["UserParameters"]
    ssm, pipeline = boto3.client("ssm"), boto3.client("codepipeline")
    answers = json.loads(ssm.get_parameter(Name="/answers/" + name)["Parameter"]["Value"])
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    ssm.put_parameter(Name="/answers/" + name, Value=json.dumps(answers or [answer]), Type="String", Overwrite=True)
    if answer == "raise":
        raise ValueError("out of order")
    if answer == "fail":
        pipeline.put_job_failure_result(jobId=job["id"], failureDetails={"type": "JobFailed", "message": "not today"})
    elif answer in {"wait", "assembly"}:
        data = job["data"]
        said = data.get("continuationToken", "nothing yet")
        if answer == "assembly":
            where = data["inputArtifacts"][0]["location"]["s3Location"]
            keys = {"aws_access_key_id": data["artifactCredentials"]["accessKeyId"], "aws_secret_access_key": "x"}
            archive = boto3.client("s3", **keys).get_object(Bucket=where["bucketName"], Key=where["objectKey"])
            said = archive["Body"].read().decode()
        pipeline.put_job_success_result(
            jobId=job["id"], continuationToken="token", executionDetails={"summary": said}
        )
    elif answer != "silent":
        pipeline.put_job_success_result(
            jobId=job["id"], executionDetails={"summary": "fine"}, outputVariables={"Answer": answer}
        )
"""


def action(name: str, category: str, provider: str, **more: Any) -> dict[str, Any]:
    kind = {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"}
    return {"Name": name, "ActionTypeId": kind, **more}


def asking(name: str, **more: Any) -> dict[str, Any]:
    configuration = {"FunctionName": {"Ref": "Function"}, "UserParameters": name}
    return action(name, "Invoke", "Lambda", Configuration=configuration, Namespace=name, **more)


def rules(result: str, provider: str, **more: Any) -> dict[str, Any]:
    kind = {"Category": "Rule", "Owner": "AWS", "Provider": provider, "Version": "1"}
    return {"Conditions": [{"Result": result, "Rules": [{"Name": provider, "RuleTypeId": kind, **more}]}]}


SOURCE = {
    "Name": "Source",
    "Actions": [
        action(
            "Push",
            "Source",
            "CodeCommit",
            Configuration={"RepositoryName": "r", "BranchName": "main"},
            OutputArtifacts=[{"Name": "Sources"}],
        )
    ],
}
ALARM = {"Configuration": {"AlarmName": "gate", "WaitTime": "15"}}
ROLE = f"arn:aws:iam::{TARGET}:role/gate-reader"
EMPTY = b"PK\x05\x06" + bytes(18)
"""A zip file without entries."""


class World:
    """A pipeline with the given stages."""

    def __init__(self, emulator: Emulator, directory: Path) -> None:
        self._emulator = emulator
        self._cloudformation = self.client("cloudformation")
        self.workplace = workplace_in(directory, emulator=emulator, checkout=directory)
        self.engine = Engine(emulator=emulator, home=HOME, pipeline=NAME)

    def client(self, service: str, *, account: str = HOME.account) -> Any:
        return self._emulator.client(service, account=account, region=HOME.region)

    def deploy(self, *stages: dict[str, Any]) -> None:
        pipeline = {
            "Name": NAME,
            "RoleArn": f"arn:aws:iam::{HOME.account}:role/pipeline",
            "PipelineType": "V2",
            "ExecutionMode": "QUEUED",
            "ArtifactStores": [{"Region": HOME.region, "ArtifactStore": {"Type": "S3", "Location": {"Ref": "Bucket"}}}],
            "Stages": [SOURCE, *stages],
        }
        role = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "x"}}]}
        function = {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Code": {"ZipFile": FUNCTION},
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        }
        resources = {
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUCKET}},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": role}},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "Properties": pipeline},
        }
        self._cloudformation.create_stack(
            StackName=NAME, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_IAM"]
        )
        self._cloudformation.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})

    def answers(self, name: str, *answers: str) -> None:
        """The answers of the function to an action, in turn; the last one repeats."""
        value = json.dumps(answers)
        self.client("ssm").put_parameter(Name=f"/answers/{name}", Value=value, Type="String", Overwrite=True)

    def push(self, title: str = "A commit") -> list[ExecutionResult]:
        commit = Commit(id="c" * 40, message=title, author="", author_email="", source=EMPTY)
        return Push(commit=commit, engine=self.engine, home=HOME, workplace=self.workplace).carry_out()

    def alarm(self, state: str) -> None:
        client = self.client("cloudwatch", account=TARGET)
        client.put_metric_alarm(
            AlarmName="gate",
            MetricName="m",
            Namespace="n",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            Statistic="Sum",
            ComparisonOperator="GreaterThanThreshold",
        )
        client.set_alarm_state(AlarmName="gate", StateValue=state, StateReason="a test")
        self._trust()

    def _trust(self) -> None:
        iam = self.client("iam", account=TARGET)
        if not any(role["RoleName"] == "gate-reader" for role in iam.list_roles()["Roles"]):
            principal = {"AWS": f"arn:aws:iam::{HOME.account}:root"}
            policy = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]}
            iam.create_role(RoleName="gate-reader", AssumeRolePolicyDocument=json.dumps(policy))

    def stages(self) -> dict[str, str]:
        """What a second terminal sees."""
        states = self.client("codepipeline").get_pipeline_state(name=NAME)["stageStates"]
        return {state["stageName"]: state.get("latestExecution", {}).get("status", "") for state in states}

    def remove(self) -> None:
        self._cloudformation.delete_stack(StackName=NAME)
        self._cloudformation.get_waiter("stack_delete_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})


@pytest.fixture
def world(emulator: Emulator, tmp_path: Path) -> Iterator[World]:
    world = World(emulator, tmp_path)
    yield world
    bucket = world.client("s3")
    for each in bucket.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        bucket.delete_object(Bucket=BUCKET, Key=each["Key"])
    world.remove()


def outcomes(result: ExecutionResult) -> list[tuple[str, str, str]]:
    return [(each.stage, each.action, each.status) for each in result.actions if each.stage != "Source"]


def test_the_answer_of_a_function_is_an_output_variable(world: World) -> None:
    world.deploy({"Name": "Dev", "Actions": [asking("Guard")]})
    world.answers("Guard", "yes")
    (result,) = world.push()
    assert (result.status, result.actions[-1].summary) == ("Succeeded", "fine")
    listed = world.client("codepipeline").list_action_executions(pipelineName=NAME)["actionExecutionDetails"]
    assert listed[0]["output"]["outputVariables"] == {"Answer": "yes"}


def test_a_function_with_a_continuation_token_is_invoked_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoke, "POLL_SECONDS", 0)
    said: list[str] = []
    monkeypatch.setattr(Step, "watch", lambda _step, text: said.append(text))
    world.deploy({"Name": "Dev", "Actions": [asking("Guard", InputArtifacts=[{"Name": "Sources"}])]})
    world.answers("Guard", "wait", "wait", "assembly", "yes")
    (result,) = world.push()
    assert (result.status, result.actions[-1].summary) == ("Succeeded", "fine")
    assert said == ["nothing yet", "token", EMPTY.decode()]


def test_a_function_that_falls_silent_after_a_token_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoke, "POLL_SECONDS", 0)
    world.deploy({"Name": "Dev", "Actions": [asking("Guard")]})
    world.answers("Guard", "wait", "silent")
    (result,) = world.push()
    assert "ended without answering its job" in result.reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [("fail", "not today"), ("raise", "out of order"), ("silent", "ended without answering its job")],
)
def test_a_failing_function_fails_its_action_with_its_message(world: World, answer: str, reason: str) -> None:
    world.deploy({"Name": "Dev", "Actions": [asking("Guard"), asking("After", RunOrder=2)]})
    world.answers("Guard", answer)
    (result,) = world.push()
    assert result.status == "Failed"
    assert reason in result.reason
    assert [name for _, name, _ in outcomes(result)] == ["Guard"]


def test_a_job_is_answered_once(world: World) -> None:
    world.deploy({"Name": "Dev", "Actions": [asking("Guard")]})
    world.answers("Guard", "yes")
    world.push()
    pipelines = world.client("codepipeline")
    (job, *_) = pipelines.list_action_executions(pipelineName=NAME)["actionExecutionDetails"]
    with pytest.raises(pipelines.exceptions.InvalidJobStateException):
        pipelines.put_job_success_result(jobId=job["actionExecutionId"])
    with pytest.raises(pipelines.exceptions.JobNotFoundException):
        pipelines.put_job_success_result(jobId="0" * 36)


def test_a_failed_action_is_retried_once_and_the_stage_goes_on(world: World) -> None:
    retry = {"Result": "RETRY", "RetryConfiguration": {"RetryMode": "FAILED_ACTIONS"}}
    actions = [asking("First"), asking("Second", RunOrder=2), asking("Third", RunOrder=3)]
    world.deploy({"Name": "Dev", "Actions": actions, "OnFailure": retry})
    for name in ("First", "Third"):
        world.answers(name, "yes")
    world.answers("Second", "fail", "yes")
    (result,) = world.push()
    assert result.status == "Succeeded"
    assert outcomes(result) == [
        ("Dev", "First", "Succeeded"),
        ("Dev", "Second", "Failed"),
        ("Dev", "Second", "Succeeded"),
        ("Dev", "Third", "Succeeded"),
    ]
    world.answers("Second", "fail")
    (again,) = world.push()
    assert (again.status, again.reason) == ("Failed", "not today")
    assert [name for _, name, _ in outcomes(again)] == ["First", "Second", "Second"]


def test_a_stage_is_skipped_if_a_variable_says_so(world: World) -> None:
    check = {"Variable": "#{Plan.Answer}", "Value": "no", "Operator": "NE"}
    entry = rules("SKIP", "VariableCheck", Configuration=check)
    world.deploy(
        {"Name": "Dev", "Actions": [asking("Plan")]},
        {"Name": "Confirm", "Actions": [asking("Confirm")], "BeforeEntry": entry},
        {"Name": "Prod", "Actions": [asking("Deploy")]},
    )
    world.answers("Plan", "no", "yes")
    for name in ("Confirm", "Deploy"):
        world.answers(name, "yes")
    (skipped,) = world.push()
    assert (skipped.status, ("Confirm", "BeforeEntry: VariableCheck", "Skipped") in outcomes(skipped)) == (
        "Succeeded",
        True,
    )
    assert world.stages() == {"Source": "Succeeded", "Dev": "Succeeded", "Confirm": "Skipped", "Prod": "Succeeded"}
    (entered,) = world.push()
    assert ("Confirm", "Confirm", "Succeeded") in outcomes(entered)


def test_an_alarm_fails_a_stage_whose_actions_succeeded(world: World) -> None:
    world.deploy(
        {
            "Name": "Staging",
            "Actions": [asking("Deploy")],
            "OnSuccess": rules("FAIL", "CloudWatchAlarm", **ALARM, RoleArn=ROLE),
        },
        {"Name": "Prod", "Actions": [asking("Release")]},
    )
    world.answers("Deploy", "yes")
    world.answers("Release", "yes")
    world.alarm("ALARM")
    (held,) = world.push()
    assert held.status == "Failed"
    assert held.reason == "Stage Staging is held by its condition OnSuccess (CloudWatchAlarm): gate is ALARM."
    assert held.not_reached == ["Prod"]
    assert world.stages()["Staging"] == "Failed"
    for state in ("OK", "INSUFFICIENT_DATA"):
        world.alarm(state)
        (passed,) = world.push()
        assert passed.status == "Succeeded"
    assert "looked at gate once, instead of for 15 minutes" in " ".join(passed.notes)


def test_a_missing_alarm_fails_the_stage(world: World) -> None:
    gone = {"Configuration": {"AlarmName": "gone"}}
    world.deploy(
        {"Name": "Staging", "Actions": [asking("Deploy")], "OnSuccess": rules("FAIL", "CloudWatchAlarm", **gone)}
    )
    world.answers("Deploy", "yes")
    (held,) = world.push()
    assert "gone does not exist in eu-west-1" in held.reason


def test_a_failed_stage_is_rolled_back_to_its_last_execution(world: World) -> None:
    world.deploy({"Name": "Prod", "Actions": [asking("Deploy")], "OnFailure": {"Result": "ROLLBACK"}})
    world.answers("Deploy", "yes", "fail", "yes")
    (first,) = world.push("The good one")
    failed, rollback = world.push("The bad one")
    assert (first.status, failed.status, rollback.status) == ("Succeeded", "Failed", "Succeeded")
    assert rollback.rolls_back
    executions = world.client("codepipeline").list_pipeline_executions(pipelineName=NAME)["pipelineExecutionSummaries"]
    assert executions[0]["executionType"] == "ROLLBACK"
    assert executions[0]["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": first.id}


def test_the_next_failure_after_a_rollback_rolls_back_to_the_same_execution(world: World) -> None:
    world.deploy({"Name": "Prod", "Actions": [asking("Deploy")], "OnFailure": {"Result": "ROLLBACK"}})
    world.answers("Deploy", "yes", "fail", "yes", "fail", "yes")
    (first,) = world.push("The good one")
    world.push("The bad one")
    _, rollback = world.push("Another bad one")
    assert (rollback.status, rollback.rolls_back) == ("Succeeded", True)
    executions = world.client("codepipeline").list_pipeline_executions(pipelineName=NAME)["pipelineExecutionSummaries"]
    assert executions[0]["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": first.id}


def test_a_stage_that_never_succeeded_is_not_rolled_back(world: World) -> None:
    world.deploy({"Name": "Prod", "Actions": [asking("Deploy")], "OnFailure": {"Result": "ROLLBACK"}})
    world.answers("Deploy", "fail")
    (failed,) = world.push()
    assert failed.reason.splitlines() == [
        "not today",
        "Stage Prod was not rolled back: no execution has passed it since the pipeline last changed.",
    ]


def test_a_closed_window_is_reported_and_not_waited_for(world: World) -> None:
    cron = {"Cron": "* * * ? * * 2020", "TimeZone": "Asia/Singapore"}
    entry = rules("FAIL", "DeploymentWindow", Configuration=cron)
    world.deploy({"Name": "Prod", "Actions": [asking("Deploy")], "BeforeEntry": entry})
    world.answers("Deploy", "yes")
    (result,) = world.push()
    assert result.status == "Succeeded"
    assert "DeploymentWindow was not waited for" in " ".join(result.notes)


def test_an_unknown_rule_fails_its_stage(world: World) -> None:
    entry = rules("FAIL", "LambdaInvoke", Configuration={"FunctionName": "f"})
    world.deploy({"Name": "Prod", "Actions": [asking("Deploy")], "BeforeEntry": entry})
    (result,) = world.push()
    assert "it knows no rule of LambdaInvoke" in result.reason
    assert outcomes(result) == []


def test_an_unknown_result_fails_the_delivery(world: World) -> None:
    entry = rules("ROLLBACK", "DeploymentWindow", Configuration={"Cron": "* * * ? * *"})
    world.deploy({"Name": "Prod", "Actions": [asking("Deploy")], "BeforeEntry": entry})
    with pytest.raises(DeliveryError, match="does not know the result ROLLBACK in beforeEntry of stage Prod"):
        world.push()
