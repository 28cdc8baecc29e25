"""The delivery settings of cdk.json, loaded once as typed records; all faults are reported together."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Any, TypeVar

from pipeline.notifications import Notifications
from pipeline.source import SOURCE_TYPES, Source
from stages.consistency import consistency_faults
from stages.environment import ACCOUNT, Environment, SettingsError
from stages.environments import DELIVERY_ORDER, PRIMARY_REGION

PLACEHOLDER_ACCOUNT = re.compile(r"([0-9])\1{11}")
"""The accounts of a fresh checkout: one digit twelve times. They synthesize, and never deploy."""

PLACEHOLDER = re.compile(
    r"""
    (^|:)([0-9])\2{11}([:.]|$)          # an account, alone or in an ARN or an image
    | \b0{8}-0{4}-0{4}-0{4}-0{12}\b     # the id of a certificate or a connection
    | \bsha256:0{64}\b                  # the digest of an image
    | ^example/payment-platform$        # a repository
    | @(.*\.)?example\.(com|net|org)$   # domains that are reserved (RFC 2606): mail to them is lost
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""The values of a fresh checkout that each team replaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The settings of the delivery."""

    account: str  # the tooling account, which the pipeline runs in
    source: Source
    environments: tuple[Environment, ...]  # in delivery order
    release: str  # the commit; "unreleased" when none is given
    notifications: Notifications
    allowed_changes: tuple[str, ...] = ()  # STACK/LOGICAL-ID/PROPERTY: changes that may lose stored data

    def refuse_placeholders(self, *, caller_account: str | None, further: Iterable[str] = ()) -> None:
        """Refuses a deployment while any setting is a placeholder.

        Args:
            caller_account: The account of the current credentials; None without any, as in a synthesis.
            further: Sentences about placeholders outside cdk.json.

        Raises:
            SettingsError: When the caller is not in a placeholder account and a setting is a placeholder.
        """
        if caller_account is None or PLACEHOLDER_ACCOUNT.fullmatch(caller_account):
            return
        found = [
            f"delivery.{setting} is the placeholder {value!r}: replace it in cdk.json before you deploy "
            f"(the current credentials belong to account {caller_account})."
            for setting, value in self._settings()
            if value is not None and PLACEHOLDER.search(value)
        ]
        SettingsError.raise_if_any((*found, *further))

    def _settings(self) -> Iterator[tuple[str, str | None]]:
        """The settings that each team replaces, by their path in cdk.json."""
        yield "account", self.account
        for field, value in asdict(self.source).items():
            yield f"source.{field}", value
        yield "image", self.environments[0].image
        for field, value in asdict(self.notifications).items():
            yield f"notifications.{field}", value
        for environment in self.environments:
            for field in ENVIRONMENT_SETTINGS:
                yield f"environments.{environment.name}.{field}", getattr(environment, field)


SETTINGS = {"account", "source", "image", "environments", "notifications", "allowed_changes"}
ENVIRONMENT_SETTINGS = ("account", "certificate_arn", "alarm_email")
"""The settings of an environment that differ from team to team; every figure is in stages/environments.py."""


def load_delivery(settings: object, *, release: object) -> Delivery:
    """Creates the typed records of the ``delivery`` and ``release`` context values.

    Raises:
        SettingsError: With every fault of the settings, of each environment and between environments.
    """
    if not isinstance(settings, Mapping):
        raise SettingsError(
            [f"delivery is {settings!r}: give an object with account, source and environments, in cdk.json's context."]
        )
    faults = list(_unknown_keys("delivery", settings, SETTINGS))
    account = settings.get("account")
    if not (isinstance(account, str) and ACCOUNT.fullmatch(account)):
        faults.append(f"delivery.account is {account!r}: give the 12 digits of the tooling account, in quotes.")
    if not (isinstance(release, str) and re.fullmatch(r"[A-Za-z0-9._-]{1,128}", release)):
        faults.append(f"release is {release!r}: give the commit, such as -c release=$(git rev-parse HEAD).")
    source = _load_source(settings.get("source"), faults)
    environments = _load_environments(settings.get("environments"), settings.get("image"), faults)
    if len(environments) == len(DELIVERY_ORDER):
        faults.extend(consistency_faults(environments))
    notifications = _load_notifications(settings.get("notifications"), faults)
    if notifications is not None and isinstance(account, str):
        faults.extend(f"delivery.{fault}" for fault in notifications.chat_topic_faults(account, PRIMARY_REGION))
    allowed_changes = settings.get("allowed_changes", [])
    faults.extend(_allowed_change_faults(allowed_changes, environments))
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


def _load_source(settings: object, faults: list[str]) -> Source | None:
    # In a list: JSON has lists too, which cannot be looked up in a dict.
    types = list(SOURCE_TYPES)
    if not isinstance(settings, Mapping) or settings.get("type") not in types:
        faults.append(f"delivery.source is {settings!r}: give an object whose type is one of {', '.join(types)}.")
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
    return None if shape else _make(record, values, faults)


def _load_notifications(settings: object, faults: list[str]) -> Notifications | None:
    if not isinstance(settings, Mapping) or "email" not in settings:
        faults.append(f"delivery.notifications is {settings!r}: give an object with the email that receives them.")
        return None
    unknown = list(_unknown_keys("delivery.notifications", settings, {"email", "chat_topic_arn"}))
    faults.extend(unknown)
    return None if unknown else _make(Notifications, settings, faults)


Record = TypeVar("Record")


def _make(record: Callable[..., Record], values: Mapping[str, Any], faults: list[str]) -> Record | None:
    try:
        return record(**values)
    except SettingsError as error:
        faults.extend(f"delivery.{fault}" for fault in error.faults)
        return None


def _load_environments(settings: object, image: Any, faults: list[str]) -> tuple[Environment, ...]:
    names = ", ".join(DELIVERY_ORDER)
    if not isinstance(settings, Mapping):
        faults.append(f"delivery.environments is {settings!r}: give an object with an entry for each of {names}.")
        return ()
    faults.extend(
        f"delivery.environments.{name} is unknown: the environments are {names}."
        for name in settings
        if name not in DELIVERY_ORDER
    )
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
            # False is no peering. It cannot be null: the CDK CLI drops null values from the context.
            peers_with = entry.get("peers_with", environment.peers_with) or None
            environments.append(replace(environment, peers_with=peers_with))
        except SettingsError as error:
            faults.extend(error.faults)
    return tuple(environments)


STACKS = ("Payment", "DisasterRecovery")
ALLOWED_CHANGE = re.compile(r"(?P<stack>[A-Za-z0-9-]+)/[A-Za-z0-9]+/[A-Za-z0-9]+")


def _allowed_change_faults(entries: object, environments: Sequence[Environment]) -> Iterator[str]:
    if not isinstance(entries, list):
        yield f"delivery.allowed_changes is {entries!r}: give a list, empty unless a change may lose stored data."
        return
    stacks = [f"{environment.name}-{stack}" for environment in environments for stack in STACKS]
    for index, entry in enumerate(entries):
        setting = f"delivery.allowed_changes[{index}] is {entry!r}"
        match = ALLOWED_CHANGE.fullmatch(entry) if isinstance(entry, str) else None
        if match is None:
            yield f"{setting}: give STACK/LOGICAL-ID/PROPERTY, or Delete as the property, as in the guard's message."
        elif match["stack"] not in stacks:
            yield f"{setting}: there is no such stack, the stacks are {', '.join(stacks)}."
        elif entry in entries[:index]:
            yield f"{setting} for the second time: give it once."


def _unknown_keys(path: str, settings: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    for key in settings:
        if key not in known:
            yield f"{path}.{key} is unknown: the settings there are {', '.join(sorted(known))}."
