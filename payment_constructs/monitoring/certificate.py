"""Alarm on a certificate that is about to expire."""

from aws_cdk import Duration
from constructs import Construct

from payment_constructs.monitoring.alarm import BELOW, BREACHING, Alarm, AlarmTopic, aws_metric

DAYS = 28
"""ACM renews its own public certificates earlier, and sends its own events from 30 days before they expire:
https://docs.aws.amazon.com/acm/latest/userguide/supported-events.html"""


class CertificateMonitoring(Construct):
    """Alarm on the days until the load balancer's certificate expires."""

    def __init__(self, scope: Construct, construct_id: str, *, certificate_arn: str, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        expiry = Alarm(
            self,
            "Expiry",
            topic=topic,
            metric=aws_metric(
                "AWS/CertificateManager",
                {"CertificateArn": certificate_arn},
                "DaysToExpiry",
                statistic="Minimum",
                period=Duration.days(1),
            ),
            threshold=DAYS,
            comparison=BELOW,
            datapoints=1,
            # ACM reports twice a day, and no longer once the certificate has expired:
            # https://docs.aws.amazon.com/acm/latest/userguide/cloudwatch-metrics.html
            missing_data=BREACHING,
            description=f"The load balancer's certificate expires in less than {DAYS} days, or has expired.",
            runbook="certificate-expiry",
        )
        self.alarms = [expiry]
