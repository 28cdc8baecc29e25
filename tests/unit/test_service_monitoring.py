"""The alarms of load balancer, service, error budget and backups, in a stack of their own."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_backup as backup
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template
from constructs import Construct

from payment_constructs.monitoring.alarm import BREACHING, AlarmTopic
from payment_constructs.monitoring.backups import BackupCopyMonitoring, BackupMonitoring
from payment_constructs.monitoring.deployment import DeploymentMonitoring
from payment_constructs.monitoring.error_rate import BurnRateMonitoring
from payment_constructs.monitoring.gate import Breach, Gate, any_breach
from payment_constructs.monitoring.load_balancer import HostMonitoring, LoadBalancerMonitoring
from payment_constructs.monitoring.service import ServiceMonitoring
from stages.environment import Environment
from stages.names import resource_name
from tests.alarms import alarm_named, alarms, required_alarms, runbook, uncovered
from tests.templates import references

REGION = "ap-southeast-1"


@pytest.fixture(scope="module")
def template(environment: Environment) -> dict[str, Any]:
    app = cdk.App(analytics_reporting=False)
    stack = cdk.Stack(app, "Stack", env=cdk.Environment(account=environment.account, region=REGION))
    topic = AlarmTopic(
        stack,
        "Topic",
        name=partial(resource_name, environment=environment),
        email=environment.alarm_email,
        retain=environment.retains_data,
    )
    vpc = ec2.Vpc(stack, "Vpc", availability_zones=["ap-southeast-1a", "ap-southeast-1b"], nat_gateways=0)
    load_balancer = elb.ApplicationLoadBalancer(stack, "LoadBalancer", vpc=vpc)
    target_groups = [
        elb.ApplicationTargetGroup(
            stack, name, vpc=vpc, port=8080, protocol=elb.ApplicationProtocol.HTTP, target_type=elb.TargetType.IP
        )
        for name in ("Targets", "AlternateTargets")
    ]
    load_balancer.add_listener(
        "Listener", port=8080, protocol=elb.ApplicationProtocol.HTTP, default_target_groups=target_groups
    )
    requests = LoadBalancerMonitoring(
        stack,
        "Requests",
        load_balancer=load_balancer,
        error_rate_percent=environment.alarms.error_rate_percent,
        response_time_ms=environment.alarms.response_time_ms,
        topic=topic,
    )
    hosts = HostMonitoring(
        stack,
        "Hosts",
        load_balancer=load_balancer,
        target_groups=target_groups,
        min_hosts=environment.min_tasks,
        topic=topic,
    )
    service = ecs.CfnService(stack, "Service", service_name="payment-service")
    ServiceMonitoring(
        stack,
        "Tasks",
        cluster_name="payment-cluster",
        service_name=service.attr_name,
        cpu_percent=environment.alarms.cpu_percent,
        memory_percent=environment.alarms.memory_percent,
        topic=topic,
    )
    BurnRateMonitoring(
        stack,
        "BurnRate",
        errors=requests.errors,
        availability_percent=environment.alarms.availability_percent,
        topic=topic,
    )
    gate(stack, topic=topic, breaches=hosts.breaches)
    DeploymentMonitoring(
        stack,
        "Deployment",
        name="payment-service",
        breaches=[*requests.breaches, *hosts.unhealthy],
        canary_minutes=40,
        topic=topic,
    )
    vault = backup.CfnBackupVault(stack, "Vault", backup_vault_name="payment-backups")
    backup.CfnBackupPlan(
        stack,
        "Plan",
        backup_plan=backup.CfnBackupPlan.BackupPlanResourceTypeProperty(
            backup_plan_name="daily",
            backup_plan_rule=[
                backup.CfnBackupPlan.BackupRuleResourceTypeProperty(
                    rule_name="daily",
                    target_backup_vault=vault.ref,
                    copy_actions=[
                        backup.CfnBackupPlan.CopyActionResourceTypeProperty(
                            destination_backup_vault_arn="arn:aws:backup:us-west-2:111111111111:backup-vault:copies"
                        )
                    ],
                )
            ],
        ),
    )
    BackupMonitoring(stack, "Backups", vault_name="payment-backups", copy_vault_name="copies", topic=topic)
    return dict(Template.from_stack(stack).to_json())


def gate(scope: Construct, *, topic: AlarmTopic, breaches: Sequence[Breach]) -> None:
    Gate(scope, "Gate", topic=topic, name="gate", metric=any_breach(breaches), missing_data=BREACHING, fault="a fault")


def alarm_of(template: dict[str, Any], what: str, environment: Environment) -> dict[str, Any]:
    return alarm_named(template, f"payment-{what}-{environment.slug}")


def expression(alarm: dict[str, Any]) -> str:
    (result,) = (query["Expression"] for query in alarm["Metrics"] if query["ReturnData"])
    return str(result)


def test_the_request_path_has_every_required_alarm(template: dict[str, Any]) -> None:
    assert {required.resource.split("(")[1].rstrip(")") for required in required_alarms({REGION: template})} == {
        "AWS::Backup::BackupVault",
        "AWS::ECS::Service",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
    }
    assert uncovered({REGION: template}) == []


def test_thresholds_are_those_of_the_environment(template: dict[str, Any], environment: Environment) -> None:
    levels = environment.alarms
    assert {
        what: alarm_of(template, f"service-{what}", environment)["Threshold"]
        for what in ("cpu", "memory", "response-time", "error-rate", "healthy-hosts", "unhealthy-hosts")
    } == {
        "cpu": levels.cpu_percent,
        "memory": levels.memory_percent,
        "response-time": levels.response_time_ms / 1000,
        "error-rate": levels.error_rate_percent,
        "healthy-hosts": environment.min_tasks,
        "unhealthy-hosts": 0,
    }


def test_the_error_rate_is_a_percentage_of_all_requests(template: dict[str, Any], environment: Environment) -> None:
    alarm = alarm_of(template, "service-error-rate", environment)
    errors = "FILL(target_errors, 0) + FILL(balancer_errors, 0)"
    # RequestCount leaves out the requests for which no target was chosen, in a total outage all of them.
    requests = f"IF(FILL(requests, 0) > {errors}, FILL(requests, 0), {errors})"
    # One failed payment of a few is no rate; three in each of three minutes are, also if they are all there are.
    assert expression(alarm) == f"IF({errors} >= 3, 100 * ({errors}) / {requests}, 0)"
    assert expression(alarm_of(template, "gate-errors", environment)) == expression(alarm)
    metrics = {query["Id"]: query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query}
    assert {name: (metric["Metric"]["MetricName"], metric["Stat"]) for name, metric in metrics.items()} == {
        "requests": ("RequestCount", "Sum"),
        "target_errors": ("HTTPCode_Target_5XX_Count", "Sum"),
        "balancer_errors": ("HTTPCode_ELB_5XX_Count", "Sum"),
    }
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (3, 5)


@pytest.mark.parametrize("what", ["service-response-time", "gate-response-time"])
def test_the_response_time_alarms_use_the_p99_of_at_least_20_requests(
    template: dict[str, Any], environment: Environment, what: str
) -> None:
    alarm = alarm_of(template, what, environment)
    assert expression(alarm) == "IF(FILL(requests, 0) >= 20, FILL(response_time, 0), 0)"
    stats = {query["Id"]: query["MetricStat"]["Stat"] for query in alarm["Metrics"] if "MetricStat" in query}
    assert stats == {"requests": "Sum", "response_time": "p99"}


def test_missing_data_breaches_the_healthy_hosts_alarm(template: dict[str, Any], environment: Environment) -> None:
    alarm = alarm_of(template, "service-healthy-hosts", environment)
    assert (alarm["ComparisonOperator"], alarm["TreatMissingData"]) == ("LessThanThreshold", "breaching")
    # ECS moves the hosts from one target group to the other, so only the sum is the number of hosts.
    assert expression(alarm) == "FILL(healthy1, 0) + FILL(healthy2, 0)"
    assert {query["MetricStat"]["Stat"] for query in alarm["Metrics"] if "MetricStat" in query} == {"Minimum"}


@pytest.mark.parametrize("what", ["cpu", "memory"])
def test_cpu_and_memory_alarms_leave_time_for_scaling(
    template: dict[str, Any], environment: Environment, what: str
) -> None:
    alarm = alarm_of(template, f"service-{what}", environment)
    # Target tracking acts after three minutes above 70 %, with a cooldown of one minute: this is five times as long.
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (60, 15, 15)
    assert (alarm["Statistic"], alarm["ComparisonOperator"]) == ("Average", "GreaterThanThreshold")


@pytest.mark.parametrize(
    ("speed", "multiple", "seconds"),
    [
        ("fast", 14.4, {"long": 3600, "short": 300}),
        ("slow", 6, {"long": 21600, "short": 1800}),
        ("gradual", 1, {"long": 3 * 86400, "short": 21600}),
    ],
)
def test_the_burn_rate_alarm_requires_a_long_and_a_short_window(
    template: dict[str, Any], environment: Environment, speed: str, multiple: float, seconds: dict[str, int]
) -> None:
    burn = alarm_of(template, f"burn-rate-{speed}", environment)
    assert " AND " in "".join(part for part in burn["AlarmRule"]["Fn::Join"][1] if isinstance(part, str))
    windows = {name: alarms(template)[name] for name in references(burn["AlarmRule"])}
    assert {window["AlarmName"] for window in windows.values()} == {
        f"payment-burn-rate-{speed}-{length}-{environment.slug}" for length in seconds
    }
    for length, period in seconds.items():
        window = alarm_of(template, f"burn-rate-{speed}-{length}", environment)
        budget = 100 - environment.alarms.availability_percent
        assert window["Threshold"] == pytest.approx(multiple * budget)
        (seconds_of_one,) = {query["MetricStat"]["Period"] for query in window["Metrics"] if "MetricStat" in query}
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        assert seconds_of_one <= 86400
        assert seconds_of_one * window["EvaluationPeriods"] == period
        assert "IF(FILL(target_errors, 0) + FILL(balancer_errors, 0) >= 10, 100 * (" in expression(window)
        assert window["TreatMissingData"] == "notBreaching"  # also in a night without requests
        assert "AlarmActions" not in window
        assert "InsufficientDataActions" in window


def test_the_gate_checks_hosts_errors_and_response_time(template: dict[str, Any], environment: Environment) -> None:
    assert expression(alarm_of(template, "gate", environment)) == (
        "IF(FILL(unhealthy1, 0) + FILL(unhealthy2, 0) > 0, 1, 0)"
        f" + IF(FILL(healthy1, 0) + FILL(healthy2, 0) < {environment.min_tasks}, 1, 0)"
    )
    levels = environment.alarms
    for what, threshold in (
        ("gate-errors", levels.error_rate_percent),
        ("gate-response-time", levels.response_time_ms / 1000),
    ):
        alarm = alarm_of(template, what, environment)
        assert (alarm["Threshold"], alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (threshold, 3, 5)


def test_the_deployment_alarm_checks_what_a_release_can_break(
    template: dict[str, Any], environment: Environment
) -> None:
    alarm = alarm_of(template, "deployment", environment)
    levels, checked = environment.alarms, expression(alarm)
    for condition in (
        f", 0) > {levels.error_rate_percent}, 1, 0)",
        f"IF(IF(FILL(requests, 0) >= 20, FILL(response_time, 0), 0) > {levels.response_time_ms / 1000}, 1, 0)",
        "IF(FILL(unhealthy1, 0) + FILL(unhealthy2, 0) > 0, 1, 0)",
    ):
        assert condition in checked
    # A failed request of a few is no reason to roll back.
    assert "FILL(balancer_errors, 0) >= 3, 100 * (" in checked
    metrics = {query["Id"]: query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query}
    assert {metric["MetricName"] for metric in metrics.values()} == {
        "RequestCount",
        "HTTPCode_Target_5XX_Count",
        "HTTPCode_ELB_5XX_Count",
        "TargetResponseTime",
        "UnHealthyHostCount",
    }
    assert len(metrics) <= 10, "CloudWatch accepts ten metrics in an alarm"
    # ECS ignores an alarm that is on when a deployment starts: nothing may turn it on before there is any task.
    unfilled = re.sub(r"FILL\(\w+, 0\)", "", checked)
    assert [name for name in metrics if name in unfilled] == []
    assert alarm["TreatMissingData"] == "notBreaching"


BACKUPS = {"MetricName": "NumberOfBackupJobsCompleted", "BackupVaultName": "payment-backups"}
# AWS reports a copy with the name of its destination.
COPIES = {"MetricName": "NumberOfCopyJobsCompleted", "BackupVaultName": "copies"}


@pytest.mark.parametrize(
    ("what", "watched"),
    [
        ("backup-missing", BACKUPS | {"ResourceType": "Aurora"}),
        ("backup-missing-sessions", BACKUPS | {"ResourceType": "DynamoDB"}),
        ("backup-copy-missing", COPIES | {"ResourceType": "Aurora"}),
        ("backup-copy-missing-sessions", COPIES | {"ResourceType": "DynamoDB"}),
    ],
)
def test_26_hours_without_a_backup_or_copy_of_a_store_raise_an_alarm(
    template: dict[str, Any], environment: Environment, what: str, watched: dict[str, str]
) -> None:
    missing = alarm_of(template, what, environment)
    dimensions = {one["Name"]: one["Value"] for one in missing["Dimensions"]}
    assert {"MetricName": missing["MetricName"], **dimensions} == watched
    assert missing["ComparisonOperator"] == "LessThanThreshold"
    assert missing["Period"] * missing["EvaluationPeriods"] == 26 * 3600
    assert (missing["Threshold"], missing["TreatMissingData"]) == (1, "breaching")


def test_backup_copies_have_alarms_in_the_destination_region(environment: Environment) -> None:
    stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account=environment.account, region="us-west-2"))
    topic = AlarmTopic(
        stack, "Topic", name=partial(resource_name, environment=environment), email="a@b.test", retain=False
    )
    backup.CfnBackupVault(stack, "Vault", backup_vault_name="payment-copies")
    BackupCopyMonitoring(stack, "Copies", vault_name="payment-copies", topic=topic)
    assert uncovered({"us-west-2": dict(Template.from_stack(stack).to_json())}) == []


def test_every_alarm_links_a_runbook(template: dict[str, Any]) -> None:
    assert all(runbook(alarm) for alarm in alarms(template).values())


@pytest.fixture
def topic() -> AlarmTopic:
    stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="1" * 12, region=REGION))
    return AlarmTopic(stack, "Topic", name="payment-{}-dev".format, email="a@b.test", retain=False)


def test_two_metrics_of_one_name_are_refused_in_a_gate(topic: AlarmTopic) -> None:
    queues = [sqs.Queue(topic, name).metric_number_of_messages_sent() for name in ("One", "Two")]
    breaches = [
        Breach(condition=f"letters > {number}", metrics={"letters": each}) for number, each in enumerate(queues)
    ]
    with pytest.raises(ValueError, match="letters means two metrics, in letters > 0 and in letters > 1"):
        gate(topic, topic=topic, breaches=breaches)


def test_breaches_may_share_a_metric(topic: AlarmTopic) -> None:
    queue = {"letters": sqs.Queue(topic, "Queue").metric_number_of_messages_sent()}
    conditions = ("letters > 1", "letters < 0")
    gate(topic, topic=topic, breaches=[Breach(condition=each, metrics=queue) for each in conditions])


def test_two_alarms_of_one_name_are_refused(topic: AlarmTopic) -> None:
    BackupCopyMonitoring(topic, "One", vault_name="one", topic=topic)
    with pytest.raises(ValueError, match=r"One/.* and Stack/Topic/Two/.* have the same name, payment-backup-copy"):
        BackupCopyMonitoring(topic, "Two", vault_name="two", topic=topic)
