"""The delivery settings of cdk.json, loaded once and turned into typed records; every fault is reported at once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Any

from pipeline.notifications import Notifications
from pipeline.source import SOURCE_TYPES, Source
from stages.consistency import consistency_faults
from stages.environment import Environment, SettingsError
from stages.environments import DELIVERY_ORDER, PRIMARY_REGION

STACKS = ("Payment", "DisasterRecovery")
ENTRY = re.compile(r"(?P<stack>[A-Za-z0-9-]+)/[A-Za-z0-9]+/[A-Za-z0-9]+")


def allowed_change_faults(entries: object, *, environments: Sequence[Environment]) -> Iterator[str]:
    """Says what is wrong with ``delivery.allowed_changes``.

    Args:
        entries: What stands there.
        environments: Whose stacks may be named.
    """
    if not isinstance(entries, list):
        yield f"delivery.allowed_changes is {entries!r}: give a list, empty while no data may be lost."
        return
    stacks = [f"{environment.name}-{stack}" for environment in environments for stack in STACKS]
    for place, entry in enumerate(entries):
        match = ENTRY.fullmatch(entry) if isinstance(entry, str) else None
        if match is None:
            yield (
                f"delivery.allowed_changes[{place}] is {entry!r}: give STACK/LOGICAL-ID/PROPERTY, or Delete in the "
                "place of the property, as the guard's message spells it."
            )
        elif match["stack"] not in stacks:
            yield (
                f"delivery.allowed_changes[{place}] is {entry!r}: there is no such stack, "
                f"the stacks are {', '.join(stacks)}."
            )
        elif entry in entries[:place]:
            yield f"delivery.allowed_changes[{place}] is {entry!r} once more: give it once."


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


SETTINGS = {"account", "source", "image", "environments", "notifications", "allowed_changes"}
ENVIRONMENT_SETTINGS = ("account", "certificate_arn", "alarm_email")
"""What only the owner of an environment knows; every figure is in stages/environments.py."""


def load_delivery(settings: object, *, release: object) -> Delivery:
    """Makes the typed records of the ``delivery`` and ``release`` context values.

    Raises:
        SettingsError: With every fault of the settings, of each environment and between environments.
    """
    if not isinstance(settings, Mapping):
        raise SettingsError(
            [f"delivery is {settings!r}: give an object with account, source and environments, in cdk.json's context."]
        )
    faults = list(_unknown_keys("delivery", settings, SETTINGS))
    account = settings.get("account")
    if not (isinstance(account, str) and re.fullmatch(r"[0-9]{12}", account)):
        faults.append(f"delivery.account is {account!r}: give the 12 digits of the tooling account, in quotes.")
    if not (isinstance(release, str) and re.fullmatch(r"[A-Za-z0-9._-]{1,128}", release)):
        faults.append(
            f"release is {release!r}: give the commit that is delivered, such as -c release=$(git rev-parse HEAD)."
        )
    source = _load_source(settings.get("source"), faults)
    environments = _load_environments(settings.get("environments"), settings.get("image"), faults)
    if len(environments) == len(DELIVERY_ORDER):
        faults.extend(consistency_faults(environments))
    notifications = _load_notifications(settings.get("notifications"), faults)
    if notifications is not None and isinstance(account, str):
        faults.extend(
            f"delivery.{fault}" for fault in notifications.place_faults(account=account, region=PRIMARY_REGION)
        )
    allowed_changes = settings.get("allowed_changes", [])
    faults.extend(allowed_change_faults(allowed_changes, environments=environments))
    if faults or source is None or notifications is None:
        raise SettingsError(faults)
    return Delivery(
        account=str(account),
        source=source,
        environments=environments,
        release=str(release),
        notifications=notifications,
        allowed_changes=tuple(allowed_changes),
    )


def _load_notifications(settings: object, faults: list[str]) -> Notifications | None:
    if not isinstance(settings, Mapping) or "email" not in settings:
        faults.append(f"delivery.notifications is {settings!r}: give an object with the email that is told.")
        return None
    unknown = list(_unknown_keys("delivery.notifications", settings, {"email", "chat_topic_arn"}))
    faults.extend(unknown)
    if unknown:
        return None
    try:
        return Notifications(**settings)
    except SettingsError as error:
        faults.extend(f"delivery.{fault}" for fault in error.faults)
        return None


def _load_source(settings: object, faults: list[str]) -> Source | None:
    # A list of them: JSON has lists too, and asked for as a key one is an error.
    kinds = list(SOURCE_TYPES)
    if not isinstance(settings, Mapping) or settings.get("type") not in kinds:
        faults.append(f"delivery.source is {settings!r}: give an object whose type is one of {', '.join(kinds)}.")
        return None
    record = SOURCE_TYPES[settings["type"]]
    values = {key: value for key, value in settings.items() if key != "type"}
    known = {field.name for field in fields(record)}
    required = {field.name for field in fields(record) if field.default is MISSING}
    shape = list(_unknown_keys("delivery.source", values, known))
    shape += [
        f"delivery.source.{key} is missing: give it for a {settings['type']} source."
        for key in sorted(required - set(values))
    ]
    shape += [
        f"delivery.source.{key} is {value!r}: give text." for key, value in values.items() if not isinstance(value, str)
    ]
    faults.extend(shape)
    if shape:
        return None
    try:
        return record(**values)
    except SettingsError as error:
        faults.extend(f"delivery.{fault}" for fault in error.faults)
        return None


def _load_environments(settings: object, image: Any, faults: list[str]) -> tuple[Environment, ...]:
    if not isinstance(settings, Mapping):
        faults.append(
            f"delivery.environments is {settings!r}: give an object with an entry each for {', '.join(DELIVERY_ORDER)}."
        )
        return ()
    for name in settings:
        if name not in DELIVERY_ORDER:
            faults.append(f"delivery.environments.{name} is unknown: the environments are {', '.join(DELIVERY_ORDER)}.")
    environments = []
    for name, make in DELIVERY_ORDER.items():
        entry = settings.get(name)
        if not isinstance(entry, Mapping):
            faults.append(
                f"delivery.environments.{name} is {entry!r}: give an object with {', '.join(ENVIRONMENT_SETTINGS)}."
            )
            continue
        faults.extend(_unknown_keys(f"delivery.environments.{name}", entry, {*ENVIRONMENT_SETTINGS, "peers_with"}))
        try:
            environment = make(**{setting: entry.get(setting) for setting in ENVIRONMENT_SETTINGS}, image=image)
            # False is nobody. A null never arrives: the CDK CLI drops it from the context.
            peers_with = entry.get("peers_with", environment.peers_with) or None
            environments.append(replace(environment, peers_with=peers_with))
        except SettingsError as error:
            faults.extend(error.faults)
    return tuple(environments)


def _unknown_keys(place: str, settings: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    for key in settings:
        if key not in known:
            yield f"{place}.{key} is unknown: the settings there are {', '.join(sorted(known))}."
