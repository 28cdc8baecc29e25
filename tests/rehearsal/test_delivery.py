"""The whole delivery of this project: what a team does in a week, carried out once for all tests of this file."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rehearsal.assembly import Environment
from rehearsal.emulator import Emulator
from rehearsal.standing import ABSENT, CHANGED, UNCHANGED
from tests.rehearsal.project import Project
from tests.rehearsal.week import FOURTH_ACCOUNT, Week, reached, stacks_of, standing_of

pytestmark = pytest.mark.xdist_group("week")


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
        assert {each.status for each in stacks.values()} == {"CREATE_COMPLETE"}
    approval = [each for each in week.approved.executions[-1].actions if each.provider == "Manual"][-1]
    assert approval.summary == "approved: from another terminal"


def test_every_question_has_a_token_of_its_own(week: Week) -> None:
    assert len(set(week.tokens)) == len(week.tokens) > 4


def test_the_same_commit_again_changes_nothing(week: Week) -> None:
    assert week.again.succeeded
    assert {each.change for each in week.again.standing} == {UNCHANGED}
    deployments = [each for each in week.again.executions[-1].actions if each.provider == "CloudFormation"]
    assert {each.summary for each in deployments} == {"no changes"}


def test_data_survives_a_delivery(week: Week) -> None:
    assert week.kept == {name: ["kept", "kept", "kept"] for name in week.accounts}


def test_the_pipeline_changes_itself_and_starts_over(week: Week) -> None:
    assert week.extended.succeeded
    cut_off, carried_out = week.extended.executions
    assert (cut_off.status, carried_out.status) == ("Cancelled", "Succeeded")
    assert carried_out.pipeline_version == cut_off.pipeline_version + 1
    assert cut_off.actions[-1].stage == "UpdatePipeline"


def test_a_new_environment_is_deployed_by_the_commit_that_brings_it(week: Week) -> None:
    stacks = stacks_of(week.extended, "Fourth")
    assert {each.environment.account for each in stacks.values()} == {FOURTH_ACCOUNT}
    assert {(each.status, each.change) for each in stacks.values()} == {("CREATE_COMPLETE", CHANGED)}
    stages = reached(week.extended)
    assert stages.index("Fourth") < stages.index(week.last)


def test_no_resource_is_left_out_of_the_account(week: Week) -> None:
    assert set(week.approved.resources()) >= week.approved.declared_types
    assert week.approved.coverage.not_proved


class Run:
    """`python -m rehearsal`, as a user starts it."""

    def __init__(self, project: Project, directory: Path, **variables: str) -> None:
        self.scratch = directory / "tmp"
        self.scratch.mkdir()
        self.output = directory / "output"
        known = {name: value for name, value in os.environ.items() if name not in {"APPROVE", "EMULATOR"}}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rehearsal"],
                cwd=project.directory,
                env=known | {"TMPDIR": str(self.scratch)} | variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, words: str) -> None:
        deadline = time.monotonic() + 90
        while words not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.1)

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)

    def text(self) -> str:
        return self.output.read_text()

    def left(self) -> list[str]:
        """Files and processes that should be gone."""
        files = [str(path) for path in self.scratch.iterdir()]
        return files + [command for command in _commands() if str(self.scratch) in command]


def _commands() -> Iterator[str]:
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes() if process.name.isdigit() else b""
        except OSError:
            continue
        yield command.replace(b"\0", b" ").decode(errors="replace")


def test_an_interrupted_rehearsal_leaves_nothing_behind(project: Project, tmp_path: Path) -> None:
    run = Run(project, tmp_path, APPROVE="yes")
    run.wait_for("Preparing")
    endpoint = urlsplit(run.text().partition("Emulated AWS at ")[2].split()[0])
    time.sleep(1)  # into the synthesis
    assert run.interrupt() == 130
    assert "Interrupted" in run.text()
    assert run.left() == []
    with socket.socket() as probe:
        assert probe.connect_ex((str(endpoint.hostname), int(endpoint.port or 0))) != 0


@pytest.mark.usefixtures("week")
def test_after_an_interruption_in_the_middle_the_next_run_works(
    project: Project, world: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    first = Run(project, tmp_path / "first", EMULATOR=world.endpoint, APPROVE="yes")
    first.wait_for("Source / ")
    assert first.interrupt() == 130
    assert first.left() == []
    second = Run(project, tmp_path / "second", EMULATOR=world.endpoint, APPROVE="no")
    assert second.process.wait(timeout=120) == 1
    assert "was refused: APPROVE=no" in second.text()


def test_an_answer_that_is_none_is_refused_at_once(project: Project, tmp_path: Path) -> None:
    run = Run(project, tmp_path, APPROVE="perhaps")
    assert run.process.wait(timeout=20) == 2
    assert "yes or no" in run.text()


def test_without_a_terminal_or_an_answer_nothing_is_deployed(project: Project, world: Emulator, tmp_path: Path) -> None:
    run = Run(project, tmp_path, EMULATOR=world.endpoint)
    assert run.process.wait(timeout=60) == 2
    assert "set APPROVE=yes or APPROVE=no" in run.text()
    assert "cdk deploy" not in run.text()
