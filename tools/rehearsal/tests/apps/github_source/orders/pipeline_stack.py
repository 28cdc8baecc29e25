import aws_cdk as cdk
from aws_cdk.pipelines import CodePipeline, CodePipelineSource, ManualApprovalStep, ShellStep
from constructs import Construct

from orders.orders_stage import OrdersStage


class OrdersPipelineStack(cdk.Stack):
    def __init__(self, scope: Construct, construct_id: str, *, env: cdk.Environment) -> None:
        super().__init__(scope, construct_id, env=env)
        pipeline = CodePipeline(
            self,
            "Pipeline",
            pipeline_name="orders",
            synth=ShellStep(
                "Synth",
                input=CodePipelineSource.git_hub("example/orders", "main"),
                commands=["npm install -g aws-cdk", "pip install -r requirements.txt", "cdk synth"],
            ),
        )
        pipeline.add_stage(OrdersStage(self, "Test", env=env))
        pipeline.add_stage(OrdersStage(self, "Prod", env=env), pre=[ManualApprovalStep("Approve")])
