"""The database: instances by class, or capacity units where it is serverless."""

from collections.abc import Iterator

from pipeline.costs.line import Bill, CostLine
from pipeline.costs.usage import HOURS

TYPES = {"AWS::RDS::DBCluster", "AWS::RDS::DBInstance"}
SERVERLESS = "db.serverless"


def database(bill: Bill) -> Iterator[CostLine]:
    """What it costs, its backups within the cluster's own retention free."""
    clusters = bill.of("AWS::RDS::DBCluster")
    for instance in bill.of("AWS::RDS::DBInstance"):
        if instance["DBInstanceClass"] != SERVERLESS:
            yield bill.line("Database", f"aurora-{instance['DBInstanceClass']}-hour", HOURS)
            continue
        least = min(float(each["ServerlessV2ScalingConfiguration"]["MinCapacity"]) for each in clusters)
        # At 0 it pauses when nobody is connected; else it is billed for its least at any hour.
        yield bill.line("Database", "aurora-acu-hour", least * HOURS if least else bill.usage.awake_hours)
    for _ in clusters:
        yield bill.line("Database", "aurora-storage-gb", bill.usage.database_gb)
        yield bill.line("Database", "aurora-io-million", bill.usage.database_io_million)
