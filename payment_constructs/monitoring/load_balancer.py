"""Alarms on the load balancer: error rate, response time, and healthy and unhealthy hosts."""

from collections.abc import Mapping, Sequence
from functools import partial

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from payment_constructs.monitoring.alarm import (
    BELOW,
    BREACHING,
    MINUTE,
    NOT_BREACHING,
    Alarm,
    AlarmTopic,
    aws_metric,
    metric_math,
)
from payment_constructs.monitoring.dashboard import graph
from payment_constructs.monitoring.error_rate import ErrorRate
from payment_constructs.monitoring.gate import Breach, Gate

MIN_ERRORS = 3
"""Errors in a minute, below which they do not count: one failed payment of a quiet night is no rate. The burn rates
count them over hours, and the healthy hosts cover an outage without requests."""

MIN_REQUESTS = 20
"""Requests in a minute, below which response times do not count: the slowest of a few is no percentile."""


class LoadBalancerMonitoring(Construct):
    """Alarms on the error rate and the response time, over all target groups."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        load_balancer: elb.IApplicationLoadBalancer,
        error_rate_percent: float,  # 5xx responses per 100 requests
        response_time_ms: int,  # 99th percentile
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self.errors = ErrorRate(load_balancer)
        response_time = load_balancer.metrics.target_response_time(period=MINUTE, statistic="p99")
        seconds = response_time_ms / 1000
        errors = self.errors.metrics()
        percent = self.errors.percent(period=MINUTE, at_least=MIN_ERRORS)
        # CloudWatch's own check for low samples would ignore a minute of less than 10 / (1 - 0.99) = 1,000 requests:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
        sampled = f"IF(FILL(requests, 0) >= {MIN_REQUESTS}, FILL(response_time, 0), 0)"
        times = {"requests": errors["requests"], "response_time": response_time}
        p99 = metric_math("p99", sampled, times)
        # No request is no error; the alarm on healthy hosts covers an outage.
        alarm = partial(Alarm, self, topic=topic, datapoints=3, periods=5, missing_data=NOT_BREACHING)
        error_rate = alarm(
            "ErrorRate",
            metric=percent,
            threshold=error_rate_percent,
            description="Too many requests fail with a 5xx status.",
            runbook="service-error-rate",
        )
        slow = alarm(
            "ResponseTime",
            metric=p99,
            threshold=seconds,
            description="The 99th percentile of the response time is too high.",
            runbook="service-response-time",
        )
        self.alarms = [error_rate, slow]
        gate = partial(Gate, self, topic=topic, missing_data=NOT_BREACHING)
        self.gates = [
            gate("ErrorsGate", name="gate-errors", metric=percent, threshold=error_rate_percent, fault="requests fail"),
            gate(
                "ResponseTimeGate",
                name="gate-response-time",
                metric=p99,
                threshold=seconds,
                fault="responses take too long",
            ),
        ]
        # For a deployment.
        self.breaches = [
            Breach(condition=f"{ErrorRate.expression(at_least=MIN_ERRORS)} > {error_rate_percent}", metrics=errors),
            Breach(condition=f"{sampled} > {seconds}", metrics=times),
        ]
        self.widgets = [
            graph("Requests", load_balancer.metrics.request_count(period=MINUTE), unit="requests"),
            graph("Error rate", error_rate.metric, alarms=[error_rate], unit="%"),
            graph("Response time (p99)", response_time, alarms=[slow], unit="s"),
        ]


class HostMonitoring(Construct):
    """Alarms on unhealthy hosts and on too few healthy ones, counted over all target groups.

    A canary deployment moves hosts from one target group to the other, so neither group alone has all of them.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        load_balancer: elb.ApplicationLoadBalancer,
        target_groups: Sequence[elb.ApplicationTargetGroup],
        min_hosts: int,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        metric = partial(aws_metric, "AWS/ApplicationELB")
        groups = [
            {"LoadBalancer": load_balancer.load_balancer_full_name, "TargetGroup": group.target_group_full_name}
            for group in target_groups
        ]
        unhealthy: dict[str, cloudwatch.IMetric] = {
            f"unhealthy{number}": metric(group, "UnHealthyHostCount", statistic="Maximum")
            for number, group in enumerate(groups, start=1)
        }
        healthy: dict[str, cloudwatch.IMetric] = {
            f"healthy{number}": metric(group, "HealthyHostCount", statistic="Minimum")
            for number, group in enumerate(groups, start=1)
        }
        failing = Alarm(
            self,
            "Unhealthy",
            topic=topic,
            metric=metric_math("Unhealthy", _sum(unhealthy), unhealthy),
            threshold=0,
            datapoints=3,
            periods=5,
            missing_data=NOT_BREACHING,  # without hosts the alarm below fires
            description="A task of the service fails its health check.",
            runbook="service-unhealthy-hosts",
        )
        too_few = Alarm(
            self,
            "Healthy",
            topic=topic,
            metric=metric_math("Healthy", _sum(healthy), healthy),
            threshold=min_hosts,
            comparison=BELOW,
            datapoints=3,
            missing_data=BREACHING,  # reported while any host is registered: no data means no hosts
            description="The service has fewer healthy tasks than its minimum, or none.",
            runbook="service-healthy-hosts",
        )
        self.alarms = [failing, too_few]
        self.unhealthy = [Breach(condition=f"{_sum(unhealthy)} > 0", metrics=unhealthy)]
        self.breaches = [
            *self.unhealthy,
            Breach(condition=f"{_sum(healthy)} < {min_hosts}", metrics=healthy),
        ]
        self.widgets = [graph("Hosts", too_few.metric, failing.metric, unit="hosts")]


def _sum(metrics: Mapping[str, cloudwatch.IMetric]) -> str:
    """Over all target groups; a group without hosts reports nothing and counts as zero."""
    return " + ".join(f"FILL({name}, 0)" for name in metrics)
