#!/usr/bin/env python3
import aws_cdk as cdk

from orders.pipeline_stack import OrdersPipelineStack

app = cdk.App()
OrdersPipelineStack(app, "OrdersPipelineStack", env=cdk.Environment(account="700000000001", region="eu-west-1"))
app.synth()
