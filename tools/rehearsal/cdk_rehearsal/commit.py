"""What is delivered: a commit of the checkout, never its working tree, because a push carries commits.

Read with a library, so that a machine without git can rehearse too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dulwich import porcelain
from dulwich.errors import NotGitRepository
from dulwich.objects import S_ISGITLINK
from dulwich.objects import Commit as GitCommit
from dulwich.objectspec import parse_commit, parse_object
from dulwich.repo import Repo

from cdk_rehearsal import artifacts
from cdk_rehearsal.errors import RehearsalError


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit as a source action tells of it, with its tree as the source artifact."""

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
    """The commit of that name: a hash or its beginning, a branch, a tag, HEAD~1."""
    with _repository(checkout) as repository:
        try:
            found = _parse(repository, name.encode())
        except (KeyError, ValueError) as error:
            raise RehearsalError(
                f"'{name}' is no commit of {checkout}: name a hash, a branch or a tag that `git log` shows."
            ) from error
        author, _, email = found.author.decode(errors="replace").partition(" <")
        return Commit(
            id=found.id.decode(),
            message=found.message.decode(errors="replace").strip(),
            author=author,
            author_email=email.rstrip(">"),
            source=artifacts.pack(_files(repository, found.tree)),
        )


def uncommitted(*, checkout: Path) -> list[str]:
    """The files that differ from HEAD and so are in no commit."""
    with _repository(checkout) as repository:
        status: Any = porcelain.status(repository)
        staged = [path for paths in status.staged.values() for path in paths]
        return sorted({_text(path) for path in (*staged, *status.unstaged, *status.untracked)})


def _repository(checkout: Path) -> Repo:
    try:
        return Repo(str(checkout))
    except NotGitRepository as error:
        raise RehearsalError(f"{checkout} is not the top of a git checkout: clone the repository.") from error


def _parse(repository: Repo, name: bytes) -> GitCommit:
    """The library reads short hashes in one place and relative names in the other."""
    found = parse_object(repository, name) if set(name) & set(b"~^") else parse_commit(repository, name)
    if not isinstance(found, GitCommit):
        raise ValueError(f"{name!r} names no commit")
    return found


def _files(repository: Repo, tree: bytes) -> Iterator[tuple[str, int, bytes]]:
    store: Any = repository.object_store
    for item in store.iter_tree_contents(tree):
        if not S_ISGITLINK(item.mode):  # a submodule is not part of a source artifact on AWS either
            yield item.path.decode(), item.mode, store[item.sha].data


def _text(path: bytes | str) -> str:
    return path.decode(errors="replace") if isinstance(path, bytes) else path
