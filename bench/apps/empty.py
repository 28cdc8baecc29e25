"""`python -m bench.apps.empty OUTPUT`: an app with a stack of one parameter, under the same packs."""

import json
import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm

from pipeline.policy.plugin import hold_to_policy

context = json.loads(Path("cdk.json").read_text(encoding="utf-8"))["context"]
del context["delivery"]
app = cdk.App(analytics_reporting=False, context=context, outdir=sys.argv[1])
hold_to_policy(app, environments=[])
stack = cdk.Stack(app, "Empty", env=cdk.Environment(account="111111111111", region="ap-southeast-1"))
ssm.StringParameter(stack, "Something", string_value="an empty stack is no stack")
app.synth()
