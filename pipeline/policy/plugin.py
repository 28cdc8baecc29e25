"""The policy packs, and our own rules, that every stack of the app, those inside stages included, is held to."""

from collections.abc import Sequence
from pathlib import Path

import jsii
from aws_cdk import (
    App,
    IPolicyValidationContext,
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
    Validations,
)
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks, PCIDSS321Checks

from pipeline.policy.containers import CONTAINER_CONFINED, IMAGE_BY_DIGEST
from pipeline.policy.delivery import (
    APPROVED_FIRST,
    CHANGES_GUARDED,
    DEPLOYMENTS_VERIFIED,
    RELEASES_QUEUED,
    STAGES_CONDITIONED,
)
from pipeline.policy.load_balancers import FIREWALL_ASSOCIATED, FIREWALL_BLOCKS, TLS_LISTENERS
from pipeline.policy.network import EGRESS_NAMED, ENVIRONMENTS_APART, INGRESS_NAMED, NO_ROUTE_OUT
from pipeline.policy.stored_data import AUDIT_LOG_LOCKED, DATA_RETAINED, DATABASE_TLS, KEY_ROTATION, LOG_RETENTION
from pipeline.policy.template import Finding, Rule, Template
from stages.environment import Environment

RULES: tuple[Rule, ...] = (
    INGRESS_NAMED,
    EGRESS_NAMED,
    NO_ROUTE_OUT,
    CONTAINER_CONFINED,
    KEY_ROTATION,
    TLS_LISTENERS,
    DATABASE_TLS,
    IMAGE_BY_DIGEST,
    FIREWALL_ASSOCIATED,
    FIREWALL_BLOCKS,
    RELEASES_QUEUED,
    APPROVED_FIRST,
    CHANGES_GUARDED,
    DEPLOYMENTS_VERIFIED,
    STAGES_CONDITIONED,
    ENVIRONMENTS_APART,
    AUDIT_LOG_LOCKED,
    LOG_RETENTION,
    DATA_RETAINED,
)


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


def enforce_policy(app: App, *, environments: Sequence[Environment]) -> None:
    """Attaches them to the app, once: on a stage they would not run, and on several they would report twice."""
    Validations.of(app).add_plugins(
        AwsSolutionsChecks(app), PCIDSS321Checks(app), NIST80053R5Checks(app), OwnRules(environments=environments)
    )
