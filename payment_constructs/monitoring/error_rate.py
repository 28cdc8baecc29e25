"""The service's error rate, and alarms on how fast it uses up the error budget."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from payment_constructs.monitoring.alarm import ABOVE, MINUTE, AlarmTopic, metric_math

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
    def expression(*, at_least: int = 1) -> str:
        """The rate in metric math; 0 with fewer requests than ``at_least``.

        Filled, because CloudWatch has no data point for a minute without errors.
        """
        return f"IF({REQUESTS} >= {at_least}, 100 * ({ERRORS}) / {REQUESTS}, 0)"

    def percent(self, *, period: Duration, at_least: int = 1) -> cloudwatch.MathExpression:
        """The rate as a metric."""
        expression = self.expression(at_least=at_least)
        return metric_math("Errors %", expression, self.metrics(period), period=period)


WINDOWS = (
    ("fast", 14.4, Duration.hours(1), Duration.minutes(5)),
    ("slow", 6.0, Duration.hours(6), Duration.minutes(30)),
)
"""Burn rates, as multiples of the one that uses up the 30-day error budget in 30 days; long and short windows.

Fast is 2 % of the budget in an hour, slow 5 % in six: https://sre.google/workbook/alerting-on-slos/"""

MIN_REQUESTS = 100
"""A window with fewer counts as 0: one failed payment in a quiet night is no rate."""


class BurnRateMonitoring(Construct):
    """Composite alarms on a fast and a slow burn rate, each over a long and a short window.

    The objective is a percentage of successful requests over 30 days. The long window shows that the errors matter,
    the short one that they continue. A window notifies only when it has insufficient data.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, errors: ErrorRate, availability_percent: float, topic: AlarmTopic
    ) -> None:
        super().__init__(scope, construct_id)
        budget = 100 - availability_percent
        self.alarms: list[cloudwatch.AlarmBase] = []
        for speed, multiple, long, short in WINDOWS:
            windows = []
            for length, period in (("long", long), ("short", short)):
                window = cloudwatch.Alarm(
                    self,
                    f"{speed.title()}{length.title()}",
                    alarm_name=topic.alarm_name(f"burn-rate-{speed}-{length}", owner=f"{self.node.path}/{length}"),
                    alarm_description=topic.description(
                        "One window of the burn rate; the composite alarm notifies when both fire.", runbook="burn-rate"
                    ),
                    metric=errors.percent(period=period, at_least=MIN_REQUESTS),
                    threshold=round(multiple * budget, 6),  # 100 - 99.9 is not exactly 0.1
                    comparison_operator=ABOVE,
                    evaluation_periods=1,
                    # Unknown is neither burning nor fine.
                    treat_missing_data=cloudwatch.TreatMissingData.MISSING,
                )
                window.add_insufficient_data_action(actions.SnsAction(topic.topic))
                windows.append(cloudwatch.AlarmRule.from_alarm(window, cloudwatch.AlarmState.ALARM))
            burn = cloudwatch.CompositeAlarm(
                self,
                speed.title(),
                composite_alarm_name=topic.alarm_name(f"burn-rate-{speed}", owner=self.node.path),
                alarm_description=topic.description(
                    f"The service uses up its 30-day error budget {multiple:g} times too fast.", runbook="burn-rate"
                ),
                alarm_rule=cloudwatch.AlarmRule.all_of(*windows),
            )
            topic.notify(burn, runbook="burn-rate")
            self.alarms.append(burn)
