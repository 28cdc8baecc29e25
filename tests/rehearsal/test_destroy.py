"""What may go is gone without a trace; what retains data goes by the page's commands only, and leaves its data."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.console import Console
from rehearsal.drill.nightly import back_up
from rehearsal.drill.platform import Platform
from rehearsal.drill.terminal import Terminal
from rehearsal.emulator import Emulator
from rehearsal.processes import Processes
from tests.conftest import CHECKOUT
from tests.rehearsal.stacks import PRIMARY, RECOVERY
from tests.synthesized import Assembly

PAGE = CHECKOUT / "docs" / "operations.md"
REGIONS = (PRIMARY, RECOVERY)


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator of its own, because the accounts have to be empty in the end."""
    with Emulator.start(log=tmp_path_factory.mktemp("emulator") / "emulator.log") as running:
        yield running


def run(emulator: Emulator, *command: str, account: str, cwd: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    """A command at a terminal with credentials of an account."""
    environment = emulator.environment(account=account, region=PRIMARY)
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(  # noqa: S603 - commands of this file
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def left(emulator: Emulator, *, account: str) -> set[str]:
    """Everything of the platform that an account still has, but for keys on their way out and the CDK's own."""

    def ask(service: str, region: str, operation: str, **arguments: Any) -> dict[str, Any]:
        client = emulator.client(service, account=account, region=region)
        answer: dict[str, Any] = getattr(client, operation)(**arguments)
        return answer

    found = {bucket["Name"] for bucket in ask("s3", PRIMARY, "list_buckets")["Buckets"]}
    found |= {role["RoleName"] for role in ask("iam", PRIMARY, "list_roles", MaxItems=1000)["Roles"]}
    found |= {policy["PolicyName"] for policy in ask("iam", PRIMARY, "list_policies", Scope="Local")["Policies"]}
    for region in REGIONS:
        found |= set(ask("dynamodb", region, "list_tables")["TableNames"])
        found |= {secret["Name"] for secret in ask("secretsmanager", region, "list_secrets")["SecretList"]}
        found |= {parameter["Name"] for parameter in ask("ssm", region, "describe_parameters")["Parameters"]}
        found |= {vault["BackupVaultName"] for vault in ask("backup", region, "list_backup_vaults")["BackupVaultList"]}
        found |= {
            cluster["DBClusterIdentifier"] for cluster in ask("rds", region, "describe_db_clusters")["DBClusters"]
        }
        found |= {alarm["AlarmName"] for alarm in ask("cloudwatch", region, "describe_alarms")["MetricAlarms"]}
        found |= {group["logGroupName"] for group in ask("logs", region, "describe_log_groups")["logGroups"]}
        found |= {topic["TopicArn"] for topic in ask("sns", region, "list_topics")["Topics"]}
        found |= set(ask("sqs", region, "list_queues").get("QueueUrls", []))
        for key in ask("kms", region, "list_keys")["Keys"]:
            described = ask("kms", region, "describe_key", KeyId=key["KeyId"])["KeyMetadata"]
            found |= {key["KeyId"]} if described["KeyState"] == "Enabled" else set()
    return {name for name in found if "cdk-" not in name and "CDKToolkit" not in name}


def test_a_destroyed_environment_leaves_nothing(emulated: Emulator, assembly: Assembly, tmp_path: Path) -> None:
    dev = assembly.stacks["Dev-Payment"].environment
    places = [f"aws://{dev.account}/{region}" for region in REGIONS]
    policy = ("--cloudformation-execution-policies", "arn:aws:iam::aws:policy/AdministratorAccess")
    bootstrap = ("cdk", "bootstrap", *places, "--bootstrap-customer-key", *policy)
    bootstrapped = run(emulated, *bootstrap, account=dev.account, cwd=tmp_path)
    assert bootstrapped.returncode == 0, bootstrapped.stderr
    before = left(emulated, account=dev.account)
    deploy = ("cdk", "--app", str(assembly.directory), "deploy", "PipelineStack/Dev/*", "--method", "direct")
    deployed = run(emulated, *deploy, "--require-approval", "never", account=dev.account)
    assert deployed.returncode == 0, deployed.stderr
    s3 = emulated.client("s3", account=dev.account, region=PRIMARY)
    s3.put_object(Bucket=f"payment-audit-dev-{dev.account}-{PRIMARY}", Key="locked", Body=b"for a day")
    assert back_up(emulated.client("backup", account=dev.account, region=PRIMARY)) == 2
    assert len(left(emulated, account=dev.account) - before) > 50

    destroy = (sys.executable, "-m", "pipeline.destroy", "Dev", "--app", str(assembly.directory))
    unconfirmed = run(emulated, *destroy, account=dev.account)
    assert (unconfirmed.returncode, "nothing was touched" in unconfirmed.stderr) == (1, True)
    destroyed = run(emulated, *destroy, "--confirm", "Dev", account=dev.account)
    assert destroyed.returncode == 0, destroyed.stderr
    assert re.findall(r"Dev-\w+\): destroyed", destroyed.stderr + destroyed.stdout) == [
        "Dev-Payment): destroyed",
        "Dev-DisasterRecovery): destroyed",
    ]
    assert left(emulated, account=dev.account) - before == set()


@pytest.fixture(scope="module")
def standing(assembly: Assembly, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Every environment, and the pipeline."""
    with Emulator.start(log=tmp_path_factory.mktemp("standing") / "emulator.log") as emulator:
        with Console().step("the stacks of every environment") as step:
            platform = Platform(emulator=emulator, directory=assembly.directory)
            platform.deploy(step=step)
            for name in ("PipelineArtifacts-us-west-2", "PipelineStack"):
                platform.deploy_stack(assembly.stacks[name], step=step)
        yield emulator


def blocks(section: str, *, mark: str) -> list[str]:
    """The commands of a section, without the margin of a list."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    found = re.findall(rf"^( *)```{mark}\n(.*?)^ *```$", text, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{margin}", "", code, flags=re.MULTILINE) for margin, code in found]


def terminal(emulator: Emulator, assembly: Assembly, *, account: str, directory: Path) -> Terminal:
    directory.mkdir()
    (directory / "cdk.out").symlink_to(assembly.directory)
    tools = Path(sys.executable).parent
    return Terminal(
        emulator=emulator,
        account=account,
        region=PRIMARY,
        checkout=directory,
        tools=tools,
        scratch=directory,
        log=directory / "commands.log",
        processes=Processes(),
        watch=lambda _: None,
    )


def test_prod_is_refused_and_nothing_of_it_is_touched(standing: Emulator, assembly: Assembly) -> None:
    prod = assembly.stacks["Prod-Payment"].environment
    before = left(standing, account=prod.account)
    destroy = (sys.executable, "-m", "pipeline.destroy", "Prod", "--confirm", "Prod", "--app", str(assembly.directory))
    refused = run(standing, *destroy, account=prod.account)
    assert refused.returncode == 1
    assert "Prod retains its data and is not destroyed by a command; nothing was touched." in refused.stderr
    assert left(standing, account=prod.account) == before


def test_prod_goes_by_the_commands_of_the_page_and_leaves_its_data(
    standing: Emulator, assembly: Assembly, tmp_path: Path
) -> None:
    prod = assembly.stacks["Prod-Payment"].environment
    shell = terminal(standing, assembly, account=prod.account, directory=tmp_path / "prod")
    names, protect, unprotect, destroy = blocks("Take an environment down", mark="sh drill")
    for block in (names, protect):
        shell.run(block, title="Protect")
    cloudformation = standing.client("cloudformation", account=prod.account, region=PRIMARY)
    with pytest.raises(ClientError, match="TerminationProtection"):
        cloudformation.delete_stack(StackName="Prod-Payment")
    for block in (unprotect, destroy):
        shell.run(block, title="Destroy")
    remaining = left(standing, account=prod.account)
    for kept in (
        "payment-sessions-prod",
        "payment-backup-prod",
        "payment-dr-prod",
        "payment-database-user-prod",
        *(f"payment-audit-prod-{prod.account}-{region}" for region in REGIONS),
    ):
        assert kept in remaining
    assert "payment-database-prod" not in remaining
    snapshots = standing.client("rds", account=prod.account, region=PRIMARY).describe_db_cluster_snapshots()
    assert len(snapshots["DBClusterSnapshots"]) == 1
    stacks = cloudformation.describe_stacks()["Stacks"]
    assert not [one["StackName"] for one in stacks if one["StackName"].startswith("Prod-")]


def test_the_pipeline_goes_by_the_commands_of_the_page(standing: Emulator, assembly: Assembly, tmp_path: Path) -> None:
    home = assembly.stacks["PipelineStack"].environment
    shell = terminal(standing, assembly, account=home.account, directory=tmp_path / "pipeline")
    (teardown,) = blocks("Take everything down", mark="sh drill")
    shell.run(teardown, title="Pipeline")
    for region in REGIONS:
        stacks = standing.client("cloudformation", account=home.account, region=region).describe_stacks()["Stacks"]
        assert not [one["StackName"] for one in stacks if one["StackName"].startswith("Pipeline")]
    buckets = standing.client("s3", account=home.account, region=PRIMARY).list_buckets()["Buckets"]
    assert len([bucket for bucket in buckets if bucket["Name"].startswith("payment-delivery-")]) == 4


def test_the_page_names_the_command_that_destroys() -> None:
    (command,) = blocks("Take an environment down", mark="sh")
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    assert command == "make destroy ENV=Dev\n"
    assert "\ndestroy: synth" in makefile
    assert '\t@python -m pipeline.destroy "$(ENV)" --confirm "$(CONFIRM)"\n' in makefile
