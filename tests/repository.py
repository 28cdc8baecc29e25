"""A git repository for tests."""

import subprocess
from pathlib import Path


def git(checkout: Path, *arguments: str) -> str:
    """Runs git, and returns what it prints."""
    command = ["git", "-C", str(checkout), "-c", "user.name=Ana", "-c", "user.email=ana@example.com", *arguments]
    run = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - the arguments of tests
    return run.stdout.strip()


def commit(checkout: Path, text: str) -> str:
    """Commits a file with a text, which is the message too, and returns the hash."""
    (checkout / "file").write_text(text)
    git(checkout, "add", "file")
    git(checkout, "commit", "--no-gpg-sign", "--message", text)
    return git(checkout, "rev-parse", "HEAD")
