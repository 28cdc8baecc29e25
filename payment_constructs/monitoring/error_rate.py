"""The service's error rate, and alarms on how fast it uses up the error budget."""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from payment_constructs.monitoring.alarm import ABOVE, MINUTE, NOT_BREACHING, AlarmTopic, metric_math

ERRORS = "FILL(target_errors, 0) + FILL(balancer_errors, 0)"
REQUESTS = f"IF(FILL(requests, 0) > {ERRORS}, FILL(requests, 0), {ERRORS})"


class ErrorRate:
    """5xx responses of the targets and of the load balancer itself, per 100 requests.

    The load balancer's own errors (no healthy target, a timeout) are not among the targets' metrics. `RequestCount`
    counts only requests for which a target was chosen, so without a healthy target all requests are errors and none is
    counted: the rate is per request or, if there are more of them, per error.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    """

    def __init__(self, load_balancer: elb.IApplicationLoadBalancer) -> None:
        self._metrics = load_balancer.metrics

    def metrics(self, period: Duration = MINUTE) -> dict[str, cloudwatch.IMetric]:
        """The metrics of the expression, by their ids in it."""
        return {
            "requests": self._metrics.request_count(period=period),
            "target_errors": self._metrics.http_code_target(elb.HttpCodeTarget.TARGET_5XX_COUNT, period=period),
            "balancer_errors": self._metrics.http_code_elb(elb.HttpCodeElb.ELB_5XX_COUNT, period=period),
        }

    @staticmethod
    def expression(*, at_least: int) -> str:
        """The rate in metric math; 0 with fewer errors than ``at_least``.

        A sample of errors instead of requests: a night with few requests, all of which fail, is an outage.
        Filled, because CloudWatch has no data point for a minute without errors.
        """
        return f"IF({ERRORS} >= {at_least}, 100 * ({ERRORS}) / {REQUESTS}, 0)"

    def percent(self, *, period: Duration, at_least: int) -> cloudwatch.MathExpression:
        """The rate as a metric."""
        expression = self.expression(at_least=at_least)
        return metric_math("Errors %", expression, self.metrics(period), period=period)


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnRate:
    """A burn rate, as a multiple of the one that uses up the 30-day error budget in 30 days, and its two windows."""

    speed: str
    multiple: float
    long: Duration
    periods: int = 1  # long windows, each of which must burn
    short: Duration
    runbook: str


BURN_RATES = (
    BurnRate(speed="fast", multiple=14.4, long=Duration.hours(1), short=Duration.minutes(5), runbook="burn-rate"),
    BurnRate(speed="slow", multiple=6, long=Duration.hours(6), short=Duration.minutes(30), runbook="burn-rate"),
    BurnRate(
        speed="gradual",
        multiple=1,
        long=Duration.days(1),
        periods=3,
        short=Duration.hours(6),
        runbook="burn-rate-gradual",
    ),
)
"""Fast is 2 % of the budget in an hour, slow 5 % in six, gradual 10 % in three days:
https://sre.google/workbook/alerting-on-slos/. All periods of an alarm are at most seven days, and one is at most a day,
so the three days are three windows:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""

MIN_ERRORS = 10
"""A window with fewer counts as 0: one failed payment in a quiet night is no rate."""


class BurnRateMonitoring(Construct):
    """Composite alarms on a fast, a slow and a gradual burn rate, each over a long and a short window.

    The objective is a percentage of successful requests over 30 days. The long window shows that the errors matter,
    the short one that they continue. A window notifies only when CloudWatch cannot evaluate it.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, errors: ErrorRate, availability_percent: float, topic: AlarmTopic
    ) -> None:
        super().__init__(scope, construct_id)
        budget = 100 - availability_percent
        self.alarms: list[cloudwatch.AlarmBase] = []
        for rate in BURN_RATES:
            windows = []
            for length, period, periods in (("long", rate.long, rate.periods), ("short", rate.short, 1)):
                window = cloudwatch.Alarm(
                    self,
                    f"{rate.speed.title()}{length.title()}",
                    alarm_name=topic.alarm_name(f"burn-rate-{rate.speed}-{length}", owner=f"{self.node.path}/{length}"),
                    alarm_description=topic.description(
                        "One window of the burn rate; the composite alarm notifies when both fire.",
                        runbook=rate.runbook,
                    ),
                    metric=errors.percent(period=period, at_least=MIN_ERRORS),
                    threshold=round(rate.multiple * budget, 6),  # 100 - 99.9 is not exactly 0.1
                    comparison_operator=ABOVE,
                    evaluation_periods=periods,
                    treat_missing_data=NOT_BREACHING,  # no request; the alarm on healthy hosts covers an outage
                )
                window.add_insufficient_data_action(actions.SnsAction(topic.topic))
                windows.append(cloudwatch.AlarmRule.from_alarm(window, cloudwatch.AlarmState.ALARM))
            burn = cloudwatch.CompositeAlarm(
                self,
                rate.speed.title(),
                composite_alarm_name=topic.alarm_name(f"burn-rate-{rate.speed}", owner=self.node.path),
                alarm_description=topic.description(
                    f"The service uses up its 30-day error budget at {rate.multiple:g} times the sustainable rate.",
                    runbook=rate.runbook,
                ),
                alarm_rule=cloudwatch.AlarmRule.all_of(*windows),
            )
            topic.notify(burn, runbook=rate.runbook)
            self.alarms.append(burn)
