"""The cdk-nag packs check every stack, and each acknowledgement matches a finding on one resource."""

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks

from payment_constructs.acknowledgement import acknowledge
from pipeline.policy.plugin import enforce_policy, synthesize_checked
from pipeline.settings import Delivery
from tests.invariants import every_acknowledgement_is_used
from tests.policy.register import PACKS, VALIDATOR, VALIDATOR_RULES
from tests.synthesized import acknowledgements, report_in
from tests.templates import Assembly


def test_every_finding_is_acknowledged(live_assembly: Assembly) -> None:
    report = report_in(live_assembly.directory)
    assert {*PACKS, VALIDATOR} <= set(report)
    assert [finding for plugin in report.values() for finding in plugin["violations"]] == []


@pytest.mark.parametrize("pack", PACKS)
def test_the_packs_check_the_stacks_of_every_stage(assembly: Assembly, delivery: Delivery, pack: str) -> None:
    seen = {
        construct["constructPath"].split("/")[1]
        for finding in report_in(assembly.directory)[pack]["suppressedViolations"]
        for construct in finding["violatingConstructs"]
        if construct["constructPath"].startswith("PipelineStack/")
    }
    assert {environment.name for environment in delivery.environments} <= seen


class LeakyStage(cdk.Stage):
    """A Stage with a bucket that breaks rules of every pack."""

    def __init__(self, scope: cdk.Stack, construct_id: str) -> None:
        super().__init__(scope, construct_id, env=cdk.Environment(account="222222222222", region="us-west-2"))
        self.bucket = s3.CfnBucket(cdk.Stack(self, "Payment"), "Planted")


def planted(context: dict[str, Any]) -> tuple[cdk.App, LeakyStage]:
    app = cdk.App(analytics_reporting=False, context=context)
    enforce_policy(app, environments=())
    return app, LeakyStage(cdk.Stack(app, "PipelineStack"), "Dev")


def test_a_violation_in_a_stage_fails_the_synthesis(context: dict[str, Any]) -> None:
    app, _ = planted(context)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = report_in(Path(app.outdir))
    for pack in PACKS:
        assert {
            construct["constructPath"]
            for finding in report[pack]["violations"]
            for construct in finding["violatingConstructs"]
        } == {"PipelineStack/Dev/Payment/Planted"}


def test_an_acknowledgement_of_one_rule_leaves_the_others_unacknowledged(context: dict[str, Any]) -> None:
    app, stage = planted(context)
    acknowledge(stage.bucket, "AwsSolutions::AwsSolutions-S1", control="A test of this very rule.")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    remaining = {finding["ruleName"] for finding in report_in(Path(app.outdir))["AwsSolutions"]["violations"]}
    assert "AwsSolutions-S1" not in remaining
    assert "AwsSolutions-S10" in remaining


def test_a_warning_fails_the_synthesis_beside_an_acknowledgement_of_its_pack() -> None:
    app = cdk.App(analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    pool = cognito.CfnUserPool(cdk.Stack(app, "Payment"), "Planted")
    for rule in ("COG1", "COG3", "COG8"):
        acknowledge(pool, f"AwsSolutions::AwsSolutions-{rule}", control="A test of another rule, a warning.")
    with pytest.raises(RuntimeError, match=r"ValidationFailed: fix or acknowledge .*\nPayment/Planted: .*-COG2: "):
        synthesize_checked(app)


def test_every_acknowledgement_matches_a_finding(assembly: Assembly, delivery: Delivery) -> None:
    every_acknowledgement_is_used(assembly, delivery)


def test_every_acknowledgement_names_its_pack_and_a_compensating_control(assembly: Assembly) -> None:
    for path, rule, control in acknowledgements(assembly):
        assert rule.split("::")[0] in (*PACKS, VALIDATOR_RULES, "Annotation"), f"{path}: {rule}"
        assert len(control.split()) >= 8, f"say in a sentence what protects {path} instead of {rule}: {control!r}"


def test_no_acknowledgement_covers_a_whole_stack_or_stage(assembly: Assembly, delivery: Delivery) -> None:
    whole = {stack.id for stack in assembly.stacks.values()}
    whole |= {f"PipelineStack/{environment.name}" for environment in delivery.environments}
    assert {"PipelineStack", "PipelineStack/Dev", "PipelineStack/Dev/Payment"} <= whole
    assert [path for path, _, _ in acknowledgements(assembly) if path in whole] == []
