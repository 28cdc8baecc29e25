"""A hot fix while an older release waits, with the commands of docs/operations.md on the emulated CodePipeline."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.documented import blocks
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.engine import Engine

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
HOME = Environment(account="600000000013", region="eu-west-1")
NAME, STACK = "payment-delivery", "HotFixTest"
TICKET = "INC-1 payments fail"


def action(name: str, category: str, provider: str, **more: Any) -> dict[str, Any]:
    kind = {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"}
    return {"Name": name, "ActionTypeId": kind, **more}


WINDOW = {
    "Name": "Window",
    "RuleTypeId": {"Category": "Rule", "Owner": "AWS", "Provider": "DeploymentWindow", "Version": "1"},
    "Configuration": {"Cron": "* * 9-16 ? * MON-THU *", "TimeZone": "UTC"},
}
DEFINITION = {
    "Name": NAME,
    "RoleArn": f"arn:aws:iam::{HOME.account}:role/pipeline",
    "PipelineType": "V2",
    "ExecutionMode": "QUEUED",
    "ArtifactStores": [{"Region": HOME.region, "ArtifactStore": {"Type": "S3", "Location": "artifacts"}}],
    "Stages": [
        {"Name": "Source", "Actions": [action("Push", "Source", "CodeCommit", OutputArtifacts=[{"Name": "Sources"}])]},
        {"Name": "ApproveProd", "Actions": [action("ApproveProd", "Approval", "Manual")]},
        {
            "Name": "Prod",
            "BeforeEntry": {"Conditions": [{"Result": "FAIL", "Rules": [WINDOW]}]},
            "Actions": [action("Deploy", "Approval", "Manual")],
        },
    ],
}


def section(title: str) -> list[str]:
    """The rehearsed blocks of a section of the page."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n### {title}\n")[1].split("\n### ")[0]
    return [block.code for block in blocks(text) if block.marks == "sh drill"]


(APPROVE,) = section("Approve")
LIST, REJECT, STOP, OVERRIDE = section("Hot fix")


class Delivery:
    """A pipeline whose last stage has an approval and a window before it, and a terminal beside it."""

    def __init__(self, emulator: Emulator) -> None:
        self._cloudformation = emulator.client("cloudformation", account=HOME.account, region=HOME.region)
        resource = {"Type": "AWS::CodePipeline::Pipeline", "Properties": DEFINITION}
        self._cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps({"Resources": {"P": resource}}))
        self._wait("stack_create_complete")
        self.engine = Engine(emulator=emulator, home=HOME, pipeline=NAME)
        self._environment = emulator.environment(account=HOME.account, region=HOME.region)
        self._environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def delete(self) -> None:
        self._cloudformation.delete_stack(StackName=STACK)
        self._wait("stack_delete_complete")

    def push(self) -> str:
        """A release that waits for those before it."""
        execution: str = self.engine.client.start_pipeline_execution(name=NAME)["pipelineExecutionId"]
        return execution

    def reach_the_approval(self, execution: str, *, revision: str) -> None:
        push = self._begin("Push", execution)
        self.engine.finish(push, execution=execution, status="Succeeded", revisionId=revision)
        self._begin("ApproveProd", execution)

    def enter_prod(self, execution: str) -> None:
        self._begin("Deploy", execution)

    def run(self, commands: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = self._environment | {"TICKET": TICKET} | variables
        command = ["sh", "-euc", commands]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603

    def entry_condition(self) -> str | None:
        stages = self.engine.client.get_pipeline_state(name=NAME)["stageStates"]
        (prod,) = (stage for stage in stages if stage["stageName"] == "Prod")
        status: str | None = prod.get("beforeEntryConditionState", {}).get("latestExecution", {}).get("status")
        return status

    def _begin(self, name: str, execution: str) -> str:
        actions = (each for stage in self.engine.definition().stages for each in stage.actions)
        return self.engine.begin(next(each for each in actions if each.name == name), execution=execution)

    def _wait(self, waiter: str) -> None:
        self._cloudformation.get_waiter(waiter).wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 20})


@pytest.fixture
def delivery(emulator: Emulator) -> Iterator[Delivery]:
    deployed = Delivery(emulator)
    yield deployed
    deployed.delete()


@pytest.mark.parametrize(("approved", "stopped"), [(False, "Failed"), (True, "Stopped")])
def test_a_fix_passes_a_release_that_waits_for_approval_or_window(
    delivery: Delivery, approved: bool, stopped: str
) -> None:
    older = delivery.engine.waiting()
    assert older is not None
    delivery.reach_the_approval(older, revision="1" * 40)
    if approved:
        assert delivery.run(APPROVE).returncode == 0
    fix = delivery.push()

    assert [line.split()[0] for line in delivery.run(LIST).stdout.splitlines()] == [fix, older]
    assert delivery.run(OVERRIDE, FIX=fix).returncode != 0, "the older release waits before it"
    assert delivery.run(STOP if approved else REJECT, OLDER=older).returncode == 0
    assert delivery.engine.status(older)[0] == stopped

    delivery.reach_the_approval(fix, revision="2" * 40)
    for commands in (APPROVE, OVERRIDE):
        done = delivery.run(commands, FIX=fix)
        assert done.returncode == 0, done.stderr
    assert delivery.entry_condition() == "Overridden"
    delivery.enter_prod(fix)


def test_an_override_alone_would_admit_the_older_release(delivery: Delivery) -> None:
    older = delivery.engine.waiting()
    assert older is not None
    delivery.reach_the_approval(older, revision="1" * 40)
    assert delivery.run(APPROVE).returncode == 0
    delivery.push()
    assert delivery.run(OVERRIDE, FIX=older).returncode == 0
    delivery.enter_prod(older)
