"""The conditions of the environments' stages: what happens on failure, what must be well, and when it may begin."""

from collections.abc import Iterator

from pipeline.rules.delivery_stages import PIPELINE, DeliveryStage, delivery_stages, deployments, provider
from pipeline.rules.resource import Finding
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template
from stages.environment import Environment
from stages.names import resource_name


def _judge(template: Template) -> Iterator[Finding]:
    first = template.environments[:1]
    for _, stage, environment in deployments(template):
        retained = environment.retains_data
        if stage.at("OnFailure", "Result") not in (("ROLLBACK",) if retained else ("ROLLBACK", "RETRY")):
            yield stage.finding("OnFailure", "Result")
        if environment not in first and not _waits_for_the_gate(stage, environment):
            yield stage.finding("OnSuccess")
        if retained and not any(
            (result, provider(rule)) == ("FAIL", "DeploymentWindow") for result, rule in stage.conditions("BeforeEntry")
        ):
            yield stage.finding("BeforeEntry")
    for pipeline in template.of_type(PIPELINE):
        for stage in delivery_stages(pipeline):
            for kind in ("BeforeEntry", "OnSuccess", "OnFailure"):
                if {"CloudWatchAlarm", "DeploymentWindow"} <= {provider(rule) for _, rule in stage.conditions(kind)}:
                    yield stage.finding(kind, "Conditions")


def _waits_for_the_gate(stage: DeliveryStage, environment: Environment) -> bool:
    results = ("ROLLBACK",) if environment.retains_data else ("ROLLBACK", "FAIL")
    return any(
        result in results
        and provider(rule) == "CloudWatchAlarm"
        and rule.get("Configuration", {}).get("AlarmName") == resource_name("gate", environment)
        for result, rule in stage.conditions("OnSuccess")
    )


STAGES_CONDITIONED = Rule(
    id="PCI-6.5.2-StagesConditioned",
    requirements=("6.5.1", "6.5.2"),
    asks="A failed deployment is rolled back (or tried again where no data is retained), every environment but the "
    "first waits for its gate alarm, and one that retains data is entered in its deployment window only; an alarm and "
    "a window never stand in one condition.",
    remedy="Put the condition back in pipeline/conditions.py.",
    types=(PIPELINE,),
    judge=_judge,
)
