"""What every part's monitoring offers to those who put it together."""

from collections.abc import Sequence
from typing import Protocol

from aws_cdk import aws_cloudwatch as cloudwatch


class Monitored(Protocol):
    """A part of the platform with its alarms and graphs."""

    @property
    def alarms(self) -> Sequence[cloudwatch.AlarmBase]:
        """What is told, and makes up the health."""

    @property
    def widgets(self) -> Sequence[cloudwatch.IWidget]:
        """What the dashboard shows."""
