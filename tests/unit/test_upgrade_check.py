"""The upgrade check: the stored data that an upgrade between two commits would lose."""

from pathlib import Path

import pytest

from pipeline.plan import upgrade_check
from pipeline.plan.assembly import AssemblyStack
from tests.repository import commit, git

TABLE = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "sessions"}}
TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "a"}}


def stack(name: str, *resources: str, account: str = "1" * 12, protected: bool = False) -> AssemblyStack:
    environment, _, kind = name.partition("-")
    return AssemblyStack(
        path=f"PipelineStack/{environment}/{kind}" if kind else name,
        name=name,
        account=account,
        region="us-west-2",
        protected=protected,
        template={"Resources": {each: {"Topic": TOPIC}.get(each, TABLE) for each in resources}},
    )


def stacks(*each: AssemblyStack) -> dict[str, AssemblyStack]:
    return {stack.name: stack for stack in each}


def test_everything_in_a_new_stack_is_added() -> None:
    changes = upgrade_check.compare({}, stacks(stack("Dev-Payment", "Topic")))
    assert [(change.stack, change.action.value) for change in changes] == [("Dev-Payment", "added")]


def test_a_removed_environment_is_left_behind_with_the_commands_that_take_it_down() -> None:
    before = stacks(*(stack(f"{name}-Payment", "Table") for name in ("Dev", "Staging", "Prod")))
    after = stacks(before["Prod-Payment"])
    assert upgrade_check.compare(before, after) == []
    first, second = upgrade_check.removed(before, after, base="v1")
    assert "Staging of account 111111111111 is no longer in the release. No deployment deletes its stacks:" in first
    assert "Staging-Payment in us-west-2 stay, unmanaged, with data and costs." in first
    assert first.endswith("git switch --detach v1 && make destroy ENV=Staging")
    assert second.startswith("Dev of account"), "the later one peers with it, and is destroyed first"


def test_a_removed_environment_that_retains_data_is_taken_down_manually() -> None:
    before = stacks(stack("Live-Payment", "Table", protected=True))
    (finding,) = upgrade_check.removed(before, {}, base="v1")
    assert "It retains its data: take it down manually first, as in docs/operations.md#where-data" in finding


def test_a_renamed_environment_starts_without_data() -> None:
    (finding,) = upgrade_check.removed(stacks(stack("Qa-Payment")), stacks(stack("Test-Payment")), base="v1")
    assert "(renamed to Test? That one starts without data)" in finding


def test_a_removed_stack_of_the_delivery_is_left_behind() -> None:
    (finding,) = upgrade_check.removed(stacks(stack("Artifacts")), {}, base="v1")
    assert "Delete it after the delivery" in finding


def test_another_account_names_every_store_that_stays_behind() -> None:
    before = stacks(stack("Dev-Payment", "Table", "Topic", "Sessions"))
    after = stacks(stack("Dev-Payment", "Table", "Topic", "Sessions", account="2" * 12))
    (finding,) = upgrade_check.moved(before, after)
    assert "Dev-Payment moves from account 111111111111, us-west-2 to account 222222222222, us-west-2" in finding
    assert "these stores: Sessions (AWS::DynamoDB::Table), Table (AWS::DynamoDB::Table). Take it down" in finding
    assert {change.action.value for change in upgrade_check.compare(before, after)} == {"added"}
    assert list(upgrade_check.moved(before, before)) == []


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
    head = git(checkout, "rev-parse", "HEAD")[:12]
    (checkout / "CHANGELOG.md").write_text(f"## Unreleased\n\n## v2 - today ({head})\n\n## v1 - before (5d6e7f8)\n")
    assert upgrade_check.last_release(checkout) == head
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


def test_an_import_without_the_released_commit_is_reported_with_the_remedy(checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text("## v1 - today (1a2b3c4)\n")
    with pytest.raises(upgrade_check.ComparisonError, match=r"names 1a2b3c4 as the last release.*BASE=<commit>"):
        upgrade_check.last_release(checkout)


def test_a_shallow_clone_is_reported_with_the_remedy(checkout: Path, tmp_path: Path) -> None:
    first = git(checkout, "rev-parse", "HEAD~1")
    git(checkout, "clone", "--quiet", "--depth=1", f"file://{checkout}", str(tmp_path / "shallow"))
    shallow = tmp_path / "shallow"
    (shallow / "CHANGELOG.md").write_text(f"## v1 - today ({first})\n")
    assert upgrade_check.last_release(shallow) == first
    with pytest.raises(upgrade_check.ComparisonError, match="shallow clone: run git fetch --unshallow --tags"):
        upgrade_check.export(shallow, name=first, to=tmp_path / "tree")


SETUP = "echo installed >>installed\n"


@pytest.fixture
def pinned(checkout: Path) -> Path:
    """The repository with a commit that has a setup of its own."""
    (checkout / "scripts").mkdir()
    (checkout / "scripts" / "setup").write_text(SETUP)
    git(checkout, "add", "scripts")
    git(checkout, "commit", "--no-gpg-sign", "--message", "setup")
    return checkout


def test_a_commit_gets_its_own_tools_once(pinned: Path) -> None:
    tree = upgrade_check.installed(pinned, name="HEAD")
    assert tree == pinned / "build" / "releases" / git(pinned, "rev-parse", "HEAD")
    assert upgrade_check.installed(pinned, name="HEAD") == tree
    assert (tree / "installed").read_text() == "installed\ninstalled\n", "its setup decides what is left to install"
    assert [each.name for each in tree.parent.iterdir()] == [tree.name]


def test_tools_that_cannot_be_installed_are_reported_with_the_output_of_the_setup(pinned: Path) -> None:
    (pinned / "scripts" / "setup").write_text("echo no network >&2; exit 1")
    git(pinned, "commit", "--all", "--no-gpg-sign", "--message", "broken")
    with pytest.raises(upgrade_check.ComparisonError, match=r"that 'HEAD' pins cannot be installed.*\n.*no network"):
        upgrade_check.installed(pinned, name="HEAD")
