"""Our own rules as the CDK runs them: once over every template of the app, and synthesis fails on a finding."""

from collections.abc import Sequence
from pathlib import Path

import jsii
from aws_cdk import (
    IPolicyValidationContext,
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
)

from pipeline.rules.catalogue import RULES
from pipeline.rules.resource import Finding
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template
from stages.environment import Environment

NAMESPACE = "PaymentPlatform"
"""In front of a rule's id it makes the full id that findings and acknowledgements carry."""


@jsii.implements(IPolicyValidationPlugin)
class OwnRules:
    """The rules of our catalogue, beside the packs.

    A finding can be acknowledged like one of a pack's, by the rule's full id on the resource. None is today, and a test
    keeps it so: an exception to a rule of our own belongs into the rule, where it is tested.

    Args:
        environments: In the order of their delivery; they tell which templates retain data, and whose a network is.
    """

    def __init__(self, *, environments: Sequence[Environment]) -> None:
        self._environments = tuple(environments)

    @property
    def name(self) -> str:
        """The name in the validation report, and the namespace of the rules."""
        return NAMESPACE

    @property
    def rule_ids(self) -> list[str]:
        """The rules; the CDK counts them."""
        return [rule.id for rule in RULES]

    @property
    def version(self) -> str | None:
        """None: the rules are as old as the commit."""
        return None

    def validate(self, context: IPolicyValidationContext) -> PolicyValidationPluginReport:
        """Judges every template, those of nested assemblies included."""
        paths = {stack.stack_construct_path: Path(stack.template_path) for stack in context.stack_templates}
        templates = Template.load_all(paths, environments=self._environments)
        violations = [
            _violation(rule, finding, template=paths[template.stack])
            for template in templates
            for rule in RULES
            for finding in rule.findings(template)
        ]
        return PolicyValidationPluginReport(success=not violations, violations=violations)


def _violation(rule: Rule, finding: Finding, *, template: Path) -> PolicyViolation:
    return PolicyViolation(
        rule_name=rule.id,
        description=f"{rule.asks} {finding}",
        fix=rule.remedy,
        rule_metadata={"PCI DSS 4.0.1": ", ".join(rule.requirements)},
        severity="error",
        violating_resources=[
            PolicyViolatingResource(
                resource_logical_id=finding.logical_id, template_path=str(template), locations=[finding.location]
            )
        ],
    )
