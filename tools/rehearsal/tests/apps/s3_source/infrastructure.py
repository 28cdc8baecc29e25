import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import pipelines
from constructs import Construct

ACCOUNT = "700000000002"
EUROPE, AMERICA = "eu-central-1", "us-east-2"


class Shop(cdk.Stage):
    def __init__(self, scope: Construct, construct_id: str, *, region: str) -> None:
        super().__init__(scope, construct_id, env=cdk.Environment(account=ACCOUNT, region=region))
        stack = cdk.Stack(self, "Storage", stack_name=f"shop-{region}")
        s3.Bucket(stack, "Pictures")
        sqs.Queue(stack, "Uploads")


class Delivery(cdk.Stack):
    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, env=cdk.Environment(account=ACCOUNT, region=EUROPE))
        uploads = s3.Bucket(self, "Sources", bucket_name="shop-sources", versioned=True)
        synth = pipelines.ShellStep(
            "Synth",
            input=pipelines.CodePipelineSource.s3(uploads, "shop.zip"),
            install_commands=[
                "npm install -g aws-cdk@2",
                "python -m venv .venv",
                ".venv/bin/pip install -r requirements.txt",
            ],
            commands=["cdk synth"],
            primary_output_directory="build/assembly",
        )
        pipeline = pipelines.CodePipeline(self, "Pipeline", synth=synth, use_change_sets=False)
        regions = pipeline.add_wave("Regions")
        regions.add_stage(Shop(self, "Europe", region=EUROPE))
        regions.add_stage(Shop(self, "America", region=AMERICA))


app = cdk.App()
Delivery(app, "ShopDelivery")
app.synth()
