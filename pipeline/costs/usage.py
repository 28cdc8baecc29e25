"""What templates do not say: how much an environment is used. A month of a platform that begins to be used."""

from dataclasses import asdict, dataclass

HOURS = 730
"""Hours of a month, as AWS's own calculator has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A month's use of one environment.

    Args:
        requests_million: Requests of clients; each is judged by the firewall, and reads and writes its session.
        lcus: Load balancer capacity units, on average.
        nat_gb: What the NAT gateways pass on.
        endpoint_gb: What the interface endpoints pass on.
        database_gb: What the database stores.
        database_io_million: Its reads and writes of storage.
        awake_hours: How long a database is awake that pauses by itself, at one capacity unit.
        sessions_gb: What the session table stores.
        audit_gb: What each audit log stores.
        audit_new_gb: What is added to it, and replicated.
        log_objects_thousand: Objects, in thousands, that are put into each bucket.
        log_gb: What all log groups of an environment take in.
        delivery_log_gb: What the builds and functions of the pipeline log.
        insight_metrics: Metrics that Container Insights makes of the cluster.
        backup_copies: How many whole copies the daily backups of a data store are worth, increments added up.
        deliveries: Releases that go through the pipeline.
        build_minutes: Minutes of all builds of one release.
    """

    requests_million: float = 5
    lcus: float = 1
    nat_gb: float = 100
    endpoint_gb: float = 50
    database_gb: float = 20
    database_io_million: float = 20
    awake_hours: float = 60
    sessions_gb: float = 1
    audit_gb: float = 20
    audit_new_gb: float = 5
    log_objects_thousand: float = 50
    log_gb: float = 20
    delivery_log_gb: float = 2
    insight_metrics: int = 40
    backup_copies: float = 5
    deliveries: int = 40
    build_minutes: float = 20

    def as_text(self) -> str:
        """The assumptions in one line."""
        return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in asdict(self).items())
