"""The four DORA metrics of the delivery, and their dashboard: https://dora.dev/guides/."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs.monitoring.alarm import AlarmTopic
from payment_constructs.monitoring.dashboard import Dashboard, graph
from pipeline.function import pipeline_arn, tooling_function
from pipeline.notifications import EXECUTION_ENDED, UNFINISHED

CODE = Path(__file__).with_name("metrics_handler.py")

# As in the function, which a test checks: an import of the function would load the AWS SDK into every synthesis.
NAMESPACE = "PaymentDelivery"
DEPLOYMENTS, FAILED = "Deployments", "FailedDeployments"
LEAD_TIME, RECOVERY_TIME = "LeadTime", "RecoveryTime"
UNFINISHED_RELEASES = "UnfinishedReleases"


class DeliveryMetrics(Construct):
    """Lead time, deployment frequency, change failure rate and recovery time of the last stage, which is production.

    A release that is cancelled, stopped or superseded counts as unfinished; in production, as a failed deployment too.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: str,
        stage: str,
        log_key: kms.IKey,
        topic: AlarmTopic,
        alarms: Sequence[cloudwatch.IAlarm],
    ) -> None:
        super().__init__(scope, construct_id)
        self._pipeline = pipeline
        function = tooling_function(
            self,
            code=CODE,
            timeout=Duration.minutes(1),
            statements=[
                iam.PolicyStatement(
                    actions=["codepipeline:ListPipelineExecutions", "codepipeline:ListActionExecutions"],
                    resources=[pipeline_arn(self, pipeline)],
                ),
                iam.PolicyStatement(
                    actions=["cloudwatch:PutMetricData"],
                    resources=["*"],
                    conditions={"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
                ),
            ],
            any_resource="PutMetricData has no resource-level permissions; the condition limits it to one namespace.",
            invoked_by="Only the end of a production deployment or of an execution invokes it.",
            log_key=log_key,
            topic=topic,
        )
        events.Rule(
            self,
            "Deployed",
            event_pattern=events.EventPattern(
                source=["aws.codepipeline"],
                detail_type=["CodePipeline Stage Execution State Change"],
                detail={"pipeline": [pipeline], "stage": [stage], "state": ["SUCCEEDED", "FAILED"]},
            ),
            targets=[targets.LambdaFunction(function, retry_attempts=2)],
        )
        field = events.EventField.from_path
        # The event of an execution has no stage.
        detail = {"pipeline": pipeline, "stage": stage}
        detail |= {key: field(f"$.detail.{key}") for key in ("execution-id", "state")}
        events.Rule(
            self,
            "Unfinished",
            event_pattern=events.EventPattern(
                source=["aws.codepipeline"],
                detail_type=[EXECUTION_ENDED],
                detail={"pipeline": [pipeline], "state": UNFINISHED},
            ),
            targets=[
                targets.LambdaFunction(
                    function,
                    event=events.RuleTargetInput.from_object({"time": field("$.time"), "detail": detail}),
                    retry_attempts=2,
                )
            ],
        )
        done, failed = self._metric(DEPLOYMENTS, "Sum"), self._metric(FAILED, "Sum")
        unfinished = self._metric(UNFINISHED_RELEASES, "Sum")
        rate = cloudwatch.MathExpression(
            expression="100 * FILL(failed, 0) / (FILL(failed, 0) + FILL(done, 0))",
            using_metrics={"failed": failed, "done": done},
            period=Duration.days(1),
            label="Change failure rate",
        )
        lead_times = [self._metric(LEAD_TIME, statistic) for statistic in ("p50", "p90")]
        Dashboard(
            self,
            "Dashboard",
            name="payment-delivery",
            facts={"Pipeline": pipeline},
            alarms=list(alarms),
            rows=[
                [
                    graph("Deployment frequency", done, failed, unfinished, unit="per day"),
                    graph("Lead time for changes", *lead_times, unit="seconds"),
                    graph("Change failure rate", rate, unit="%"),
                ],
                [graph("Failed deployment recovery time", self._metric(RECOVERY_TIME, "p50"), unit="seconds")],
            ],
        )

    def _metric(self, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={"Pipeline": self._pipeline},
            statistic=statistic,
            period=Duration.days(1),
            label=name,
        )
