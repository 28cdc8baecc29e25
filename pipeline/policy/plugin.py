"""The policy of the app: three cdk-nag packs, and a plugin that checks the rules of this project."""

import json
from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
import jsii
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks, PCIDSS321Checks

from pipeline.policy import containers, delivery, load_balancers, names, network, stored_data
from pipeline.policy.rule import Rule
from pipeline.policy.template import Finding, Template
from stages.environment import Environment

MODULES = (network, containers, names, load_balancers, delivery, stored_data)
RULES = sorted(
    (found for module in MODULES for found in vars(module).values() if isinstance(found, Rule)),
    key=lambda rule: [int(part) for part in rule.id.split("-")[1].split(".")],
)
"""Every rule of the modules, in the order of the main requirement."""

NAMESPACE = "PaymentPlatform"
"""The prefix of a rule's full id in findings and acknowledgements: PaymentPlatform::PCI-10.5.1-LogRetention."""


def enforce_policy(app: cdk.App, *, environments: Sequence[Environment]) -> None:
    """Adds the packs and the rules to an app, given its environments in the order of deployment.

    Only to an app: on a Stage a plugin does not run, and on several scopes it reports a finding several times.
    """
    cdk.Validations.of(app).add_plugins(
        AwsSolutionsChecks(app), PCIDSS321Checks(app), NIST80053R5Checks(app), OwnRules(environments=environments)
    )


def synthesize_checked(app: cdk.App) -> None:
    """Synthesizes an app, and fails at a warning too, which CDK only lists once its pack has an acknowledgement.

    Raises:
        RuntimeError: ValidationFailed, with every finding that is left.
    """
    app.synth()
    report = Path(app.outdir, "validation-report.json")
    if not report.exists():
        return  # no plugin found anything: CDK writes the report for findings alone
    found = [
        f"{construct['constructPath']}: {finding['ruleName']}: {finding['description']}"
        for plugin in json.loads(report.read_text(encoding="utf-8"))["pluginReports"]
        for finding in plugin["violations"]
        for construct in finding["violatingConstructs"]
    ]
    if found:
        raise RuntimeError("\n".join(["ValidationFailed: fix or acknowledge each of these warnings:", *found]))


@jsii.implements(cdk.IPolicyValidationPlugin)
class OwnRules:
    """Plugin that checks the rules of this project.

    A finding can be acknowledged on its resource by the rule's full id. A test refuses that: an exception belongs in
    the rule, where it is tested.
    """

    def __init__(self, *, environments: Sequence[Environment]) -> None:
        self._environments = tuple(environments)

    @property
    def name(self) -> str:
        """The name in the validation report, and the namespace of the rules."""
        return NAMESPACE

    @property
    def rule_ids(self) -> list[str]:
        """The ids of the rules, which the CDK counts."""
        return [rule.id for rule in RULES]

    @property
    def version(self) -> str | None:
        """None: the rules have the version of the commit."""
        return None

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """Checks every template, those of nested assemblies included."""
        paths = {stack.stack_construct_path: Path(stack.template_path) for stack in context.stack_templates}
        documents = {stack: json.loads(path.read_text(encoding="utf-8")) for stack, path in paths.items()}
        violations = [
            _violation(rule, finding, template=paths[stack])
            for stack, template in Template.of_assembly(documents, environments=self._environments).items()
            for rule in RULES
            for finding in rule.findings(template)
        ]
        return cdk.PolicyValidationPluginReport(success=not violations, violations=violations)


def _violation(rule: Rule, finding: Finding, *, template: Path) -> cdk.PolicyViolation:
    return cdk.PolicyViolation(
        rule_name=rule.id,
        description=f"{rule.description} {finding}",
        fix=rule.fix,
        rule_metadata={"PCI DSS 4.0.1": ", ".join(rule.requirements)},
        severity="error",
        violating_resources=[
            cdk.PolicyViolatingResource(
                resource_logical_id=finding.logical_id, template_path=str(template), locations=[finding.location]
            )
        ],
    )
