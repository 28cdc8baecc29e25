"""What is delivered is a commit: all of it, and nothing that is not in it."""

import os
from pathlib import Path

import pytest
from dulwich import porcelain

from cdk_rehearsal import artifacts
from cdk_rehearsal.commit import find, uncommitted
from cdk_rehearsal.errors import RehearsalError

AUTHOR = b"A Person <a@example.com>"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    repository = tmp_path / "checkout"
    (repository / "scripts").mkdir(parents=True)
    (repository / "scripts" / "run").write_text("#!/bin/sh\necho ran\n")
    (repository / "scripts" / "run").chmod(0o755)
    (repository / "run").symlink_to("scripts/run")
    (repository / "requirements.txt").write_text("one==1\n")
    porcelain.init(str(repository))
    commit(repository, "First\n\nwith a body")
    return repository


def commit(checkout: Path, message: str) -> None:
    porcelain.add(str(checkout), [str(path) for path in checkout.rglob("*") if ".git" not in path.parts])
    porcelain.commit(str(checkout), message=message, author=AUTHOR, committer=AUTHOR)


def test_the_tree_arrives_with_its_modes_and_links(checkout: Path, tmp_path: Path) -> None:
    found = find(checkout=checkout, name="HEAD")
    tree = tmp_path / "tree"
    artifacts.unpack(found.source, tree)
    assert os.access(tree / "scripts" / "run", os.X_OK)
    assert (tree / "run").readlink() == Path("scripts/run")
    assert not os.access(tree / "requirements.txt", os.X_OK)
    assert (found.title, found.author, found.author_email) == ("First", "A Person", "a@example.com")


def test_the_same_commit_gives_the_same_artifact(checkout: Path) -> None:
    assert find(checkout=checkout, name="HEAD").source == find(checkout=checkout, name="HEAD").source


def test_what_is_not_committed_is_named_and_stays_out(checkout: Path, tmp_path: Path) -> None:
    (checkout / "new").write_text("")
    (checkout / "requirements.txt").write_text("one==2\n")
    assert uncommitted(checkout=checkout) == ["new", "requirements.txt"]
    artifacts.unpack(find(checkout=checkout, name="HEAD").source, tmp_path / "tree")
    assert not (tmp_path / "tree" / "new").exists()
    assert (tmp_path / "tree" / "requirements.txt").read_text() == "one==1\n"


def test_earlier_commits_have_their_names(checkout: Path) -> None:
    first = find(checkout=checkout, name="HEAD").id
    (checkout / "new").write_text("")
    commit(checkout, "Second")
    assert find(checkout=checkout, name="HEAD~1").id == first
    assert find(checkout=checkout, name=first[:10]).id == first


def test_an_unknown_name_is_refused_with_the_remedy(checkout: Path) -> None:
    with pytest.raises(RehearsalError, match="git log"):
        find(checkout=checkout, name="nothing")
    with pytest.raises(RehearsalError, match="clone"):
        find(checkout=checkout / "scripts", name="HEAD")


def test_the_build_cache_is_linked_while_the_lock_files_are_the_same(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".venv").mkdir()
    for name, requirement in (("same", "one==1\n"), ("other", "one==2\n")):
        tree = tmp_path / name
        artifacts.unpack(find(checkout=checkout, name="HEAD").source, tree)
        (tree / "requirements.txt").write_text(requirement)
    patterns = [".venv/**/*", "node_modules/**/*", "/var/cache/npm/**/*", "../outside/**"]
    assert artifacts.restore(checkout=checkout, tree=tmp_path / "same", patterns=patterns) == [".venv"]
    assert (tmp_path / "same" / ".venv").resolve() == checkout / ".venv"
    assert artifacts.restore(checkout=checkout, tree=tmp_path / "other", patterns=patterns) == []


def test_what_a_build_made_is_kept_for_the_next_one_where_there_is_none(checkout: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (checkout / ".venv").mkdir()
    for directory, content in ((".venv", "another"), (".mypy_cache", "slow to make")):
        (tree / directory).mkdir(parents=True)
        (tree / directory / "file").write_text(content)
    for name in ("requirements.txt", "package-lock.json"):
        if (checkout / name).exists():
            (tree / name).write_bytes((checkout / name).read_bytes())
    artifacts.keep(checkout=checkout, tree=tree, patterns=[".venv/**/*", ".mypy_cache/**/*", "../outside/**"])
    assert (checkout / ".mypy_cache" / "file").read_text() == "slow to make"
    assert list((checkout / ".venv").iterdir()) == []
    (tree / "requirements.txt").write_text("another==1\n")
    (tree / "node_modules").mkdir()
    artifacts.keep(checkout=checkout, tree=tree, patterns=["node_modules/**/*"])
    assert not (checkout / "node_modules").exists()
