"""What a team does at a terminal of its own, with the commit checked out: synthesize, and deploy the PipelineStack."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from rehearsal import archive, assembly, cache, toolbox
from rehearsal.assembly import Stack
from rehearsal.commit import Commit
from rehearsal.errors import DeliveryError
from rehearsal.processes import quoted
from rehearsal.workplace import Workplace

PIPELINE_STACK = "PipelineStack"


def synthesize(workplace: Workplace, commit: Commit) -> list[Stack]:
    """The commit's own `make synth`; it tells the accounts and regions.

    It gets no credentials: a synthesis that needs some shows here.
    """
    tree = tree_of(workplace, commit)
    archive.unpack(commit.source, tree)
    cache.restore(checkout=workplace.checkout, tree=tree, patterns=cache.INSTALLED)
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
    tools = toolbox.environment(environment, tools=workplace.tools, scratch=workplace.directory / "cli")
    # The exported tree has no history, from which it could know its commit.
    told = tools | {"CODEBUILD_RESOLVED_SOURCE_VERSION": commit.id}
    with workplace.console.step(step) as shown:
        status = workplace.processes.run(
            command, cwd=tree_of(workplace, commit), environment=told, log=log, watch=shown.watch
        )
        if status != 0:
            raise DeliveryError(f"`{' '.join(command)}` exited with {status}; the end of {log}:\n{quoted(log)}")
