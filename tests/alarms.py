"""Alarm coverage: which alarms a set of templates must have, and which of them are missing."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.templates import Assembly, Template, references

ALARM = "AWS::CloudWatch::Alarm"
COMPOSITE = "AWS::CloudWatch::CompositeAlarm"
RUNBOOK = re.compile(r"Runbook: docs/operations\.md#(?P<anchor>[a-z0-9-]+)$")

SUMMARIES = {"burn-rate", "burn-rate-gradual", "deployment", "gate"}
"""Runbooks of alarms that combine metrics of several resources; they do not count as a resource's own alarm."""

STORES = ("Aurora", "DynamoDB")
"""The resource types that the plan backs up."""

METRICS = {
    "AWS::EC2::NatGateway": {"ErrorPortAllocation", "PacketsDropCount"},
    "AWS::ECS::Service": {"CPUUtilization", "DeploymentCount", "MemoryUtilization"},
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {
        "RequestCount",
        "HTTPCode_Target_5XX_Count",
        "HTTPCode_ELB_5XX_Count",
        "TargetResponseTime",
    },
    "AWS::ElasticLoadBalancingV2::TargetGroup": {"UnHealthyHostCount", "HealthyHostCount"},
    "AWS::RDS::DBCluster": {"AuroraReplicaLagMaximum", "Deadlocks", "MaximumUsedTransactionIDs"},
    "AWS::RDS::DBInstance": {"CPUUtilization", "DatabaseConnections", "FreeLocalStorage", "FreeableMemory"},
}
NAMES = {
    "AWS::Backup::BackupVault": "BackupVaultName",
    "AWS::DynamoDB::GlobalTable": "TableName",
    "AWS::ECS::Service": "ServiceName",
    "AWS::RDS::DBCluster": "DBClusterIdentifier",
    "AWS::RDS::DBInstance": "DBInstanceIdentifier",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredAlarm:
    """A metric that an alarm in a region must watch, and its dimensions: the accepted names of each resource."""

    resource: str
    region: str
    metric: str
    dimensions: tuple[frozenset[str], ...]

    def __str__(self) -> str:
        return (
            f"{self.resource}: no alarm on {self.metric} in {self.region}: add one in payment_constructs/monitoring "
            "(tests/alarms.py lists the metrics of each type)"
        )


def templates_by_region(assembly: Assembly, environment: str) -> dict[str, Template]:
    """The templates of every stack of an environment; the resources of several stacks in one region are merged."""
    merged: dict[str, Template] = {}
    for name, stack in assembly.stacks.items():
        if environment in stack.id.split("/")[:-1]:
            resources = merged.setdefault(stack.environment.region, {"Resources": {}})["Resources"]
            added = assembly.template(name)["Resources"]
            assert not resources.keys() & added.keys(), f"{name}: give its resources logical ids of their own"
            resources |= added
    return merged


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    """The properties of the metric and composite alarms of a template, by logical id."""
    return {
        logical_id: resource["Properties"]
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] in (ALARM, COMPOSITE)
    }


def alarm_named(template: Template, name: str) -> dict[str, Any]:
    """The properties of the alarm with a name."""
    return next(alarm for alarm in alarms(template).values() if alarm["AlarmName"] == name)


def runbook(alarm: Mapping[str, Any]) -> str | None:
    """The runbook anchor at the end of an alarm's description."""
    found = RUNBOOK.search(alarm.get("AlarmDescription", ""))
    return found["anchor"] if found else None


def uncovered(templates: Mapping[str, Template]) -> list[str]:
    """The missing alarms of one environment, whose templates are given by region."""
    watched = {region: list(_watched(template)) for region, template in templates.items()}
    return [
        str(required)
        for required in required_alarms(templates)
        if not any(
            metric == required.metric and all(values & names for names in required.dimensions)
            for metric, values in watched.get(required.region, [])
        )
    ]


def required_alarms(templates: Mapping[str, Template]) -> Iterator[RequiredAlarm]:
    """Every alarm that the resources of an environment must have; its templates are given by region."""
    for region, template in templates.items():
        for logical_id, resource in template["Resources"].items():
            kind, properties = resource["Type"], resource.get("Properties", {})
            where = f"{region}/{logical_id} ({kind})"
            name = properties.get(NAMES.get(kind, ""))
            itself = frozenset({f"@{logical_id}"} | ({name} if isinstance(name, str) else set()))
            for metric in METRICS.get(kind, ()):
                yield RequiredAlarm(resource=where, region=region, metric=metric, dimensions=(itself,))
            if kind in SPECIAL:
                yield from SPECIAL[kind](where, region, itself, properties, template)


def _queue(
    where: str, region: str, itself: frozenset[str], properties: dict[str, Any], _: Template
) -> Iterator[RequiredAlarm]:
    yield RequiredAlarm(
        resource=where, region=region, metric="ApproximateNumberOfMessagesVisible", dimensions=(itself,)
    )
    # Only a queue with a redrive policy has consumers; the age of messages in a dead-letter queue says nothing.
    if "RedrivePolicy" in properties:
        yield RequiredAlarm(resource=where, region=region, metric="ApproximateAgeOfOldestMessage", dimensions=(itself,))


def _table(
    where: str, region: str, itself: frozenset[str], properties: dict[str, Any], _: Template
) -> Iterator[RequiredAlarm]:
    regions = [replica["Region"] for replica in properties["Replicas"]]
    for here in regions:
        name = itself if here == region else frozenset({properties["TableName"]})
        for metric in ("ReadThrottleEvents", "WriteThrottleEvents", "SystemErrors"):
            yield RequiredAlarm(resource=where, region=here, metric=metric, dimensions=(name,))
        for other in regions:
            if other != here:
                yield RequiredAlarm(
                    resource=where, region=here, metric="ReplicationLatency", dimensions=(name, frozenset({other}))
                )


def _bucket(
    where: str, region: str, itself: frozenset[str], properties: dict[str, Any], _: Template
) -> Iterator[RequiredAlarm]:
    for rule in properties.get("ReplicationConfiguration", {}).get("Rules", []):
        bucket = rule["Destination"]["Bucket"].removeprefix("arn:aws:s3:::")
        destination = re.search(r"[a-z]{2}-[a-z]+-[0-9]$", bucket)
        assert destination, f"{bucket}: a bucket name ends with its region (stages/names.py)"
        dimensions = (itself, frozenset({bucket}), frozenset({rule["Id"]}))
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
        yield RequiredAlarm(resource=where, region=region, metric="OperationsFailedReplication", dimensions=dimensions)
        yield RequiredAlarm(resource=where, region=destination[0], metric="ReplicationLatency", dimensions=dimensions)


def _vault(
    where: str, region: str, itself: frozenset[str], _: dict[str, Any], template: Template
) -> Iterator[RequiredAlarm]:
    rules = [
        rule
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Backup::BackupPlan"
        for rule in resource["Properties"]["BackupPlan"]["BackupPlanRule"]
        if set(_values(rule["TargetBackupVault"])) & itself
    ]
    if not rules:
        yield RequiredAlarm(resource=where, region=region, metric="NumberOfCopyJobsFailed", dimensions=(itself,))
        return
    for metric in ("Failed", "Expired", "Aborted"):
        yield RequiredAlarm(resource=where, region=region, metric=f"NumberOfBackupJobs{metric}", dimensions=(itself,))
    completed: list[tuple[str, tuple[frozenset[str], ...]]] = [("NumberOfBackupJobsCompleted", (itself,))]
    if any("CopyActions" in rule for rule in rules):
        # AWS reports a copy with the name of its destination, which test_backups.py compares.
        yield RequiredAlarm(resource=where, region=region, metric="NumberOfCopyJobsFailed", dimensions=())
        completed.append(("NumberOfCopyJobsCompleted", ()))
    for metric, vault in completed:
        for store in STORES:
            yield RequiredAlarm(resource=where, region=region, metric=metric, dimensions=(*vault, frozenset({store})))


def _listener(
    where: str, region: str, _: frozenset[str], properties: dict[str, Any], __: Template
) -> Iterator[RequiredAlarm]:
    for certificate in properties.get("Certificates", ()):
        dimensions = (frozenset(_values(certificate["CertificateArn"])),)
        yield RequiredAlarm(resource=where, region=region, metric="DaysToExpiry", dimensions=dimensions)


def _rotation(
    where: str, region: str, _: frozenset[str], properties: dict[str, Any], __: Template
) -> Iterator[RequiredAlarm]:
    function = frozenset(_values(properties["RotationLambdaARN"]))
    yield RequiredAlarm(resource=where, region=region, metric="Errors", dimensions=(function,))
    # A rotation that does not happen has no error: the runs of the daily check are the heartbeat.
    yield RequiredAlarm(resource=where, region=region, metric="Invocations", dimensions=(function,))


def _function(
    where: str, region: str, itself: frozenset[str], properties: dict[str, Any], _: Template
) -> Iterator[RequiredAlarm]:
    if str(properties.get("FunctionName", "")).startswith("payment-database-access-"):
        yield RequiredAlarm(resource=where, region=region, metric="Invocations", dimensions=(itself,))


Special = Callable[[str, str, frozenset[str], dict[str, Any], Template], Iterator[RequiredAlarm]]
SPECIAL: dict[str, Special] = {
    "AWS::Backup::BackupVault": _vault,
    "AWS::DynamoDB::GlobalTable": _table,
    "AWS::ElasticLoadBalancingV2::Listener": _listener,
    "AWS::Lambda::Function": _function,
    "AWS::S3::Bucket": _bucket,
    "AWS::SQS::Queue": _queue,
    "AWS::SecretsManager::RotationSchedule": _rotation,
}


def _watched(template: Template) -> Iterator[tuple[str, set[str]]]:
    """The metrics that the alarms of a template watch, each with the values of its dimensions."""
    for alarm in alarms(template).values():
        if runbook(alarm) in SUMMARIES:
            continue
        metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
        for metric in metrics or [alarm]:
            if metric.get("MetricName") == "Errors" and alarm["ComparisonOperator"] == "LessThanThreshold":
                continue  # subtracted from the runs: a heartbeat does not report a single failure
            values = {value for one in metric.get("Dimensions", []) for value in _values(one["Value"])}
            yield metric.get("MetricName", ""), values


def _values(value: object) -> set[str]:
    """A literal value, or the logical ids that it refers to, each prefixed with @."""
    return {value} if isinstance(value, str) else {f"@{logical_id}" for logical_id in references(value)}
