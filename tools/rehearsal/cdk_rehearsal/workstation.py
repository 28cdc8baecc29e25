"""What a team does at a terminal of its own, with the commit checked out: synthesize, and deploy the PipelineStack."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import groupby
from pathlib import Path

from botocore.exceptions import ClientError

from cdk_rehearsal import artifacts, assembly, processes
from cdk_rehearsal.assembly import Environment, Stack
from cdk_rehearsal.commit import Commit
from cdk_rehearsal.documented import bootstrap_commands
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.processes import quoted
from cdk_rehearsal.report import TOOLKIT
from cdk_rehearsal.workplace import Workplace

README = "README.md"
_AT_ONCE = 2  # the CLI is busy with itself most of the time


def bootstrap(workplace: Workplace, *, stacks: Iterable[Stack], home: Environment) -> list[Environment]:
    """Bootstrap what is missing, trusting the pipeline's account; returns what was done."""
    wanted = sorted({stack.environment for stack in stacks})
    missing = [place for place in wanted if not _stands(workplace, place, home=home)]
    if not missing:
        return []
    accounts = {account: list(places) for account, places in groupby(missing, key=lambda place: place.account)}
    with workplace.console.step(f"bootstrap of {len(missing)} environments") as step:
        left = set(accounts)
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            running = {
                pool.submit(bootstrap_account, workplace, places, home=home): account
                for account, places in accounts.items()
            }
            try:
                for done in as_completed(running):
                    done.result()
                    left.discard(running[done])
                    step.watch(f"accounts {', '.join(sorted(left))}")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                workplace.processes.stop()
                raise
        step.note = f"in {len(accounts)} accounts"
    return missing


def _stands(workplace: Workplace, place: Environment, *, home: Environment) -> bool:
    client = workplace.emulator.client("cloudformation", account=place.account, region=place.region)
    try:
        stack = client.describe_stacks(StackName=TOOLKIT)["Stacks"][0]
    except ClientError:
        return False
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
    trusted = parameters.get("TrustedAccounts", "").split(",")
    trusts = place.account == home.account or home.account in trusted
    return bool(stack["StackStatus"].endswith("_COMPLETE") and trusts)


def bootstrap_account(workplace: Workplace, places: list[Environment], *, home: Environment) -> None:
    """Regions of one account, as the README has it done.

    In a directory of its own, where the CLI finds no cdk.json and so no app to synthesize first.
    """
    account = places[0].account
    commands = bootstrap_commands(workplace.checkout / README, tooling=home.account, places=places)
    log = workplace.logs / f"bootstrap-{account}.log"
    directory = workplace.directory / "bootstrap" / account
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copytree(workplace.checkout / "bootstrap", directory / "bootstrap", dirs_exist_ok=True)
    environment = workplace.emulator.environment(account=account, region=places[0].region)
    status = workplace.processes.run(
        ["sh", "-euc", commands],
        cwd=directory,
        environment=processes.environment(environment, tools=workplace.tools, scratch=directory),
        log=log,
    )
    if status != 0:
        raise DeliveryError(
            f"The bootstrap of account {account} exited with {status}; the end of {log}:\n{quoted(log)}"
        )


PIPELINE_STACK = "PipelineStack"


def synthesize(workplace: Workplace, commit: Commit) -> list[Stack]:
    """The commit's own `make synth`; it tells the accounts and regions.

    It gets no credentials: a synthesis that needs some shows here.
    """
    tree = tree_of(workplace, commit)
    artifacts.unpack(commit.source, tree)
    artifacts.restore(checkout=workplace.checkout, tree=tree, patterns=artifacts.INSTALLED)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    _run(workplace, ["make", "synth"], step="make synth", commit=commit, environment=environment)
    return assembly.stacks(tree / "cdk.out")


def deploy(workplace: Workplace, commit: Commit, *, stack: Stack) -> None:
    """The one `cdk deploy` by hand, of the assembly that was synthesized."""
    home = stack.environment
    environment = workplace.emulator.environment(account=home.account, region=home.region)
    command = ["cdk", "--app", "cdk.out", "deploy", PIPELINE_STACK, "--require-approval", "never"]
    _run(workplace, command, step=f"cdk deploy {PIPELINE_STACK}", commit=commit, environment=environment)


def tree_of(workplace: Workplace, commit: Commit) -> Path:
    """The commit, checked out."""
    return workplace.directory / "commits" / commit.id


def _run(
    workplace: Workplace, command: Sequence[str], *, step: str, commit: Commit, environment: Mapping[str, str]
) -> None:
    log = workplace.logs / f"{step.replace(' ', '-')}-{commit.id[:8]}.log"
    tools = processes.environment(environment, tools=workplace.tools, scratch=workplace.directory / "cli")
    # The exported tree has no history, from which it could know its commit.
    told = tools | {"CODEBUILD_RESOLVED_SOURCE_VERSION": commit.id}
    with workplace.console.step(step) as shown:
        status = workplace.processes.run(
            command, cwd=tree_of(workplace, commit), environment=told, log=log, watch=shown.watch
        )
        if status != 0:
            raise DeliveryError(f"`{' '.join(command)}` exited with {status}; the end of {log}:\n{quoted(log)}")
