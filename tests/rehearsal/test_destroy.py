"""What may go is gone without a trace; what retains data goes by the page's commands only, and leaves its data."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal import assembly as assemblies
from cdk_rehearsal import report
from cdk_rehearsal.console import Console
from cdk_rehearsal.documented import Teardown, Terminal
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.settings import Settings
from cdk_rehearsal.workplace import Workplace
from stacks import PRIMARY, RECOVERY
from tests.conftest import CHECKOUT
from tests.sample import sample_checkout
from tests.templates import Assembly
from tools.drill import platform
from tools.drill.data import back_up
from workplaces import workplace_in

REGIONS = (PRIMARY, RECOVERY)
SETTINGS = Settings.load(CHECKOUT)
ENVIRONMENT = "Take an environment down"


def remains(emulator: Emulator, *, account: str, regions: Iterable[str]) -> dict[str, set[str]]:
    """What is left in an account, without its bootstrap."""
    return report.remains(emulator, account=account, regions=regions, without=SETTINGS.bootstrap.names)


@pytest.fixture(scope="module")
def standing(assembly: Assembly, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Every environment, and the pipeline."""
    with Emulator.start(log=tmp_path_factory.mktemp("standing") / "emulator.log") as emulator:
        with Console().step("the stacks of every environment") as step:
            platform.deploy(assembly.directory, emulator=emulator, step=step)
            for name in ("PipelineArtifacts-us-west-2", "PipelineStack"):
                platform.deploy_stack(assembly.stacks[name], emulator=emulator, step=step)
            # The role of `cdk bootstrap` in which CloudFormation deletes, with the boundary that the page takes off.
            tooling = assembly.stacks["PipelineStack"].environment.account
            emulator.client("iam", account=tooling, region=PRIMARY).create_role(
                RoleName=f"cdk-hnb659fds-cfn-exec-role-{tooling}-{PRIMARY}",
                AssumeRolePolicyDocument="{}",
                PermissionsBoundary=f"arn:aws:iam::{tooling}:policy/payment-delivery-boundary",
            )
        yield emulator


@pytest.fixture(scope="module")
def workplace(standing: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return workplace_in(tmp_path_factory.mktemp("workplace"), emulator=standing, checkout=CHECKOUT)


@pytest.fixture(scope="module")
def teardown(workplace: Workplace, assembly: Assembly) -> Teardown:
    """It works in a checkout whose settings and assembly are those of the tests."""
    tree = sample_checkout(workplace.directory / "tree")
    (tree / "cdk.out").symlink_to(assembly.directory)
    return Teardown(workplace, tree=tree, stacks=assemblies.stacks(assembly.directory))


@pytest.fixture(scope="module")
def said(standing: Emulator, workplace: Workplace, assembly: Assembly, teardown: Teardown) -> str:
    """What the teardown says; before it, data of all kinds was put into the first environment."""
    dev = assembly.stacks["Dev-Payment"].environment
    s3 = standing.client("s3", account=dev.account, region=PRIMARY)
    s3.put_object(Bucket=f"payment-audit-dev-{dev.account}-{PRIMARY}", Key="locked", Body=b"for a day")
    assert back_up(standing.client("backup", account=dev.account, region=PRIMARY)) == 2
    found = remains(standing, account=dev.account, regions=REGIONS)
    assert sum(map(len, found.values())) > 50
    with workplace.console.rich.capture() as printed:
        teardown.carry_out()
    return printed.get()


def destroy(tree: Path, emulator: Emulator, assembly: Assembly, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command behind `make destroy`, with credentials of the environment's account."""
    account = assembly.stacks[f"{arguments[0]}-Payment"].environment.account
    environment = emulator.environment(account=account, region=PRIMARY)
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(  # noqa: S603 - a command of this project
        [sys.executable, "-m", "pipeline.destroy", *arguments, "--app", str(assembly.directory)],
        cwd=tree,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("Dev",), "Not confirmed, nothing was touched"),
        (
            ("Prod", "--confirm", "Prod"),
            "Prod retains its data and is not destroyed by a command; nothing",
        ),
    ],
)
def test_what_is_refused_is_not_touched(
    standing: Emulator, assembly: Assembly, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    account = assembly.stacks[f"{arguments[0]}-Payment"].environment.account
    before = remains(standing, account=account, regions=REGIONS)
    refused = destroy(sample_checkout(tmp_path / "tree"), standing, assembly, *arguments)
    assert refused.returncode == 1
    assert reason in refused.stderr
    assert remains(standing, account=account, regions=REGIONS) == before


def test_prod_is_protected_by_the_commands_of_the_page(
    workplace: Workplace, teardown: Teardown, assembly: Assembly, tmp_path: Path
) -> None:
    prod = assembly.stacks["Prod-Payment"].environment
    log = tmp_path / "commands.log"
    terminal = Terminal(workplace, account=prod.account, region=PRIMARY, directory=CHECKOUT, log=log)
    names, protect, *_ = teardown.blocks(ENVIRONMENT)
    for block in (names, protect):
        terminal.run(block, title="Protect")
    cloudformation = workplace.emulator.client("cloudformation", account=prod.account, region=PRIMARY)
    with pytest.raises(ClientError, match="TerminationProtection"):
        cloudformation.delete_stack(StackName="Prod-Payment")


def test_environments_go_from_the_last_to_the_first_and_prod_by_hand(said: str) -> None:
    steps = [line.split("  ")[1].removeprefix("✓ ") for line in said.splitlines() if line.startswith("  ✓")]
    prod, staging, dev = (
        f"make --old-file=synth destroy ENV={name} CONFIRM={name}" for name in ("Prod", "Staging", "Dev")
    )
    assert steps == [prod, "Prod manually", staging, dev, "the pipeline"]
    assert "refused, and nothing was touched: its data is retained" in said


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize("environment", ["Dev", "Staging"])
def test_a_destroyed_environment_leaves_nothing(standing: Emulator, assembly: Assembly, environment: str) -> None:
    account = assembly.stacks[f"{environment}-Payment"].environment.account
    assert remains(standing, account=account, regions=REGIONS) == {}


@pytest.mark.usefixtures("said")
def test_prod_leaves_its_data(standing: Emulator, assembly: Assembly) -> None:
    account = assembly.stacks["Prod-Payment"].environment.account
    left = remains(standing, account=account, regions=REGIONS)
    assert left["tables"] == {"payment-sessions-prod"}
    assert left["vaults"] == {"payment-backup-prod", "payment-dr-prod"}
    assert left["secrets"] == {"payment-database-user-prod"}
    assert left["buckets"] >= {f"payment-audit-prod-{account}-{region}" for region in REGIONS}
    assert len(left["snapshots"]) == 1
    assert not {"clusters", "roles", "policies", "alarms"} & set(left)


@pytest.mark.usefixtures("said")
def test_the_pipeline_leaves_its_artifacts(standing: Emulator, assembly: Assembly) -> None:
    account = assembly.stacks["PipelineStack"].environment.account
    left = remains(standing, account=account, regions=REGIONS)
    assert len([bucket for bucket in left["buckets"] if bucket.startswith("payment-delivery-")]) == 4
    assert not {"roles", "policies", "alarms", "topics"} & set(left)


def test_the_page_names_the_command_that_destroys() -> None:
    assert "```sh\nmake destroy ENV=Dev\n```" in (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    assert "\ndestroy: synth" in makefile
    assert '-m pipeline.destroy "$(ENV)" --confirm "$(CONFIRM)"\n' in makefile
