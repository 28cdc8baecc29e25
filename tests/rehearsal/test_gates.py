"""Every gate holds: what must not get through stops where it should, says why, and leaves production as it was."""

import pytest

from rehearsal.report import Report
from rehearsal.standing import UNCHANGED
from tests.rehearsal.week import Week, reached, stacks_of

pytestmark = pytest.mark.xdist_group("week")


def untouched(report: Report, *environments: str) -> bool:
    return all(stack.change == UNCHANGED for name in environments for stack in stacks_of(report, name).values())


def outcomes(report: Report, stage: str) -> list[tuple[str, str]]:
    """What was done in a stage, in the last execution that delivered."""
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
    assert set(reached(week.broken)) <= {"Source", "Build", "UpdatePipeline", "Dev"}


def test_a_verification_that_fails_in_staging_rolls_it_back_and_stops_there(week: Week) -> None:
    assert not week.unverified.succeeded
    assert ("Verify", "Failed") in outcomes(week.unverified, "Staging")
    assert "queue" in week.unverified.reason
    assert week.last not in reached(week.unverified)
    assert untouched(week.unverified, week.last)
    failed, rollback = week.unverified.executions
    assert (failed.rolls_back, rollback.rolls_back) == (False, True)
    assert {each.stage for each in rollback.actions} == {"Staging"}
    assert f"Approve{week.last}" in failed.not_reached


def test_a_refused_approval_leaves_production_as_it_was(week: Week) -> None:
    assert not week.refused.succeeded
    assert "was refused" in week.refused.reason
    assert week.last in week.refused.executions[-1].not_reached


def test_the_gate_alarm_holds_staging(week: Week) -> None:
    assert not week.alarmed.succeeded
    assert week.alarmed.reason == (
        "Stage Staging is held by its condition OnSuccess (CloudWatchAlarm): payment-gate-staging is ALARM."
    )
    assert ("Verify", "Succeeded") in outcomes(week.alarmed, "Staging")
    assert untouched(week.alarmed, week.last)
    assert week.last in week.alarmed.executions[-1].not_reached


def test_a_commit_that_deletes_the_approval_fails_its_synthesis(week: Week) -> None:
    assert not week.ungated.succeeded
    assert "PCI-6.5.1-ApprovedFirst" in week.ungated.reason
    assert reached(week.ungated) == ["Source", "Build"]
    assert untouched(week.ungated, *week.accounts)


def test_the_guard_stops_another_table_key_and_bucket_before_they_are_executed(week: Week) -> None:
    assert not week.guarded.succeeded
    for kind, cause in (("AWS::DynamoDB::GlobalTable", "KeySchema"), ("AWS::S3::Bucket", "BucketName")):
        assert f"({kind})" in week.guarded.reason
        assert f'/{cause}"' in week.guarded.reason
    assert "delivery.allowed_changes in cdk.json" in week.guarded.reason
    done = [action for action, _ in outcomes(week.guarded, "Dev")]
    assert "Payment.Prepare" in done
    assert "Payment.Deploy" not in done
    assert untouched(week.guarded, *week.accounts)
    assert week.sessions == dict.fromkeys(week.accounts, "kept")


def test_the_same_change_goes_through_when_it_is_named(week: Week) -> None:
    assert week.allowed.succeeded
    for name in week.accounts:
        guards = [
            each for each in week.allowed.executions[-1].actions if (each.stage, each.action) == (name, "Payment.Guard")
        ]
        assert "allowed by name" in guards[-1].summary
        assert stacks_of(week.allowed, name)["Payment"].status == "UPDATE_COMPLETE"


def test_staging_is_confirmed_only_when_something_becomes_broader(week: Week) -> None:
    assert ("ConfirmStaging", "Succeeded") in outcomes(week.refused, "ConfirmStaging")
    assert outcomes(week.again, "ConfirmStaging") == [("BeforeEntry: VariableCheck", "Skipped")]
