"""What can be wrong with one environment, whatever the others look like."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from payment_constructs.service_image import ServiceImage
from stages.data_protection import DataProtection
from stages.lever_faults import lever_faults

if TYPE_CHECKING:
    from stages.environment import Environment

ACCOUNT = re.compile(r"[0-9]{12}")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
PRIVATE = [IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
"""RFC 1918. What Python calls private is more: loopback, link-local, networks for benchmarks and for nobody."""
INSTANCE_CLASS = re.compile(
    r"db\.(t[1-9][a-z]*\.(medium|large)|[rx][1-9][a-z]*\.(large|(2|4|8|12|16|24|32|48)?xlarge)|serverless)"
)
"""https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.SupportAurora.html"""
EMAIL = re.compile(r"[^@\s]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
CERTIFICATE = re.compile(r"arn:aws:acm:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):certificate/[0-9a-f-]{36}")


def environment_faults(environment: "Environment") -> Iterator[str]:
    """Says what is wrong with one record: a sentence each, with the field, the value and the remedy."""
    yield from _place_faults(environment)
    yield from _network_faults(environment)
    yield from _capacity_faults(environment)
    yield from lever_faults(environment)
    yield from environment.alarms.faults()
    yield from _certificate_faults(environment)
    yield from _release_faults(environment)
    yield from _mailbox_faults(environment)
    yield from _protection_faults(environment)


def _place_faults(environment: "Environment") -> Iterator[str]:
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]{1,11}|Sandbox-[a-z][a-z0-9]{0,6}", environment.name):
        yield f"name is {environment.name!r}: give 2 to 12 letters and digits with a capital first, such as Dev."
    if not _is_account(environment.account):
        yield f"account is {environment.account!r}: give the 12 digits of an AWS account, in quotes."
    for field in ("primary_region", "dr_region"):
        if not REGION.fullmatch(getattr(environment, field)):
            yield f"{field} is {getattr(environment, field)!r}: give an AWS region such as ap-southeast-1."
    if environment.primary_region == environment.dr_region:
        yield f"dr_region is {environment.dr_region!r}, the primary region: give another, or nothing is recovered."
    if REGION.fullmatch(environment.primary_region):
        zones = environment.availability_zones
        zone = re.compile(re.escape(environment.primary_region) + "[a-z]")
        if len(set(zones)) != 3 or not all(zone.fullmatch(name) for name in zones):  # noqa: PLR2004 - one per subnet
            yield f"availability_zones is {zones}: give three different zones of {environment.primary_region}."


def _network_faults(environment: "Environment") -> Iterator[str]:
    for field in ("vpc_cidr", "dr_vpc_cidr"):
        value = getattr(environment, field)
        try:
            network = IPv4Network(value)
        except ValueError as error:
            yield f"{field} is {value!r}: {error}; give an IPv4 network such as 10.0.0.0/16."
            continue
        if not any(network.subnet_of(block) for block in PRIVATE):
            yield f"{field} is {value!r}: not private addresses; give a network of RFC 1918 such as 10.0.0.0/16."
        # VPCs end at /16; below /20 nine subnets of a three-zone, three-tier network are smaller than /24.
        if not 16 <= network.prefixlen <= 20:  # noqa: PLR2004
            yield f"{field} is {value!r}: its size is /{network.prefixlen}; give /16 to /20."


def _capacity_faults(environment: "Environment") -> Iterator[str]:
    if not 1 <= environment.nat_gateways <= len(environment.availability_zones):
        yield f"nat_gateways is {environment.nat_gateways}: give 1 to 3, one per zone for zone independence."
    if not INSTANCE_CLASS.fullmatch(environment.database_instance_class):
        yield (
            f"database_instance_class is {environment.database_instance_class!r}: "
            "give an Aurora instance class such as db.r6g.large."
        )
    if not 2 <= environment.database_instances <= 16:  # noqa: PLR2004 - Aurora: one writer, at most 15 readers
        yield f"database_instances is {environment.database_instances}: give 2 to 16, a writer and its readers."
    if environment.monthly_budget_usd < 1:
        yield f"monthly_budget_usd is {environment.monthly_budget_usd}: give the US dollars that a month may cost."
    if environment.min_tasks < 1:
        yield f"min_tasks is {environment.min_tasks}: give at least 1, or the service is down."
    if environment.min_tasks > environment.max_tasks:
        yield f"min_tasks is {environment.min_tasks}, above max_tasks {environment.max_tasks}: lower it or raise that."


def _certificate_faults(environment: "Environment") -> Iterator[str]:
    # JSON has more than text, and a missing setting is None.
    given = environment.certificate_arn
    certificate = CERTIFICATE.fullmatch(given) if isinstance(given, str) else None
    if not given:
        yield (
            "certificate_arn is missing and the environment is internet-facing: "
            f"give the ARN of an ACM certificate in {environment.primary_region}."
        )
    elif not certificate:
        yield f"certificate_arn is {given!r}: give arn:aws:acm:REGION:ACCOUNT:certificate/ID."
    elif _is_account(environment.account) and (
        (certificate["region"], certificate["account"]) != (environment.primary_region, environment.account)
    ):
        yield (
            f"certificate_arn is {given!r}: a load balancer takes certificates of its own region "
            f"and account only; give one of {environment.primary_region} in {environment.account}."
        )


def _release_faults(environment: "Environment") -> Iterator[str]:
    if not (isinstance(environment.image, str) and ServiceImage.parse(environment.image)):
        yield (
            f"image is {environment.image!r}: give an ECR image by its digest, never by a tag, such as "
            f"ACCOUNT.dkr.ecr.{environment.primary_region}.amazonaws.com/payment-service@sha256:<64 hex digits>."
        )
    if environment.canary_percent is not None and not 1 <= environment.canary_percent <= 50:  # noqa: PLR2004
        yield f"canary_percent is {environment.canary_percent}: give 1 to 50, or none to replace task by task."
    if environment.bake_minutes is not None and not 5 <= environment.bake_minutes <= 720:  # noqa: PLR2004
        # The gate alarm judges five minutes; half a day is the longest that Amazon itself bakes a first wave.
        yield f"bake_minutes is {environment.bake_minutes}: give 5 to 720 minutes, or none to watch no gate."
    if environment.deployment_window is not None:
        yield from environment.deployment_window.faults()
    for field in ("bake_minutes", "deployment_window"):
        if environment.retains_data and getattr(environment, field) is None:
            yield f"{field} is missing on an environment that retains data: give one, such as Prod's."


def _mailbox_faults(environment: "Environment") -> Iterator[str]:
    if not environment.alarm_email:
        yield "alarm_email is missing: give the address that alarms are told to."
    elif not (isinstance(environment.alarm_email, str) and EMAIL.fullmatch(environment.alarm_email)):
        yield f"alarm_email is {environment.alarm_email!r}: give one e-mail address, such as on-call@example.com."


def _protection_faults(environment: "Environment") -> Iterator[str]:
    # The text 'retained' equals no member, and what is not retained is destroyed.
    if not isinstance(environment.data_protection, DataProtection):
        yield (
            f"data_protection is {environment.data_protection!r}: "
            "give DataProtection.DESTROYABLE or DataProtection.RETAINED."
        )


def _is_account(value: object) -> bool:
    # JSON has numbers too, and an account may begin with a zero.
    return isinstance(value, str) and ACCOUNT.fullmatch(value) is not None
