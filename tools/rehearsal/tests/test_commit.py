"""A delivered commit has all of its files and nothing else, and the build cache follows the lock files."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from cdk_rehearsal import artifacts
from cdk_rehearsal.actions import source
from cdk_rehearsal.actions.context import Context
from cdk_rehearsal.commit import find, uncommitted
from cdk_rehearsal.errors import RehearsalError
from cdk_rehearsal.pipeline import Action
from repositories import commit, git

KEY = ("requirements.txt", "package-lock.json")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    repository = tmp_path / "checkout"
    (repository / "scripts").mkdir(parents=True)
    (repository / "scripts" / "run").write_text("#!/bin/sh\necho ran\n")
    (repository / "scripts" / "run").chmod(0o755)
    (repository / "run").symlink_to("scripts/run")
    (repository / "requirements.txt").write_text("one==1\n")
    git(repository, "init", "--quiet")
    commit(repository, "First\n\nwith a body")
    return repository


def test_a_commit_keeps_file_modes_and_links(checkout: Path, tmp_path: Path) -> None:
    found = find(checkout=checkout, name="HEAD")
    tree = tmp_path / "tree"
    artifacts.unpack(found.source, tree)
    assert os.access(tree / "scripts" / "run", os.X_OK)
    assert (tree / "run").readlink() == Path("scripts/run")
    assert not os.access(tree / "requirements.txt", os.X_OK)
    assert (found.title, found.author, found.author_email) == ("First", "A Person", "a@example.com")


def test_the_pipeline_gets_the_sources_without_file_modes(checkout: Path, tmp_path: Path) -> None:
    action = SimpleNamespace(outputs=("Sources",))
    context = SimpleNamespace(
        commit=find(checkout=checkout, name="HEAD"),
        configuration={"BranchName": "main", "RepositoryName": "app"},
        pipeline=SimpleNamespace(source=(action,)),
    )
    outcome = source.from_codecommit(cast(Action, action), cast(Context, context))
    tree = tmp_path / "tree"
    artifacts.unpack(outcome.artifacts["Sources"], tree)
    assert not os.access(tree / "scripts" / "run", os.X_OK)
    assert (tree / "run").readlink() == Path("scripts/run")
    assert (tree / "scripts" / "run").read_text() == "#!/bin/sh\necho ran\n"


def test_the_same_commit_gives_the_same_artifact(checkout: Path) -> None:
    assert find(checkout=checkout, name="HEAD").source == find(checkout=checkout, name="HEAD").source


def test_uncommitted_files_are_named_and_not_delivered(checkout: Path, tmp_path: Path) -> None:
    (checkout / "new").write_text("")
    (checkout / "requirements.txt").write_text("one==2\n")
    assert uncommitted(checkout=checkout) == ["new", "requirements.txt"]
    artifacts.unpack(find(checkout=checkout, name="HEAD").source, tmp_path / "tree")
    assert not (tmp_path / "tree" / "new").exists()
    assert (tmp_path / "tree" / "requirements.txt").read_text() == "one==1\n"


def test_a_commit_is_found_by_a_relative_name_or_a_short_hash(checkout: Path) -> None:
    first = find(checkout=checkout, name="HEAD").id
    (checkout / "new").write_text("")
    commit(checkout, "Second")
    assert find(checkout=checkout, name="HEAD~1").id == first
    assert find(checkout=checkout, name=first[:10]).id == first


def test_an_unknown_name_is_refused_with_the_remedy(checkout: Path) -> None:
    with pytest.raises(RehearsalError, match="git log"):
        find(checkout=checkout, name="nothing")
    with pytest.raises(RehearsalError, match="'HEAD:run' is no commit"):
        find(checkout=checkout, name="HEAD:run")


def test_a_directory_below_the_top_is_refused_with_the_top(checkout: Path) -> None:
    with pytest.raises(RehearsalError, match=f"is not the top of its git checkout: run this in {checkout}"):
        find(checkout=checkout / "scripts", name="HEAD")


def test_a_directory_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match="is no git checkout: clone the repository"):
        uncommitted(checkout=tmp_path)


def test_a_missing_git_is_named(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RehearsalError, match="git is not on the PATH"):
        find(checkout=checkout, name="HEAD")


def test_variables_of_a_git_hook_do_not_lead_to_another_repository(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert find(checkout=checkout, name="HEAD").title == "First"


def test_the_build_cache_is_linked_while_the_lock_files_are_the_same(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".venv").mkdir()
    for name, requirement in (("same", "one==1\n"), ("other", "one==2\n")):
        tree = tmp_path / name
        artifacts.unpack(find(checkout=checkout, name="HEAD").source, tree)
        (tree / "requirements.txt").write_text(requirement)
    patterns = [".venv/**/*", "node_modules/**/*", "/var/cache/npm/**/*", "../outside/**"]
    assert artifacts.restore(checkout=checkout, tree=tmp_path / "same", patterns=patterns, key=KEY) == [".venv"]
    assert (tmp_path / "same" / ".venv").resolve() == checkout / ".venv"
    assert artifacts.restore(checkout=checkout, tree=tmp_path / "other", patterns=patterns, key=KEY) == []


def test_a_new_cache_directory_of_a_build_is_kept_for_the_next_one(checkout: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (checkout / ".venv").mkdir()
    for directory, content in ((".venv", "another"), (".mypy_cache", "slow to make")):
        (tree / directory).mkdir(parents=True)
        (tree / directory / "file").write_text(content)
    for name in ("requirements.txt", "package-lock.json"):
        if (checkout / name).exists():
            (tree / name).write_bytes((checkout / name).read_bytes())
    artifacts.keep(checkout=checkout, tree=tree, patterns=[".venv/**/*", ".mypy_cache/**/*", "../outside/**"], key=KEY)
    assert (checkout / ".mypy_cache" / "file").read_text() == "slow to make"
    assert list((checkout / ".venv").iterdir()) == []
    (tree / "requirements.txt").write_text("another==1\n")
    (tree / "node_modules").mkdir()
    artifacts.keep(checkout=checkout, tree=tree, patterns=["node_modules/**/*"], key=KEY)
    assert not (checkout / "node_modules").exists()


def test_without_key_files_there_is_no_cache(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".venv").mkdir()
    assert artifacts.restore(checkout=checkout, tree=tmp_path, patterns=[".venv/**/*"], key=[]) == []
