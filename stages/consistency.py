"""What can be wrong between environments that are each in order."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from stages.environment import SERVERLESS, Environment

INSTANCE_SIZES = ("medium", "large", "xlarge")


def consistency_faults(environments: Sequence[Environment]) -> Iterator[str]:
    """Says what is wrong with a set of environments, in delivery order.

    Networks must not overlap, in either region (peered networks cannot, and a standby must be able to join). An
    environment that retains data is production: it comes last, and no other may be stronger, or production is the
    first place where a change meets its own figures. It peers with the environment before it or with none, so that
    no path leads from further below.
    """
    yield from _overlaps(environments)
    yield from _peerings(environments)
    if environments and not environments[-1].retains_data:
        last = environments[-1]
        yield (
            f"{last.name}: data_protection is {last.data_protection.value!r} on the last environment of the delivery; "
            "production must be 'retained'."
        )
    for production in (environment for environment in environments if environment.retains_data):
        for other in (environment for environment in environments if not environment.retains_data):
            yield from _weaknesses(production, other)


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
                "give every network of every environment its own range."
            )


def _peerings(environments: Sequence[Environment]) -> Iterator[str]:
    for before, environment in zip((None, *environments), environments, strict=False):
        if environment.peers_with is not None and (before is None or environment.peers_with != before.name):
            remedy = f"give '{before.name}', the one before it, or false" if before else "give false, it is the first"
            yield f"{environment.name}: peers_with is {environment.peers_with!r}: {remedy}."
        elif environment.peers_with is not None and before is not None and before.retains_data:
            yield (
                f"{environment.name}: peers_with is {environment.peers_with!r}, which retains data: nothing may reach "
                "into production; give false."
            )


def _weaknesses(production: Environment, other: Environment) -> Iterator[str]:
    larger_is_stronger: dict[str, tuple[float, float]] = {
        "min_tasks": (production.min_tasks, other.min_tasks),
        "max_tasks": (production.max_tasks, other.max_tasks),
        "nat_gateways": (production.nat_gateways, other.nat_gateways),
        "endpoint_zones": (production.endpoint_zones, other.endpoint_zones),
        "database_instances": (production.database_instances, other.database_instances),
        "alarms.availability_percent": (production.alarms.availability_percent, other.alarms.availability_percent),
    }
    for field, (ours, theirs) in larger_is_stronger.items():
        if ours < theirs:
            yield (
                f"{production.name}: {field} is {ours}, weaker than {other.name} with {theirs}: give at least {theirs}."
            )
    for field in ("cpu_percent", "memory_percent", "response_time_ms", "error_rate_percent"):
        level, their_level = getattr(production.alarms, field), getattr(other.alarms, field)
        if level > their_level:
            yield (
                f"{production.name}: alarms.{field} is {level}, laxer than {other.name} with {their_level}: "
                f"give at most {their_level}."
            )
    capacity, their_capacity = production.database_capacity, other.database_capacity
    if (
        capacity
        and their_capacity
        and any(ours < theirs for ours, theirs in zip(capacity, their_capacity, strict=True))
    ):
        yield (
            f"{production.name}: database_capacity is {capacity}, weaker than {other.name} with {their_capacity}: "
            "give at least as much of each."
        )
    if _strength(production.database_instance_class) < _strength(other.database_instance_class):
        yield (
            f"{production.name}: database_instance_class is {production.database_instance_class!r}, weaker than "
            f"{other.name} with {other.database_instance_class!r}: give the same class or a larger one."
        )


def _strength(instance_class: str) -> tuple[int, int]:
    """Orders Aurora instance classes: serverless, burstable ones (T family), the others; within each by size."""
    if instance_class == SERVERLESS:
        return (0, 0)
    _, family, size = instance_class.split(".")
    # Sizes above xlarge carry their multiple: 2xlarge, 24xlarge.
    multiple = size.removesuffix("xlarge")
    rank = INSTANCE_SIZES.index(size) if size in INSTANCE_SIZES else len(INSTANCE_SIZES) + int(multiple)
    return (1 if family.startswith("t") else 2, rank)
