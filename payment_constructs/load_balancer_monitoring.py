"""What is watched of the load balancer: what its clients get."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from payment_constructs.alarm import Alarm
from payment_constructs.alarm_topic import AlarmTopic
from payment_constructs.dashboard import graph
from payment_constructs.error_rate import ErrorRate
from payment_constructs.gate import Breach


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
