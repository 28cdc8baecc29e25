"""The delivery settings of cdk.json, loaded once as typed records; all faults are reported together."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from payment_constructs.image import ServiceImage
from pipeline.findings.allowed import AllowedFinding
from pipeline.notifications import Notifications
from pipeline.records import read, unknown_keys
from pipeline.source import SOURCE_TYPES, Source
from stages.consistency import account_faults, consistency_faults
from stages.environment import ACCOUNT, Environment, SettingsError
from stages.variants import frugal, recovery_faults

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


DEFAULT_STACK, DEFAULT_PIPELINE = "PipelineStack", "payment-delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The settings of the delivery."""

    account: str  # the tooling account, which the pipeline runs in
    stack_name: str = DEFAULT_STACK
    """Chosen before the first deployment: another name is another stack. Ids in the environments' templates contain it.
    The README's `cdk deploy` names it too, and so do the rehearsal and the drill. A second delivery in the account is
    not possible: docs/decisions/0010-one-delivery-per-tooling-account.md."""
    pipeline_name: str = DEFAULT_PIPELINE
    """The pipeline, and its topic and alarms. Another name replaces them, with the history of the executions."""
    source: Source
    environments: tuple[Environment, ...]  # in delivery order
    release: str  # the commit; "unreleased" when none is given
    notifications: Notifications
    allowed_changes: tuple[str, ...] = ()  # STACK/LOGICAL-ID/PROPERTY, as the guard names it
    allowed_findings: tuple[AllowedFinding, ...] = ()  # critical ones, of the image's scan
    trial: str | None = None
    """Why tooling or an environment that retains data shares an account, where IAM enforces no gate."""

    @property
    def primary_region(self) -> str:
        """The region of the pipeline and of every environment."""
        return self.environments[0].primary_region

    @property
    def image(self) -> ServiceImage:
        """The image of every environment."""
        return self.environments[0].service_image

    @property
    def dr_region(self) -> str:
        """The region of every environment's disaster-recovery stack."""
        return self.environments[0].dr_region

    def refuse_placeholders(self, *, caller_account: str | None, further: Iterable[str] = ()) -> None:
        """Refuses a deployment while any setting is a placeholder.

        Args:
            caller_account: The account of the current credentials; None without any, as in a synthesis.
            further: Sentences about faults outside cdk.json that only a deployment needs repaired.

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


SHARED = (
    *("primary_region", "dr_region", "availability_zones", "dr_availability_zones"),
    *("image", "architecture", "database_engine_version", "break_glass_role"),
)
"""Settings of the delivery that each environment's record has a copy of."""

SETTINGS = {
    *("account", "stack_name", "pipeline_name", *SHARED),
    *("source", "notifications", "allowed_changes", "allowed_findings", "trial", "environments"),
}
ENVIRONMENT_SETTINGS = ("account", "certificate_arn", "alarm_email")
"""The settings of an environment that a fresh checkout has placeholders for."""


def load_delivery(settings: object, *, release: object) -> Delivery:
    """Creates the typed records of the ``delivery`` and ``release`` context values.

    The delivery is an object in cdk.json: ``-c delivery=...`` would be text, and is refused.

    Raises:
        SettingsError: With every fault of the settings, of each environment and between environments.
    """
    if not isinstance(settings, Mapping):
        raise SettingsError(
            [f"delivery is {settings!r}: give an object with account, source and environments, in cdk.json's context."]
        )
    faults = list(unknown_keys("delivery", settings, SETTINGS))
    account = settings.get("account")
    if not (isinstance(account, str) and ACCOUNT.fullmatch(account)):
        faults.append(f"delivery.account is {account!r}: give the 12 digits of the tooling account, in quotes.")
    if not (isinstance(release, str) and re.fullmatch(r"[A-Za-z0-9._-]{1,128}", release)):
        faults.append(f"release is {release!r}: give the commit, such as -c release=$(git rev-parse HEAD).")
    source = _load_source(settings.get("source"), faults)
    environments = _load_environments(settings, faults)
    names = _load_names(settings, environments, faults)
    trial = _load_trial(settings, environments, faults)
    notifications = _load_notifications(settings.get("notifications"), faults)
    region = settings.get("primary_region")
    if notifications is not None and isinstance(account, str) and isinstance(region, str):
        topic_faults = notifications.chat_topic_faults(account, region)
        faults.extend(f"delivery.{fault}" for fault in topic_faults)
    allowed_changes = settings.get("allowed_changes", [])
    faults.extend(_allowed_change_faults(allowed_changes, environments))
    allowed_findings = _load_allowed_findings(settings.get("allowed_findings", []), faults)
    if faults or source is None or notifications is None:
        raise SettingsError(dict.fromkeys(faults))
    return Delivery(
        account=str(account),
        source=source,
        environments=environments,
        release=str(release),
        notifications=notifications,
        allowed_changes=tuple(allowed_changes),
        allowed_findings=allowed_findings,
        trial=trial,
        **names,
    )


def _load_source(settings: object, faults: list[str]) -> Source | None:
    # In a list: JSON has lists too, which cannot be looked up in a dict.
    types = list(SOURCE_TYPES)
    if not isinstance(settings, Mapping) or settings.get("type") not in types:
        faults.append(f"delivery.source is {settings!r}: give an object whose type is one of {', '.join(types)}.")
        return None
    values = {key: value for key, value in settings.items() if key != "type"}
    return read(SOURCE_TYPES[settings["type"]], values, path="delivery.source", faults=faults, prefix="delivery.")


def _load_notifications(settings: object, faults: list[str]) -> Notifications | None:
    if not isinstance(settings, Mapping) or "email" not in settings:
        faults.append(f"delivery.notifications is {settings!r}: give an object with the email that receives them.")
        return None
    return read(Notifications, settings, path="delivery.notifications", faults=faults, prefix="delivery.")


def _load_environments(settings: Mapping[str, Any], faults: list[str]) -> tuple[Environment, ...]:
    """The environments, in the order of their entries."""
    entries = settings.get("environments")
    if not (isinstance(entries, Mapping) and entries):
        faults.append(f"delivery.environments is {entries!r}: give an object with an entry for each, in their order.")
        return ()
    shared = {key: settings[key] for key in SHARED if key in settings}
    examples = {key: one for entry in entries.values() if isinstance(entry, Mapping) for key, one in entry.items()}
    environments = []
    for name, entry in entries.items():
        found: list[str] = []
        environment = _load_environment(name, entry, shared=shared, examples=examples, faults=found)
        # A fault of a shared setting is that of the delivery, and reported once.
        of_this = rf"(delivery\.environments\.{re.escape(name)}\.|{re.escape(name)}: )({'|'.join(SHARED)})\b(?! is unk)"
        faults.extend(re.sub(rf"^{of_this}", r"delivery.\2", fault) for fault in found)
        if environment is not None:
            environments.append(environment)
    if len(environments) == len(entries):
        faults.extend(consistency_faults(environments))
    faults.extend(fault for environment in environments for fault in recovery_faults(environment))
    return tuple(environments)


def _load_environment(
    name: str, entry: object, *, shared: Mapping[str, Any], examples: Mapping[str, Any], faults: list[str]
) -> Environment | None:
    path = f"delivery.environments.{name}"
    own = {field.name for field in fields(Environment)} - {"name", *SHARED} | {"frugal"}
    if not isinstance(entry, Mapping):
        faults.append(f"{path} is {entry!r}: give an object with {', '.join(sorted(own))}.")
        return None
    for key in SHARED:
        if key in entry:
            faults.append(f"{path}.{key} is unknown: give delivery.{key}, which all environments share.")
    faults.extend(unknown_keys(path, {key: entry[key] for key in entry if key not in SHARED}, own))
    values = {key: value for key, value in entry.items() if key in own - {"frugal"}}
    if values.get("peers_with") is False:
        del values["peers_with"]
    environment = read(Environment, {**values, **shared, "name": name}, path=path, faults=faults, examples=examples)
    wanted = entry.get("frugal")
    if not (wanted is None or isinstance(wanted, bool)):
        faults.append(f"{path}.frugal is {wanted!r}: give true or false.")
    elif wanted and environment and environment.retains_data:
        faults.append(f"{path}.frugal is true on an environment that retains data: leave it out, it changes nothing.")
    return frugal(environment) if wanted and environment else environment


STACK_NAME = re.compile(r"[A-Z][A-Za-z0-9-]{1,39}")
PIPELINE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")


def _load_names(settings: Mapping[str, Any], environments: Sequence[Environment], faults: list[str]) -> dict[str, str]:
    names = {key: settings[key] for key in ("stack_name", "pipeline_name") if settings.get(key) is not None}
    stack, pipeline = names.get("stack_name", DEFAULT_STACK), names.get("pipeline_name", DEFAULT_PIPELINE)
    taken = ("PipelineArtifacts", "Sandbox", *(environment.name for environment in environments))
    if not (isinstance(stack, str) and STACK_NAME.fullmatch(stack)):
        faults.append(f"delivery.stack_name is {stack!r}: give 2 to 40 letters, digits and hyphens, a capital first.")
    elif stack.startswith(tuple(f"{name}-" for name in taken)) or stack in taken:
        faults.append(f"delivery.stack_name is {stack!r}: other stacks begin so; give a name such as PaymentPipeline.")
    if not (isinstance(pipeline, str) and PIPELINE_NAME.fullmatch(pipeline)):
        faults.append(f"delivery.pipeline_name is {pipeline!r}: give 1 to 60 letters, digits, hyphens and underscores.")
    return names


REASON_WORDS = 3


def _load_trial(settings: Mapping[str, Any], environments: Sequence[Environment], faults: list[str]) -> str | None:
    shared, trial = list(account_faults(settings.get("account"), environments)), settings.get("trial")
    if trial is None:
        faults.extend(shared)
        return None
    if not isinstance(trial, str) or len(trial.split()) < REASON_WORDS:
        faults.append(f"delivery.trial is {trial!r}: give a reason of {REASON_WORDS} words or more, or leave it out.")
    elif not (shared or faults):
        faults.append(f"delivery.trial is {trial!r}, but no shared account needs it: leave it out.")
    return trial


STACKS = ("Payment", "DisasterRecovery")
ALLOWED_CHANGE = re.compile(r"(?P<stack>[A-Za-z0-9-]+)/[A-Za-z0-9]+/[A-Za-z0-9]+")


def _allowed_change_faults(entries: object, environments: Sequence[Environment]) -> Iterator[str]:
    if not isinstance(entries, list):
        yield f"delivery.allowed_changes is {entries!r}: give a list, empty unless the guard must pass a change."
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


def _load_allowed_findings(entries: object, faults: list[str]) -> tuple[AllowedFinding, ...]:
    path = "delivery.allowed_findings"
    if not isinstance(entries, list):
        faults.append(f"{path} is {entries!r}: give a list, empty unless a critical finding of the image must pass.")
        return ()
    findings = [
        read(AllowedFinding, entry, path=f"{path}[{index}]", faults=faults, prefix=f"{path}[{index}].")
        for index, entry in enumerate(entries)
    ]
    return tuple(finding for finding in findings if finding)
