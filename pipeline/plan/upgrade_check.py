"""`python -m pipeline.plan.upgrade_check`: what would become of stored data between two commits, without an account.

Exit status: 0 nothing is lost, 1 something would be lost, 2 the commits could not be compared.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk.cx_api import CloudAssembly
from dulwich import porcelain
from dulwich.errors import NotGitRepository
from dulwich.objects import Commit, Tag
from dulwich.objectspec import parse_commit, parse_object
from dulwich.repo import Repo

from pipeline.plan.changes import Change, Replacement, stateful_faults, template_changes
from pipeline.plan.rendering import why

_ENTRY = re.compile(r"^## v\S+ .*\((?P<commit>[0-9a-f]{7,40})\)$", re.MULTILINE)
"""A release in CHANGELOG.md, newest first: its version, its day, and the commit that it is."""


class ComparisonError(Exception):
    """Commits that cannot be compared, and what to do about it."""


def last_release(checkout: Path) -> str:
    """The newest tag that is called like a version; in a clone without tags the newest commit of the changelog.

    Raises:
        ComparisonError: When there is neither.
    """
    with _repository(checkout) as repository:
        dated: list[tuple[int, str]] = []
        for tag in porcelain.tag_list(repository):
            found = repository[b"refs/tags/" + tag]
            while isinstance(found, Tag):
                found = repository[found.object[1]]
            if tag.startswith(b"v") and isinstance(found, Commit):
                dated.append((found.commit_time, tag.decode()))
    if dated:
        return max(dated)[1]
    changelog = checkout / "CHANGELOG.md"
    if changelog.is_file() and (entry := _ENTRY.search(changelog.read_text(encoding="utf-8"))):
        return entry["commit"]
    raise ComparisonError("no release is tagged (v*) yet: name the commit to compare with, BASE=<commit>.")


def export(checkout: Path, *, name: str, to: Path) -> None:
    """Writes the tree of a commit into a directory.

    Raises:
        ComparisonError: When the checkout has no such commit.
    """
    with _repository(checkout) as repository:
        try:
            commit = parse(repository, name).id
        except (KeyError, ValueError) as error:
            raise ComparisonError(
                f"'{name}' is no commit of {checkout}: name a hash, a branch or a tag that `git log` shows."
            ) from error
    to.parent.mkdir(parents=True, exist_ok=True)
    with porcelain.clone(str(checkout), str(to), checkout=False, errstream=porcelain.NoneStream()) as clone:
        porcelain.reset(clone, "hard", commit)


def synthesize(tree: Path) -> Path:
    """Writes the cloud assembly of a tree as it does that itself, with the tools of this checkout.

    Raises:
        ComparisonError: When it cannot be synthesized.
    """
    run = subprocess.run(["scripts/synth"], cwd=tree, capture_output=True, text=True, check=False)  # noqa: S607
    if run.returncode != 0:
        raise ComparisonError(f"{tree.name} cannot be synthesized:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    return tree / "cdk.out"


def parse(repository: Repo, name: str) -> Commit:
    """The commit of a name; the library reads short hashes in one place and relative names in the other.

    Raises:
        KeyError: When there is none.
        ValueError: When the name is that of something else.
    """
    found = parse_object(repository, name) if set(name) & set("~^") else parse_commit(repository, name)
    if not isinstance(found, Commit):
        raise ValueError(f"{name!r} names no commit")
    return found


def _repository(checkout: Path) -> Repo:
    try:
        return Repo(str(checkout))
    except NotGitRepository as error:
        raise ComparisonError(f"{checkout} is not the top of a git checkout: clone the repository.") from error


CLEAN, LOSES_DATA, NOT_COMPARED = 0, 1, 2

Stacks = Mapping[str, tuple[str, Mapping[str, Any]]]
"""The region and the template of each stack."""


def main() -> int:
    """Synthesizes both commits and compares every stack."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.plan.upgrade_check", description=__doc__)
    parser.add_argument("--base", default="", help="the commit that stands; the last release by default")
    parser.add_argument("--head", default="HEAD", help="the commit that comes")
    arguments = parser.parse_args()
    checkout = Path.cwd()
    try:
        base = arguments.base or last_release(checkout)
        with tempfile.TemporaryDirectory(prefix="upgrade-check-") as directory:
            before, _ = _synthesized(checkout, name=base, tree=Path(directory, "base"))
            after, allowed = _synthesized(checkout, name=arguments.head, tree=Path(directory, "head"))
    except ComparisonError as error:
        print(f"upgrade-check: {error}", file=sys.stderr)
        return NOT_COMPARED
    print(f"From {base} to {arguments.head}, {len(before.keys() | after.keys())} stacks")
    changes = compare(before, after)
    for change in changes:
        if change.replacement is not Replacement.NEVER:
            print(f"  {change.stack}: {change.logical_id} ({change.resource_type}) is replaced{why(change)}")
    faults = stateful_faults(changes, allowed=allowed)
    for fault in faults:
        print(f"LOSES DATA  {fault}")
    print(
        f"{len(changes)} resources change; " + ("stored data would be lost." if faults else "no stored data is lost.")
    )
    return LOSES_DATA if faults else CLEAN


def compare(before: Stacks, after: Stacks) -> list[Change]:
    """What changes in all stacks, those included that come or go."""
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


def _synthesized(checkout: Path, *, name: str, tree: Path) -> tuple[Stacks, list[str]]:
    """The stacks of a commit, and the losses that its settings allow."""
    export(checkout, name=name, to=tree)
    assembly = CloudAssembly(str(synthesize(tree)))
    stacks = {each.stack_name: (each.environment.region, each.template) for each in assembly.stacks_recursively}
    settings = json.loads((tree / "cdk.json").read_text(encoding="utf-8"))["context"]["delivery"]
    return stacks, settings.get("allowed_changes", [])


if __name__ == "__main__":
    sys.exit(main())
