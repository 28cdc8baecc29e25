"""The CDK runs our rules over every stack of the delivery, and a finding, or a rule that breaks, fails synthesis."""

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
    return logs.CfnLogGroup(stack, construct_id, retention_in_days=30)


def violations(app: cdk.App) -> list[dict[str, Any]]:
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    found: list[dict[str, Any]] = report_in(Path(app.outdir))[NAMESPACE]["violations"]
    return found


@pytest.fixture
def small() -> tuple[cdk.App, cdk.Stack]:
    """An app with one stack in a Stage, held to our rules and no others."""
    app = cdk.App(analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(OwnRules(environments=()))
    return app, cdk.Stack(cdk.Stage(cdk.Stack(app, "PipelineStack"), "Dev"), "Payment")


def test_every_stack_of_the_delivery_is_held_to_our_rules(
    assembly: Assembly, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def finds_everything(template: Template) -> Iterator[Finding]:
        return (resource.finding() for resource in template.resources.values())

    monkeypatch.setattr(plugin, "RULES", [replace(RULES[0], check=finds_everything)])
    app = cdk.App(analytics_reporting=False, context=context)
    entry_point.build(app, entry_point.load(app))
    places = [construct["constructPath"] for finding in violations(app) for construct in finding["violatingConstructs"]]
    stacks = [stack.id for stack in assembly.stacks.values()]
    # A stage's stacks stand below PipelineStack: the longest id that fits is the stack's own.
    seen = {max((stack for stack in stacks if place.startswith(f"{stack}/")), key=len) for place in places}
    assert seen == set(stacks)
    assert len(places) == sum(len(assembly.template(name)["Resources"]) for name in assembly.stacks)


def test_the_report_says_rule_requirement_resource_value_and_remedy(small: tuple[cdk.App, cdk.Stack]) -> None:
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


def test_a_finding_is_acknowledged_by_its_full_id_on_its_resource_alone(small: tuple[cdk.App, cdk.Stack]) -> None:
    app, stack = small
    acknowledge(plant(stack, "Acknowledged"), f"{NAMESPACE}::{RULE}", control="A test of this very rule.")
    plant(stack, "Planted")
    (standing,) = violations(app)
    assert [construct["constructPath"].split("/")[-1] for construct in standing["violatingConstructs"]] == ["Planted"]
    (suppressed,) = report_in(Path(app.outdir))[NAMESPACE]["suppressedViolations"]
    assert suppressed["acknowledgedId"] == f"{NAMESPACE}::{RULE}"


def test_a_rule_that_breaks_fails_synthesis(small: tuple[cdk.App, cdk.Stack], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Template) -> Iterator[Any]:
        raise ZeroDivisionError

    monkeypatch.setattr(plugin, "RULES", [replace(RULES[0], check=broken)])
    app, _ = small
    assert violations(app) == []


def test_the_delivery_as_it_stands_has_no_finding_of_ours(assembly: Assembly, delivery: Delivery) -> None:
    documents = {stack.id: assembly.template(name) for name, stack in assembly.stacks.items()}
    templates = Template.of_assembly(documents, environments=delivery.environments).values()
    assert {template.environment for template in templates} == {None, *delivery.environments}
    assert [str(finding) for template in templates for rule in RULES for finding in rule.findings(template)] == []
