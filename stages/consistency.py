"""Checks across the environments of a delivery, each of which is valid in itself."""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from stages.environment import SERVERLESS, SUFFIXES, Environment

INSTANCE_SIZES = ("medium", "large", "xlarge")


def consistency_faults(environments: Sequence[Environment]) -> Iterator[str]:
    """Yields a sentence for each fault in a set of environments, given in delivery order.

    Networks must not overlap, in either region (peered networks cannot, and a standby must be able to join). An
    environment that retains data is production: the last one is, the first is not, as no approval precedes it, and no
    other may be stronger, so that no change meets a limit in production first. It peers with the environment before it
    or with none: no path leads to it from further below.
    """
    yield from _names(environments)
    yield from _overlaps(environments)
    yield from _peerings(environments)
    yield from _shared_channels(environments)
    yield from _shared_names(environments)
    if environments and not environments[-1].retains_data:
        last = environments[-1]
        yield (
            f"{last.name}: data_protection is {last.data_protection.value!r} on the last environment of the delivery; "
            "production must be 'retained'."
        )
    if environments and environments[0].retains_data:
        yield (
            f"{environments[0].name}: data_protection is 'retained' on the first environment of the delivery, which no "
            "approval precedes: give an environment before it."
        )
    for environment in environments[1:]:
        if environment.bake_minutes is None:
            yield f"{environment.name}: bake_minutes is missing on an environment that is not the first: give 30."
    for before, environment in pairwise(environments):
        if environment.retains_data and before.canary is None:
            yield (
                f"{before.name}: canary is missing, so that {environment.name} after it would run the first canary: "
                "give percent 25, step_minutes 2 and bake_minutes 5."
            )
        if environment.retains_data and (before.allowed_domains is None) != (environment.allowed_domains is None):
            one = before if before.allowed_domains is None else environment
            yield (
                f"{one.name}: allowed_domains is missing, and only one of {before.name} and {environment.name} has it: "
                "give both a list, or neither."
            )
    for production in (environment for environment in environments if environment.retains_data):
        for other in (environment for environment in environments if not environment.retains_data):
            yield from _weaknesses(production, other)


def account_faults(tooling: object, environments: Sequence[Environment]) -> Iterator[str]:
    """Yields a sentence for each account that tooling or an environment that retains data shares.

    IAM does not limit an administrator of the account: code of another environment that runs in the pipeline's or
    production's account can bypass every gate.
    """
    for environment in environments:
        if environment.account == tooling:
            yield (
                f"{environment.name}: account is {tooling!r}, the tooling account: give another one, or a reason in "
                "delivery.trial."
            )
    for one, other in combinations(environments, 2):
        if one.account == other.account != tooling and (one.retains_data or other.retains_data):
            retaining = one if one.retains_data else other
            yield (
                f"{other.name}: account is {other.account!r}, that of {one.name}, and {retaining.name} retains data: "
                "give another one, or a reason in delivery.trial."
            )


RESERVED = {
    "assets": "a stage of the pipeline",
    "build": "a stage of the pipeline",
    "source": "a stage of the pipeline",
}
RESERVED |= {"delivery": "the path of the pipeline's parameters"}


def _names(environments: Sequence[Environment]) -> Iterator[str]:
    """Names of resources contain the environment's in lower case; a recovered environment has a suffix."""
    taken = dict(RESERVED)
    for environment in environments:
        for name in (environment.slug, *(f"{environment.slug}{suffix.lower()}" for suffix in SUFFIXES)):
            if name in taken:
                yield f"{environment.name}: name is taken, {name!r} is {taken[name]}: give another one."
            taken[name] = f"that of {environment.name}, or of its recovery"


def _overlaps(environments: Sequence[Environment]) -> Iterator[str]:
    networks = [
        (environment.name, field, network)
        for environment in environments
        for field, network in environment.networks().items()
    ]
    for (name, field, network), (other_name, other_field, other) in combinations(networks, 2):
        if network.overlaps(other):
            yield (
                f"{other_name}: {other_field} is '{other}', which overlaps {field} '{network}' of {name}: "
                "give every network of every environment a range of its own."
            )


def _peerings(environments: Sequence[Environment]) -> Iterator[str]:
    for before, environment in zip((None, *environments), environments, strict=False):
        if environment.peers_with is None:
            continue
        if before is None or environment.peers_with != before.name:
            remedy = f"give '{before.name}', the one before it, or false" if before else "give false, it is the first"
            yield f"{environment.name}: peers_with is {environment.peers_with!r}: {remedy}."
        elif before.retains_data:
            yield (
                f"{environment.name}: peers_with is {environment.peers_with!r}, which retains data: no environment may "
                "reach into production; give false."
            )


def _shared_channels(environments: Sequence[Environment]) -> Iterator[str]:
    """An account can configure a chat channel only once."""
    owners: dict[tuple[str, object], str] = {}
    for environment in environments:
        levels = environment.alarm_targets.by_level().values() if environment.alarm_targets else ()
        for channel in dict.fromkeys(channel for targets in levels for channel in targets.chats):
            owner = owners.setdefault((environment.account, channel), environment.name)
            if owner != environment.name:
                yield (
                    f"{environment.name}: alarm_targets has the chat channel {channel.channel_id} of {owner} in the "
                    "same account, which can configure it only once: give another channel."
                )


def _shared_names(environments: Sequence[Environment]) -> Iterator[str]:
    owners: dict[str, str] = {}
    for environment in environments:
        if environment.dns and environment.dns.secondary:
            yield f"{environment.name}: dns.secondary is True: leave it out, only a recovered environment has it."
        if environment.dns:
            name = environment.dns.record_name
            owner = owners.setdefault(name, environment.name)
            if owner != environment.name:
                yield f"{environment.name}: dns.record_name is {name!r}, the name of {owner}: give another name."


def _weaknesses(production: Environment, other: Environment) -> Iterator[str]:
    def weaker(field: str, ours: object, theirs: object, remedy: str) -> str:
        return f"{production.name}: {field} is {ours!r}, weaker than {other.name} with {theirs!r}: give {remedy}."

    for field in ("min_tasks", "max_tasks", "nat_gateways", "endpoint_zones", "database_instances"):
        ours, theirs = getattr(production, field), getattr(other, field)
        if ours < theirs:
            yield weaker(field, ours, theirs, f"at least {theirs}")
    for field in ("cpu_percent", "memory_percent", "response_time_ms", "error_rate_percent"):
        ours, theirs = getattr(production.alarms, field), getattr(other.alarms, field)
        if ours > theirs:
            yield weaker(f"alarms.{field}", ours, theirs, f"at most {theirs}")
    objective, their_objective = production.alarms.availability_percent, other.alarms.availability_percent
    if objective < their_objective:
        yield weaker("alarms.availability_percent", objective, their_objective, f"at least {their_objective}")
    canary, their_canary = production.canary, other.canary
    if canary and their_canary:
        if canary.percent > their_canary.percent:
            yield weaker("canary.percent", canary.percent, their_canary.percent, f"at most {their_canary.percent}")
        for field in ("step_minutes", "bake_minutes"):
            ours, theirs = getattr(canary, field), getattr(their_canary, field)
            if ours < theirs:
                yield weaker(f"canary.{field}", ours, theirs, f"at least {theirs}")
    capacity, their_capacity = production.database_capacity, other.database_capacity
    if capacity and their_capacity and (capacity[0] < their_capacity[0] or capacity[1] < their_capacity[1]):
        yield weaker("database_capacity", capacity, their_capacity, "at least as much of each")
    instance, their_instance = production.database_instance_class, other.database_instance_class
    if _strength(instance) < _strength(their_instance):
        yield weaker("database_instance_class", instance, their_instance, "the same class or a larger one")


def _strength(instance_class: str) -> tuple[int, int]:
    """Orders Aurora instance classes: serverless, burstable ones (T family), the others; within each by size."""
    if instance_class == SERVERLESS:
        return (0, 0)
    _, family, size = instance_class.split(".")
    # Sizes above xlarge have a factor: 2xlarge, 24xlarge.
    factor = size.removesuffix("xlarge")
    rank = INSTANCE_SIZES.index(size) if size in INSTANCE_SIZES else len(INSTANCE_SIZES) + int(factor)
    return (1 if family.startswith("t") else 2, rank)
