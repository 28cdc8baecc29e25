"""Rules for the pipeline: queued releases, approvals, the change-set guard, verification and stage conditions."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from payment_constructs.monitoring.gate import GATE_ALARMS
from pipeline.policy.rule import policy_rule
from pipeline.policy.template import Finding, Resource, Template
from stages.environment import Environment
from stages.names import resource_name

PIPELINE = "AWS::CodePipeline::Pipeline"
NESTED = ("AWS::CloudFormation::Stack", "AWS::CloudFormation::StackSet")
"""A change set shows that such a resource changes, not what changes in it, and no rule reads its template."""
POLICY = "AWS::IAM::Policy"
_PUBLISHING_ROLE = re.compile(r"arn:\S+:iam::(\d{12}):role/cdk-\w+-(?:file|image)-publishing-role-\1-[a-z0-9-]+")


def _deployments(template: Template) -> Iterator[tuple[Sequence[Resource], Resource, Environment]]:
    """Every stage that deploys an environment, with the stages before it in its pipeline, and the environment."""
    for pipeline in template.of_type(PIPELINE):
        stages = list(pipeline.items("Stages"))
        for index, stage in enumerate(stages):
            for environment in template.environments:
                if _deploys(stage, environment):
                    yield stages[:index], stage, environment


def _deploys(stage: Resource, environment: Environment) -> bool:
    """Whether an action deploys a stack of an environment, whatever the name of the stage."""
    return any(_stack(action).startswith(f"{environment.name}-") for action in stage.items("Actions"))


def _stack(action: Resource) -> str:
    """The stack that an action deploys; empty for another action."""
    is_deployment = _kind(action) == ("Deploy", "CloudFormation")
    return str(action.at("Configuration", "StackName") or "") if is_deployment else ""


def _kind(action: Resource) -> tuple[object, object]:
    return action.at("ActionTypeId", "Category"), action.at("ActionTypeId", "Provider")


def _run_order(action: Resource) -> int:
    order = action.at("RunOrder")
    return order if isinstance(order, int) else 1


def _conditions(stage: Resource, kind: str) -> Iterator[tuple[str, str, Resource]]:
    """The rules of the conditions of one kind, with the result of the condition and the provider of the rule."""
    for condition in stage.items(kind, "Conditions"):
        for rule in condition.items("Rules"):
            yield str(condition.at("Result")), str(rule.at("RuleTypeId", "Provider")), rule


@policy_rule(
    "PCI-6.5.1-ReleasesQueued",
    description="The pipeline is of type V2, queues its releases, and restarts after it updates itself.",
    fix="Set PipelineType V2, ExecutionMode QUEUED and RestartExecutionOnUpdate.",
    types=(PIPELINE,),
)
def _check_queue(template: Template) -> Iterator[Finding]:
    for pipeline in template.of_type(PIPELINE):
        # Type V1 has no conditions, so every gate that is a condition would be missing.
        for name, value in (("PipelineType", "V2"), ("ExecutionMode", "QUEUED"), ("RestartExecutionOnUpdate", True)):
            if pipeline.at(name) != value:
                yield pipeline.finding(name)


@policy_rule(
    "PCI-6.5.1-ApprovedFirst",
    description="Between the deployments of two environments is a manual approval; it may be skipped only if the "
    "plan broadens nothing and the next environment retains no data.",
    fix="Add a stage with a manual approval directly before the stage of the environment.",
    types=(PIPELINE,),
)
def _check_approvals(template: Template) -> Iterator[Finding]:
    for before, stage, environment in _deployments(template):
        if environment is template.environments[0]:
            continue
        # An approval before the last deployment did not see the result of that.
        since = takewhile(lambda each: not any(_deploys(each, env) for env in template.environments), reversed(before))
        if not any(_is_approval(each, environment) for each in since):
            yield stage.finding("Name")


def _is_approval(stage: Resource, environment: Environment) -> bool:
    """Whether a stage asks for an approval; without retained data it may skip that if the plan broadens nothing."""
    if not any(_kind(action) == ("Approval", "Manual") for action in stage.items("Actions")):
        return False
    if stage.at("BeforeEntry") is None:
        return True
    skips = [
        (result, provider) == ("SKIP", "VariableCheck")
        and str(rule.at("Configuration", "Variable")).endswith(".PLAN_BROADENS}")
        and (rule.at("Configuration", "Value"), rule.at("Configuration", "Operator")) == ("no", "NE")
        for result, provider, rule in _conditions(stage, "BeforeEntry")
    ]
    return not environment.retains_data and skips == [True]


@policy_rule(
    "PCI-6.5.1-ChangesGuarded",
    description="A stack is deployed only by executing a change set that the guard checked after its creation. No "
    "stack is nested in another: neither the guard, the plan nor these rules see what changes in it.",
    fix="Add the guard between the Prepare and Deploy actions of the stack, and deploy only by change set. Make a "
    "nested stack a stack of its own in the Stage.",
    types=(PIPELINE, *NESTED),
)
def _check_guard(template: Template) -> Iterator[Finding]:
    for _, stage, _ in _deployments(template):
        for action in stage.items("Actions"):
            prepares = action.at("Configuration", "ActionMode") == "CHANGE_SET_REPLACE"
            if _stack(action) and not prepares and not _is_guarded(action, stage):
                yield action.finding("Configuration", "ActionMode")
    for nested in template.of_type(*NESTED):
        yield nested.finding("TemplateURL")


def _is_guarded(execution: Resource, stage: Resource) -> bool:
    """Whether an action executes a change set that a function checked after another action created it."""
    if execution.at("Configuration", "ActionMode") != "CHANGE_SET_EXECUTE":
        return False
    stack, change_set = _stack(execution), str(execution.at("Configuration", "ChangeSetName"))
    created = [
        _run_order(action)
        for action in stage.items("Actions")
        if _stack(action) == stack
        and str(action.at("Configuration", "ChangeSetName")) == change_set
        and action.at("Configuration", "ActionMode") == "CHANGE_SET_REPLACE"
    ]
    return any(
        order < _run_order(action) < _run_order(execution)
        for order in created
        for action in stage.items("Actions")
        if _kind(action) == ("Invoke", "Lambda") and {stack, change_set} <= _user_parameters(action)
    )


def _user_parameters(action: Resource) -> set[str]:
    """The values that are passed to a function; empty if the template does not state them as JSON."""
    try:
        parameters = json.loads(str(action.at("Configuration", "UserParameters")))
    except ValueError:
        return set()
    return set(map(str, parameters.values())) if isinstance(parameters, dict) else set()


@policy_rule(
    "PCI-6.5.1-PublishersConfined",
    requirements=("6.5.1", "7.2.5"),
    description="A role that publishes assets, which precedes the approvals, can assume only publishing roles of the "
    "environments, and is denied to start builds.",
    fix="Give the role no other permission, and deny codebuild:StartBuild (pipeline/duties.py).",
    types=(POLICY,),
)
def _check_publishers(template: Template) -> Iterator[Finding]:
    accounts = {environment.account for environment in template.environments}
    for policy in template.of_type(POLICY):
        statements = list(policy.items("PolicyDocument", "Statement"))
        assuming = [each for each in statements if _names(each, "Allow", "sts:AssumeRole")]
        if not any("-publishing-role-" in json.dumps(each.at("Resource")) for each in assuming):
            continue
        for statement in assuming:
            for resource in statement.items("Resource"):
                role = resource.at()
                arn = role.get("Fn::Sub") if isinstance(role, dict) else role
                found = _PUBLISHING_ROLE.fullmatch(str(arn))
                if not found or found[1] not in accounts:
                    yield resource.finding()
        denied = any(_names(each, "Deny", "codebuild:StartBuild") and each.at("Resource") == "*" for each in statements)
        for statement in statements:
            if _names(statement, "Allow", "codebuild:StartBuild") and not denied:
                yield statement.finding("Action")


def _names(statement: Resource, effect: str, action: str) -> bool:
    """Whether a statement has this effect and covers this action, also by a wildcard."""
    actions = {str(each.at()) for each in statement.items("Action")}
    return statement.at("Effect") == effect and bool(actions & {action, f"{action.partition(':')[0]}:*", "*"})


@policy_rule(
    "PCI-6.5.2-DeploymentsVerified",
    description="Every environment is verified after its last stack is deployed.",
    fix="Add the Verify action after the deployments in the stage of the environment.",
    types=(PIPELINE,),
)
def _check_verification(template: Template) -> Iterator[Finding]:
    for _, stage, _ in _deployments(template):
        last = max(_run_order(action) for action in stage.items("Actions") if _stack(action))
        if not any(
            _kind(action)[1] == "CodeBuild"
            and str(action.at("Name")).startswith("Verify")
            and _run_order(action) > last
            for action in stage.items("Actions")
        ):
            yield stage.finding("Name")


@policy_rule(
    "PCI-6.5.1-StagesConditioned",
    description="A failed deployment is rolled back, or retried if no data is retained. Every environment after the "
    "first waits for its gate alarms, and is rolled back if one is on. Retained data has a deployment window, in a "
    "condition without an alarm.",
    fix="Add the missing condition in pipeline/conditions.py.",
    types=(PIPELINE,),
)
def _check_conditions(template: Template) -> Iterator[Finding]:
    first = template.environments[:1]
    for _, stage, environment in _deployments(template):
        retains = environment.retains_data
        if stage.at("OnFailure", "Result") not in (("ROLLBACK",) if retains else ("ROLLBACK", "RETRY")):
            yield stage.finding("OnFailure", "Result")
        if environment not in first and not _waits_for_gate(stage, environment):
            yield stage.finding("OnSuccess")
        before = [(result, provider) for result, provider, _ in _conditions(stage, "BeforeEntry")]
        if retains and ("FAIL", "DeploymentWindow") not in before:
            yield stage.finding("BeforeEntry")
    for pipeline in template.of_type(PIPELINE):
        for stage in pipeline.items("Stages"):
            for kind in ("BeforeEntry", "OnSuccess", "OnFailure"):
                if {"CloudWatchAlarm", "DeploymentWindow"} <= {each for _, each, _ in _conditions(stage, kind)}:
                    yield stage.finding(kind, "Conditions")


def _waits_for_gate(stage: Resource, environment: Environment) -> bool:
    watched = {
        rule.at("Configuration", "AlarmName")
        for result, provider, rule in _conditions(stage, "OnSuccess")
        if result == "ROLLBACK" and provider == "CloudWatchAlarm"
    }
    return watched >= {resource_name(gate, environment) for gate in GATE_ALARMS}
