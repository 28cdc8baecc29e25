"""The runbook for a lost region, carried out: what it promises is found, and what breaks it is noticed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cdk_rehearsal.console import Console
from cdk_rehearsal.documented import CommandError, Terminal
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.errors import RehearsalError
from tests.conftest import CHECKOUT
from tests.rehearsal.places import workplace_in
from tests.templates import Assembly
from tools.drill.checks import DrillError, locked
from tools.drill.data import Kind
from tools.drill.drill import PAGE, Drill, Step, read
from tools.drill.report import Report, show, write


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return read(CHECKOUT / PAGE)


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator of its own: the drill takes a region from it, and gives it back."""
    with Emulator.start(log=tmp_path_factory.mktemp("failing") / "emulator.log") as emulator:
        yield emulator


@pytest.fixture(scope="module")
def report(assembly: Assembly, failing: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Report:
    with drill(assembly, failing, tmp_path_factory.mktemp("drill")) as carried_out:
        carried_out.stand_up()
        return carried_out.carry_out()


def drill(assembly: Assembly, emulator: Emulator, logs: Path) -> Drill:
    return Drill(checkout=CHECKOUT, directory=assembly.directory, emulator=emulator, console=Console(), logs=logs)


def test_every_step_that_an_emulator_can_show_is_carried_out(report: Report, steps: list[Step]) -> None:
    assert report.reason == ""
    assert [step.title for step in report.steps] == [step.title for step in steps]
    assert all(step.passed for step in report.steps)
    assert sum(step.commands for step in report.steps) == sum(len(step.commands) for step in steps)


def test_only_what_was_on_its_way_is_lost_and_all_of_it_comes_back(report: Report) -> None:
    kinds = {kind.name: kind for kind in report.kinds}
    for name in ("Sessions", "Audit log"):
        kind = kinds[name]
        assert kind.lost == len(kind.in_flight) > 0
        assert {*kind.before, *kind.in_flight, *kind.meanwhile} <= kind.found_at_home
        assert len(kind.meanwhile) > 0
    messages = kinds["Messages"]
    assert messages.lost == len(messages.before) + len(messages.in_flight)
    assert {*messages.before, *messages.in_flight} <= messages.found_at_home


def test_the_platform_is_brought_up_while_its_region_is_lost(report: Report) -> None:
    titles = [step.title for step in report.steps]
    notes = {step.title: "; ".join(step.notes) for step in report.steps}
    assert "ap-southeast-1 is lost" in notes["Fence"]
    assert "ap-southeast-1 is well again" in notes["Check the fence"]
    assert titles.index("Fence") < titles.index("Deploy the platform") < titles.index("Check the fence")
    assert "in us-west-2 and us-east-2; none asked ap-southeast-1" in notes["Deploy the platform"]
    assert "ProdDr is gone; Prod serves" in notes["Delete the recovery environment"]


def test_the_report_says_what_it_does_not_show(report: Report, tmp_path: Path) -> None:
    console = Console()
    with console.rich.capture() as printed:
        show(report, console=console.rich, logs=tmp_path)
    text = " ".join(printed.get().split())
    assert "Database │ 24 hours │ not shown" in text
    assert "Freeze: aws codepipeline disable-stage-transition" in text
    assert "no restore" in text
    assert "carried out" in text
    write(report, file=tmp_path / "report.json")
    assert '"lost": 3' in (tmp_path / "report.json").read_text(encoding="utf-8")


@pytest.mark.usefixtures("report")  # everything stands
def test_a_drill_without_the_sessions_replica_fails(assembly: Assembly, failing: Emulator, tmp_path: Path) -> None:
    prod = assembly.stacks["Prod-Payment"].environment
    with drill(assembly, failing, tmp_path) as broken:
        dynamodb = failing.client("dynamodb", account=prod.account, region=prod.region)
        replica = {"Delete": {"RegionName": "us-west-2"}}
        dynamodb.update_table(TableName="payment-sessions-prod", ReplicaUpdates=[replica])
        report = broken.carry_out()
    assert not report.succeeded
    assert "payment-sessions-prod" in report.reason
    assert not report.steps[-1].passed
    assert report.steps[-1].title == "Record the recovery point"


def test_a_record_that_was_not_in_flight_must_not_be_missing() -> None:
    kind = Kind(name="Audit log", promise="", replicated=True, write=lambda *_: None, find=lambda _: ["record-001"])
    kind.put(kind.before, region="here", number=2)
    with pytest.raises(DrillError, match=r"Audit log: 1 of 2 records are not in there, record-000 for one\."):
        kind.look_there("there")


def test_a_replica_without_a_lock_is_noticed(emulator: Emulator) -> None:
    s3 = emulator.client("s3", account="888888888888", region="us-west-2")
    where = {"LocationConstraint": "us-west-2"}
    s3.create_bucket(Bucket="unlocked", CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket="unlocked", Key="record", Body=b"paid")
    with pytest.raises(DrillError, match="record in unlocked has no lock"):
        locked(s3, bucket="unlocked", keys=["record"])


def test_a_command_that_fails_ends_its_block(emulator: Emulator, tmp_path: Path) -> None:
    log, workplace = tmp_path / "commands.log", workplace_in(tmp_path, emulator=emulator, checkout=CHECKOUT)
    terminal = Terminal(workplace, account="888888888888", region="us-west-2", directory=CHECKOUT, log=log)
    terminal.run("export KEPT=kept", title="First")
    assert terminal.variable("KEPT") == "kept"
    with pytest.raises(CommandError, match="Second: a command failed"):
        terminal.run('aws s3api head-bucket --bucket "$KEPT"\necho not reached', title="Second")
    assert "\nnot reached" not in log.read_text(encoding="utf-8")


def test_a_block_that_nobody_said_can_be_rehearsed_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("### Somehow\n\n```sh\naws s3 ls\n```\n", encoding="utf-8")
    with pytest.raises(RehearsalError, match=r"page\.md, Somehow: a block is marked 'sh': write 'sh drill'"):
        read(page)


def test_every_block_of_the_page_belongs_to_a_step(steps: list[Step]) -> None:
    text = (CHECKOUT / PAGE).read_text(encoding="utf-8")
    assert text.count("```sh ") == sum(len(step.commands) + len(step.by_hand) for step in steps)
    assert len({step.title for step in steps}) == len(steps)
