"""Commits of this checkout, synthesized side by side; with a library, so that a machine without git can do it too."""

import re
import subprocess
from pathlib import Path

from dulwich import porcelain
from dulwich.errors import NotGitRepository
from dulwich.objects import Commit, Tag
from dulwich.objectspec import parse_commit, parse_object
from dulwich.repo import Repo

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
