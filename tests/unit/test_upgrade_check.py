"""The upgrade check: the stored data that an upgrade between two commits would lose."""

from pathlib import Path

import pytest

from pipeline.plan import upgrade_check
from tests.repository import commit, git

TABLE = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "sessions"}}
TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "a"}}


def test_the_upgrade_check_compares_new_and_deleted_stacks_too() -> None:
    before = {"Old": ("us-west-2", {"Resources": {"Table": TABLE}})}
    after = {"New": ("us-west-2", {"Resources": {"Topic": TOPIC}})}
    changes = upgrade_check.compare(before, after)
    assert [(change.stack, change.action.value) for change in changes] == [("New", "added"), ("Old", "removed")]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with two commits, and no release."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    git(checkout, "init")
    for text in ("first", "second"):
        commit(checkout, text)
    return checkout


def test_the_last_release_is_the_newest_tag_or_the_first_commit_of_the_changelog(checkout: Path) -> None:
    with pytest.raises(upgrade_check.ComparisonError, match="no release to compare with: name a commit with BASE="):
        upgrade_check.last_release(checkout)
    (checkout / "CHANGELOG.md").write_text("## Unreleased\n\n## v2 - today (1a2b3c4)\n\n## v1 - before (5d6e7f8)\n")
    assert upgrade_check.last_release(checkout) == "1a2b3c4"
    git(checkout, "tag", "v1")
    assert upgrade_check.last_release(checkout) == "v1"


@pytest.mark.parametrize(("name", "text"), [("HEAD~1", "first"), ("HEAD", "second"), ("v1", "second")])
def test_a_commit_is_exported_by_hash_branch_or_tag(checkout: Path, tmp_path: Path, name: str, text: str) -> None:
    git(checkout, "tag", "--no-sign", "--annotate", "--message", "v1", "v1")
    hashed = upgrade_check.export(checkout, name=name, to=tmp_path / "tree")
    assert (tmp_path / "tree" / "file").read_text() == text
    assert upgrade_check.export(checkout, name=hashed[:8], to=tmp_path / "again") == hashed


@pytest.mark.parametrize("name", ["v2", "--all", "HEAD:file", ""])
def test_a_name_that_is_no_commit_is_reported_with_the_remedy(checkout: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(upgrade_check.ComparisonError, match=f"'{name}' is no commit of .*: use a hash, branch or tag"):
        upgrade_check.export(checkout, name=name, to=tmp_path / "tree")


def test_a_directory_without_git_is_reported_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(upgrade_check.ComparisonError, match=r"is no git repository: clone it \(fatal"):
        upgrade_check.export(tmp_path, name="HEAD", to=tmp_path / "tree")


def test_a_missing_git_is_reported_with_the_remedy(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    with pytest.raises(upgrade_check.ComparisonError, match="git is not on PATH: install git"):
        upgrade_check.last_release(checkout)
