"""What is watched of the hosts behind the load balancer: whether enough of them are there to answer."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from payment_constructs.alarm import BELOW, Alarm
from payment_constructs.alarm_topic import AlarmTopic
from payment_constructs.dashboard import graph
from payment_constructs.gate import Breach

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
