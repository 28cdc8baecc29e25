"""The delivery settings of cdk.json, loaded once and turned into typed records; every fault is reported at once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, replace
from typing import Any

from pipeline.allowed_changes import allowed_change_faults
from pipeline.delivery import Delivery
from pipeline.notifications import Notifications
from pipeline.source import SOURCE_TYPES, Source
from stages.consistency import consistency_faults
from stages.environment import Environment
from stages.environments import DELIVERY_ORDER, PRIMARY_REGION
from stages.settings_error import SettingsError

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
