"""`python -m pipeline.plan.upgrade_check`: the stored data that an upgrade between two commits would lose.

It needs git, and no AWS account. Exit status: 0 no loss, 1 a loss, 2 the commits cannot be compared.
"""

import argparse
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.plan.assembly import assembly_stacks, delivery_settings
from pipeline.plan.changes import Change, Replacement, stateful_faults, template_changes
from pipeline.plan.rendering import reason

_ENTRY = re.compile(r"^## v\S+ .*\((?P<commit>[0-9a-f]{7,40})\)$", re.MULTILINE)
"""The heading of a release in CHANGELOG.md: version, date and commit. The newest is first."""

_GIT_CANNOT_READ = 128  # the exit status for a directory that is no repository, or that git refuses to read

Stacks = Mapping[str, tuple[str, Mapping[str, Any]]]  # the region and the template of each


class ComparisonError(Exception):
    """Commits that cannot be compared, with the remedy."""


def main() -> int:
    """Synthesizes both commits, compares every stack and prints the losses."""
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
        if change.replacement is not Replacement.NEVER:
            print(f"  {change.stack}: {change.logical_id} ({change.resource_type}) is replaced{reason(change)}")
    faults = stateful_faults(changes, allowed=allowed)
    for fault in faults:
        print(f"LOSES DATA  {fault}")
    print(f"{len(changes)} resources change; {'stored data would be lost' if faults else 'no stored data is lost'}.")
    return 1 if faults else 0


def last_release(checkout: Path) -> str:
    """The newest tag v*; in a clone without tags the newest commit in the changelog.

    Raises:
        ComparisonError: If there is neither.
    """
    if tags := _git(checkout, "tag", "--list", "v*", "--sort=-creatordate").stdout.decode().split():
        return tags[0]
    changelog = checkout / "CHANGELOG.md"
    if changelog.is_file() and (entry := _ENTRY.search(changelog.read_text(encoding="utf-8"))):
        return entry["commit"]
    raise ComparisonError("there is no release to compare with: name a commit with BASE=<commit>.")


def export(checkout: Path, *, name: str, to: Path) -> str:
    """Writes the tree of a commit to a directory, and returns the hash of the commit.

    Raises:
        ComparisonError: If the name is no commit.
    """
    found = _git(checkout, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if found.returncode != 0:
        raise ComparisonError(f"'{name}' is no commit of {checkout}: use a hash, branch or tag that `git log` shows.")
    commit = found.stdout.decode().strip()
    with tarfile.open(fileobj=io.BytesIO(_git(checkout, "archive", commit).stdout)) as tree:
        tree.extractall(to, filter="data")
    return commit


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
    """The changes of all stacks, new and deleted ones included."""
    return [
        change
        for name in sorted(before.keys() | after.keys())
        for change in template_changes(
            stack=name,
            region=(after.get(name) or before[name])[0],
            before=before[name][1] if name in before else None,
            after=after[name][1] if name in after else None,
        )
    ]


def _synthesize(checkout: Path, *, name: str, tree: Path) -> tuple[Stacks, list[str]]:
    """The stacks of a commit and its ``delivery.allowed_changes``, synthesized with the tools of this checkout."""
    release = f"CODEBUILD_RESOLVED_SOURCE_VERSION={export(checkout, name=name, to=tree)}"  # for scripts/release
    command = ["env", release, "sh", "scripts/synth"]
    run = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)  # noqa: S603 - but for a hash
    if run.returncode != 0:
        raise ComparisonError(f"'{name}' cannot be synthesized:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    stacks = {each.name: (each.region, each.template) for each in assembly_stacks(tree / "cdk.out")}
    return stacks, delivery_settings(tree).get("allowed_changes", [])


if __name__ == "__main__":
    sys.exit(main())
