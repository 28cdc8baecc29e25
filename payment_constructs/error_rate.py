"""The error rate: failed requests per 100, and never their count."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elb


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
