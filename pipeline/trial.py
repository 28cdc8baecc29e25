"""The notice of a trial: a delivery whose tooling, or an environment that retains data, shares an account."""


def trial_notice(reason: str) -> str:
    """The sentence that the synthesis and the plan show; the reason is that of ``delivery.trial``."""
    return f"This is a trial in shared accounts, where IAM enforces no gate of the delivery: {reason}"
