"""What a team does once at its own terminal: synthesize the commit, bootstrap, deploy the pipeline stack."""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from itertools import groupby
from pathlib import Path

from botocore.exceptions import ClientError

from cdk_rehearsal import artifacts, assembly
from cdk_rehearsal.assembly import QUALIFIER, Environment, Stack
from cdk_rehearsal.commit import Commit
from cdk_rehearsal.documented import bootstrap_commands
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.processes import quoted
from cdk_rehearsal.report import TOOLKIT
from cdk_rehearsal.workplace import Workplace

_AT_ONCE = 2  # the CLI is busy with itself most of the time
_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"  # the default of `cdk bootstrap` without --trust


def bootstrap(workplace: Workplace, *, stacks: Iterable[Stack], home: Environment, tree: Path) -> None:
    """Bootstrap the environments of the stacks that are not yet, with trust in the pipeline's account."""
    wanted = {stack.environment: stack.qualifier for stack in stacks}
    missing = [target for target in sorted(wanted) if not _is_bootstrapped(workplace, target, home=home)]
    if not missing:
        return
    accounts = {account: list(targets) for account, targets in groupby(missing, key=lambda target: target.account)}
    with workplace.console.step(f"bootstrap of {len(missing)} environments") as step:
        left = set(accounts)
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            make = partial(bootstrap_account, workplace, home=home, tree=tree)
            running = {
                pool.submit(make, targets, qualifier=wanted[targets[0]]): account
                for account, targets in accounts.items()
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


def _is_bootstrapped(workplace: Workplace, target: Environment, *, home: Environment) -> bool:
    client = workplace.emulator.client("cloudformation", account=target.account, region=target.region)
    try:
        stack = client.describe_stacks(StackName=TOOLKIT)["Stacks"][0]
    except ClientError:
        return False
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
    trusted = parameters.get("TrustedAccounts", "").split(",")
    trusts = target.account == home.account or home.account in trusted
    return bool(stack["StackStatus"].endswith("_COMPLETE") and trusts)


def bootstrap_account(
    workplace: Workplace,
    targets: list[Environment],
    *,
    home: Environment,
    tree: Path | None = None,
    qualifier: str = QUALIFIER,
    edit: Callable[[str], str] = str,
) -> None:
    """Bootstrap regions of one account, as the configured page says or else with plain `cdk bootstrap`.

    In a directory of its own, where the CLI finds no cdk.json and so no app to synthesize first. `edit` changes the
    commands of the page.
    """
    account, settings = targets[0].account, workplace.settings.bootstrap
    directory = workplace.directory / "bootstrap" / account
    directory.mkdir(parents=True, exist_ok=True)
    if settings.page:
        _create_trail(workplace, targets[0])
        for name in settings.files:
            source, copy = workplace.checkout / name, directory / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, copy, dirs_exist_ok=True) if source.is_dir() else shutil.copy(source, copy)
        commands = bootstrap_commands(workplace.checkout, settings=settings, home=home, targets=targets)
        command = ["sh", "-euc", edit(commands)]
    else:
        cdk = workplace.tools.cdk(tree or workplace.checkout)
        command = [cdk, "bootstrap", *map(str, targets), "--trust", home.account]
        command += ["--cloudformation-execution-policies", _ADMINISTRATOR]
        command += ["--qualifier", qualifier] if qualifier != QUALIFIER else []
    log = workplace.logs / f"bootstrap-{account}.log"
    environment = workplace.emulator.environment(account=account, region=targets[0].region)
    status = workplace.processes.run(
        command, cwd=directory, environment=workplace.tools.workstation(environment, scratch=directory), log=log
    )
    if status != 0:
        raise DeliveryError(
            f"The bootstrap of account {account} exited with {status}; the end of {log}:\n{quoted(log)}"
        )


def _create_trail(workplace: Workplace, home: Environment) -> None:
    """The CloudTrail trail that every account of an organization has, and that a page may ask for."""
    cloudtrail = workplace.emulator.client("cloudtrail", account=home.account, region=home.region)
    if not cloudtrail.describe_trails()["trailList"]:
        cloudtrail.create_trail(Name="organization", S3BucketName="organization-trail", IsMultiRegionTrail=True)
        cloudtrail.start_logging(Name="organization")


def synthesize(workplace: Workplace, commit: Commit) -> list[Stack]:
    """Write the cloud assembly of the commit, and read from it the accounts and regions.

    It gets no credentials: a synthesis that needs some fails here.
    """
    tree, settings = tree_of(workplace, commit), workplace.settings
    artifacts.unpack(commit.source, tree)
    artifacts.restore(checkout=workplace.checkout, tree=tree, patterns=settings.cache, key=settings.cache_key)
    if settings.synth:
        _run(workplace, ["sh", "-euc", settings.synth], step=settings.synth, commit=commit)
    else:
        _install_and_synthesize(workplace, commit, tree=tree)
    directory = tree / _output(workplace, tree)
    if not (directory / "manifest.json").is_file():
        raise DeliveryError(
            f"The synthesis wrote no cloud assembly to {directory.name}: set `assembly` to its directory."
        )
    return assembly.stacks(directory)


def _install_and_synthesize(workplace: Workplace, commit: Commit, *, tree: Path) -> None:
    """Do what the README of every CDK app says: install its lock files, then `cdk synth`."""
    if not (tree / "cdk.json").is_file():
        raise DeliveryError("The commit has no cdk.json: rehearse at the top of a CDK app, or set `synth`.")
    if (tree / "requirements.txt").is_file():
        with workplace.console.step("python -m venv .venv"):
            workplace.tools.create_venv(tree / ".venv")
        pip = [".venv/bin/python", "-m", "pip", "install", "--quiet", "-r", "requirements.txt"]
        _run(workplace, pip, step="pip install -r requirements.txt", commit=commit)
    if (tree / "package-lock.json").is_file():
        _run(workplace, ["npm", "ci", "--no-audit", "--no-fund"], step="npm ci", commit=commit)
    synth = [workplace.tools.cdk(tree), "synth", "--quiet"]
    _run(workplace, synth, step="cdk synth", commit=commit)


def _output(workplace: Workplace, tree: Path) -> str:
    if workplace.settings.assembly:
        return workplace.settings.assembly
    file = tree / "cdk.json"
    output: str = json.loads(file.read_text(encoding="utf-8")).get("output", "") if file.is_file() else ""
    return output or "cdk.out"


def deploy(workplace: Workplace, commit: Commit, *, stack: Stack) -> None:
    """The one manual `cdk deploy`, of the assembly that was synthesized."""
    home, tree = stack.environment, tree_of(workplace, commit)
    environment = workplace.emulator.environment(account=home.account, region=home.region)
    command = [workplace.tools.cdk(tree), "--app", _output(workplace, tree), "deploy", stack.id]
    command += ["--require-approval", "never"]
    _run(workplace, command, step=f"cdk deploy {stack.id}", commit=commit, environment=environment)


def tree_of(workplace: Workplace, commit: Commit) -> Path:
    """The commit, checked out."""
    return workplace.directory / "commits" / commit.id


def _run(
    workplace: Workplace,
    command: Sequence[str],
    *,
    step: str,
    commit: Commit,
    environment: Mapping[str, str] | None = None,
) -> None:
    tree = tree_of(workplace, commit)
    base = environment or {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    tools = workplace.tools.workstation(base, scratch=workplace.directory / "cli", venv=tree / ".venv")
    # The exported tree has no history, from which it could know its commit.
    variables = tools | {"CODEBUILD_RESOLVED_SOURCE_VERSION": commit.id}
    log = workplace.logs / f"{step.replace(' ', '-').replace('/', '-')[:60]}-{commit.id[:8]}.log"
    with workplace.console.step(step) as shown:
        status = workplace.processes.run(command, cwd=tree, environment=variables, log=log, watch=shown.watch)
        if status != 0:
            raise DeliveryError(f"`{' '.join(command)}` exited with {status}; the end of {log}:\n{quoted(log)}")
