"""What the pictures know of an environment's platform: what stands in it, how large, and what is copied to where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Something of the primary region that keeps data.

    Args:
        name: What is kept.
        detail: How, in a few words.
        used: Whether the service speaks to it.
        saves: Whether it keeps copies of the database.
        beside: Where what it cannot handle goes, and when; None where there is no such thing.
        replica: Its copy in the DR region: a name, and how it gets there; None where nothing is copied.
    """

    name: str
    detail: str
    used: bool = False
    saves: bool = False
    beside: tuple[str, str] | None = None
    replica: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What watches over a region, and what says what stands there: how many of each.

    Args:
        alarms: The gate's among them, and those that are composed of others.
        gates: Those that stop a deployment.
    """

    alarms: int
    gates: int
    dashboards: int
    keys: int
    parameters: int
    manifests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The VPC of an environment.

    Args:
        cidr: Its addresses.
        zones: Its zones, in order.
        tiers: Its kinds of subnet, from the internet inwards.
        nat_gateways: The zone of each.
        endpoints: How many services are reached without the internet.
    """

    cidr: str
    zones: tuple[str, ...]
    tiers: tuple[str, ...]
    nat_gateways: tuple[str, ...]
    endpoints: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The service and what stands before it.

    Args:
        listeners: Protocol and port of each.
        firewalls: How many stand before the load balancer.
        tasks: At least, at most.
        size: Of a task.
    """

    listeners: tuple[str, ...]
    firewalls: int
    tasks: tuple[int, int]
    size: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """The database.

    Args:
        engine: With its version.
        instances: Role and zone of each, the writer first.
        instance_class: Theirs.
    """

    engine: str
    instances: tuple[tuple[str, str], ...]
    instance_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """An earlier environment that this one is peered with, and the ports that it is admitted to there."""

    name: str
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """An environment as its two templates declare it.

    Args:
        name: The environment's.
        region: Its primary region.
        recovery_region: Its DR region.
        network: Its VPC.
        service: Its service.
        database: Its database.
        stores: What else keeps data, in the order in which it is drawn.
        peer: The environment that it is peered with; None where it asks for no peering.
        watch: Over the primary region.
        recovery_watch: Over the DR region.
        audit_lock: How long its audit log cannot be deleted.
        recoverable: How far back the database can be restored to any second.
        protected: Whether its stacks refuse to be deleted.
    """

    name: str
    region: str
    recovery_region: str
    network: Network
    service: Service
    database: Database
    stores: tuple[Store, ...]
    peer: Peer | None
    watch: Watch
    recovery_watch: Watch
    audit_lock: str
    recoverable: str
    protected: bool
