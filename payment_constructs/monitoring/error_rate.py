"""How fast the error budget of the availability objective is being used up."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from payment_constructs.monitoring.alarm import ABOVE, AlarmTopic, description


class ErrorRate:
    """Responses with a 5xx status, of the targets or of the load balancer itself, per 100 requests.

    The load balancer counts what it answers by itself - no healthy target, no answer in time - not among the targets'.

    Args:
        load_balancer: Where requests arrive.
    """

    def __init__(self, load_balancer: elb.IApplicationLoadBalancer) -> None:
        self._metrics = load_balancer.metrics

    def metrics(self, period: Duration | None = None) -> dict[str, cloudwatch.IMetric]:
        """What the rate is made of, by the names that the condition below calls it."""
        period = period or Duration.minutes(1)
        return {
            "requests": self._metrics.request_count(period=period),
            "target_errors": self._metrics.http_code_target(elb.HttpCodeTarget.TARGET_5XX_COUNT, period=period),
            "balancer_errors": self._metrics.http_code_elb(elb.HttpCodeElb.ELB_5XX_COUNT, period=period),
        }

    @staticmethod
    def expression(*, at_least: int = 1) -> str:
        """The rate in metric math; 0 with fewer requests than that.

        Filled, because errors are reported only when there are some: without it, no error and no rate are the same.
        """
        return (
            f"IF(FILL(requests, 0) >= {at_least}, "
            "100 * (FILL(target_errors, 0) + FILL(balancer_errors, 0)) / FILL(requests, 0), 0)"
        )

    def percent(self, *, period: Duration, at_least: int = 1) -> cloudwatch.MathExpression:
        """The rate as a metric."""
        return cloudwatch.MathExpression(
            expression=self.expression(at_least=at_least),
            using_metrics=self.metrics(period),
            period=period,
            label="Errors %",
        )


WINDOWS = (
    ("fast", 14.4, Duration.hours(1), Duration.minutes(5)),
    ("slow", 6.0, Duration.hours(6), Duration.minutes(30)),
)
"""Multiples of the rate that would just use up the budget of 30 days, over a long and a short window.

Fast is 2 % of the budget in an hour, slow 5 % in six: https://sre.google/workbook/alerting-on-slos/"""

ENOUGH_REQUESTS = 100
"""Below it a window says nothing: one failed payment of a quiet night is no rate."""


class BurnRateMonitoring(Construct):
    """A fast and a slow burn, each told while its long and its short window agree.

    The long window says that it matters, the short one that it is still going on. Alone neither is told; a window only
    tells that it cannot be computed.

    Args:
        errors: The rate of failed requests.
        availability_percent: The objective: answered requests per 100, over 30 days.
        topic: Where alarms are told.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        errors: ErrorRate,
        availability_percent: float,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._topic = topic
        budget = 100 - availability_percent
        self.alarms: list[cloudwatch.AlarmBase] = []
        for speed, multiple, long, short in WINDOWS:
            windows = [
                self._window(
                    f"{speed}-{length}",
                    metric=errors.percent(period=period, at_least=ENOUGH_REQUESTS),
                    # Rounded: 100 - 99.9 is not 0.1 to a computer.
                    threshold=round(multiple * budget, 6),
                )
                for length, period in (("long", long), ("short", short))
            ]
            burn = cloudwatch.CompositeAlarm(
                self,
                speed.title(),
                composite_alarm_name=topic.name(f"burn-rate-{speed}"),
                alarm_description=description(
                    f"The error budget of 30 days is burning {multiple:g} times too fast.", runbook="burn-rate"
                ),
                alarm_rule=cloudwatch.AlarmRule.all_of(
                    *(cloudwatch.AlarmRule.from_alarm(window, cloudwatch.AlarmState.ALARM) for window in windows)
                ),
            )
            topic.notify(burn)
            self.alarms.append(burn)

    def _window(self, what: str, *, metric: cloudwatch.IMetric, threshold: float) -> cloudwatch.Alarm:
        window = cloudwatch.Alarm(
            self,
            "".join(word.title() for word in what.split("-")),
            alarm_name=self._topic.name(f"burn-rate-{what}"),
            alarm_description=description("One window of the burn rate; both together are told.", runbook="burn-rate"),
            metric=metric,
            threshold=threshold,
            comparison_operator=ABOVE,
            evaluation_periods=1,
            # Not known is neither burning nor fine.
            treat_missing_data=cloudwatch.TreatMissingData.MISSING,
        )
        window.add_insufficient_data_action(actions.SnsAction(self._topic.topic))
        return window
