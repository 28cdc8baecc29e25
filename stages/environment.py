"""One environment as data: what it is made of, checked as the record is made."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from enum import Enum
from ipaddress import IPv4Network
from typing import Any, Self

from payment_constructs.image import ServiceImage


class SettingsError(ValueError):
    """All faults found in a piece of the settings.

    Args:
        faults: One sentence each, naming the environment, the field, the bad value and the remedy.
    """

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(("The settings are not usable:", *(f"  - {fault}" for fault in self.faults))))

    @classmethod
    def raise_if_any(cls: type[Self], faults: Iterable[str]) -> None:
        """Raises one error for all the faults; returns when there is none."""
        if found := tuple(faults):
            raise cls(found)


class DataProtection(Enum):
    """What becomes of an environment's data when its resources are deleted."""

    DESTROYABLE = "destroyable"
    """Nothing is retained or protected from deletion, and buckets are emptied."""

    RETAINED = "retained"
    """Data outlives its stack: deletion protection, termination protection, RETAIN or SNAPSHOT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmThresholds:
    """The levels at which an environment's alarms fire.

    Args:
        cpu_percent: Mean CPU use of the service.
        memory_percent: Mean memory use of the service.
        response_time_ms: 99th percentile of the response time, in milliseconds.
        error_rate_percent: Responses with a 5xx status per 100 requests.
        availability_percent: The objective that burn rates are reckoned against: requests per 100 that are answered
            without a 5xx status, over 30 days.
    """

    cpu_percent: float
    memory_percent: float
    response_time_ms: int
    error_rate_percent: float
    availability_percent: float

    def faults(self) -> Iterator[str]:
        """Says what is out of range."""
        for field in fields(self):
            value = getattr(self, field.name)
            most = 60_000 if field.name == "response_time_ms" else 100
            if not 0 < value <= most:
                yield f"alarms.{field.name} is {value}: give more than 0 and at most {most:,}."
        if self.availability_percent == 100:  # noqa: PLR2004 - all of them
            yield "alarms.availability_percent is 100: give less, or there is no error budget that could burn."


DAYS = re.compile(r"(MON|TUE|WED|THU|FRI|SAT|SUN)([-,](MON|TUE|WED|THU|FRI|SAT|SUN))*")
TIME_ZONE = re.compile(r"UTC|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentWindow:
    """Whole hours on some days of every week.

    Args:
        days: The days in the words of cron, such as ``MON-THU``.
        first_hour: The hour from whose beginning on it is open, 0 to 23.
        last_hour: The hour with whose end it closes, 0 to 23.
        time_zone: Whose hours they are, such as ``Asia/Singapore``.
    """

    days: str
    first_hour: int
    last_hour: int
    time_zone: str

    def faults(self) -> Iterator[str]:
        """Says what is wrong with it: a sentence each, with the field, the value and the remedy."""
        if not DAYS.fullmatch(self.days):
            yield f"deployment_window.days is {self.days!r}: give days such as MON-THU or MON,WED."
        if not 0 <= self.first_hour <= self.last_hour <= 23:  # noqa: PLR2004 - the hours of a day
            yield (
                f"deployment_window.first_hour is {self.first_hour} and last_hour {self.last_hour}: "
                "give hours from 0 to 23, the first not after the last."
            )
        if not TIME_ZONE.fullmatch(self.time_zone):
            yield f"deployment_window.time_zone is {self.time_zone!r}: give an IANA name such as Asia/Singapore."

    @property
    def cron(self) -> str:
        """Every second of those hours, as CodePipeline's DeploymentWindow rule reads it.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-DeploymentWindow.html
        """
        return f"* * {self.first_hour}-{self.last_hour} ? * {self.days} *"


SERVERLESS = "db.serverless"
MOST_CAPACITY = 256


def lever_faults(environment: "Environment") -> Iterator[str]:
    """Says what is wrong: a sentence each, with the field, the value and the remedy."""
    if not 0 <= environment.endpoint_zones <= len(environment.availability_zones):
        yield f"endpoint_zones is {environment.endpoint_zones}: give 0 to 3, none or one per zone."
    if environment.spot and environment.retains_data:
        yield "spot is True on an environment that retains data: its tasks would be taken away at any time; give False."
    yield from _serverless_faults(environment)


def _serverless_faults(environment: "Environment") -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html."""
    capacity = environment.database_capacity
    if (environment.database_instance_class == SERVERLESS) != (capacity is not None):
        yield (
            f"database_capacity is {capacity} and database_instance_class is {environment.database_instance_class!r}: "
            f"give both of {SERVERLESS}, such as (0.5, 2), or neither."
        )
    if capacity is None:
        return
    least, most = capacity
    if not (least >= 0 and 1 <= most <= MOST_CAPACITY) or any(units * 2 % 1 for units in capacity):
        yield (f"database_capacity is {capacity}: give 0 to {MOST_CAPACITY} ACUs in steps of 0.5, the most at least 1.")
    elif least > most:
        yield f"database_capacity is {capacity}: give the least first, and the most not below it."
    if least == 0 and environment.retains_data:
        yield (
            f"database_capacity is {capacity} on an environment that retains data: a database that pauses keeps the "
            "next payment waiting; give at least 0.5."
        )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment of the delivery.

    Args:
        name: The id of its Stage, such as ``Dev``; resource names carry it in lower case.
        account: The AWS account it is deployed to, 12 digits.
        primary_region: Where the payment stack runs.
        dr_region: Where the disaster-recovery stack runs; never the primary region.
        availability_zones: Three zones of the primary region. Given, because a look-up needs credentials.
        vpc_cidr: The VPC's addresses, a private network of /16 to /20.
        dr_vpc_cidr: Addresses kept free for a VPC in the DR region, so that a standby can be added and peered.
        nat_gateways: One per zone by default; fewer save some 43 USD a month each, and lose egress with their zone.
        endpoint_zones: In how many zones each of the seven interface endpoints stands, 0 to 3. A zone saves some 66 USD
            a month; where none is left, the calls to AWS leave by the NAT gateways, over TLS, and are paid by the GB.
        database_instance_class: Such as ``db.r6g.large``, or ``db.serverless``.
        database_capacity: The least and the most ACUs of a serverless database's instances, 2 GiB each, in steps of
            0.5; None for any other class. With 0 it pauses where nobody has been connected for five minutes, costs its
            storage alone, and takes some 15 seconds to come back. A connection pool that keeps one open, an RDS
            Proxy, logical replication or a global database keeps it awake.
        database_instances: Writer and readers, in different zones; at least two.
        min_tasks: Fewest tasks of the service.
        max_tasks: Most tasks of the service.
        spot: Whether the tasks run on spare capacity: at some 70 % less, and AWS takes it back at two minutes' notice,
            or has none to give.
        alarms: The levels at which alarms fire.
        data_protection: What becomes of the data on deletion.
        certificate_arn: The ACM certificate of the internet-facing load balancer, in the primary region of the account.
        alarm_email: The mailbox that alarms of both regions are told to.
        image: The service's container image in ECR, by its digest.
        canary_percent: The share of requests that a new release is tried on; None replaces task by task.
        bake_minutes: How long its gate alarm is watched after a deployment before the release goes on; None where a
            failure is only retried.
        deployment_window: When it may be deployed to; None at any time.
        monthly_budget_usd: What it may cost a month, both regions together, in US dollars.
        peers_with: The environment before it in the delivery, whose database can be administered from here; None for
            no peering.

    Raises:
        SettingsError: With every fault of the record.
    """

    name: str
    account: str
    primary_region: str
    dr_region: str
    availability_zones: tuple[str, str, str]
    vpc_cidr: str
    dr_vpc_cidr: str
    nat_gateways: int = 3
    endpoint_zones: int = 3
    database_instance_class: str
    database_capacity: tuple[float, float] | None = None
    database_instances: int = 2
    min_tasks: int
    max_tasks: int
    spot: bool = False
    alarms: AlarmThresholds
    data_protection: DataProtection = DataProtection.DESTROYABLE
    certificate_arn: str
    alarm_email: str
    image: str
    canary_percent: int | None = None
    bake_minutes: int | None = None
    deployment_window: DeploymentWindow | None = None
    monthly_budget_usd: int
    peers_with: str | None = None

    def __post_init__(self) -> None:
        SettingsError.raise_if_any(f"{self.name or 'environment'}: {fault}" for fault in environment_faults(self))

    @property
    def slug(self) -> str:
        """The name as resource names carry it."""
        return self.name.lower()

    @property
    def service_image(self) -> ServiceImage:
        """The image in its parts."""
        image = ServiceImage.parse(self.image)
        assert image is not None  # noqa: S101 - checked as the record was made
        return image

    @property
    def retains_data(self) -> bool:
        """Whether data outlives its stack."""
        return self.data_protection is DataProtection.RETAINED

    def networks(self) -> dict[str, IPv4Network]:
        """The address ranges by the field that names them."""
        return {"vpc_cidr": IPv4Network(self.vpc_cidr), "dr_vpc_cidr": IPv4Network(self.dr_vpc_cidr)}

    def as_document(self) -> dict[str, Any]:
        """The configuration as JSON values, for the manifest; without what is not set, and the name beside it."""
        document = asdict(self) | {
            "availability_zones": list(self.availability_zones),
            "data_protection": self.data_protection.value,
            "database_capacity": list(self.database_capacity) if self.database_capacity else None,
        }
        return {field: value for field, value in document.items() if field != "name" and value is not None}
