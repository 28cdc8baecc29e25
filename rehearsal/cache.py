"""The build cache: what a buildspec names under `cache: paths:` is found in place, as in CodeBuild's local cache.

Restored by link from the checkout, and only while the files that decide its content are the same in the commit;
else the build installs afresh. What a build made that the checkout has not is kept there for the next one. The tools
that the checkout has are linked as well: on AWS a build installs them, from the downloads that its cache keeps.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

INSTALLED = (".venv", "node_modules")
_DECIDING = ("requirements.txt", "package-lock.json", "scripts/setup", "scripts/npm-ci")


def restore(*, checkout: Path, tree: Path, patterns: Iterable[str]) -> list[str]:
    """Link the cached directories of the checkout into the tree; returns those that were linked."""
    if not _alike(checkout, tree):
        return []
    restored = []
    for directory in dict.fromkeys(map(_directory, patterns)):
        cached, wanted = checkout / directory, tree / directory
        if directory and cached.is_dir() and not wanted.exists():
            wanted.parent.mkdir(parents=True, exist_ok=True)
            wanted.symlink_to(cached, target_is_directory=True)
            restored.append(directory)
    return restored


def keep(*, checkout: Path, tree: Path, patterns: Iterable[str]) -> None:
    """Move what the build made of it into the checkout, unless that has it."""
    if not _alike(checkout, tree):
        return
    for directory in dict.fromkeys(map(_directory, patterns)):
        made, kept = tree / directory, checkout / directory
        if directory and made.is_dir() and not made.is_symlink() and not kept.exists():
            shutil.move(made, kept)


def _alike(checkout: Path, tree: Path) -> bool:
    return all(_content(checkout / name) == _content(tree / name) for name in _DECIDING)


def _directory(pattern: str) -> str:
    """The part of the pattern before its first wildcard; nothing for a path outside the sources."""
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts:
        return ""
    fixed: list[str] = []
    for part in path.parts:
        if any(character in part for character in "*?["):
            break
        fixed.append(part)
    return "/".join(fixed)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
