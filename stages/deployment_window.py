"""The hours in which an environment may be deployed to: when the people who would repair it are at work."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

DAYS = re.compile(r"(MON|TUE|WED|THU|FRI|SAT|SUN)([-,](MON|TUE|WED|THU|FRI|SAT|SUN))*")
TIME_ZONE = re.compile(r"UTC|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentWindow:
    """Whole hours on some days of every week.

    Args:
        days: The days in the words of cron, such as ``MON-THU``.
        first_hour: The hour from whose beginning on it is open, 0 to 23.
        last_hour: The hour with whose end it closes, 0 to 23.
        time_zone: Whose hours they are, such as ``Asia/Singapore``.
    """

    days: str
    first_hour: int
    last_hour: int
    time_zone: str

    def faults(self) -> Iterator[str]:
        """Says what is wrong with it: a sentence each, with the field, the value and the remedy."""
        if not DAYS.fullmatch(self.days):
            yield f"deployment_window.days is {self.days!r}: give days such as MON-THU or MON,WED."
        if not 0 <= self.first_hour <= self.last_hour <= 23:  # noqa: PLR2004 - the hours of a day
            yield (
                f"deployment_window.first_hour is {self.first_hour} and last_hour {self.last_hour}: "
                "give hours from 0 to 23, the first not after the last."
            )
        if not TIME_ZONE.fullmatch(self.time_zone):
            yield f"deployment_window.time_zone is {self.time_zone!r}: give an IANA name such as Asia/Singapore."

    @property
    def cron(self) -> str:
        """Every second of those hours, as CodePipeline's DeploymentWindow rule reads it.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-DeploymentWindow.html
        """
        return f"* * {self.first_hour}-{self.last_hour} ? * {self.days} *"
