"""The acknowledged findings of an assembly: how many there are, and each with its place, rule and control."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.settings import Delivery
from tests.synthesized import acknowledgements, report_in
from tests.templates import Assembly

PACKS = ("AwsSolutions", "PCI.DSS.321", "NIST.800.53.R5")
BUDGET = 30
"""How many findings of the packs may be acknowledged in an environment; more is a configuration to be mended."""

PIPELINE = "Delivery"
"""What stands in no environment: the pipeline and its artifact stores."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Entry:
    """Acknowledgements with one control in common, wherever it is the same.

    Args:
        environments: Where it is so, in the order of delivery.
        places: The constructs, without their environment.
        rules: The rules, with names and accounts of the environment left open.
        control: The compensating control.
    """

    environments: tuple[str, ...]
    places: tuple[str, ...]
    rules: tuple[str, ...]
    control: str


def counts(assembly: Assembly, delivery: Delivery) -> dict[str, Counter[str]]:
    """The acknowledged (rule, resource) findings by environment and pack."""
    report = report_in(assembly.directory)
    found: dict[str, Counter[str]] = {name: Counter() for name in _columns(delivery)}
    for pack in PACKS:
        findings = {
            (finding["ruleName"], construct["constructPath"])
            for finding in report[pack]["suppressedViolations"]
            for construct in finding["violatingConstructs"]
        }
        for _, place in findings:
            found[_environment(place, delivery)][pack] += 1
    return found


def register(assembly: Assembly, delivery: Delivery) -> list[Entry]:
    """Every acknowledgement, those that are alike in one entry."""
    environments: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for place, rule, control in acknowledgements(assembly):
        environment = _environment(place, delivery)
        local = place.removeprefix(f"PipelineStack/{environment}/")
        environments[local, _open(rule, delivery), control].add(environment)
    order = _columns(delivery)
    rules: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (place, rule, control), where in sorted(environments.items()):
        rules[place, control, tuple(name for name in order if name in where)].append(rule)
    places: dict[tuple[tuple[str, ...], str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (place, control, together), alike in rules.items():
        places[together, control, tuple(alike)].append(place)
    entries = [
        Entry(environments=together, places=tuple(at), rules=alike, control=control)
        for (together, control, alike), at in places.items()
    ]
    # What all environments have in common first, what is in none of them last.
    return sorted(entries, key=lambda entry: (PIPELINE in entry.environments, -len(entry.environments), entry))


def _columns(delivery: Delivery) -> list[str]:
    return [*(environment.name for environment in delivery.environments), PIPELINE]


def _environment(place: str, delivery: Delivery) -> str:
    parts = place.split("/")
    return next((name for name in _columns(delivery) if parts[:2] == ["PipelineStack", name]), PIPELINE)


def _open(rule: str, delivery: Delivery) -> str:
    """The rule with the names and accounts of environments left open, so that environments can be compared."""
    accounts = {delivery.account, *(environment.account for environment in delivery.environments)}
    slugs = (environment.slug for environment in delivery.environments)
    named = re.sub("|".join(sorted(accounts)), "{account}", rule)
    return re.sub(rf"\b({'|'.join(slugs)})\b", "{environment}", named)


def groups(entries: list[Entry]) -> Iterator[tuple[tuple[str, ...], list[Entry]]]:
    """The entries by the environments that they are about, in order."""
    for environments in dict.fromkeys(entry.environments for entry in entries):
        yield environments, [entry for entry in entries if entry.environments == environments]
