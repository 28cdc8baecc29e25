"""How well the delivery delivers: lead time, frequency, change failure rate and recovery time, on a dashboard."""

from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.inline_function import InlineFunction
from payment_constructs.logs import LogGroup
from payment_constructs.monitoring.alarm import AlarmTopic
from payment_constructs.monitoring.dashboard import Dashboard, graph

CODE = Path(__file__).with_name("metrics_handler.py")

# As the function calls them, which a test holds: to import it would load the AWS SDK into every synth.
NAMESPACE = "PaymentDelivery"
DEPLOYMENTS, FAILED = "Deployments", "FailedDeployments"
LEAD_TIME, RECOVERY_TIME = "LeadTime", "RecoveryTime"


class DeliveryMetrics(Construct):
    """Metrics of the last stage, in the namespace ``PaymentDelivery``, and their dashboard.

    Args:
        pipeline: The pipeline's name.
        stage: The stage whose end is a deployment to production.
        log_key: Encrypts the function's log; it allows log groups.
        topic: Is told of an event that the function could not count.
        alarms: Shown on the dashboard.
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
        alarms: list[cloudwatch.IAlarm],
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = LogGroup(self, "Log", key=log_key, retain=True)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
                ),
                iam.PolicyStatement(
                    actions=["codepipeline:ListPipelineExecutions", "codepipeline:ListActionExecutions"],
                    resources=[Stack.of(self).format_arn(service="codepipeline", resource=pipeline)],
                ),
                iam.PolicyStatement(
                    actions=["cloudwatch:PutMetricData"],
                    resources=["*"],
                    conditions={"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
                ),
            ],
        )
        topic.allow_failed_events(policy)
        function = InlineFunction(
            self,
            "Function",
            code=CODE,
            timeout=Duration.minutes(1),
            role=role.without_policy_updates(),
            log_group=log_group,
            topic=topic,
        )
        function.node.add_dependency(policy)
        acknowledge(
            policy,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            control="PutMetricData knows no resources; the condition holds it to the one namespace.",
        )
        acknowledge(
            function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency",
            control="Only the end of a production deployment invokes it.",
        )
        acknowledge(
            function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaInsideVPC",
            "PCI.DSS.321::PCI.DSS.321-LambdaInsideVPC",
            control="It calls AWS's control plane over TLS; the tooling account has no VPC to be inside of.",
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
        self._dashboard(pipeline, alarms)

    def _dashboard(self, pipeline: str, alarms: list[cloudwatch.IAlarm]) -> None:
        def metric(name: str, statistic: str) -> cloudwatch.Metric:
            return cloudwatch.Metric(
                namespace=NAMESPACE,
                metric_name=name,
                dimensions_map={"Pipeline": pipeline},
                statistic=statistic,
                period=Duration.days(1),
                label=name,
            )

        done, failed = metric(DEPLOYMENTS, "Sum"), metric(FAILED, "Sum")
        rate = cloudwatch.MathExpression(
            expression="100 * FILL(failed, 0) / (FILL(failed, 0) + FILL(done, 0))",
            using_metrics={"failed": failed, "done": done},
            period=Duration.days(1),
            label="Change failure rate",
        )
        Dashboard(
            self,
            "Dashboard",
            name="payment-delivery",
            facts={"Pipeline": pipeline},
            alarms=alarms,
            rows=[
                [
                    graph("Deployment frequency", done, failed, unit="per day"),
                    graph("Lead time for changes", metric(LEAD_TIME, "p50"), metric(LEAD_TIME, "p90"), unit="seconds"),
                    graph("Change failure rate", rate, unit="%"),
                ],
                [graph("Failed deployment recovery time", metric(RECOVERY_TIME, "p50"), unit="seconds")],
            ],
        )
