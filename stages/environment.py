"""One environment as data: what it is made of, checked as the record is made."""

from dataclasses import asdict, dataclass
from ipaddress import IPv4Network
from typing import Any

from payment_constructs.service_image import ServiceImage
from stages.alarm_thresholds import AlarmThresholds
from stages.data_protection import DataProtection
from stages.deployment_window import DeploymentWindow
from stages.environment_faults import environment_faults
from stages.settings_error import SettingsError


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
