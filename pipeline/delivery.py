"""What is delivered, from where, and by which account."""

import re
from dataclasses import dataclass

from pipeline.notifications import Notifications
from pipeline.source import Source
from stages.environment import Environment
from stages.settings_error import SettingsError

PLACEHOLDER_ACCOUNT = re.compile(r"([0-9])\1{11}")
"""The accounts of a fresh checkout, its image's too: one digit twelve times. They synthesize, and never deploy."""

PLACEHOLDER_EMAIL = re.compile(r".*@(.*\.)?example\.(com|net|org)", re.IGNORECASE)
"""Domains that nobody can own (RFC 2606): alarms told there are told to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What is delivered, from where, and by which account.

    Args:
        account: The tooling account that the pipeline runs in.
        source: Where a push arrives.
        environments: In the order of their delivery.
        release: The commit that is delivered; ``unreleased`` where nobody said.
        notifications: Who is told what became of it.
        allowed_changes: The losses of stored data that are wanted, as ``STACK/LOGICAL-ID/PROPERTY``.
    """

    account: str
    source: Source
    environments: tuple[Environment, ...]
    release: str
    notifications: Notifications
    allowed_changes: tuple[str, ...] = ()

    def refuse_placeholders(self, *, caller_account: str | None) -> None:
        """Refuses to go on with an account or a mailbox that nobody owns.

        Args:
            caller_account: The account of the credentials at hand; None where there are none, which is a synthesis.

        Raises:
            SettingsError: When the caller is not in a placeholder account and a setting still names one.
        """
        if caller_account is None or PLACEHOLDER_ACCOUNT.fullmatch(caller_account):
            return
        settings = {"delivery.account": self.account} | {
            f"delivery.environments.{environment.name}.account": environment.account
            for environment in self.environments
        }
        settings["delivery.image"] = self.environments[0].image
        mailboxes = {
            f"delivery.environments.{environment.name}.alarm_email": environment.alarm_email
            for environment in self.environments
        }
        mailboxes["delivery.notifications.email"] = self.notifications.email
        placeholders = [place for place in settings.items() if PLACEHOLDER_ACCOUNT.match(place[1])]
        placeholders += [place for place in mailboxes.items() if PLACEHOLDER_EMAIL.fullmatch(place[1])]
        SettingsError.raise_if_any(
            f"{setting} is the placeholder {value!r}: put your own there, in cdk.json, before you deploy "
            f"(the credentials at hand are of {caller_account})."
            for setting, value in placeholders
        )
