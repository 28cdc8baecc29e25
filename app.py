"""Entry point: loads the settings, builds the delivery, attaches the policy packs, synthesizes."""

import os
import sys
from pathlib import Path

import aws_cdk as cdk

from pipeline.artifacts import RegionalArtifactsStack
from pipeline.codeowners import placeholder_owners, subfolder
from pipeline.pipeline_stack import PipelineStack
from pipeline.policy.plugin import enforce_policy, synthesize_checked
from pipeline.settings import Delivery, load_delivery
from pipeline.trial import trial_notice
from stages.environment import Environment, SettingsError
from stages.payment_stage import PaymentStage
from stages.variants import environment_to_recover, recovered, sandbox


def load(app: cdk.App) -> Delivery:
    """The settings of the app's context, as typed records.

    Raises:
        SettingsError: With every fault of the settings.
    """
    if qualifier := app.node.try_get_context("@aws-cdk/core:bootstrapQualifier"):
        raise SettingsError(
            [f"@aws-cdk/core:bootstrapQualifier is {qualifier!r}: leave it out, roles of the default one are used."]
        )
    return load_delivery(
        app.node.try_get_context("delivery"), release=app.node.try_get_context("release") or "unreleased"
    )


def build(app: cdk.App, delivery: Delivery) -> PipelineStack:
    """Creates the pipeline with all environments, and enforces the policy on it."""
    enforce_policy(app, environments=delivery.environments)
    regional = RegionalArtifactsStack(
        app,
        f"PipelineArtifacts-{delivery.dr_region}",
        environments=delivery.environments,
        env=cdk.Environment(account=delivery.account, region=delivery.dr_region),
    )
    return PipelineStack(
        app,
        delivery.stack_name,
        delivery=delivery,
        regional_artifacts={delivery.dr_region: regional.store},
        env=cdk.Environment(account=delivery.account, region=delivery.primary_region),
    )


def synthesize(app: cdk.App, delivery: Delivery) -> None:
    """Writes the cloud assembly of the delivery, with each environment's manifest beside its templates."""
    pipeline = build(app, delivery)
    synthesize_checked(app)
    for stage in pipeline.stages:
        document = stage.payment.manifest.to_json()
        (Path(app.outdir) / f"{stage.stage_name}.manifest.json").write_text(document, encoding="utf-8")


def standalone_environment(app: cdk.App, delivery: Delivery) -> Environment | None:
    """The environment to deploy on its own, without a pipeline; None for the whole delivery.

    ``-c sandbox=NAME`` is a developer's own environment; ``-c recover=NAME -c certificate=ARN`` recovers an environment
    in its DR region after the loss of its primary region, ``-c failover=2`` for the second time, ``-c engine=VERSION``
    with another minor version of the database than the settings'.
    """
    own, lost = (app.node.try_get_context(key) for key in ("sandbox", "recover"))
    if own is not None:
        return sandbox(own, dev=delivery.environments[0])
    if lost is None:
        return None
    certificate, failover, engine = (app.node.try_get_context(key) for key in ("certificate", "failover", "engine"))
    return recovered(
        environment_to_recover(delivery.environments, name=lost),
        certificate_arn=certificate,
        failover=failover or 1,
        engine_version=engine or None,
    )


def synthesize_standalone(app: cdk.App, delivery: Delivery, environment: Environment) -> None:
    """Writes the cloud assembly of one environment, to deploy from a workstation; the policy is the same."""
    enforce_policy(app, environments=[environment])
    PaymentStage(
        app,
        environment.name,
        environment=environment,
        tooling_account=delivery.account,
        release=delivery.release,
    )
    synthesize_checked(app)


def main() -> None:
    """Synthesizes the delivery of cdk.json, or one environment on its own."""
    app = cdk.App(analytics_reporting=False, post_cli_context={"@aws-cdk/core:failSynthOnValidationErrors": True})
    try:
        delivery = load(app)
        # The only environment variable that is read: it can stop the synthesis, and changes nothing in its result.
        caller = os.environ.get("CDK_DEFAULT_ACCOUNT")
        delivery.refuse_placeholders(caller_account=caller, further=(*placeholder_owners(), *subfolder()))
        if delivery.trial:
            print(trial_notice(delivery.trial), file=sys.stderr)
        environment = standalone_environment(app, delivery)
        if environment is None:
            synthesize(app, delivery)
        else:
            synthesize_standalone(app, delivery, environment)
    except SettingsError as error:
        # Some faults are found only as the stacks are built: a limit of AWS that the settings exceed.
        sys.exit(str(error))
    except RuntimeError as error:
        if not str(error).startswith("ValidationFailed"):
            raise
        # The CDK has printed the findings; a traceback would hide them.
        sys.exit(str(error))


if __name__ == "__main__":
    main()
