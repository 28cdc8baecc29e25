"""Variants of an environment's record: with every cost setting on, as a sandbox, recovered in the DR region."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from uuid import UUID

from stages.environment import ENGINE, SERVERLESS, SUFFIXES, Environment, SettingsError


def frugal(environment: Environment) -> Environment:
    """The record with every cost setting that its other settings allow (decision 0009).

    An environment that retains data is unchanged: each cost setting removes something that customers would miss. Where
    the gate alarms are watched after a deployment (``bake_minutes``), the database never pauses, since one needs its
    metrics, and one zone keeps its endpoints, so that releases use them before production does.
    """
    if environment.retains_data:
        return environment
    watched = environment.bake_minutes is not None
    return replace(
        environment,
        nat_gateways=1,
        endpoint_zones=1 if watched else 0,
        database_instance_class=SERVERLESS,
        database_capacity=(0.5, 2) if watched else (0, 1),
        database_instances=2,
        spot=True,
    )


SANDBOX_NAME = re.compile(r"[a-z][a-z0-9]{0,6}")
"""At most 7 characters: a bucket's name has at most 63, and carries the account and the region too."""

NETWORKS, DR_NETWORKS = IPv4Network("10.64.0.0/11"), IPv4Network("10.96.0.0/11")
"""Reserved for sandboxes; a test checks that no environment of the delivery uses them."""

PREFIX_LENGTH = 20

SANDBOX_BUDGET_USD = 280
"""A month of 31 days: Dev with every cost setting (decision 0009) plus 20 %."""


def sandbox(name: object, *, dev: Environment) -> Environment:
    """A developer's own environment: the delivery's first one with every cost setting.

    Its networks follow from a hash of the name. One in 512 pairs of sandboxes shares a network, which does no harm:
    sandboxes are never connected.

    Raises:
        SettingsError: When resource names cannot carry the name.
    """
    if not (isinstance(name, str) and SANDBOX_NAME.fullmatch(name)):
        raise SettingsError(
            [f"sandbox is {name!r}: give 1 to 7 lowercase letters and digits, a letter first: -c sandbox=alice."]
        )
    index = int(hashlib.sha256(name.encode()).hexdigest(), 16)
    return replace(
        frugal(dev),
        name=f"Sandbox-{name}",
        vpc_cidr=_subnet(NETWORKS, index),
        dr_vpc_cidr=_subnet(DR_NETWORKS, index),
        monthly_budget_usd=SANDBOX_BUDGET_USD,
        peers_with=None,
        alarm_targets=None,
        dns=None,
    )


def _subnet(network: IPv4Network, index: int) -> str:
    size = 2 ** (network.max_prefixlen - PREFIX_LENGTH)
    return f"{network.network_address + index % (network.num_addresses // size) * size}/{PREFIX_LENGTH}"


FALLBACK_REGIONS = ("us-east-2", "us-west-2", "eu-west-1")


def recovered(
    environment: Environment, *, certificate_arn: str, failover: object = 1, engine_version: str | None = None
) -> Environment:
    """The record of the same platform in its DR region, under a name of its own, which is numbered from the second on.

    The names of the lost environment are in use, by its roles, which are global, and by its replicas in this region.
    The VPC gets the addresses reserved for it, so that it can be peered with what is left of the lost one. The image is
    pulled from the replica of its repository in this region. The certificate is one of this region, for the same host.

    The engine version is that of the lost database, which RDS has upgraded since its creation: RDS restores no snapshot
    into an older one, and some day creates no cluster of the older one.

    Raises:
        SettingsError: With every fault of the record, such as a certificate of another region.
    """
    region, zones, pinned = (
        environment.dr_region,
        environment.dr_availability_zones,
        environment.database_engine_version,
    )
    if zones is None:
        raise SettingsError([f"dr_availability_zones is missing: give three zones of {region}."])
    if not re.fullmatch("[1-9]?", str(failover)):
        raise SettingsError([f"failover is {failover!r}: leave it out for the first one, or give 2 to 9."])
    if engine_version and ENGINE.fullmatch(engine_version) and _minor(engine_version) < _minor(pinned):
        raise SettingsError(
            [
                f"engine is {engine_version!r}, below {pinned} of the settings, and the lost database ran at least "
                f"that: give {pinned} or a later one. A snapshot can be restored into a later minor version."
            ]
        )
    return replace(
        environment,
        name=f"{environment.name}{SUFFIXES[int(str(failover) or 1) - 1]}",
        primary_region=region,
        dr_region=fallback_region(environment),
        availability_zones=zones,
        dr_availability_zones=None,
        database_engine_version=engine_version or pinned,
        vpc_cidr=environment.dr_vpc_cidr,
        dr_vpc_cidr=environment.vpc_cidr,
        certificate_arn=certificate_arn,
        image=environment.image.replace(f".ecr.{environment.primary_region}.", f".ecr.{region}."),
        peers_with=None,
        alarm_targets=environment.alarm_targets and environment.alarm_targets.recovered(),
        dns=environment.dns and replace(environment.dns, secondary=True),
    )


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


def fallback_region(environment: Environment) -> str:
    """The DR region of the recovered environment: none that the environment has or had."""
    own = (environment.primary_region, environment.dr_region)
    return next(region for region in FALLBACK_REGIONS if region not in own)


def recovery_faults(environment: Environment) -> Iterator[str]:
    """Yields a sentence for each fault of the recovered record, so that the day of a disaster finds none."""
    certificate = f"arn:aws:acm:{environment.dr_region}:{environment.account}:certificate/{UUID(int=0)}"
    try:
        recovered(environment, certificate_arn=certificate, failover=len(SUFFIXES))  # the longest name
    except SettingsError as error:
        for fault in error.faults:
            yield f"{environment.name}: cannot be recovered in {environment.dr_region}, as {fault}"


def environment_to_recover(environments: Sequence[Environment], *, name: object) -> Environment:
    """The environment of that name.

    Raises:
        SettingsError: When there is none.
    """
    for environment in environments:
        if environment.name == name:
            return environment
    names = ", ".join(environment.name for environment in environments)
    raise SettingsError([f"recover is {name!r}: the environments are {names}."])
