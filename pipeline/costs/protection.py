"""Keys, secrets and the firewall."""

from collections.abc import Iterator

from pipeline.costs.line import Bill, CostLine

TYPES = {"AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::WAFv2::WebACL"}


def protection(bill: Bill) -> Iterator[CostLine]:
    """What it costs; a key's first two rotations add a dollar each, which is left out."""
    if keys := len(bill.of("AWS::KMS::Key")):
        yield bill.line("Keys", "key-month", keys)
    for secret in bill.of("AWS::SecretsManager::Secret"):
        yield bill.line("Secrets", "secret-month", 1)
        for replica in secret.get("ReplicaRegions", []):
            yield bill.line("Secrets", "secret-month", 1, region=replica["Region"])
    masters = sum(bool(cluster.get("ManageMasterUserPassword")) for cluster in bill.of("AWS::RDS::DBCluster"))
    if masters:
        yield bill.line("Secrets", "secret-month", masters)
    for firewall in bill.of("AWS::WAFv2::WebACL"):
        yield bill.line("Firewall", "firewall-month", 1)
        yield bill.line("Firewall", "firewall-rule-month", len(firewall["Rules"]))
        yield bill.line("Firewall", "firewall-request-million", bill.usage.requests_million)
