"""The CDK checks the rules on every stack; a finding, or an exception in a rule, fails the synthesis."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_logs as logs

import app as entry_point
from payment_constructs.acknowledgement import acknowledge
from pipeline.policy import plugin
from pipeline.policy.plugin import NAMESPACE, RULES, OwnRules
from pipeline.policy.template import Finding, Template
from pipeline.settings import Delivery
from tests.synthesized import report_in
from tests.templates import Assembly

RULE = "PCI-10.5.1-LogRetention"


def plant(stack: cdk.Stack, construct_id: str) -> logs.CfnLogGroup:
    group = logs.CfnLogGroup(stack, construct_id, retention_in_days=30)
    group.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
    return group


def violations(app: cdk.App) -> list[dict[str, Any]]:
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    found: list[dict[str, Any]] = report_in(Path(app.outdir))[NAMESPACE]["violations"]
    return found


@pytest.fixture
def small() -> tuple[cdk.App, cdk.Stack]:
    """An app with one stack in a Stage, and only the rules of this project."""
    app = cdk.App(analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(OwnRules(environments=()))
    return app, cdk.Stack(cdk.Stage(cdk.Stack(app, "PipelineStack"), "Dev"), "Payment")


def test_the_rules_check_every_stack_of_the_delivery(
    assembly: Assembly, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def report_every_resource(template: Template) -> Iterator[Finding]:
        return (resource.finding() for resource in template.resources.values())

    monkeypatch.setattr(plugin, "RULES", [replace(RULES[0], check=report_every_resource)])
    app = cdk.App(analytics_reporting=False, context=context)
    entry_point.build(app, entry_point.load(app))
    paths = [construct["constructPath"] for finding in violations(app) for construct in finding["violatingConstructs"]]
    stacks = [stack.id for stack in assembly.stacks.values()]
    # The stacks of a Stage are below PipelineStack: the longest id that matches is the stack's own.
    seen = {max((stack for stack in stacks if path.startswith(f"{stack}/")), key=len) for path in paths}
    assert seen == set(stacks)
    assert len(paths) == sum(len(assembly.template(name)["Resources"]) for name in assembly.stacks)


def test_the_report_states_rule_requirement_resource_value_and_fix(small: tuple[cdk.App, cdk.Stack]) -> None:
    app, stack = small
    plant(stack, "Planted")
    (violation,) = violations(app)
    (construct,) = violation["violatingConstructs"]
    assert violation["ruleName"] == RULE
    assert violation["severity"] == "error"
    assert violation["ruleMetadata"] == {"PCI DSS 4.0.1": "10.5.1"}
    assert violation["description"].endswith("Properties.RetentionInDays is 30.")
    assert violation["suggestedFix"].startswith("Use LogGroup of payment_constructs/logs.py")
    assert construct["constructPath"] == "PipelineStack/Dev/Payment/Planted"
    assert construct["cloudFormationResource"]["logicalId"] == "Planted"
    assert construct["cloudFormationResource"]["templatePath"].startswith("assembly-PipelineStack-Dev/")


def test_the_rules_check_a_stack_that_another_construct_adds_to_a_stage(small: tuple[cdk.App, cdk.Stack]) -> None:
    app, stack = small
    plant(cdk.Stack(cdk.Stage.of(stack), "Extra"), "Planted")
    (violation,) = violations(app)
    assert violation["violatingConstructs"][0]["constructPath"] == "PipelineStack/Dev/Extra/Planted"


def test_a_nested_stack_is_refused_since_no_rule_reads_its_template(small: tuple[cdk.App, cdk.Stack]) -> None:
    app, stack = small
    plant(cdk.NestedStack(stack, "Inner"), "Planted")
    violation = next(each for each in violations(app) if each["ruleName"] == "PCI-6.5.1-ChangesGuarded")
    assert violation["suggestedFix"].endswith("Make a nested stack a stack of its own in the Stage.")


def test_an_acknowledgement_covers_one_rule_on_one_resource(small: tuple[cdk.App, cdk.Stack]) -> None:
    app, stack = small
    acknowledge(plant(stack, "Acknowledged"), f"{NAMESPACE}::{RULE}", control="A test of this very rule.")
    plant(stack, "Planted")
    (violation,) = violations(app)
    assert [construct["constructPath"].split("/")[-1] for construct in violation["violatingConstructs"]] == ["Planted"]
    (suppressed,) = report_in(Path(app.outdir))[NAMESPACE]["suppressedViolations"]
    assert suppressed["acknowledgedId"] == f"{NAMESPACE}::{RULE}"


def test_an_exception_in_a_rule_fails_the_synthesis(
    small: tuple[cdk.App, cdk.Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Template) -> Iterator[Finding]:
        raise ZeroDivisionError

    monkeypatch.setattr(plugin, "RULES", [replace(RULES[0], check=broken)])
    app, _ = small
    assert violations(app) == []


def test_the_delivery_has_no_finding_of_the_rules(assembly: Assembly, delivery: Delivery) -> None:
    documents = {stack.id: assembly.template(name) for name, stack in assembly.stacks.items()}
    templates = Template.of_assembly(documents, environments=delivery.environments).values()
    assert {template.environment for template in templates} == {None, *delivery.environments}
    assert [str(finding) for template in templates for rule in RULES for finding in rule.findings(template)] == []
