"""What is watched of a secret's rotation: the function that Secrets Manager calls for it."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.monitoring.alarm import Alarm, AlarmTopic


class RotationMonitoring(Construct):
    """The alarm on a rotation that failed.

    Args:
        function_name: The function that rotates.
        topic: Where the alarm is told.
    """

    def __init__(self, scope: Construct, construct_id: str, *, function_name: str, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            what="rotation-failed",
            metric=cloudwatch.Metric(
                namespace="AWS/Lambda",
                metric_name="Errors",
                dimensions_map={"FunctionName": function_name},
                statistic="Sum",
                period=Duration.minutes(5),
            ),
            threshold=0,
            datapoints=1,
            # It runs once in 30 days: no call is no failure.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="The rotation of the application's database password failed; the present one stays valid.",
            runbook="rotation-failed",
        )
        self.alarms = [failed]
