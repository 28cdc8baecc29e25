"""Every change set is judged before it is executed, and every environment is verified after it was deployed."""

from collections.abc import Iterator

from pipeline.rules.delivery_stages import PIPELINE, DeliveryAction, DeliveryStage, deployments
from pipeline.rules.resource import Finding
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template


def _guarded(template: Template) -> Iterator[Finding]:
    for _, stage, _ in deployments(template):
        for action in stage.actions:
            mode = action.configuration.get("ActionMode")
            prepares = mode == "CHANGE_SET_REPLACE"
            if action.stack and not prepares and not _is_guarded(action, stage):
                yield stage.pipeline.finding(*action.path, "Configuration", "ActionMode")


def _is_guarded(execution: DeliveryAction, stage: DeliveryStage) -> bool:
    """Whether it executes a change set that was made before, with a judgement of just that one in between."""
    if execution.configuration.get("ActionMode") != "CHANGE_SET_EXECUTE":
        return False
    change_set = execution.configuration.get("ChangeSetName")
    made = [
        action.run_order
        for action in stage.actions
        if (action.stack, action.configuration.get("ChangeSetName"), action.configuration.get("ActionMode"))
        == (execution.stack, change_set, "CHANGE_SET_REPLACE")
    ]
    return any(
        order < action.run_order < execution.run_order
        for order in made
        for action in stage.actions
        if action.kind == ("Invoke", "Lambda")
        and {execution.stack, change_set} <= {str(value) for value in action.user_parameters.values()}
    )


def _verified(template: Template) -> Iterator[Finding]:
    for _, stage, _ in deployments(template):
        last = max(action.run_order for action in stage.actions if action.stack)
        if not any(
            action.kind[1] == "CodeBuild" and action.name.startswith("Verify") and action.run_order > last
            for action in stage.actions
        ):
            yield stage.finding("Name")


CHANGES_GUARDED = Rule(
    id="PCI-6.5.1-ChangesGuarded",
    requirements=("6.5.1",),
    asks="A stack is deployed by executing a change set that a guard has judged since it was made.",
    remedy="Put the guard back between Prepare and Deploy of the stack; deploy in no other way.",
    types=(PIPELINE,),
    judge=_guarded,
)
DEPLOYMENTS_VERIFIED = Rule(
    id="PCI-6.5.2-DeploymentsVerified",
    requirements=("6.5.2",),
    asks="An environment is verified after its last stack was deployed.",
    remedy="Put the verification back behind the environment's deployments.",
    types=(PIPELINE,),
    judge=_verified,
)
