"""What is delivered, from where, and by which account."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from pipeline.notifications import Notifications
from pipeline.source import Source
from stages.environment import Environment
from stages.settings_error import SettingsError

PLACEHOLDER_ACCOUNT = re.compile(r"([0-9])\1{11}")
"""The accounts of a fresh checkout: one digit twelve times. They synthesize, and never deploy."""

PLACEHOLDER = re.compile(
    r"""
    (^|:)([0-9])\2{11}([:.]|$)          # an account, its own or in what names one
    | \b0{8}-0{4}-0{4}-0{4}-0{12}\b     # the id of a certificate or a connection
    | \bsha256:0{64}\b                  # the digest of an image
    | ^example/payment-platform$        # a repository
    | @(.*\.)?example\.(com|net|org)$   # domains that nobody can own (RFC 2606): alarms are told to nobody there
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What a fresh checkout has where only a team knows what belongs there."""


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
        """Refuses to go on with what nobody owns: an account, a mailbox, a repository, an image, a certificate.

        Args:
            caller_account: The account of the credentials at hand; None where there are none, which is a synthesis.

        Raises:
            SettingsError: When the caller is not in a placeholder account and a setting still names one.
        """
        if caller_account is None or PLACEHOLDER_ACCOUNT.fullmatch(caller_account):
            return
        SettingsError.raise_if_any(
            f"delivery.{setting} is the placeholder {value!r}: put your own there, in cdk.json, before you deploy "
            f"(the credentials at hand are of {caller_account})."
            for setting, value in self._settings()
            if value is not None and PLACEHOLDER.search(value)
        )

    def _settings(self) -> Iterator[tuple[str, str | None]]:
        """What only its owner knows, by its place in cdk.json."""
        yield "account", self.account
        for field, value in asdict(self.source).items():
            yield f"source.{field}", value
        yield "image", self.environments[0].image
        for field, value in asdict(self.notifications).items():
            yield f"notifications.{field}", value
        for environment in self.environments:
            for field in ("account", "certificate_arn", "alarm_email"):
                yield f"environments.{environment.name}.{field}", getattr(environment, field)
