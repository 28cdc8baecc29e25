"""The model of a delivery's minutes counts what waits, and only that."""

from typing import Any

from bench.delivery_minutes import steps_to
from bench.service_rollout import TASK_MINUTES
from tests.policy.clean import action, condition
from tests.templates import Assembly

SERVICE = {
    "Type": "AWS::ECS::Service",
    "Properties": {
        "DeploymentConfiguration": {
            "BakeTimeInMinutes": 30,
            "CanaryConfiguration": {"CanaryBakeTimeInMinutes": 10},
        }
    },
}
TEMPLATES: dict[str, Any] = {"Dev-Payment": {"Resources": {}}, "Prod-Payment": {"Resources": {"Service": SERVICE}}}


def deploying(environment: str, **more: Any) -> dict[str, Any]:
    stack = f"{environment}-Payment"
    return {
        "Name": environment,
        "Actions": [
            action("Prepare", "Deploy/CloudFormation", 1, StackName=stack, ActionMode="CHANGE_SET_REPLACE"),
            action("Deploy", "Deploy/CloudFormation", 2, StackName=stack, ActionMode="CHANGE_SET_EXECUTE"),
            action("Verify", "Build/CodeBuild", 3),
            action("Plan", "Build/CodeBuild", 3),
        ],
        **more,
    }


STAGES = [
    {"Name": "Source", "Actions": [action("Source", "Source/CodeCommit", 1)]},
    deploying("Dev", OnSuccess=condition("FAIL", "CloudWatchAlarm", WaitTime="15")),
    {"Name": "ApproveProd", "Actions": [action("Approve", "Approval/Manual", 1)]},
    deploying("Prod"),
]


def test_actions_of_one_run_order_wait_for_each_other_once() -> None:
    steps = [step for step in steps_to("Prod", stages=STAGES, templates=TEMPLATES) if step.stage == "Dev"]
    assert [step.actions for step in steps] == [("Prepare",), ("Deploy",), ("Verify", "Plan"), ("OnSuccess",)]


def test_the_wait_of_a_condition_and_the_rollout_of_a_service_count() -> None:
    steps = list(steps_to("Prod", stages=STAGES, templates=TEMPLATES))
    assert [step.minutes for step in steps if step.actions == ("OnSuccess",)] == [15]
    dev, prod = (step.minutes for step in steps if step.actions == ("Deploy",))
    assert prod - dev == TASK_MINUTES + 30 + 10


def test_it_ends_where_the_last_stack_of_the_environment_is_deployed() -> None:
    assert list(steps_to("Prod", stages=STAGES, templates=TEMPLATES))[-1].actions == ("Deploy",)


def test_people_take_no_modelled_time() -> None:
    (approval,) = (step for step in steps_to("Prod", stages=STAGES, templates=TEMPLATES) if step.stage == "ApproveProd")
    assert approval.minutes == 0


def test_every_action_of_the_pipeline_is_in_the_model(assembly: Assembly) -> None:
    stages = assembly.pipeline_stages()
    templates = {name: assembly.template(name) for name in assembly.stacks}
    steps = list(steps_to(stages[-1]["Name"], stages=stages, templates=templates))
    assert {step.stage for step in steps} == {stage["Name"] for stage in stages}
