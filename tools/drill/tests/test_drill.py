"""The runbook for a lost region, run on an emulator: its promises are true, and what breaks them is found."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cdk_rehearsal import CommandError, Console, Emulator, RehearsalError, Terminal, Workplace
from cdk_rehearsal.roles import taken
from tests.conftest import CHECKOUT
from tests.templates import Assembly
from tools.drill.data import Kind
from tools.drill.drill import Drill
from tools.drill.failures import DrillError, must_be_locked
from tools.drill.permissions import Judgement
from tools.drill.report import Report, show, write
from tools.drill.runbook import PAGES, Step, read, read_all

PRIMARY, RECOVERY = "ap-southeast-1", "us-west-2"
OTHER_ACCOUNT = "888888888888"


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return read_all(CHECKOUT)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator of its own, because one of its regions fails during the drill."""
    with Emulator.start(log=tmp_path_factory.mktemp("emulator") / "emulator.log") as running:
        yield running


@pytest.fixture(scope="module")
def report(assembly: Assembly, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Report:
    with drill(assembly, emulator, tmp_path_factory.mktemp("drill")) as first:
        first.deploy()
        return first.run()


def drill(assembly: Assembly, emulator: Emulator, logs: Path) -> Drill:
    return Drill(checkout=CHECKOUT, directory=assembly.directory, emulator=emulator, console=Console(), logs=logs)


def test_every_step_of_the_runbook_passes(report: Report, steps: list[Step]) -> None:
    assert report.reason == "", "change the page, or the check of that step in checks.py"
    assert [step.title for step in report.steps] == [step.title for step in steps]
    assert all(step.passed for step in report.steps)
    assert sum(step.commands for step in report.steps) == sum(len(step.commands) for step in steps)


def test_only_records_in_flight_are_lost_and_they_return(report: Report) -> None:
    kinds = {kind.name: kind for kind in report.kinds}
    for name in ("Sessions", "Audit log"):
        kind = kinds[name]
        assert kind.lost == len(kind.in_flight) > 0
        assert {*kind.before, *kind.in_flight, *kind.meanwhile} <= kind.found_in_primary
        assert len(kind.meanwhile) > 0
    database = kinds["Database"]
    assert database.lost == len(database.in_flight) > 0
    assert database.found_in_primary == {*database.before, *database.meanwhile}
    messages = kinds["Messages"]
    assert messages.lost == len(messages.before) + len(messages.in_flight)
    assert {*messages.before, *messages.in_flight} <= messages.found_in_primary


def test_the_platform_is_deployed_while_its_region_is_lost(report: Report) -> None:
    titles = [step.title for step in report.steps]
    notes = {step.title: "; ".join(step.notes) for step in report.steps}
    assert f"{PRIMARY} is lost" in notes["Fence"]
    assert f"{PRIMARY} is well again" in notes["Check the fence"]
    assert titles.index("Fence") < titles.index("Deploy the platform") < titles.index("Check the fence")
    assert f"in {RECOVERY} and us-east-2; none needs {PRIMARY}" in notes["Deploy the platform"]
    assert "ProdDr is deleted; Prod serves" in notes["Delete the recovery environment"]


def test_the_report_names_what_the_drill_does_not_prove(report: Report, tmp_path: Path) -> None:
    console = Console()
    with console.rich.capture() as printed:
        show(report, console=console.rich, logs=tmp_path)
    text = " ".join(printed.get().split())
    assert "Database │ 24 hours │ 43 │ 3 │ 3 │ 5 │ 45" in text
    assert "Freeze: aws codepipeline disable-stage-transition" in text
    assert "restored from its own files" in text
    assert "passed" in text
    write(report, file=tmp_path / "report.json")
    assert '"Lost": 3' in (tmp_path / "report.json").read_text(encoding="utf-8")


def test_the_calls_of_roles_are_judged_before_what_allowed_them_is_deleted(report: Report) -> None:
    notes = {step.title: "; ".join(step.notes) for step in report.steps}
    for title in ("Delete the database before the swap", "Delete the recovery environment"):
        assert "roles judged, all allowed" in notes[title]


@pytest.mark.usefixtures("report")  # the platform is deployed
def test_a_call_that_no_policy_allows_fails_the_drill(assembly: Assembly, emulator: Emulator, tmp_path: Path) -> None:
    prod = assembly.stacks["Prod-Payment"].environment
    role = f"arn:aws:iam::{prod.account}:role/payment-housekeeping-prod"
    key = taken(role, emulator=emulator, region=prod.region, session="test")
    emulator.client("sqs", account=key, region=prod.region).list_queues()
    workplace = Workplace.prepare(tmp_path, emulator=emulator, checkout=CHECKOUT, logs=tmp_path, console=Console())
    with pytest.raises(DrillError, match=r"payment-housekeeping-prod calls sqs:ListQueues .* its policies lack"):
        Judgement(workplace, environments=[prod]).judge()


@pytest.mark.usefixtures("report")  # the platform is deployed
def test_a_drill_without_the_replica_of_the_sessions_fails(
    assembly: Assembly, emulator: Emulator, tmp_path: Path
) -> None:
    prod = assembly.stacks["Prod-Payment"].environment
    with drill(assembly, emulator, tmp_path) as broken:
        dynamodb = emulator.client("dynamodb", account=prod.account, region=prod.region)
        replica = {"Delete": {"RegionName": RECOVERY}}
        dynamodb.update_table(TableName="payment-sessions-prod", ReplicaUpdates=[replica])
        report = broken.run(first="Terminal")
    emulator.fail(PRIMARY, state="well")
    assert not report.succeeded
    assert "payment-sessions-prod" in report.reason
    assert not report.steps[-1].passed
    assert report.steps[-1].title == "Record the recovery point"


def test_a_missing_record_that_was_not_in_flight_fails() -> None:
    kind = Kind(name="Audit log", promise="", replicated=True, write=lambda *_: None, find=lambda _: ["record-001"])
    kind.put(kind.before, region="here", number=2)
    with pytest.raises(DrillError, match=r"Audit log: 1 of 2 records are not in there, for example record-000\."):
        kind.look_in_recovery("there")


def test_a_replica_without_a_lock_fails(emulator: Emulator) -> None:
    s3 = emulator.client("s3", account=OTHER_ACCOUNT, region=RECOVERY)
    where = {"LocationConstraint": RECOVERY}
    s3.create_bucket(Bucket="unlocked", CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket="unlocked", Key="record", Body=b"paid")
    with pytest.raises(DrillError, match="record in unlocked has no lock"):
        must_be_locked(s3, bucket="unlocked", keys=["record"])


def test_a_command_that_fails_ends_its_block(emulator: Emulator, tmp_path: Path) -> None:
    log = tmp_path / "commands.log"
    workplace = Workplace.prepare(tmp_path, emulator=emulator, checkout=CHECKOUT, logs=tmp_path, console=Console())
    terminal = Terminal(workplace, account=OTHER_ACCOUNT, region=RECOVERY, directory=CHECKOUT, log=log)
    terminal.run("export KEPT=kept", title="First")
    assert terminal.variable("KEPT") == "kept"
    with pytest.raises(CommandError, match="Second: a command failed"):
        terminal.run('aws s3api head-bucket --bucket "$KEPT"\necho not reached', title="Second")
    assert "\nnot reached" not in log.read_text(encoding="utf-8")


def test_a_block_without_a_known_mark_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("### Somehow\n\n```sh\naws s3 ls\n```\n", encoding="utf-8")
    with pytest.raises(RehearsalError, match=r"page\.md, Somehow: a block is marked 'sh': write 'sh drill'"):
        read(page)


def test_every_block_of_the_page_belongs_to_a_step(steps: list[Step]) -> None:
    text = "".join((CHECKOUT / page).read_text(encoding="utf-8") for page in PAGES)
    assert text.count("```sh ") == sum(len(step.commands) + len(step.manual) for step in steps)
    assert len({step.title for step in steps}) == len(steps)
