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
_INSTALLED = (".venv", "node_modules")


def synthesize(workplace: Workplace, commit: Commit) -> list[Stack]:
    """The commit's own `make synth`; it tells the accounts and regions.

    It gets no credentials: a synthesis that needs some shows here. The exported tree has no history, so it is told its
    commit.
    """
    tree = _tree(workplace, commit)
    archive.unpack(commit.source, tree)
    cache.restore(checkout=workplace.checkout, tree=tree, patterns=_INSTALLED)
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = own | {"CODEBUILD_RESOLVED_SOURCE_VERSION": commit.id}
    _run(workplace, ["make", "synth"], step="make synth", tree=tree, environment=environment)
    return assembly.stacks(tree / "cdk.out")


def deploy(workplace: Workplace, commit: Commit, *, stack: Stack) -> None:
    """The one `cdk deploy` by hand, of the assembly that was synthesized."""
    home = stack.environment
    environment = workplace.emulator.environment(account=home.account, region=home.region)
    command = ["cdk", "--app", "cdk.out", "deploy", PIPELINE_STACK, "--require-approval", "never"]
    tree = _tree(workplace, commit)
    _run(workplace, command, step=f"cdk deploy {PIPELINE_STACK}", tree=tree, environment=environment)


def _tree(workplace: Workplace, commit: Commit) -> Path:
    return workplace.directory / "commits" / commit.id


def _run(
    workplace: Workplace, command: Sequence[str], *, step: str, tree: Path, environment: Mapping[str, str]
) -> None:
    log = workplace.logs / f"{step.replace(' ', '-')}-{tree.name[:8]}.log"
    tools = toolbox.environment(environment, tools=workplace.tools, scratch=workplace.directory / "cli")
    with workplace.console.step(step) as shown:
        status = workplace.processes.run(command, cwd=tree, environment=tools, log=log, watch=shown.watch)
        if status != 0:
            raise DeliveryError(f"`{' '.join(command)}` exited with {status}; the end of {log}:\n{quoted(log)}")
