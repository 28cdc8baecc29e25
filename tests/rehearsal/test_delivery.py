"""The whole delivery of this project, and every gate of it: a team's week, carried out once for all tests here."""

import pytest

from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.report import ABSENT, CHANGED, UNCHANGED, Report
from tests.rehearsal.project import MIDDLE
from tests.rehearsal.week import Week, reached, stacks_of, standing_of


def test_a_refusal_ends_the_delivery_before_the_last_environment(week: Week) -> None:
    *before, last = week.accounts
    assert not week.refused.succeeded
    assert [execution.status for execution in week.refused.executions] == ["Failed"]
    for name in before:
        assert standing_of(week.refused, name) == {
            ("Payment", "CREATE_COMPLETE"),
            ("DisasterRecovery", "CREATE_COMPLETE"),
        }
    assert standing_of(week.refused, last) == {("Payment", ABSENT), ("DisasterRecovery", ABSENT)}
    assert last not in reached(week.refused)
    assert last in week.refused.executions[-1].not_reached


def test_an_approval_from_another_terminal_delivers_every_environment(week: Week) -> None:
    assert week.approved.succeeded
    for name, account in week.accounts.items():
        stacks = stacks_of(week.approved, name)
        assert {stack: place.environment for stack, place in stacks.items()} == {
            "Payment": Environment(account=account, region="ap-southeast-1"),
            "DisasterRecovery": Environment(account=account, region="us-west-2"),
        }
        expected = "CREATE_COMPLETE" if name == week.last else "UPDATE_COMPLETE"  # the refused commit was there
        assert {each.status for each in stacks.values()} == {expected}
    approval = [each for each in week.approved.executions[-1].actions if each.provider == "Manual"][-1]
    assert approval.summary == "approved: from another terminal"


def test_every_question_has_a_token_of_its_own(week: Week) -> None:
    assert len(set(week.tokens)) == len(week.tokens) > 4


def test_a_commit_with_equal_templates_changes_the_release_and_nothing_else(week: Week) -> None:
    first, *_ = week.accounts
    (execution,) = week.approved.executions
    changed = {each.action: each.changed for each in execution.actions if each.stage == first and each.changed}
    path = f"/payment/{first.lower()}"
    assert changed == {
        "DisasterRecovery.Deploy": (f"{path}/release",),
        "Payment.Deploy": (f"{path}/manifest", f"{path}/release"),
    }
    assert {each.change for each in week.approved.stacks if each.stack.startswith("Pipeline")} == {UNCHANGED}
    (hold,) = (each for each in execution.actions if each.action == "Hold")
    assert hold.summary == "the pipeline does not change"


def test_the_same_commit_again_changes_nothing(week: Week) -> None:
    first, *_ = week.accounts
    assert untouched(week.unverified, first)
    done = [each for each in week.unverified.executions[0].actions if each.stage == first]
    assert {each.summary for each in done if each.provider == "CloudFormation"} == {"no changes"}


def test_data_survives_a_delivery(week: Week) -> None:
    assert week.kept == {name: ["kept", "kept", "kept"] for name in week.accounts}


def test_the_verified_release_is_recorded_in_the_dr_region(week: Week) -> None:
    for name, (deployed, verified) in week.verified.items():
        assert verified == deployed, f"{name}: `make verify` records the release in /payment/{name.lower()}"


def test_the_pipeline_changes_itself_and_starts_over(week: Week) -> None:
    cut_off, carried_out = week.broken.executions
    assert (cut_off.status, carried_out.status) == ("Cancelled", "Failed")
    assert carried_out.pipeline_version == cut_off.pipeline_version + 1
    assert [each.action for each in cut_off.actions[-2:]] == ["Hold", "SelfMutate"]
    assert cut_off.actions[-2].summary == "no later stage works"


def test_a_new_environment_is_deployed_by_the_commit_that_brings_it(week: Week) -> None:
    assert week.extended.permissions.faults(complete=True) == []
    assert week.extended.succeeded
    stacks = stacks_of(week.extended, MIDDLE)
    assert {(each.status, each.change) for each in stacks.values()} == {("CREATE_COMPLETE", CHANGED)}
    stages = reached(week.extended)
    first, last = week.accounts
    assert stages.index(first) < stages.index(MIDDLE) < stages.index(last)


def test_no_resource_is_left_out_of_the_account(week: Week) -> None:
    assert set(week.approved.resources()) >= week.approved.declared_types
    assert week.approved.coverage.not_proved


def untouched(report: Report, *environments: str) -> bool:
    return all(stack.change == UNCHANGED for name in environments for stack in stacks_of(report, name).values())


def outcomes(report: Report, stage: str) -> list[tuple[str, str]]:
    """What was done in a stage, in the last execution that is no rollback."""
    (*_, last) = (execution for execution in report.executions if not execution.rolls_back)
    return [(each.action, each.status) for each in last.actions if each.stage == stage]


@pytest.fixture
def others(week: Week) -> list[str]:
    """Every environment but the first."""
    return list(week.accounts)[1:]


def test_a_deployment_that_fails_in_dev_is_retried_and_stops_there(week: Week, others: list[str]) -> None:
    assert not week.broken.succeeded
    assert "already exists" in week.broken.reason
    tried = [status for action, status in outcomes(week.broken, "Dev") if action == "Payment.Deploy"]
    assert tried == ["Failed", "Failed"]
    assert untouched(week.broken, *others)
    assert stacks_of(week.broken, "Dev")["Payment"].status == "UPDATE_ROLLBACK_COMPLETE"
    assert set(reached(week.broken)) <= {"Source", "Build", "UpdatePipeline", "Assets", "Dev"}


def test_a_verification_that_fails_rolls_its_environment_back(week: Week) -> None:
    assert not week.unverified.succeeded
    assert ("Verify", "Failed") in outcomes(week.unverified, week.last)
    assert "queue" in week.unverified.reason
    failed, rollback = week.unverified.executions
    assert (failed.rolls_back, rollback.rolls_back) == (False, True)
    assert {each.stage for each in rollback.actions} == {week.last}


def test_a_refused_approval_leaves_production_as_it_was(week: Week) -> None:
    assert not week.refused.succeeded
    assert "was refused" in week.refused.reason
    assert week.last in week.refused.executions[-1].not_reached


def test_an_artifact_that_is_overwritten_at_the_approval_is_stopped_by_the_guard(week: Week) -> None:
    assert not week.overwritten.succeeded
    assert week.overwritten.reason.startswith(
        f"{week.last}-Payment: the change set is not what Build made of this release, which differs in template."
    )
    waiting, rollback = week.overwritten.executions
    approval = [each for each in waiting.actions if each.provider == "Manual"][-1]
    assert approval.summary == "approved: from another terminal"
    assert ("Payment.Guard", "Failed") in outcomes(week.overwritten, week.last)
    assert "Payment.Deploy" not in dict(outcomes(week.overwritten, week.last))
    assert rollback.status == "Succeeded", "a rollback has the digests of the release that it rolls back to"
    assert untouched(week.overwritten, *week.accounts)


def test_the_gate_alarm_rolls_its_environment_back(week: Week) -> None:
    assert not week.alarmed.succeeded
    _, rollback = week.alarmed.executions
    assert {each.stage for each in rollback.actions} == {week.last}
    assert rollback.rolls_back
    assert week.alarmed.reason == (
        f"Stage {week.last} is held by its condition OnSuccess (gate): payment-gate-{week.last.lower()} is ALARM."
    )
    assert ("Verify", "Succeeded") in outcomes(week.alarmed, week.last)


def test_a_commit_that_deletes_the_approval_fails_its_synthesis(week: Week) -> None:
    assert not week.ungated.succeeded
    assert "PCI-6.5.1-ApprovedFirst" in week.ungated.reason
    assert reached(week.ungated) == ["Source", "Build"]
    assert untouched(week.ungated, *week.accounts)


def test_the_guard_stops_another_table_key_and_bucket_before_they_are_executed(week: Week, others: list[str]) -> None:
    assert not week.guarded.succeeded
    for kind, cause in (("AWS::DynamoDB::GlobalTable", "KeySchema"), ("AWS::S3::Bucket", "BucketName")):
        assert f"({kind})" in week.guarded.reason
        assert f'/{cause}"' in week.guarded.reason
    assert "delivery.allowed_changes in cdk.json" in week.guarded.reason
    done = [action for action, _ in outcomes(week.guarded, "Dev")]
    assert "Payment.Prepare" in done
    assert "Payment.Deploy" not in done
    assert stacks_of(week.guarded, "Dev")["Payment"].change == UNCHANGED
    assert untouched(week.guarded, *others)
    assert week.sessions == dict.fromkeys(week.accounts, "kept")


def test_the_same_change_goes_through_when_it_is_named(week: Week) -> None:
    assert week.extended.permissions.faults(complete=True) == []
    assert week.extended.succeeded
    for name in week.accounts:
        guards = [
            each
            for each in week.extended.executions[-1].actions
            if (each.stage, each.action) == (name, "Payment.Guard")
        ]
        assert "allowed by name" in guards[-1].summary
        assert stacks_of(week.extended, name)["Payment"].status == "UPDATE_COMPLETE"


def test_an_environment_is_confirmed_when_something_becomes_broader(week: Week) -> None:
    confirm = f"Confirm{MIDDLE}"
    assert (confirm, "Succeeded") in outcomes(week.extended, confirm)
