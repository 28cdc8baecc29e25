"""The policy packs that every stack of the app, those inside stages included, is held to."""

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks, PCIDSS321Checks


def hold_to_policy(app: App) -> None:
    """Attaches the packs to the app, once: on a stage they would not run, and on several they would report twice."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), PCIDSS321Checks(app), NIST80053R5Checks(app))
