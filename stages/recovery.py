"""An environment as it is brought up in its DR region, on the day that its primary region is lost."""

from collections.abc import Sequence
from dataclasses import replace

from stages.environment import Environment
from stages.settings_error import SettingsError

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
