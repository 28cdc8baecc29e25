"""The actions by category and provider; any other kind fails the delivery."""

from collections.abc import Callable

from cdk_rehearsal.actions import approval, build, cloudformation, invoke, source
from cdk_rehearsal.actions.context import Context, Outcome
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.pipeline import Action

PROVIDERS: dict[tuple[str, str], Callable[[Action, Context], Outcome]] = {
    ("Source", "CodeStarSourceConnection"): source.from_connection,
    ("Source", "GitHub"): source.from_github,
    ("Source", "CodeCommit"): source.from_codecommit,
    ("Source", "S3"): source.from_s3,
    ("Build", "CodeBuild"): build.carry_out,
    ("Test", "CodeBuild"): build.carry_out,
    ("Deploy", "CloudFormation"): cloudformation.carry_out,
    ("Invoke", "Lambda"): invoke.carry_out,
    ("Approval", "Manual"): approval.carry_out,
}


def carry_out(action: Action, context: Context) -> Outcome:
    """Carry out one action."""
    try:
        provider = PROVIDERS[action.category, action.provider]
    except KeyError:
        raise DeliveryError(
            f"A rehearsal cannot carry out {action}: it knows no {action.category} action of {action.provider}."
        ) from None
    return provider(action, context)
