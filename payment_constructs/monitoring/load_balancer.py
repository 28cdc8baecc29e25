"""What is watched of the load balancer: what its clients get."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from payment_constructs.monitoring.alarm import BELOW, Alarm, AlarmTopic
from payment_constructs.monitoring.dashboard import graph
from payment_constructs.monitoring.error_rate import ErrorRate
from payment_constructs.monitoring.gate import Breach

MINUTE = Duration.minutes(1)


class HostMonitoring(Construct):
    """Alarms on unhealthy hosts and on too few healthy ones, counted over all target groups.

    Where ECS tries a release on a part of the requests, hosts move from one group to the other with each release, and
    neither alone says how many there are.

    Args:
        load_balancer: Where requests arrive.
        target_groups: Who answers them, in turn.
        least_hosts: How many healthy hosts there are at least: the fewest tasks of the service.
        topic: Where alarms are told.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        load_balancer: elb.ApplicationLoadBalancer,
        target_groups: Sequence[elb.ApplicationTargetGroup],
        least_hosts: int,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._load_balancer = load_balancer.load_balancer_full_name
        unhealthy = self._hosts("UnHealthyHostCount", "unhealthy", target_groups, statistic="Maximum")
        healthy = self._hosts("HealthyHostCount", "healthy", target_groups, statistic="Minimum")
        failing = Alarm(
            self,
            "Unhealthy",
            topic=topic,
            what="service-unhealthy-hosts",
            metric=_total(unhealthy, "Unhealthy"),
            threshold=0,
            datapoints=3,
            periods=5,
            # Nothing is registered: the healthy hosts' alarm tells.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="A task of the service fails its health check.",
            runbook="service-unhealthy-hosts",
        )
        too_few = Alarm(
            self,
            "Healthy",
            topic=topic,
            what="service-healthy-hosts",
            metric=_total(healthy, "Healthy"),
            threshold=least_hosts,
            comparison=BELOW,
            datapoints=3,
            # Reported while any host is registered: silence is that there is none, filled or not.
            missing=cloudwatch.TreatMissingData.BREACHING,
            says="Fewer tasks than the service must have are there to answer, or none at all.",
            runbook="service-healthy-hosts",
        )
        self.alarms = [failing, too_few]
        self.breaches = [
            Breach(condition=f"{_sum(unhealthy)} > 0", metrics=unhealthy),
            Breach(condition=f"{_sum(healthy)} < {least_hosts}", metrics=healthy),
        ]
        self.widgets = [graph("Hosts", too_few.metric, failing.metric, unit="hosts")]

    def _hosts(
        self, metric_name: str, name: str, groups: Sequence[elb.ApplicationTargetGroup], *, statistic: str
    ) -> dict[str, cloudwatch.IMetric]:
        # Spelled out: the CDK gives no metrics of a group that ECS, and no listener of the template, puts into use.
        return {
            f"{name}{number}": cloudwatch.Metric(
                namespace="AWS/ApplicationELB",
                metric_name=metric_name,
                dimensions_map={"LoadBalancer": self._load_balancer, "TargetGroup": group.target_group_full_name},
                statistic=statistic,
                period=MINUTE,
            )
            for number, group in enumerate(groups, start=1)
        }


def _sum(metrics: Mapping[str, cloudwatch.IMetric]) -> str:
    """Over all groups; one without hosts reports nothing and counts nobody."""
    return " + ".join(f"FILL({name}, 0)" for name in metrics)


def _total(metrics: Mapping[str, cloudwatch.IMetric], label: str) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(expression=_sum(metrics), using_metrics=metrics, period=MINUTE, label=label)


class LoadBalancerMonitoring(Construct):
    """Alarms on the error rate and the response time, over all target groups.

    Args:
        load_balancer: Where requests arrive.
        error_rate_percent: 5xx responses per 100 requests.
        response_time_ms: 99th percentile, in milliseconds.
        topic: Where alarms are told.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        load_balancer: elb.IApplicationLoadBalancer,
        error_rate_percent: float,
        response_time_ms: int,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        minute = Duration.minutes(1)
        self.errors = ErrorRate(load_balancer)
        response_time = load_balancer.metrics.target_response_time(period=minute, statistic="p99")
        seconds = response_time_ms / 1000
        error_rate = Alarm(
            self,
            "ErrorRate",
            topic=topic,
            what="service-error-rate",
            metric=self.errors.percent(period=minute),
            threshold=error_rate_percent,
            datapoints=3,
            periods=5,
            # No request is no error; that nobody is there to answer is told by the healthy hosts.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="Too many of the requests fail with a 5xx status.",
            runbook="service-error-rate",
        )
        slow = Alarm(
            self,
            "ResponseTime",
            topic=topic,
            what="service-response-time",
            metric=response_time,
            threshold=seconds,
            datapoints=3,
            periods=5,
            # No request takes no time.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="The slowest hundredth of the requests takes too long.",
            runbook="service-response-time",
            # A percentile of a handful of requests is the slowest of them.
            ignore_low_samples=True,
        )
        self.alarms = [error_rate, slow]
        self.breaches = [
            Breach(condition=f"{ErrorRate.expression()} > {error_rate_percent}", metrics=self.errors.metrics()),
            Breach(condition=f"FILL(response_time, 0) > {seconds}", metrics={"response_time": response_time}),
        ]
        self.widgets = [
            graph("Requests", load_balancer.metrics.request_count(period=minute), unit="requests"),
            graph("Error rate", error_rate.metric, alarms=[error_rate], unit="%"),
            graph("Response time (p99)", response_time, alarms=[slow], unit="s"),
        ]
