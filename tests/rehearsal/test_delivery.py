"""The whole delivery of this project: what a team does in a week, carried out once for all tests of this file."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rehearsal.approver import NO, Answer, Request
from rehearsal.assembly import Environment
from rehearsal.delivery import Rehearsal
from rehearsal.emulator import Emulator
from rehearsal.report import Report
from rehearsal.standing import ABSENT, CHANGED, UNCHANGED, Standing
from tests.rehearsal.project import Project

FOURTH_ACCOUNT = "555555555555"
SESSION = {"sessionId": {"S": "kept"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The reports of the deliveries, in their order, and what was found between them."""

    accounts: dict[str, str]
    refused: Report
    approved: Report
    again: Report
    extended: Report
    tokens: list[str]
    kept: dict[str, list[str]]  # environment -> the data that is still there

    @property
    def last(self) -> str:
        return list(self.accounts)[-1]


class Approval:
    """Refuses at first; afterwards somebody else approves, through the API."""

    def __init__(self, emulator: Emulator, home: Environment) -> None:
        self.tokens: list[str] = []
        self._client = emulator.client("codepipeline", account=home.account, region=home.region)

    def __call__(self, request: Request) -> Answer | None:
        self.tokens.append(request.token)
        if len(self.tokens) == 1:
            return NO
        self._client.put_approval_result(
            pipelineName=request.pipeline,
            stageName=request.stage,
            actionName=request.action,
            token=request.token,
            result={"status": "Approved", "summary": "from another terminal"},
        )
        return None


class Data:
    """What users put into an environment: a session, a payment on its way, an audit record."""

    def __init__(self, emulator: Emulator, payment: Standing) -> None:
        account, region = payment.environment.account, payment.environment.region
        self._clients = {
            service: emulator.client(service, account=account, region=region)
            for service in ("cloudformation", "dynamodb", "sqs", "s3")
        }
        stack = self._clients["cloudformation"].describe_stacks(StackName=payment.stack)["Stacks"][0]
        self._names = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def put(self) -> None:
        self._clients["dynamodb"].put_item(TableName=self._names["SessionTableName"], Item=SESSION)
        self._clients["sqs"].send_message(QueueUrl=self._names["QueueUrl"], MessageBody="kept")
        self._clients["s3"].put_object(Bucket=self._names["AuditBucketName"], Key="record", Body=b"kept")

    def kept(self) -> list[str]:
        item = (
            self._clients["dynamodb"].get_item(TableName=self._names["SessionTableName"], Key=SESSION).get("Item", {})
        )
        messages = self._clients["sqs"].receive_message(QueueUrl=self._names["QueueUrl"]).get("Messages", [])
        record = self._clients["s3"].get_object(Bucket=self._names["AuditBucketName"], Key="record")["Body"].read()
        return [item.get("sessionId", {}).get("S", ""), *(each["Body"] for each in messages), record.decode()]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project") / "checkout")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator of its own: here whole accounts are looked at."""
    with Emulator.start(log=tmp_path_factory.mktemp("world") / "emulator.log") as running:
        yield running


@pytest.fixture(scope="module")
def week(project: Project, world: Emulator) -> Week:
    accounts = project.accounts
    approval = Approval(world, Environment(account=project.pipeline_account, region="ap-southeast-1"))
    with Rehearsal(checkout=project.directory, emulator=world, approve=approval) as rehearsal:
        rehearsal.prepare()
        refused = rehearsal.deliver()
        approved = rehearsal.deliver()
        data = {name: Data(world, _stacks(approved, name)["Payment"]) for name in accounts}
        for each in data.values():
            each.put()
        again = rehearsal.deliver()
        kept = {name: each.kept() for name, each in data.items()}
        project.add_environment(account=FOURTH_ACCOUNT)
        extended = rehearsal.deliver()
    return Week(
        accounts=accounts,
        refused=refused,
        approved=approved,
        again=again,
        extended=extended,
        tokens=approval.tokens,
        kept=kept,
    )


def _stacks(report: Report, environment: str) -> dict[str, Standing]:
    """The stacks of an environment by their own names."""
    prefix = f"{environment}-"
    return {each.stack.removeprefix(prefix): each for each in report.standing if each.stack.startswith(prefix)}


def _standing(report: Report, environment: str) -> set[tuple[str, str]]:
    return {(name, each.status) for name, each in _stacks(report, environment).items()}


def _reached(report: Report) -> list[str]:
    """The stages of the last execution in the order in which they began."""
    return list(dict.fromkeys(action.stage for action in report.executions[-1].actions))


def test_a_refusal_ends_the_delivery_before_the_last_environment(week: Week) -> None:
    *before, last = week.accounts
    assert not week.refused.succeeded
    assert [execution.status for execution in week.refused.executions] == ["Failed"]
    for name in before:
        assert _standing(week.refused, name) == {
            ("Payment", "CREATE_COMPLETE"),
            ("DisasterRecovery", "CREATE_COMPLETE"),
        }
    assert _standing(week.refused, last) == {("Payment", ABSENT), ("DisasterRecovery", ABSENT)}
    assert last not in _reached(week.refused)
    assert last in week.refused.executions[-1].not_reached


def test_an_approval_from_another_terminal_delivers_every_environment(week: Week) -> None:
    assert week.approved.succeeded
    for name, account in week.accounts.items():
        stacks = _stacks(week.approved, name)
        assert {stack: place.environment for stack, place in stacks.items()} == {
            "Payment": Environment(account=account, region="ap-southeast-1"),
            "DisasterRecovery": Environment(account=account, region="us-west-2"),
        }
        assert {each.status for each in stacks.values()} == {"CREATE_COMPLETE"}
    (approval,) = [each for each in week.approved.executions[-1].actions if each.provider == "Manual"]
    assert approval.summary == "approved: from another terminal"


def test_every_question_has_a_token_of_its_own(week: Week) -> None:
    assert len(set(week.tokens)) == len(week.tokens) == 4


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
    stacks = _stacks(week.extended, "Fourth")
    assert {each.environment.account for each in stacks.values()} == {FOURTH_ACCOUNT}
    assert {(each.status, each.change) for each in stacks.values()} == {("CREATE_COMPLETE", CHANGED)}
    stages = _reached(week.extended)
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
