"""The policy packs, and our own rules, that every stack of the app, those inside stages included, is held to."""

from collections.abc import Sequence

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks, PCIDSS321Checks

from pipeline.rules.plugin import OwnRules
from stages.environment import Environment


def hold_to_policy(app: App, *, environments: Sequence[Environment]) -> None:
    """Attaches them to the app, once: on a stage they would not run, and on several they would report twice."""
    Validations.of(app).add_plugins(
        AwsSolutionsChecks(app), PCIDSS321Checks(app), NIST80053R5Checks(app), OwnRules(environments=environments)
    )
