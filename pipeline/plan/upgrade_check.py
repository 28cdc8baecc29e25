"""`python -m pipeline.plan.upgrade_check`: what an upgrade between two commits would lose or leave behind.

It needs git, and no AWS account. Exit status: 0 nothing, 1 a finding, 2 the commits cannot be compared.
"""

import argparse
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.guard.losses import STATEFUL
from pipeline.plan.assembly import AssemblyStack, assembly_stacks, delivery_settings
from pipeline.plan.changes import Change, stateful_faults, template_changes
from pipeline.plan.rendering import reason

_ENTRY = re.compile(r"^## v\S+ .*\((?P<commit>[0-9a-f]{7,40})\)$", re.MULTILINE)
"""The heading of a release in CHANGELOG.md: version, date and commit. The newest is first."""

_GIT_CANNOT_READ = 128  # the exit status for a directory that is no repository, or that git refuses to read

_PAGE = "docs/operations.md"

_LOCKS = ("requirements.txt", "package-lock.json")
_RELEASES = Path("build", "releases")
"""The trees of commits with other tools than this checkout, each with its own tools installed."""

Stacks = Mapping[str, AssemblyStack]  # by name, in the order of deployment


class ComparisonError(Exception):
    """Commits that cannot be compared, with the remedy."""


def main() -> int:
    """Synthesizes both commits, compares every stack and prints the findings."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.plan.upgrade_check", description=__doc__)
    parser.add_argument("--base", default="", help="the deployed commit; by default the last release")
    parser.add_argument("--head", default="HEAD", help="the commit to deploy")
    arguments = parser.parse_args()
    checkout = Path.cwd()
    try:
        base = arguments.base or last_release(checkout)
        with tempfile.TemporaryDirectory(prefix="upgrade-check-") as directory:
            before, _ = _synthesize(checkout, name=base, tree=Path(directory, "base"))
            after, allowed = _synthesize(checkout, name=arguments.head, tree=Path(directory, "head"))
    except ComparisonError as error:
        print(f"upgrade-check: {error}", file=sys.stderr)
        return 2
    print(f"From {base} to {arguments.head}, {len(before.keys() | after.keys())} stacks")
    changes = compare(before, after)
    for change in changes:
        if change.kind == "replaced":
            print(f"  {change.stack}: {change.logical_id} ({change.resource_type}) is replaced{reason(change)}")
    faults = stateful_faults(changes, allowed=allowed)
    for fault in faults:
        print(f"LOSES DATA  {fault}")
    abandoned = [*removed(before, after, base=base), *moved(before, after)]
    for finding in abandoned:
        print(f"LEFT BEHIND  {finding}")
    print(
        f"{len(changes)} resources change; {'stored data would be lost' if faults else 'no stored data is lost'}"
        f"{'; deployed stacks would be left behind' if abandoned else ''}."
    )
    return 1 if faults or abandoned else 0


def last_release(checkout: Path) -> str:
    """The newest tag v*; in a clone without tags the newest commit in the changelog.

    Raises:
        ComparisonError: If there is neither.
    """
    if tags := _git(checkout, "tag", "--list", "v*", "--sort=-creatordate").stdout.decode().split():
        return tags[0]
    changelog = checkout / "CHANGELOG.md"
    if changelog.is_file() and (entry := _ENTRY.search(changelog.read_text(encoding="utf-8"))):
        commit = entry["commit"]
        if not _commit(checkout, commit) and not _is_shallow(checkout):
            raise ComparisonError(
                f"CHANGELOG.md names {commit} as the last release, and this repository, perhaps an import without its "
                "history, does not contain it. Tag the commit that is deployed, or else your first one (git tag v0 "
                "<commit>), or name it: make upgrade-check BASE=<commit>."
            )
        return commit
    raise ComparisonError("there is no release to compare with: name a commit with BASE=<commit>.")


def export(checkout: Path, *, name: str, to: Path) -> str:
    """Writes the tree of a commit to a directory, and returns the hash of the commit.

    Raises:
        ComparisonError: If the name is no commit.
    """
    commit = _commit(checkout, name)
    if not commit and _is_shallow(checkout):
        raise ComparisonError(f"'{name}' is not in this shallow clone: run git fetch --unshallow --tags, then repeat.")
    if not commit:
        raise ComparisonError(f"'{name}' is no commit of {checkout}: use a hash, branch or tag that `git log` shows.")
    with tarfile.open(fileobj=io.BytesIO(_git(checkout, "archive", commit).stdout)) as tree:
        tree.extractall(to, filter="data")
    return commit


def _commit(checkout: Path, name: str) -> str:
    """The hash of a commit; empty if there is none of that name."""
    found = _git(checkout, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return found.stdout.decode().strip()


def _is_shallow(checkout: Path) -> bool:
    return _git(checkout, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"


def _git(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", "-C", str(checkout), *arguments]
    try:
        run = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - names are arguments, no options
    except FileNotFoundError as error:
        raise ComparisonError("git is not on PATH: install git.") from error
    if run.returncode == _GIT_CANNOT_READ:
        raise ComparisonError(f"{checkout} is no git repository: clone it ({run.stderr.decode().strip()}).")
    return run


def compare(before: Stacks, after: Stacks) -> list[Change]:
    """The changes of the stacks of the new commit; all of a stack is added if it is new, or new in its account."""
    return [
        change
        for name, stack in sorted(after.items())
        for change in template_changes(
            stack=name,
            region=stack.region,
            before=before[name].template if name in before and _place(before[name]) == _place(stack) else None,
            after=stack.template,
        )
    ]


def removed(before: Stacks, after: Stacks, *, base: str) -> Iterator[str]:
    """A sentence for each environment, or stack of the delivery, that the new commit no longer has.

    The last environment comes first: it may peer with one before it, which has to be destroyed after it.
    """
    new = sorted({str(stack.environment) for name, stack in after.items() if stack.environment and name not in before})
    renamed = f" (renamed to {' or '.join(new)}? That one starts without data)" if new else ""
    gone = [stack for name, stack in before.items() if name not in after]
    for owner in reversed(dict.fromkeys(stack.environment or stack.name for stack in gone)):
        stacks = [stack for stack in gone if owner in (stack.environment, stack.name)]
        names = " and ".join(f"{stack.name} in {stack.region}" for stack in stacks)
        yield (
            f"{owner} of account {stacks[0].account} is no longer in the release{renamed}. No deployment deletes its "
            f"stacks: {names} stay, unmanaged, with data and costs. {_remedy(stacks, base=base)}"
        )


def _remedy(stacks: Sequence[AssemblyStack], *, base: str) -> str:
    environment = stacks[0].environment
    if environment is None:
        return f"Delete it after the delivery, as in {_PAGE}#take-everything-down."
    if any(stack.protected for stack in stacks):
        return f"It retains its data: take it down manually first, as in {_PAGE}#where-data-is-retained."
    commands = f"git switch --detach {base} && make destroy ENV={environment}"
    return f"Take it down first ({_PAGE}#take-an-environment-down): {commands}"


def moved(before: Stacks, after: Stacks) -> Iterator[str]:
    """A sentence for each stack that is created again in another account or region, with the stores it leaves."""
    for name, stack in sorted(after.items()):
        if name in before and _place(before[name]) != _place(stack):
            old = before[name]
            stores = [
                f"{logical_id} ({resource['Type']})"
                for logical_id, resource in sorted(
                    old.template["Resources"].items(), key=lambda each: (each[1]["Type"], each[0])
                )
                if resource["Type"] in STATEFUL - {"AWS::KMS::Key", "AWS::KMS::ReplicaKey"}
            ]
            yield (
                f"{name} moves from {_place(old)} to {_place(stack)}, and is created there without data. The old stack "
                f"stays, unmanaged, with its costs, keys and these stores: {', '.join(stores) or 'none'}. Take it down "
                f"with the old settings, and move its data manually, as in {_PAGE}#change-a-region."
            )


def _place(stack: AssemblyStack) -> str:
    return f"account {stack.account}, {stack.region}"


def installed(checkout: Path, *, name: str) -> Path:
    """The tree of a commit with the tools that it pins, which its own setup installs once.

    Raises:
        ComparisonError: If the name is no commit, or its tools cannot be installed.
    """
    releases = checkout / _RELEASES
    releases.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=releases) as directory:
        exported = Path(directory, "tree")
        tree = releases / export(checkout, name=name, to=exported)
        if not tree.exists():
            exported.rename(tree)
    _run(tree, "sh", "scripts/setup", failure=f"the tools that '{name}' pins cannot be installed")
    return tree


def _locks(tree: Path) -> list[bytes]:
    return [(tree / name).read_bytes() for name in _LOCKS if (tree / name).is_file()]


def _run(tree: Path, *command: str, failure: str) -> None:
    """Runs a command in the tree of a commit, with its own tools first and those of this checkout second."""
    with_tools = ["sh", "-c", 'PATH="$PWD/.venv/bin:$PATH" exec "$@"', "sh", *command]
    run = subprocess.run(with_tools, cwd=tree, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if run.returncode != 0:
        raise ComparisonError(f"{failure}:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")


def _synthesize(checkout: Path, *, name: str, tree: Path) -> tuple[Stacks, list[str]]:
    """The stacks of a commit and its ``delivery.allowed_changes``, synthesized with the tools that it pins."""
    commit = export(checkout, name=name, to=tree)
    if _locks(tree) != _locks(checkout):
        print(f"{name} pins other tools than this checkout, which are installed in {_RELEASES} once")
        tree = installed(checkout, name=name)
    release = f"CODEBUILD_RESOLVED_SOURCE_VERSION={commit}"  # for scripts/release
    _run(tree, "env", release, "sh", "scripts/synth", failure=f"'{name}' cannot be synthesized")
    stacks = {each.name: each for each in assembly_stacks(tree / "cdk.out")}
    return stacks, delivery_settings(tree).get("allowed_changes", [])


if __name__ == "__main__":
    sys.exit(main())
