"""Git repositories of the apps beside these tests, each in a temporary directory with nothing else in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

APPS = Path(__file__).parent / "apps"
_IDENTITY = ("-c", "user.name=A Person", "-c", "user.email=a@example.com", "-c", "commit.gpgSign=false")


def git(directory: Path, *arguments: str) -> None:
    """Run git with an identity of its own."""
    subprocess.run(["git", *_IDENTITY, *arguments], cwd=directory, check=True)  # noqa: S603, S607 - the user's git


def commit(directory: Path, message: str) -> None:
    """Commit everything."""
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", message)


def clone(app: str, directory: Path) -> Path:
    """A new repository with the files of an app in its first commit."""
    shutil.copytree(APPS / app, directory, ignore=shutil.ignore_patterns("__pycache__"))
    git(directory, "init", "--quiet")
    commit(directory, "First")
    return directory


def terminal(**variables: str) -> dict[str, str]:
    """The environment of a user who has no virtual environment active."""
    own = Path(sys.executable).parent
    kept = {name: value for name, value in os.environ.items() if name not in {"APPROVE", "EMULATOR", "TEARDOWN"}}
    path = [each for each in os.environ["PATH"].split(":") if Path(each) != own]
    return kept | {"PATH": ":".join(path)} | variables


COMMAND = str(Path(sys.executable).parent / "cdk-rehearsal")
