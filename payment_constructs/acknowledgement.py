"""Acknowledges policy findings at the resource, by their full id and with the compensating control."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(resource: IConstruct, *rules: str, control: str) -> None:
    """Acknowledges findings on one resource.

    A rule's id is the one that the finding prints, ``Pack::Rule``, with the finding in brackets where a rule has
    several. The control says why the finding is acceptable and what compensates for it.
    """
    Validations.of(resource).acknowledge(*(Acknowledgment(id=rule, reason=control) for rule in rules))
