"""The settings of one environment as a typed record, checked as it is made."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from enum import Enum
from ipaddress import IPv4Network
from typing import Any, Self

from payment_constructs.database import ENGINE_VERSION, MAJOR_VERSION
from payment_constructs.dns import DnsName
from payment_constructs.dns_firewall import domain_faults
from payment_constructs.firewall import DEFAULT_LIMITS, FirewallLimits
from payment_constructs.image import PLATFORMS, ServiceImage, image_contract
from payment_constructs.monitoring.targets import AlarmLevels
from payment_constructs.service import Canary


class SettingsError(ValueError):
    """All faults found in the settings: a sentence each, with the environment, the field, its value and the remedy."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(("The settings are invalid:", *(f"  - {fault}" for fault in self.faults))))

    @classmethod
    def raise_if_any(cls: type[Self], faults: Iterable[str]) -> None:
        """Raises one error for all the faults; returns when there is none."""
        if found := tuple(faults):
            raise cls(found)


class DataProtection(Enum):
    """What happens to an environment's data when its resources are deleted."""

    DESTROYABLE = "destroyable"
    """Nothing is retained or protected from deletion, and buckets are emptied."""
    RETAINED = "retained"
    """Data outlives its stack: deletion protection, termination protection, RETAIN or SNAPSHOT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmThresholds:
    """The thresholds of an environment's alarms."""

    cpu_percent: float  # mean of the service
    memory_percent: float  # mean of the service
    response_time_ms: int  # 99th percentile
    error_rate_percent: float  # responses with a 5xx status per 100 requests
    availability_percent: float  # objective for burn rates: requests per 100 without a 5xx status, over 30 days

    def faults(self) -> Iterator[str]:
        """Yields a sentence for each field that is out of range."""
        for field in fields(self):
            value = getattr(self, field.name)
            most = 60_000 if field.name == "response_time_ms" else 100
            if not 0 < value <= most:
                yield f"alarms.{field.name} is {value}: give more than 0 and at most {most:,}."
        if self.availability_percent == 100:  # noqa: PLR2004 - all requests
            yield "alarms.availability_percent is 100: give less, since 100 leaves no error budget to burn."


DAYS = re.compile(r"(MON|TUE|WED|THU|FRI|SAT|SUN)([-,](MON|TUE|WED|THU|FRI|SAT|SUN))*")
TIME_ZONE = re.compile(r"UTC|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentWindow:
    """The hours of a week in which deployments may start."""

    days: str  # as in cron, such as MON-THU
    first_hour: int  # 0 to 23; the window opens as it begins
    last_hour: int  # 0 to 23; the window closes as it ends
    time_zone: str  # such as Asia/Singapore

    def faults(self) -> Iterator[str]:
        """Yields a sentence for each invalid field."""
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
        """Every second of those hours, in the form that CodePipeline's DeploymentWindow rule reads.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-DeploymentWindow.html
        """
        return f"* * {self.first_hour}-{self.last_hour} ? * {self.days} *"


NAME = re.compile(r"[A-Z][A-Za-z0-9]{1,14}|Sandbox-[a-z][a-z0-9]{0,6}")
"""At most 15 characters: a bucket's name has at most 63, and contains the account and the region too."""
SUFFIX = "Dr"
SUFFIXES = (SUFFIX, *(f"{SUFFIX}{number}" for number in range(2, 10)))
"""Of the names of recovered environments: the resources of the first fail-over keep their names for years."""
ACCOUNT = re.compile(r"[0-9]{12}")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
ROLE = re.compile(r"([\w.@=,+-]+/)*[\w.@=,+-]{1,64}", re.ASCII)
OTHER_PARTITIONS = ("cn-", "us-gov-", "us-iso", "eu-iso")
PRIVATE = [IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
"""RFC 1918. Python's `is_private` covers more: loopback, link-local, benchmark and reserved networks."""
INSTANCE_CLASS = re.compile(
    r"db\.(t[1-9][a-z]*\.(medium|large)|[rx][1-9][a-z]*\.(large|(2|4|8|12|16|24|32|48)?xlarge)|serverless)"
)
"""https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.SupportAurora.html"""
ENGINE = re.compile(rf"{MAJOR_VERSION}\.[0-9]{{1,2}}")
SERVERLESS = "db.serverless"
MOST_CAPACITY = 256
"""ACUs: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html"""
CERTIFICATE = re.compile(r"arn:aws:acm:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):certificate/[0-9a-f-]{36}")
EMAIL = re.compile(r"[^@\s]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment of the delivery.

    Raises:
        SettingsError: With every fault of the record.
    """

    name: str  # the id of its Stage; resource names carry it in lower case
    account: str
    primary_region: str  # of the payment stack
    dr_region: str  # of the disaster-recovery stack; never the primary region
    availability_zones: tuple[str, str, str]  # of the primary region; given, because a look-up needs credentials
    vpc_cidr: str  # a private network of /16 to /20
    dr_vpc_cidr: str  # reserved for a VPC in the DR region, so that a standby can be added and peered
    dr_availability_zones: tuple[str, str, str] | None = None  # of the DR region; None: it cannot be recovered there

    nat_gateways: int = 3
    """One per zone. Each one less saves about 43 USD a month; a zone without one loses egress with another zone."""
    endpoint_zones: int = 3
    """Zones of each of the seven interface endpoints, 0 to 3. Each one less saves about 66 USD a month. With 0, calls
    to AWS leave through the NAT gateways, over TLS, and are charged per GB."""
    database_instance_class: str  # such as db.r6g.large, or db.serverless
    database_capacity: tuple[float, float] | None = None
    """Minimum and maximum ACUs (2 GiB each, in steps of 0.5) of a serverless database; None for any other class.
    With a minimum of 0 an instance pauses after five minutes without a connection, costs only its storage, and takes
    about 15 seconds to resume. A pool that keeps a connection open, an RDS Proxy, logical replication or a global
    database prevents the pause."""
    database_instances: int = 2  # a writer and its readers, in different zones
    database_engine_version: str = ENGINE_VERSION
    """The minor version that a new cluster gets. RDS upgrades a running one by itself, in its maintenance window."""
    min_tasks: int
    max_tasks: int
    spot: bool = False
    """Whether tasks run on Fargate Spot: about 70 % cheaper; AWS may stop them at two minutes' notice, or have none."""

    alarms: AlarmThresholds
    data_protection: DataProtection = DataProtection.DESTROYABLE
    certificate_arn: str  # in ACM, for the public load balancer: in the primary region of the account
    alarm_email: str  # receives the alarms of both regions
    image: str  # the service's container image in ECR, by digest
    architecture: str = "ARM64"  # or X86_64: of the image, and so of the tasks, which cost about 20 % more on it
    canary: Canary | None = None  # None: a rolling deployment, which a circuit breaker ends when no task starts
    bake_minutes: int | None = None  # how long the gate alarms are watched after a deployment; None: not at all
    deployment_window: DeploymentWindow | None = None  # None: at any time
    monthly_budget_usd: int  # both regions together
    peers_with: str | None = None
    """The environment before it in the delivery, whose database can be administered from this one. None until a
    client uses the link (docs/decisions/0005-peering-is-a-chain.md)."""

    break_glass_role: str = "payment-break-glass"
    """The role, with its path, that people assume in an emergency: it may destroy keys and ask the database. It need
    not exist; a role of IAM Identity Center is aws-reserved/sso.amazonaws.com/REGION/AWSReservedSSO_NAME_ID."""

    alarm_targets: AlarmLevels | None = None
    """On-call services, SNS topics and chat channels that receive alarms besides the mailbox, by level."""

    firewall: FirewallLimits = DEFAULT_LIMITS
    """What the web application firewall admits: requests per source address, length of a body."""

    allowed_domains: tuple[str, ...] | None = None
    """The domains, besides AWS's, whose names the VPC may resolve, such as those of card networks. None: every name, so
    that the service's HTTPS reaches every host on the internet (docs/operations.md#limit-outbound-names)."""

    dns: DnsName | None = None
    """The public name of the load balancer; without one, the team points its own DNS to the load balancer's name."""

    def __post_init__(self) -> None:
        SettingsError.raise_if_any(f"{self.name or 'environment'}: {fault}" for fault in self._faults())

    @property
    def slug(self) -> str:
        """The name as resource names carry it."""
        return self.name.lower()

    @property
    def service_image(self) -> ServiceImage:
        """The image, parsed."""
        image = ServiceImage.parse(self.image)
        assert image is not None  # noqa: S101 - checked as the record was made
        return image

    @property
    def retains_data(self) -> bool:
        """Whether data outlives its stack."""
        return self.data_protection is DataProtection.RETAINED

    def networks(self) -> dict[str, IPv4Network]:
        """The address ranges, by field name."""
        return {"vpc_cidr": IPv4Network(self.vpc_cidr), "dr_vpc_cidr": IPv4Network(self.dr_vpc_cidr)}

    def as_document(self) -> dict[str, Any]:
        """The configuration as JSON values for the manifest, without the name and what is not set.

        Also without settings that the inventory does not need, since the manifest has at most 4 KB.
        """
        document = asdict(self) | {
            "availability_zones": list(self.availability_zones),
            "data_protection": self.data_protection.value,
            "database_capacity": list(self.database_capacity) if self.database_capacity else None,
        }
        left_out = {"name", "alarm_targets", "allowed_domains", "break_glass_role"}
        left_out |= {"database_engine_version", "dr_availability_zones", "firewall"}
        return {field: value for field, value in document.items() if field not in left_out and value is not None}

    def _faults(self) -> Iterator[str]:
        """Yields a sentence for each fault: the field, its value and the remedy."""
        yield from self._location_faults()
        yield from self._network_faults()
        yield from self._capacity_faults()
        yield from self._serverless_faults()
        yield from self.alarms.faults()
        yield from self._certificate_faults()
        yield from self._release_faults()
        if not self.alarm_email:
            yield "alarm_email is missing: give the address that receives the alarms."
        elif not (isinstance(self.alarm_email, str) and EMAIL.fullmatch(self.alarm_email)):
            yield f"alarm_email is {self.alarm_email!r}: give one e-mail address, such as on-call@example.com."
        if isinstance(self.alarm_targets, AlarmLevels):
            found = self.alarm_targets.faults(
                account=self.account, primary_region=self.primary_region, dr_region=self.dr_region
            )
            yield from (f"alarm_targets.{fault}" for fault in found)
        elif self.alarm_targets is not None:
            yield f"alarm_targets is {self.alarm_targets!r}: give an object with page, ticket or both."
        yield from (f"firewall.{fault}" for fault in self.firewall.faults())
        if self.allowed_domains is not None:
            yield from domain_faults(self.allowed_domains)
        if isinstance(self.dns, DnsName):
            yield from (f"dns.{fault}" for fault in self.dns.faults())
        elif self.dns is not None:
            yield f"dns is {self.dns!r}: give an object with zone_id, zone_name and record_name."
        if not ROLE.fullmatch(self.break_glass_role):
            yield f"break_glass_role is {self.break_glass_role!r}: give the name of an IAM role, after its path if any."
        # The text 'retained' equals no member of the enum, and data that is not RETAINED is destroyed.
        if not isinstance(self.data_protection, DataProtection):
            yield (
                f"data_protection is {self.data_protection!r}: "
                "give DataProtection.DESTROYABLE or DataProtection.RETAINED."
            )

    def _location_faults(self) -> Iterator[str]:
        if not NAME.fullmatch(self.name):
            yield f"name is {self.name!r}: give 2 to 15 letters and digits with a capital first, such as Test."
        if not self._account_is_valid():
            yield f"account is {self.account!r}: give the 12 digits of an AWS account, in quotes."
        for field in ("primary_region", "dr_region"):
            region = getattr(self, field)
            if not REGION.fullmatch(region):
                yield f"{field} is {region!r}: give an AWS region such as eu-central-1."
            elif region.startswith(OTHER_PARTITIONS):
                yield f"{field} is {region!r}, of another partition than aws: give a region whose ARNs begin arn:aws:."
        if self.primary_region == self.dr_region:
            yield f"dr_region is {self.dr_region!r}, the primary region: give another region."
        yield from self._zone_faults("availability_zones", region=self.primary_region)
        if self.dr_availability_zones and self.dr_region != self.primary_region:
            yield from self._zone_faults("dr_availability_zones", region=self.dr_region)

    def _zone_faults(self, field: str, *, region: str) -> Iterator[str]:
        if REGION.fullmatch(region) and not region.startswith(OTHER_PARTITIONS):
            zones, zone = getattr(self, field), re.compile(re.escape(region) + "[a-z]")
            if len(set(zones)) != 3 or not all(zone.fullmatch(name) for name in zones):  # noqa: PLR2004 - one per subnet
                yield f"{field} is {zones}: give three different zones of {region}."

    def _network_faults(self) -> Iterator[str]:
        for field in ("vpc_cidr", "dr_vpc_cidr"):
            value = getattr(self, field)
            try:
                network = IPv4Network(value)
            except ValueError as error:
                yield f"{field} is {value!r}: {error}; give an IPv4 network such as 10.0.0.0/16."
                continue
            if not any(network.subnet_of(block) for block in PRIVATE):
                yield f"{field} is {value!r}: not private addresses; give a network of RFC 1918 such as 10.0.0.0/16."
            # A VPC is at most a /16; below /20 the nine subnets of three zones and three tiers are smaller than /24.
            if not 16 <= network.prefixlen <= 20:  # noqa: PLR2004
                yield f"{field} is {value!r}: its size is /{network.prefixlen}; give /16 to /20."

    def _capacity_faults(self) -> Iterator[str]:
        if not 1 <= self.nat_gateways <= len(self.availability_zones):
            yield f"nat_gateways is {self.nat_gateways}: give 1 to 3; 3 is one per zone."
        if not 0 <= self.endpoint_zones <= len(self.availability_zones):
            yield f"endpoint_zones is {self.endpoint_zones}: give 0 to 3; 0 is no interface endpoints."
        if not INSTANCE_CLASS.fullmatch(self.database_instance_class):
            yield (
                f"database_instance_class is {self.database_instance_class!r}: "
                "give an Aurora instance class such as db.r6g.large."
            )
        if not ENGINE.fullmatch(self.database_engine_version):
            yield (
                f"database_engine_version is {self.database_engine_version!r}: "
                f"give a minor version of {MAJOR_VERSION}, such as {ENGINE_VERSION}."
            )
        if not 2 <= self.database_instances <= 16:  # noqa: PLR2004 - Aurora: one writer, at most 15 readers
            yield f"database_instances is {self.database_instances}: give 2 to 16, a writer and its readers."
        if self.monthly_budget_usd < 1:
            yield f"monthly_budget_usd is {self.monthly_budget_usd}: give the limit of a month's cost in US dollars."
        if self.min_tasks < 1:
            yield f"min_tasks is {self.min_tasks}: give at least 1; with 0 the service is down."
        if self.min_tasks > self.max_tasks:
            yield (
                f"min_tasks is {self.min_tasks}, above max_tasks {self.max_tasks}: lower min_tasks or raise max_tasks."
            )
        if self.spot and self.retains_data:
            yield "spot is true on an environment that retains data: AWS may stop its tasks at any time; give false."

    def _serverless_faults(self) -> Iterator[str]:
        capacity = self.database_capacity
        if (self.database_instance_class == SERVERLESS) != (capacity is not None):
            yield (
                f"database_capacity is {capacity} and database_instance_class is {self.database_instance_class!r}: "
                f"give {SERVERLESS} with a capacity such as (0.5, 2), or neither."
            )
        if capacity is None:
            return
        least, most = capacity
        if not (least >= 0 and 1 <= most <= MOST_CAPACITY) or any(units * 2 % 1 for units in capacity):
            yield (
                f"database_capacity is {capacity}: give 0 to {MOST_CAPACITY} ACUs in steps of 0.5, "
                "with a maximum of at least 1."
            )
        elif least > most:
            yield f"database_capacity is {capacity}: give the minimum first, then a maximum that is not below it."
        if least == 0 and self.retains_data:
            yield (
                f"database_capacity is {capacity} on an environment that retains data: the first payment after a pause "
                "would wait for the database; give at least 0.5."
            )

    def _certificate_faults(self) -> Iterator[str]:
        # JSON has more types than text, and a missing setting is None.
        given = self.certificate_arn
        certificate = CERTIFICATE.fullmatch(given) if isinstance(given, str) else None
        if not given:
            yield (
                "certificate_arn is missing and the environment is internet-facing: "
                f"give the ARN of an ACM certificate in {self.primary_region}."
            )
        elif not certificate:
            yield f"certificate_arn is {given!r}: give arn:aws:acm:REGION:ACCOUNT:certificate/ID."
        elif self._account_is_valid() and (
            (certificate["region"], certificate["account"]) != (self.primary_region, self.account)
        ):
            yield (
                f"certificate_arn is {given!r}: a load balancer accepts certificates of its own region "
                f"and account only; give one of {self.primary_region} in {self.account}."
            )

    def _release_faults(self) -> Iterator[str]:
        if self.architecture not in PLATFORMS:
            yield f"architecture is {self.architecture!r}: give one of {', '.join(PLATFORMS)}, that of the image."
        if not (isinstance(self.image, str) and ServiceImage.parse(self.image)):
            yield (
                f"image is {self.image!r}: give an ECR image by its digest, never by a tag, such as "
                f"ACCOUNT.dkr.ecr.{self.primary_region}.amazonaws.com/payment-service@sha256:<64 hex digits>. "
                f"{image_contract(self.architecture)}"
            )
        elif (region := self.service_image.region) != self.primary_region:
            yield f"image is in {region}: give one in {self.primary_region}, where tasks pull it and it is watched."
        if self.canary is not None:
            yield from self.canary.faults()
            if self.retains_data and self.canary.step_minutes < 5:  # noqa: PLR2004 - the deployment alarm: 3 of 5 minutes
                yield (
                    f"canary.step_minutes is {self.canary.step_minutes} on an environment that retains data: give at "
                    "least 5, so that the deployment alarm can fire while the new release has few requests."
                )
        if self.bake_minutes is not None and not 25 <= self.bake_minutes <= 720:  # noqa: PLR2004
            # A message needs 15 minutes to become a dead letter, which the gate then sees within ten (queue.py of
            # payment_constructs/monitoring); half a day is the longest that Amazon itself bakes a first wave.
            yield (
                f"bake_minutes is {self.bake_minutes}: give 25 to 720 minutes, or leave it out to watch no gate alarm."
            )
        if self.deployment_window is not None:
            yield from self.deployment_window.faults()
        for field in ("canary", "bake_minutes", "deployment_window"):
            if self.retains_data and getattr(self, field) is None:
                yield f"{field} is missing on an environment that retains data: give one."

    def _account_is_valid(self) -> bool:
        # JSON has numbers too, and an account may begin with a zero.
        return isinstance(self.account, str) and ACCOUNT.fullmatch(self.account) is not None
