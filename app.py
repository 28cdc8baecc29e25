"""Entry point: loads the settings, puts the whole delivery into an app, holds it to the policy, synthesizes."""

import os
import sys
from pathlib import Path

import aws_cdk as cdk

from pipeline.artifacts import RegionalArtifactsStack
from pipeline.pipeline_stack import PipelineStack
from pipeline.policy.plugin import hold_to_policy
from pipeline.settings import Delivery, load_delivery
from stages.environment import Environment, SettingsError
from stages.environments import DR_REGION, PRIMARY_REGION
from stages.payment_stage import PaymentStage
from stages.variants import find_lost, recovered, sandbox


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


def load_alone(app: cdk.App, delivery: Delivery) -> Environment | None:
    """The environment that is wanted alone, without a pipeline; None for the whole delivery.

    ``-c sandbox=NAME`` is a developer's own; ``-c recover=NAME -c certificate=ARN`` is one in its DR region, on the day
    that its primary region is lost.
    """
    own, lost = (app.node.try_get_context(wanted) for wanted in ("sandbox", "recover"))
    if own is not None:
        return sandbox(own, dev=delivery.environments[0])
    if lost is None:
        return None
    certificate = app.node.try_get_context("certificate")
    return recovered(find_lost(delivery.environments, name=lost), certificate_arn=certificate)


def synthesize_alone(app: cdk.App, delivery: Delivery, environment: Environment) -> None:
    """Writes one environment that is deployed from a workstation, held to the same policy."""
    hold_to_policy(app, environments=[environment])
    PaymentStage.alone(app, environment=environment, tooling_account=delivery.account, release=delivery.release)
    app.synth()


def main() -> None:
    """Synthesizes what cdk.json describes."""
    app = cdk.App(analytics_reporting=False, post_cli_context={"@aws-cdk/core:failSynthOnValidationErrors": True})
    try:
        delivery = load(app)
        # The only variable that is read: it decides whether synthesis goes on, never what is synthesized.
        delivery.refuse_placeholders(caller_account=os.environ.get("CDK_DEFAULT_ACCOUNT"))
        alone = load_alone(app, delivery)
        if alone is None:
            synthesize(app, delivery)
        else:
            synthesize_alone(app, delivery, alone)
    except SettingsError as error:
        # Some faults show only as the delivery is put into the app: what AWS cannot carry.
        sys.exit(str(error))
    except RuntimeError as error:
        if not str(error).startswith("ValidationFailed"):
            raise
        # The findings are printed already; a traceback would push them out of sight.
        sys.exit(str(error))


if __name__ == "__main__":
    main()
