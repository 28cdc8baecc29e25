"""An environment as it is brought up in its DR region, on the day that its primary region is lost."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Network

from stages.environment import SERVERLESS, Environment, SettingsError


def frugal(environment: Environment) -> Environment:
    """The record with every lever pulled that the environment's own settings leave room for.

    Where data is retained nothing is: each lever takes something away that customers would miss. Where a release is
    watched after its deployment (``bake_minutes``), the gate needs a database that is awake, and what comes next the
    same way to AWS's services; so one zone of endpoints stays, and the database never pauses.

    Args:
        environment: What it is to be like.
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


NAME = re.compile(r"[a-z][a-z0-9]{0,6}")
"""As long as a bucket's name leaves room for it: 63 characters, the account and the region among them."""

NETWORKS, DR_NETWORKS = IPv4Network("10.64.0.0/11"), IPv4Network("10.96.0.0/11")
"""Kept free of the environments of the delivery, which a test holds."""

_PREFIX = 20


def sandbox(name: object, *, dev: Environment) -> Environment:
    """The record of a sandbox.

    Two sandboxes are never connected, so that equal networks of two of them, one case in 512, would harm nobody.

    Args:
        name: The developer's or the ticket's, such as ``alice``.
        dev: What it is like.

    Raises:
        SettingsError: When the name is none that resources can carry.
    """
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        raise SettingsError(
            [f"sandbox is {name!r}: give 1 to 7 small letters and digits, a letter first, as in -c sandbox=alice."]
        )
    place = int(hashlib.sha256(name.encode()).hexdigest(), 16)
    return replace(
        dev,
        name=f"Sandbox-{name}",
        vpc_cidr=_network(NETWORKS, place),
        dr_vpc_cidr=_network(DR_NETWORKS, place),
        peers_with=None,
    )


def _network(among: IPv4Network, place: int) -> str:
    size = 2 ** (among.max_prefixlen - _PREFIX)
    networks = among.num_addresses // size
    return f"{among.network_address + place % networks * size}/{_PREFIX}"


FALLBACK_REGION = "us-east-2"
"""Where the data of the recovered environment is replicated to, for as long as it serves."""

SUFFIX = "Dr"


def recovered(environment: Environment, *, certificate_arn: str) -> Environment:
    """The record of the same platform in the DR region, under a name of its own.

    Names of the lost environment are taken: by roles, which know no regions, and by the replicas that wait there. Its
    network gets the addresses that were kept free for it, so that it can be peered with what is left of the lost one.
    The image is pulled from the DR region's copy of its repository.

    Args:
        environment: What is lost.
        certificate_arn: A certificate of the DR region, for the same host name.

    Raises:
        SettingsError: With every fault of the record, such as a certificate of another region.
    """
    region = environment.dr_region
    return replace(
        environment,
        name=f"{environment.name}{SUFFIX}",
        primary_region=region,
        dr_region=FALLBACK_REGION,
        availability_zones=(f"{region}a", f"{region}b", f"{region}c"),
        vpc_cidr=environment.dr_vpc_cidr,
        dr_vpc_cidr=environment.vpc_cidr,
        certificate_arn=certificate_arn,
        image=environment.image.replace(f".ecr.{environment.primary_region}.", f".ecr.{region}."),
        peers_with=None,
    )


def find_lost(environments: Sequence[Environment], *, name: object) -> Environment:
    """The environment that is to be recovered.

    Raises:
        SettingsError: When there is none of that name.
    """
    for environment in environments:
        if environment.name == name:
            return environment
    names = ", ".join(environment.name for environment in environments)
    raise SettingsError([f"recover is {name!r}: the environments are {names}."])
