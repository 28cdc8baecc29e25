"""The register of acknowledged findings: how many there are, and each with its resources, rules and control."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.settings import Delivery
from tests.synthesized import acknowledgements, report_in
from tests.templates import Assembly

PACKS = ("AwsSolutions", "PCI.DSS.321", "NIST.800.53.R5")
VALIDATOR, VALIDATOR_RULES = "CloudFormation Validate", "CloudFormation-Validate"
"""The CDK's validator of templates, and the namespace of its rules."""
LIMIT = 36
"""The most findings of the packs to acknowledge in an environment; beyond it the configuration needs a fix.

Five of them name what IAM or AWS does not let us narrow: the reads of a peering by name, the generated name of a
cluster's master secret, AWS's policy for the role that shifts requests, and of the function for people its network
interfaces and the id of a restored cluster.
"""

PIPELINE = "Delivery"
"""The pipeline and its artifact buckets, which belong to no environment."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Entry:
    """Acknowledgements with the same control."""

    environments: tuple[str, ...]  # in the order of deployment
    resources: tuple[str, ...]  # construct paths below the environment
    rules: tuple[str, ...]  # with placeholders for the environment's name and accounts
    control: str


def counts(assembly: Assembly, delivery: Delivery) -> dict[str, Counter[str]]:
    """The number of acknowledged findings (a rule on a resource) by environment and pack."""
    report = report_in(assembly.directory)
    found: dict[str, Counter[str]] = {name: Counter() for name in _columns(delivery)}
    for pack in PACKS:
        findings = {
            (finding["ruleName"], construct["constructPath"])
            for finding in report[pack]["suppressedViolations"]
            for construct in finding["violatingConstructs"]
        }
        for _, path in findings:
            found[_environment(path, delivery)][pack] += 1
    return found


def register(assembly: Assembly, delivery: Delivery) -> list[Entry]:
    """Every acknowledgement; equal ones of several environments and resources are one entry."""
    environments: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for path, rule, control in acknowledgements(assembly):
        environment = _environment(path, delivery)
        resource = path.removeprefix(f"{delivery.stack_name}/{environment}/")
        environments[resource, _without_names(rule, delivery), control].add(environment)
    order = _columns(delivery)
    rules: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (resource, rule, control), names in sorted(environments.items()):
        rules[resource, control, tuple(name for name in order if name in names)].append(rule)
    resources: dict[tuple[tuple[str, ...], str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (resource, control, where), equal in rules.items():
        resources[where, control, tuple(equal)].append(resource)
    entries = [
        Entry(environments=where, resources=tuple(paths), rules=equal, control=control)
        for (where, control, equal), paths in resources.items()
    ]
    # The entries of most environments first, those of the pipeline last.
    return sorted(entries, key=lambda entry: (PIPELINE in entry.environments, -len(entry.environments), entry))


def groups(entries: list[Entry]) -> Iterator[tuple[tuple[str, ...], list[Entry]]]:
    """The entries by environments."""
    for environments in dict.fromkeys(entry.environments for entry in entries):
        yield environments, [entry for entry in entries if entry.environments == environments]


def _columns(delivery: Delivery) -> list[str]:
    return [*(environment.name for environment in delivery.environments), PIPELINE]


def _environment(path: str, delivery: Delivery) -> str:
    parts = path.split("/")
    return next((name for name in _columns(delivery) if parts[:2] == [delivery.stack_name, name]), PIPELINE)


def _without_names(rule: str, delivery: Delivery) -> str:
    """The rule with placeholders for names and accounts, so that it is equal in all environments."""
    accounts = {delivery.account, *(environment.account for environment in delivery.environments)}
    slugs = (environment.slug for environment in delivery.environments)
    anonymous = re.sub("|".join(sorted(accounts)), "{account}", rule)
    return re.sub(rf"\b({'|'.join(slugs)})\b", "{environment}", anonymous)
