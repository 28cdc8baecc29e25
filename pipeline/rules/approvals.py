"""Nothing is deployed to a later environment past its approval, and the approved release is the deployed one."""

from collections.abc import Iterator

from pipeline.rules.delivery_stages import PIPELINE, DeliveryStage, deployments, provider
from pipeline.rules.resource import Finding
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template
from stages.environment import Environment


def _queued(template: Template) -> Iterator[Finding]:
    for pipeline in template.of_type(PIPELINE):
        # V1 knows no conditions: every gate that is one would be left out.
        for name, value in (("PipelineType", "V2"), ("ExecutionMode", "QUEUED"), ("RestartExecutionOnUpdate", True)):
            if pipeline.at(name) != value:
                yield pipeline.finding(name)


def _approved(template: Template) -> Iterator[Finding]:
    for stages, stage, environment in deployments(template):
        if environment is template.environments[0]:
            continue
        if not any(_is_gate(before, environment) for before in _since_the_last_deployment(stages, stage, template)):
            yield stage.finding("Name")


def _since_the_last_deployment(
    stages: tuple[DeliveryStage, ...], stage: DeliveryStage, template: Template
) -> Iterator[DeliveryStage]:
    """What lies between a deployment and the one before it: an approval further up approved something unproved."""
    for before in reversed(stages[: stage.index]):
        if any(before.deploys(environment) for environment in template.environments):
            return
        yield before


def _is_gate(stage: DeliveryStage, environment: Environment) -> bool:
    if not any(action.kind == ("Approval", "Manual") for action in stage.actions):
        return False
    entry = list(stage.conditions("BeforeEntry"))
    if stage.at("BeforeEntry") is None:
        return True
    return not environment.retains_data and [_skips_what_broadens_nothing(*rule) for rule in entry] == [True]


def _skips_what_broadens_nothing(result: str, rule: dict[str, object]) -> bool:
    asked = rule.get("Configuration")
    return (
        (result, provider(rule)) == ("SKIP", "VariableCheck")
        and isinstance(asked, dict)
        and str(asked.get("Variable")).endswith(".PLAN_BROADENS}")
        and (asked.get("Value"), asked.get("Operator")) == ("yes", "EQ")
    )


RELEASES_QUEUED = Rule(
    id="PCI-6.5.1-ReleasesQueued",
    requirements=("6.5.1",),
    asks="The delivery is a V2 pipeline whose releases queue, so that no later one overtakes the approved one, "
    "and which starts over when it has changed itself.",
    remedy="Give PipelineType V2, ExecutionMode QUEUED and RestartExecutionOnUpdate.",
    types=(PIPELINE,),
    judge=_queued,
)
APPROVED_FIRST = Rule(
    id="PCI-6.5.1-ApprovedFirst",
    requirements=("6.5.1",),
    asks="Between the deployment of an environment and the one before it stands an approval; where data is retained it "
    "is always asked for, elsewhere it may be skipped only while no permission is broadened.",
    remedy="Put the stage with the manual approval back, in front of the environment's stage.",
    types=(PIPELINE,),
    judge=_approved,
)
