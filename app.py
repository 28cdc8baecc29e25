"""Entry point: loads the settings, puts the whole delivery into an app, holds it to the policy, synthesizes."""

import os
import sys
from pathlib import Path

import aws_cdk as cdk

from pipeline.delivery import Delivery
from pipeline.pipeline_stack import PipelineStack
from pipeline.policy import hold_to_policy
from pipeline.regional_artifacts_stack import RegionalArtifactsStack
from pipeline.settings import load_delivery
from stages.environments import DR_REGION, PRIMARY_REGION
from stages.settings_error import SettingsError


def load(app: cdk.App) -> Delivery:
    """Turns the app's context into the typed records that everything below is made of."""
    return load_delivery(
        app.node.try_get_context("delivery"), release=app.node.try_get_context("release") or "unreleased"
    )


def build(app: cdk.App, delivery: Delivery) -> PipelineStack:
    """Puts the whole delivery into an app."""
    hold_to_policy(app, environments=delivery.environments)
    regional = RegionalArtifactsStack(
        app,
        f"PipelineArtifacts-{DR_REGION}",
        delivery=delivery,
        region=DR_REGION,
        env=cdk.Environment(account=delivery.account, region=DR_REGION),
    )
    return PipelineStack(
        app,
        "PipelineStack",
        delivery=delivery,
        regional_artifacts={DR_REGION: regional.store},
        env=cdk.Environment(account=delivery.account, region=PRIMARY_REGION),
    )


def synthesize(app: cdk.App, delivery: Delivery) -> None:
    """Writes the cloud assembly, and beside its templates each environment's manifest."""
    pipeline = build(app, delivery)
    app.synth()
    for stage in pipeline.stages:
        document = stage.payment.manifest.to_json()
        (Path(app.outdir) / f"{stage.stage_name}.manifest.json").write_text(document, encoding="utf-8")


def main() -> None:
    """Synthesizes what cdk.json describes."""
    app = cdk.App(analytics_reporting=False, post_cli_context={"@aws-cdk/core:failSynthOnValidationErrors": True})
    try:
        delivery = load(app)
        # The only variable that is read: it decides whether synthesis goes on, never what is synthesized.
        delivery.refuse_placeholders(caller_account=os.environ.get("CDK_DEFAULT_ACCOUNT"))
    except SettingsError as error:
        sys.exit(str(error))
    synthesize(app, delivery)


if __name__ == "__main__":
    main()
