"""The alarm topics, the gate and health alarms, the thresholds and the dashboards of an environment."""

import json
from typing import Any

import pytest

from payment_constructs.database import local_storage_bytes, max_connections, memory_bytes, pauses
from payment_constructs.monitoring.gate import GATE_ALARMS
from pipeline.settings import Delivery
from stages.environment import Environment
from tests.alarms import COMPOSITE, alarm_named, alarms, runbook
from tests.templates import Assembly, references

STACKS = ("Payment", "DisasterRecovery")


def alarm_of(assembly: Assembly, environment: Environment, what: str, *, stack: str = "Payment") -> dict[str, Any]:
    return alarm_named(assembly.template(f"{environment.name}-{stack}"), f"payment-{what}-{environment.slug}")


@pytest.mark.parametrize("stack", STACKS)
def test_the_topic_is_encrypted_with_a_key_that_cloudwatch_may_use(
    assembly: Assembly, environment: Environment, stack: str
) -> None:
    name = f"{environment.name}-{stack}"
    topic = assembly.only(name, "AWS::SNS::Topic")
    assert topic["TopicName"] == f"payment-alarms-{environment.slug}"
    key = assembly.resources(name, "AWS::KMS::Key")[next(references(topic["KmsMasterKeyId"]))]
    (statement,) = (one for one in key["KeyPolicy"]["Statement"] if one.get("Sid") == "Alarms")
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": environment.account}}


@pytest.mark.parametrize("stack", STACKS)
def test_only_cloudwatch_of_the_account_publishes_and_only_over_tls(
    assembly: Assembly, environment: Environment, stack: str
) -> None:
    name = f"{environment.name}-{stack}"
    policy = assembly.only(name, "AWS::SNS::TopicPolicy")
    assert set(references(policy["Topics"])) == set(assembly.resources(name, "AWS::SNS::Topic"))
    statements = policy["PolicyDocument"]["Statement"]
    (refusal,) = (one for one in statements if one["Effect"] == "Deny")
    allowance, *others = (one for one in statements if one["Effect"] == "Allow")
    assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (refusal["Principal"], refusal["Action"]) == ("*", "sns:Publish")
    assert allowance["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowance["Condition"] == {"StringEquals": {"aws:SourceAccount": environment.account}}
    # And the rules of this stack.
    rules = {rule for rule, one in assembly.resources(name, "AWS::Events::Rule").items() if "EventPattern" in one}
    assert {one["Principal"]["Service"] for one in others} <= {"events.amazonaws.com"}
    assert {rule for one in others for rule in references(one["Condition"]["ArnEquals"]["aws:SourceArn"])} == rules


def test_a_deployment_that_does_not_start_notifies(assembly: Assembly, environment: Environment) -> None:
    name = f"{environment.name}-Payment"
    rules = assembly.resources(name, "AWS::Events::Rule").values()
    (rule,) = (one for one in rules if one.get("EventPattern", {}).get("source") == ["aws.ecs"])
    assert rule["EventPattern"]["detail"] == {"eventName": ["SERVICE_DEPLOYMENT_FAILED", "SERVICE_TASK_START_IMPAIRED"]}
    service = f"payment-service-{environment.slug}"
    region = f"ap-southeast-1:{environment.account}"
    assert rule["EventPattern"]["resources"] == [f"arn:aws:ecs:{region}:service/{service}/{service}"]
    topic = f"arn:aws:sns:{region}:payment-alarms-{environment.slug}"
    assert [target["Arn"] for target in rule["Targets"]] == [topic]
    (key,) = references(assembly.only(name, "AWS::SNS::Topic")["KmsMasterKeyId"])
    statements = assembly.resources(name, "AWS::KMS::Key")[key]["KeyPolicy"]["Statement"]
    (events,) = (one for one in statements if one["Principal"].get("Service") == "events.amazonaws.com")
    # A condition on the account would deny it: AlarmTopic.allow_rule.
    assert events["Condition"] == {"StringEquals": {"kms:EncryptionContext:aws:sns:topicArn": topic}}


def test_a_deployment_is_late_after_its_steps_and_20_minutes(assembly: Assembly, environment: Environment) -> None:
    minutes = 20 + (environment.canary.step_minutes + environment.canary.bake_minutes if environment.canary else 0)
    late = alarm_of(assembly, environment, "deployment-late")
    assert (late["DatapointsToAlarm"], late["EvaluationPeriods"]) == (minutes, minutes)
    expression, *metrics = late["Metrics"]
    assert {metric["MetricStat"]["Period"] for metric in metrics} == {60}
    # Two revisions of the service count as deployments, or run more tasks than are desired.
    assert expression["Expression"] == (
        "IF(FILL(deployments, 0) > 1, 1, 0) + IF(FILL(running, 0) > FILL(desired, 0), 1, 0)"
    )


@pytest.mark.parametrize("gate", GATE_ALARMS)
def test_each_gate_alarm_is_a_metric_alarm(assembly: Assembly, environment: Environment, gate: str) -> None:
    alarm = alarm_of(assembly, environment, gate)
    assert "AlarmRule" not in alarm, "a CloudWatchAlarm rule finds no composite alarm"
    assert runbook(alarm) == "gate"
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create-alarm-on-metric-math-expression.html
    assert len([query for query in alarm.get("Metrics", []) if "MetricStat" in query]) <= 10


def test_a_silent_database_closes_the_gate(assembly: Assembly, environment: Environment) -> None:
    # In metric math, missing data counts as 0: the alarm has none, so that missing data can breach.
    alarm = alarm_of(assembly, environment, "gate-database")
    assert (alarm["MetricName"], alarm["Statistic"], alarm["TreatMissingData"]) == (
        "CPUUtilization",
        "Maximum",
        "breaching",
    )


def test_the_gate_watches_new_dead_letters_for_as_long_as_a_message_needs(
    assembly: Assembly, environment: Environment
) -> None:
    queue = next(
        queue
        for queue in assembly.resources(f"{environment.name}-Payment", "AWS::SQS::Queue").values()
        if "RedrivePolicy" in queue
    )
    seconds = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
    gate = alarm_of(assembly, environment, "gate-dead-letters")
    expression, letters = gate["Metrics"]
    assert expression["Expression"] == "DIFF(FILL(dead_letters, 0))"
    period = letters["MetricStat"]["Period"]
    assert (gate["DatapointsToAlarm"], gate["EvaluationPeriods"] * period) == (1, seconds)
    if environment.bake_minutes is not None:
        # The last of the attempts, the data point that contains it, and the next evaluation.
        assert environment.bake_minutes * 60 >= seconds + 2 * period


@pytest.mark.parametrize("gate", ["gate", "gate-database"])
def test_a_gate_on_missing_data_depends_on_every_database_instance(
    assembly: Assembly, environment: Environment, gate: str
) -> None:
    resources = assembly.template(f"{environment.name}-Payment")["Resources"]
    (found,) = (
        resource
        for resource in resources.values()
        if resource.get("Properties", {}).get("AlarmName") == f"payment-{gate}-{environment.slug}"
    )
    instances = {name for name, resource in resources.items() if resource["Type"] == "AWS::RDS::DBInstance"}
    assert instances
    assert instances <= set(found["DependsOn"])


def test_the_health_alarm_combines_every_alarm_of_the_region(assembly: Assembly, environment: Environment) -> None:
    template = assembly.template(f"{environment.name}-Payment")
    health = alarm_of(assembly, environment, "health")
    burn_rate_parts = {
        part for alarm in alarms(template).values() if is_burn_rate(alarm) for part in references(alarm["AlarmRule"])
    }
    single = {
        name for name, alarm in alarms(template).items() if runbook(alarm) not in ("gate", "health")
    } - burn_rate_parts
    assert set(references(health["AlarmRule"])) == single
    # CloudWatch refuses an alarm rule with more than 100 alarms.
    assert len(single) <= 100, "split the health alarm in payment_constructs/monitoring"


def is_burn_rate(alarm: dict[str, Any]) -> bool:
    return str(runbook(alarm)).startswith("burn-rate") and "AlarmRule" in alarm


def test_the_dr_region_has_no_composite_alarm(assembly: Assembly, environment: Environment) -> None:
    # A composite alarm cannot refer to alarms of another region.
    assert assembly.resources(f"{environment.name}-DisasterRecovery", COMPOSITE) == {}


def test_database_thresholds_follow_the_instance_class(assembly: Assembly, environment: Environment) -> None:
    connections = {"db.t4g.medium": 315, "db.r6g.large": 1261}[environment.database_instance_class]
    memory = {"db.t4g.medium": 4, "db.r6g.large": 16}[environment.database_instance_class] * 2**30
    for instance in range(1, environment.database_instances + 1):
        assert alarm_of(assembly, environment, f"database-instance{instance}-connections")["Threshold"] == connections
        free = alarm_of(assembly, environment, f"database-instance{instance}-free-memory")
        assert free["Threshold"] == pytest.approx(memory * 0.05, abs=1)
        storage = alarm_of(assembly, environment, f"database-instance{instance}-local-storage")
        assert storage["Threshold"] == pytest.approx(2 * memory * 0.2, abs=1)
        assert free["ComparisonOperator"] == storage["ComparisonOperator"] == "LessThanThreshold"
        assert alarm_of(assembly, environment, f"database-instance{instance}-cpu")["Threshold"] == 80


def test_service_thresholds_are_those_of_the_environment(assembly: Assembly, environment: Environment) -> None:
    levels = environment.alarms
    assert {
        what: alarm_of(assembly, environment, what)["Threshold"]
        for what in (
            "service-cpu",
            "service-memory",
            "service-response-time",
            "service-error-rate",
            "service-healthy-hosts",
            "burn-rate-fast-long",
        )
    } == {
        "service-cpu": levels.cpu_percent,
        "service-memory": levels.memory_percent,
        "service-response-time": levels.response_time_ms / 1000,
        "service-error-rate": levels.error_rate_percent,
        "service-healthy-hosts": environment.min_tasks,
        "burn-rate-fast-long": pytest.approx(14.4 * (100 - levels.availability_percent)),
    }


@pytest.mark.parametrize(
    ("instance_class", "gibibytes", "connections"),
    [
        ("db.t3.medium", 4, 450),
        ("db.t4g.large", 8, 901),
        ("db.r6g.large", 16, 1802),
        ("db.r6g.xlarge", 32, 3604),
        ("db.r6g.2xlarge", 64, 5000),
        ("db.r7g.16xlarge", 512, 5000),
        ("db.x2g.large", 32, 3604),
    ],
)
def test_max_connections_follow_memory_up_to_5000(instance_class: str, gibibytes: int, connections: int) -> None:
    assert memory_bytes(instance_class) == gibibytes * 2**30
    assert max_connections(instance_class) == connections


@pytest.mark.parametrize(
    ("instance_class", "gibibytes"),
    [
        *(("db.t3.medium", 7.5), ("db.t4g.medium", 8.13), ("db.t4g.large", 16.5), ("db.r6g.large", 32)),
        *(("db.r6g.4xlarge", 252), ("db.r8g.large", 31), ("db.r7i.24xlarge", 1500), ("db.x2g.large", 67)),
    ],
)
def test_local_storage_is_about_that_of_the_table_of_aws(instance_class: str, gibibytes: float) -> None:
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.Managing.html
    assert local_storage_bytes(instance_class) == pytest.approx(gibibytes * 2**30, rel=0.07)


@pytest.mark.parametrize(
    ("capacity", "gibibytes", "connections"),
    [((0, 1), 2, 225), ((0.5, 2), 4, 450), ((0.5, 64), 128, 2000), ((1, 16), 32, 3604), ((1, 64), 128, 5000)],
)
def test_serverless_memory_and_connections_follow_the_capacity(
    capacity: tuple[float, float], gibibytes: int, connections: int
) -> None:
    assert memory_bytes("db.serverless", capacity=capacity) == gibibytes * 2**30
    assert max_connections("db.serverless", capacity=capacity) == connections


@pytest.mark.parametrize(("capacity", "may_pause"), [(None, False), ((0.5, 2), False), ((0, 1), True)])
def test_only_a_database_with_minimum_capacity_zero_pauses(
    capacity: tuple[float, float] | None, may_pause: bool
) -> None:
    assert pauses(capacity) == may_pause


def test_queue_thresholds_are_the_specified_values(assembly: Assembly, environment: Environment) -> None:
    assert alarm_of(assembly, environment, "processing-depth")["Threshold"] == 1000
    queue = next(
        queue
        for queue in assembly.resources(f"{environment.name}-Payment", "AWS::SQS::Queue").values()
        if "RedrivePolicy" in queue
    )
    attempts = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
    assert alarm_of(assembly, environment, "processing-age")["Threshold"] == attempts
    dead_letters = alarm_of(assembly, environment, "processing-dead-letters")
    assert (dead_letters["Threshold"], dead_letters["EvaluationPeriods"]) == (0, 1)


def test_audit_replication_lag_has_its_alarm_in_the_destination_region(
    assembly: Assembly, environment: Environment
) -> None:
    late = alarm_of(assembly, environment, "audit-replication-late", stack="DisasterRecovery")
    assert (late["MetricName"], late["Threshold"], late["TreatMissingData"]) == ("ReplicationLatency", 900, "breaching")
    failed = alarm_of(assembly, environment, "audit-replication-failed")
    assert (failed["MetricName"], failed["Threshold"]) == ("OperationsFailedReplication", 0)


def dashboard(assembly: Assembly, stack: str) -> dict[str, Any]:
    properties = assembly.only(stack, "AWS::CloudWatch::Dashboard")
    body = properties["DashboardBody"]
    parts = body["Fn::Join"][1] if isinstance(body, dict) else [body]
    text = "".join(part if isinstance(part, str) else "token" for part in parts)
    return {"name": properties["DashboardName"], **json.loads(text)}


def test_the_dashboard_shows_every_alarm_and_the_specified_graphs(assembly: Assembly, environment: Environment) -> None:
    shown = dashboard(assembly, f"{environment.name}-Payment")
    assert shown["name"] == f"payment-overview-{environment.slug}"
    heading, state, *graphs = shown["widgets"]
    for fact in (environment.name, "ap-southeast-1", "docs/operations.md#runbooks"):
        assert fact in heading["properties"]["markdown"]
    template = assembly.template(f"{environment.name}-Payment")
    parts = {
        part for alarm in alarms(template).values() if is_burn_rate(alarm) for part in references(alarm["AlarmRule"])
    }
    assert len(state["properties"]["alarms"]) == len(set(alarms(template)) - parts)
    titles = {graph["properties"]["title"] for graph in graphs}
    assert {"Requests", "Response time (p99)", "CPU", "Memory", "Database connections", "Queue depth"} <= titles
    assert {title for title in titles if title.startswith("Replication lag")} == {
        "Replication lag: access-logs",
        "Replication lag: audit",
        "Replication lag: database readers",
        "Replication lag: sessions to us-west-2",
    }


@pytest.mark.parametrize("stack", STACKS)
def test_every_environment_has_the_same_dashboard(assembly: Assembly, delivery: Delivery, stack: str) -> None:
    titles = [
        [widget["properties"].get("title") for widget in dashboard(assembly, f"{one.name}-{stack}")["widgets"]]
        for one in delivery.environments
    ]
    assert titles == [titles[0]] * len(titles)


def test_the_dr_dashboard_shows_the_replication_lag(assembly: Assembly, environment: Environment) -> None:
    shown = dashboard(assembly, f"{environment.name}-DisasterRecovery")
    # Dashboards are global: the same name in both regions would be one dashboard.
    assert shown["name"] == f"payment-recovery-{environment.slug}"
    heading, _, *graphs = shown["widgets"]
    assert f"Environment: **{environment.name}**" in heading["properties"]["markdown"]
    assert "Replication lag: audit" in {graph["properties"]["title"] for graph in graphs}


@pytest.mark.parametrize("stack", STACKS)
def test_dashboard_widgets_do_not_overlap(assembly: Assembly, environment: Environment, stack: str) -> None:
    covered: set[tuple[int, int]] = set()
    for widget in dashboard(assembly, f"{environment.name}-{stack}")["widgets"]:
        area = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not area & covered
        assert max(x for x, _ in area) < 24
        covered |= area
