"""The delivered commit of a checkout; never its working tree, because a push carries commits."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cdk_rehearsal.errors import RehearsalError

_FORMAT = "%H%x00%an%x00%ae%x00%B"
_OF_ANOTHER_REPOSITORY = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"}
"""What git sets for a hook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit with its tree as the zip of a source artifact."""

    id: str
    message: str
    author: str
    author_email: str
    source: bytes

    @property
    def title(self) -> str:
        """The first line of the message."""
        return next(iter(self.message.splitlines()), "")


def find(*, checkout: Path, name: str) -> Commit:
    """The commit of a name: a hash or its beginning, a branch, a tag, HEAD~1.

    Submodules are not part of it, as they are not part of a source artifact on AWS.
    """
    _check_top(checkout)
    try:
        commit = _git(checkout, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except subprocess.CalledProcessError as error:
        raise RehearsalError(
            f"'{name}' is no commit of {checkout}: name a hash, a branch or a tag that `git log` shows."
        ) from error
    found = commit.decode().strip()
    described = _git(checkout, "log", "-1", f"--format={_FORMAT}", found).decode(errors="replace")
    identity, author, email, message = described.split("\0", 3)
    return Commit(
        id=identity,
        message=message.strip(),
        author=author,
        author_email=email,
        source=_git(checkout, "archive", "--format=zip", "-1", found),
    )


def uncommitted(*, checkout: Path) -> list[str]:
    """The files that differ from HEAD, and those that git does not know."""
    _check_top(checkout)
    status = _git(checkout, "status", "--porcelain", "-z", "--no-renames").decode(errors="replace")
    return sorted(entry[3:] for entry in status.split("\0") if entry)


def _check_top(checkout: Path) -> None:
    try:
        top = _git(checkout, "rev-parse", "--show-toplevel").decode().strip()
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise RehearsalError(f"{checkout} is no git checkout: clone the repository ({said}).") from error
    if Path(top).resolve() != checkout.resolve():
        raise RehearsalError(
            f"{checkout} is not the top of its git checkout: run this in {top}, or clone the app alone."
        )


def _git(checkout: Path, *arguments: str) -> bytes:
    environment = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
    try:
        run = subprocess.run(  # noqa: S603
            ["git", "-C", str(checkout), *arguments],  # noqa: S607 - the user's git
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
    except FileNotFoundError as error:
        raise RehearsalError("git is not on the PATH: install git.") from error
    return run.stdout
