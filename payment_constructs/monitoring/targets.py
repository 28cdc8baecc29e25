"""Targets of alarms besides the mailbox, by level: SNS topics, on-call services and chat channels."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Self

SNS_TOPIC = re.compile(r"arn:aws:sns:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):[A-Za-z0-9_-]{1,256}")
SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
UUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"


class Level(StrEnum):
    """How soon an engineer must act on an alarm."""

    PAGE = "page"  # now: customers are affected
    TICKET = "ticket"  # on the next working day


PAGING = frozenset(
    {
        "burn-rate",
        "processing-age",
        "processing-dead-letters",
        "service-error-rate",
        "service-healthy-hosts",
        "service-response-time",
    }
)
"""The runbooks of the alarms of level page: symptoms that customers notice. All other alarms are tickets."""


def level_of(runbook: str) -> Level:
    """The level of the alarms with a runbook."""
    return Level.PAGE if runbook in PAGING else Level.TICKET


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackChannel:
    """A channel of a Slack workspace that was authorized in the console of the environment's account."""

    workspace_id: str  # such as T0123ABCD
    channel_id: str  # such as C0123ABCD

    def faults(self) -> Iterator[str]:
        """Yields a sentence for each invalid field."""
        if not re.fullmatch(r"[0-9A-Z]{1,255}", str(self.workspace_id)):
            yield f"workspace_id is {self.workspace_id!r}: give the id that the console shows, such as T0123ABCD."
        if not re.fullmatch(r"[0-9A-Z]{1,255}", str(self.channel_id)):
            yield f"channel_id is {self.channel_id!r}: give the id at the end of the channel's link, such as C0123ABCD."


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamsChannel:
    """A channel of a Microsoft Teams tenant and team that were authorized in the console of the environment's account.

    All three are in the channel's link: ``https://teams.microsoft.com/l/channel/CHANNEL/...?groupId=TEAM&tenantId=TENANT``.
    """

    tenant_id: str
    team_id: str
    channel_id: str  # URL-encoded, such as 19%3A...%40thread.tacv2

    def faults(self) -> Iterator[str]:
        """Yields a sentence for each invalid field."""
        for field in ("tenant_id", "team_id"):
            if not re.fullmatch(UUID, str(getattr(self, field))):
                yield f"{field} is {getattr(self, field)!r}: give the UUID in the channel's link."
        if not re.fullmatch(r"[\w=+/.,-]*%3[aA][\w=+/.,-]*%40[\w=+/.,-]*", str(self.channel_id), re.ASCII):
            yield f"channel_id is {self.channel_id!r}: give it as in its link, such as 19%3A...%40thread.tacv2."


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmTargets:
    """The targets of the alarms of one level; each is optional, and at least one is given."""

    topic_arn: str | None = None
    """An SNS topic in the account and primary region, which lets CloudWatch publish."""

    dr_topic_arn: str | None = None
    """The same in the DR region: alarms cannot publish to another region."""

    endpoint_secret: str | None = None
    """The name of a secret in the account and primary region, whose text is the HTTPS address of an on-call service
    such as PagerDuty or Opsgenie. The address contains a key, so it is never a setting itself."""

    slack: SlackChannel | None = None
    teams: TeamsChannel | None = None

    @property
    def chats(self) -> tuple[SlackChannel | TeamsChannel, ...]:
        """The chat channels."""
        return tuple(channel for channel in (self.slack, self.teams) if channel is not None)

    def in_dr_region(self) -> Self:
        """The targets of the DR region's alarms, all of which are tickets: not the on-call service."""
        return replace(self, topic_arn=self.dr_topic_arn, dr_topic_arn=None, endpoint_secret=None)

    def recovered(self) -> Self:
        """The targets of the environment when it is recovered in its DR region.

        Without the chat channels: an account can configure each only once, and the lost environment has done so.
        """
        return replace(self, topic_arn=self.dr_topic_arn, dr_topic_arn=None, slack=None, teams=None)

    def faults(self, *, account: str, primary_region: str, dr_region: str) -> Iterator[str]:
        """Yields a sentence for each invalid field."""
        if all(getattr(self, field.name) is None for field in fields(self)):
            yield "names no target: give topic_arn, endpoint_secret, slack or teams, or leave the level out."
        for field, region in (("topic_arn", primary_region), ("dr_topic_arn", dr_region)):
            given = getattr(self, field)
            topic = SNS_TOPIC.fullmatch(given) if isinstance(given, str) else None
            if given is not None and (topic is None or (topic["account"], topic["region"]) != (account, region)):
                yield f"{field} is {given!r}: give arn:aws:sns:{region}:{account}:NAME, or leave it out."
        secret = self.endpoint_secret
        if isinstance(secret, str) and "://" in secret:
            # Without its value: the message ends in build logs.
            yield (
                "endpoint_secret is an address, which contains a key: store it as the text of a secret in Secrets "
                "Manager, give the secret's name here, and replace the key, which this file has disclosed."
            )
        elif secret is not None and not (isinstance(secret, str) and SECRET_NAME.fullmatch(secret)):
            yield f"endpoint_secret is {secret!r}: give the name of a secret, such as payment/on-call, not its ARN."
        for field, record in (("slack", SlackChannel), ("teams", TeamsChannel)):
            channel = getattr(self, field)
            if isinstance(channel, record):
                yield from (f"{field}.{fault}" for fault in channel.faults())
            elif channel is not None:
                yield f"{field} is {channel!r}: give an object with {', '.join(one.name for one in fields(record))}."


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmLevels:
    """The targets of each level. The mailbox receives every alarm besides."""

    page: AlarmTargets | None = None
    ticket: AlarmTargets | None = None

    def by_level(self) -> Mapping[Level, AlarmTargets]:
        """The targets of each level that has some."""
        levels = {Level.PAGE: self.page, Level.TICKET: self.ticket}
        return {level: targets for level, targets in levels.items() if targets is not None}

    def in_dr_region(self) -> Self:
        """The targets of the DR region's alarms."""
        return replace(self, **{level.value: targets.in_dr_region() for level, targets in self.by_level().items()})

    def recovered(self) -> Self | None:
        """The targets of the environment when it is recovered in its DR region; None without any."""
        left = {level.value: targets.recovered() for level, targets in self.by_level().items()}
        left = {level: targets for level, targets in left.items() if targets != AlarmTargets()}
        return type(self)(**left) if left else None

    def faults(self, *, account: str, primary_region: str, dr_region: str) -> Iterator[str]:
        """Yields a sentence for each invalid field."""
        for level in Level:
            targets = getattr(self, level)
            if isinstance(targets, AlarmTargets):
                found = targets.faults(account=account, primary_region=primary_region, dr_region=dr_region)
                yield from (f"{level} {fault}" if fault.startswith("names") else f"{level}.{fault}" for fault in found)
            elif targets is not None:
                yield f"{level} is {targets!r}: give an object with {', '.join(f.name for f in fields(AlarmTargets))}."
