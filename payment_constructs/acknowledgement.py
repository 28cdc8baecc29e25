"""The one way a policy finding is acknowledged: at the resource, by its full id, with the compensating control."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(resource: IConstruct, *rules: str, control: str) -> None:
    """Acknowledges findings of the policy packs on one resource.

    Args:
        resource: The construct that the findings are about.
        rules: Their ids as the finding prints them, ``Pack::Rule``, with the finding in brackets where a rule has many.
        control: Why the finding stands and which control compensates for it.
    """
    Validations.of(resource).acknowledge(*(Acknowledgment(id=rule, reason=control) for rule in rules))
