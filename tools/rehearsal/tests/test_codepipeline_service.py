"""The emulated CodePipeline: its API, and when a changed pipeline restarts."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.conditions import Failure
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.engine import Engine

HOME = Environment(account="600000000001", region="eu-west-1")
STACK = "ServiceTest"
NAME = "service-test"
WRONG_TOKEN = "0" * 36


def action(name: str, category: str, provider: str, **more: Any) -> dict[str, Any]:
    kind = {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"}
    return {"Name": name, "ActionTypeId": kind, **more}


DEFINITION: dict[str, Any] = {
    "Name": NAME,
    "RoleArn": "arn:aws:iam::600000000001:role/pipeline",
    "PipelineType": "V2",
    "ExecutionMode": "QUEUED",
    "RestartExecutionOnUpdate": True,
    "ArtifactStores": [
        {"Region": "eu-west-1", "ArtifactStore": {"Type": "S3", "Location": "artifacts-eu"}},
        {
            "Region": "us-west-2",
            "ArtifactStore": {
                "Type": "S3",
                "Location": "artifacts-us",
                "EncryptionKey": {"Id": "arn:aws:kms:us-west-2:600000000001:key/k", "Type": "KMS"},
            },
        },
    ],
    "Stages": [
        {
            "Name": "Source",
            "Actions": [
                action(
                    "Push",
                    "Source",
                    "CodeCommit",
                    Configuration={"RepositoryName": "r", "BranchName": "main", "PollForSourceChanges": False},
                    OutputArtifacts=[{"Name": "Sources"}],
                    Namespace="Push",
                )
            ],
        },
        {
            "Name": "Gate",
            "BeforeEntry": {
                "Conditions": [
                    {
                        "Result": "FAIL",
                        "Rules": [
                            {
                                "Name": "Window",
                                "RuleTypeId": {
                                    "Category": "Rule",
                                    "Owner": "AWS",
                                    "Provider": "DeploymentWindow",
                                    "Version": "1",
                                },
                                "Configuration": {"Cron": "* * 9-16 ? * MON-THU *", "TimeZone": "Asia/Singapore"},
                            }
                        ],
                    }
                ]
            },
            "OnFailure": {"Result": "RETRY", "RetryConfiguration": {"RetryMode": "FAILED_ACTIONS"}},
            "Actions": [
                action("Approve", "Approval", "Manual", Configuration={"CustomData": "Ship?"}),
                action("After", "Approval", "Manual", RunOrder=2, Region="us-west-2"),
            ],
        },
    ],
}


class Stack:
    """The stack that holds the pipeline."""

    def __init__(self, emulator: Emulator) -> None:
        self._cloudformation = emulator.client("cloudformation", account=HOME.account, region=HOME.region)
        self.pipelines = emulator.client("codepipeline", account=HOME.account, region=HOME.region)
        self.engine = Engine(emulator=emulator, home=HOME, pipeline=NAME)
        self._deploy(self._cloudformation.create_stack, "stack_create_complete", DEFINITION)

    def update(self, definition: dict[str, Any], *, tag: str = "") -> None:
        self._deploy(self._cloudformation.update_stack, "stack_update_complete", definition, tag=tag)

    def delete(self) -> None:
        self._cloudformation.delete_stack(StackName=STACK)
        self._cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})

    def executions(self) -> list[dict[str, Any]]:
        """Newest first."""
        found: list[dict[str, Any]] = self.pipelines.list_pipeline_executions(pipelineName=NAME)[
            "pipelineExecutionSummaries"
        ]
        return found

    def begin(self, name: str, *, execution: str) -> str:
        """Start an action as the rehearsal does."""
        stages = self.engine.definition().stages
        wanted = next(each for stage in stages for each in stage.actions if each.name == name)
        return self.engine.begin(wanted, execution=execution)

    def reach_the_gate(self) -> tuple[str, str]:
        """The execution that waits at the first approval, and its token."""
        execution = self.engine.waiting()
        assert execution is not None
        push = self.begin("Push", execution=execution)
        self.engine.finish(push, execution=execution, status="Succeeded", revisionId="c0ffee")
        self.begin("Approve", execution=execution)
        return execution, self.latest("Approve")["token"]

    def latest(self, name: str) -> dict[str, Any]:
        stages = self.pipelines.get_pipeline_state(name=NAME)["stageStates"]
        states = {state["actionName"]: state for stage in stages for state in stage["actionStates"]}
        latest: dict[str, Any] = states[name]["latestExecution"]
        return latest

    def answer(self, *, token: str, status: str = "Approved", action: str = "Approve", stage: str = "Gate") -> None:
        result = {"status": status, "summary": "as agreed"}
        self.pipelines.put_approval_result(
            pipelineName=NAME, stageName=stage, actionName=action, token=token, result=result
        )

    def _deploy(self, call: Any, waiter: str, definition: dict[str, Any], *, tag: str = "") -> None:
        tags = [{"Key": "tag", "Value": tag}] if tag else []
        resource = {"Type": "AWS::CodePipeline::Pipeline", "Properties": definition | {"Tags": tags}}
        template = {
            "Resources": {"Pipeline": resource},
            "Outputs": {
                "Name": {"Value": {"Ref": "Pipeline"}},
                "Version": {"Value": {"Fn::GetAtt": ["Pipeline", "Version"]}},
            },
        }
        call(StackName=STACK, TemplateBody=json.dumps(template))
        waiting = {"Delay": 1, "MaxAttempts": 20}
        self._cloudformation.get_waiter(waiter).wait(StackName=STACK, WaiterConfig=waiting)
        stack = self._cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture
def stack(emulator: Emulator) -> Iterator[Stack]:
    deployed = Stack(emulator)
    yield deployed
    deployed.delete()


def renamed_gate() -> dict[str, Any]:
    changed = copy.deepcopy(DEFINITION)
    changed["Stages"][1]["Name"] = "Door"
    return changed


def refused(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


def test_get_pipeline_returns_the_definition_of_the_template(stack: Stack) -> None:
    described = stack.pipelines.get_pipeline(name=NAME)["pipeline"]
    push = described["stages"][0]["actions"][0]
    assert push["configuration"] == {"RepositoryName": "r", "BranchName": "main", "PollForSourceChanges": "false"}
    assert (push["namespace"], push["runOrder"], push["outputArtifacts"]) == ("Push", 1, [{"name": "Sources"}])
    gate = described["stages"][1]
    assert gate["beforeEntry"]["conditions"][0]["rules"][0]["configuration"]["TimeZone"] == "Asia/Singapore"
    assert gate["onFailure"] == {"result": "RETRY", "retryConfiguration": {"retryMode": "FAILED_ACTIONS"}}
    assert [each["runOrder"] for each in gate["actions"]] == [1, 2]
    assert described["artifactStores"]["us-west-2"]["encryptionKey"]["type"] == "KMS"
    assert (described["executionMode"], described["pipelineType"], described["version"]) == ("QUEUED", "V2", 1)
    assert stack.outputs == {"Name": NAME, "Version": "1"}


def test_the_runner_sees_the_conditions_of_a_stage(stack: Stack) -> None:
    source, gate = stack.engine.definition().stages
    assert not source.conditions
    (condition,) = gate.conditions.before_entry
    (rule,) = condition.rules
    assert (condition.result, rule.name, rule.provider) == ("FAIL", "Window", "DeploymentWindow")
    assert rule.configuration == {"Cron": "* * 9-16 ? * MON-THU *", "TimeZone": "Asia/Singapore"}
    assert gate.conditions.on_failure == Failure(result="RETRY", all_actions=False)
    assert gate.conditions.on_success == ()


def test_a_new_pipeline_starts_by_itself(stack: Stack) -> None:
    (execution,) = stack.executions()
    assert (execution["status"], execution["trigger"]["triggerType"]) == ("InProgress", "CreatePipeline")


def test_a_changed_structure_is_a_new_version_and_restarts(stack: Stack) -> None:
    first, _ = stack.reach_the_gate()
    stack.update(renamed_gate())
    assert stack.outputs["Version"] == "2"
    assert stack.engine.status(first)[0] == "Cancelled"
    assert stack.engine.waiting() not in {None, first}
    assert stack.pipelines.get_pipeline(name=NAME, version=1)["pipeline"]["stages"][1]["name"] == "Gate"


def test_an_update_of_the_same_structure_leaves_the_execution_alone(stack: Stack) -> None:
    first, _ = stack.reach_the_gate()
    stack.update(DEFINITION, tag="new")
    assert stack.outputs["Version"] == "1"
    assert [(each["pipelineExecutionId"], each["status"]) for each in stack.executions()] == [(first, "InProgress")]


def test_without_restart_on_update_no_execution_starts(stack: Stack) -> None:
    stack.update(renamed_gate() | {"RestartExecutionOnUpdate": False})
    assert [each["status"] for each in stack.executions()] == ["Cancelled"]


def test_an_approval_takes_its_own_token_once(stack: Stack) -> None:
    _, token = stack.reach_the_gate()
    with pytest.raises(ClientError) as wrong:
        stack.answer(token=WRONG_TOKEN)
    assert refused(wrong) == "InvalidApprovalTokenException"
    assert stack.latest("Approve")["status"] == "InProgress"
    stack.answer(token=token)
    latest = stack.latest("Approve")
    assert (latest["status"], latest["summary"]) == ("Succeeded", "as agreed")
    assert "token" not in latest
    with pytest.raises(ClientError) as again:
        stack.answer(token=token)
    assert refused(again) == "ApprovalAlreadyCompletedException"


@pytest.mark.parametrize(
    ("where", "code"),
    [({"stage": "Nowhere"}, "StageNotFoundException"), ({"action": "Nothing"}, "ActionNotFoundException")],
)
def test_an_approval_of_an_unknown_action_is_refused(stack: Stack, where: dict[str, str], code: str) -> None:
    _, token = stack.reach_the_gate()
    with pytest.raises(ClientError) as error:
        stack.answer(token=token, **where)
    assert refused(error) == code


def test_a_refusal_fails_the_execution(stack: Stack) -> None:
    execution, token = stack.reach_the_gate()
    stack.answer(token=token, status="Rejected")
    assert stack.engine.status(execution)[0] == "InProgress"  # the stage may yet retry
    stack.engine.end_stage("Gate", execution=execution, status="Failed", summary="refused")
    assert stack.engine.status(execution) == ("Failed", "refused")
    with pytest.raises(OSError, match="400"):
        stack.begin("After", execution=execution)


def test_an_execution_succeeds_with_its_last_action(stack: Stack) -> None:
    execution, token = stack.reach_the_gate()
    stack.answer(token=token)
    assert stack.engine.status(execution)[0] == "InProgress"
    stack.begin("After", execution=execution)
    stack.answer(token=stack.latest("After")["token"], action="After")
    assert stack.engine.status(execution)[0] == "Succeeded"
    answer = stack.pipelines.get_pipeline_execution(pipelineName=NAME, pipelineExecutionId=execution)
    assert answer["pipelineExecution"]["artifactRevisions"][0]["revisionId"] == "c0ffee"
    actions = stack.pipelines.list_action_executions(pipelineName=NAME)["actionExecutionDetails"]
    assert [each["actionName"] for each in actions] == ["After", "Approve", "Push"]


def test_executions_queue(stack: Stack) -> None:
    first, _ = stack.reach_the_gate()
    second = stack.pipelines.start_pipeline_execution(name=NAME)["pipelineExecutionId"]
    with pytest.raises(OSError, match="400"):
        stack.begin("Push", execution=second)
    stack.engine.abandon(first, reason="enough")
    assert stack.engine.status(first) == ("Stopped", "enough")
    stack.begin("Push", execution=second)


def test_a_stopped_execution_ends_with_its_running_action(stack: Stack) -> None:
    execution = stack.engine.waiting()
    assert execution is not None
    push = stack.begin("Push", execution=execution)
    stack.pipelines.stop_pipeline_execution(pipelineName=NAME, pipelineExecutionId=execution)
    assert stack.engine.status(execution)[0] == "Stopping"
    stack.engine.finish(push, execution=execution, status="Succeeded")
    assert stack.engine.status(execution)[0] == "Stopped"


def test_unknown_names_give_the_error_codes_of_the_service(stack: Stack) -> None:
    with pytest.raises(ClientError) as pipeline:
        stack.pipelines.get_pipeline(name="other")
    with pytest.raises(ClientError) as operation:
        stack.pipelines.retry_stage_execution(
            pipelineName=NAME, stageName="Gate", pipelineExecutionId="x" * 36, retryMode="FAILED_ACTIONS"
        )
    assert refused(pipeline) == "PipelineNotFoundException"
    assert refused(operation) == "UnknownOperationException"
