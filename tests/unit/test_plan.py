"""The plan as text and as a page, the pipeline step that makes it, and the upgrade check."""

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipeline.plan import __main__ as command
from pipeline.plan import upgrade_check
from pipeline.plan.deployed import Deployed, PlanError
from pipeline.plan.plan import Plan, StackPlan
from pipeline.plan.rendering import plan_page, plan_text
from pipeline.settings import Delivery
from tests.templates import Assembly

TABLE = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "sessions"}}
ROUTE = {"Type": "AWS::EC2::Route", "Properties": {"GatewayId": "igw-<1>"}}
QUEUE = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "a"}}


def plan(before: dict[str, Any] | None, after: dict[str, Any], *, allowed: tuple[str, ...] = ()) -> Plan:
    deployed = Deployed(template={"Resources": before}, status="UPDATE_COMPLETE", release="a" * 40) if before else None
    stack = StackPlan.compare(
        name="Prod-Payment", region="ap-southeast-1", deployed=deployed, template={"Resources": after}
    )
    return Plan(environment="Prod", release="b" * 40, stacks=(stack,), allowed=allowed)


def test_a_plan_without_changes_says_so() -> None:
    empty = plan({"Table": TABLE}, {"Table": TABLE})
    assert empty.summary == "Prod: 0 replaced, 0 removed, 0 changed, 0 added; broadens nothing"
    assert not empty.broadens
    assert "no changes" in plan_text(empty)
    assert "No changes." in plan_page(empty)


def test_the_plan_counts_and_names_every_change() -> None:
    before = {"Topic": QUEUE, "Old": QUEUE}
    after = {"Topic": {**QUEUE, "Properties": {"DisplayName": "b"}}, "New": QUEUE}
    made = plan(before, after)
    assert made.summary == "Prod: 0 replaced, 1 removed, 1 changed, 1 added; broadens nothing"
    text = plan_text(made)
    assert "changed   Topic (AWS::SNS::Topic): DisplayName" in text
    assert "removed   Old (AWS::SNS::Topic)" in text
    assert "release aaaaaaaaaaaa is deployed" in text


def test_the_plan_lists_data_loss_and_broader_access_first() -> None:
    after = {"Table": {**TABLE, "Properties": {"TableName": "other"}}, "Route": ROUTE}
    made = plan({"Table": TABLE}, after)
    assert made.broadens
    assert made.summary == (
        "Prod: 1 replaced, 0 removed, 0 changed, 1 added; broadens 1 permissions or network paths; "
        "LOSES DATA of 1 resources"
    )
    assert plan_text(made).index("Stored data would be lost") < plan_text(made).index("replaced  Table")
    allowed = plan({"Table": TABLE}, after, allowed=("Prod-Payment/Table/TableName", "Prod-Payment/Table/Delete"))
    assert allowed.losses == []
    assert allowed.allowed_losses == ["Prod-Payment/Table/TableName"]
    assert "as delivery.allowed_changes allows" in plan_page(allowed)


def test_a_new_stack_is_only_counted() -> None:
    made = plan(None, {"Table": TABLE, "Route": ROUTE})
    assert "Prod-Payment (ap-southeast-1): new, 2 resources, " in plan_text(made)
    assert "The stack is new: 2 resources." in plan_page(made)
    assert made.broadens


def test_the_page_is_well_formed_and_escapes_template_values() -> None:
    class Page(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.links: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.links += [value or "" for name, value in attrs if name in {"src", "href"}]
            if tag not in {"meta", "br"}:
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    page = Page()
    html = plan_page(plan({"Table": TABLE}, {"Table": TABLE, "Route": ROUTE}))
    page.feed(html)
    assert (page.open, page.links) == ([], [])
    assert "igw-&lt;1&gt;" in html


class Account:
    """The deployed stacks of the target accounts."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.deployed: dict[str, Deployed] = {}

    def __call__(self, stack: str, *, account: str, region: str) -> Deployed | None:
        target = self.assembly.stacks[stack].environment
        assert (account, region) == (target.account, target.region)
        return self.deployed.get(stack)


@pytest.fixture
def account(assembly: Assembly, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Account:
    account = Account(assembly)
    monkeypatch.setattr(command, "deployed", account)
    monkeypatch.setattr(command, "OUTPUT", tmp_path)
    return account


def test_the_plan_command_compares_with_the_deployed_stacks(account: Account, assembly: Assembly) -> None:
    template = assembly.template("Prod-Payment")
    (table,) = (name for name, each in template["Resources"].items() if each["Type"] == "AWS::DynamoDB::GlobalTable")
    deployed = json.loads(json.dumps(template))
    deployed["Resources"][table]["Properties"]["TableName"] = "before"
    account.deployed = {
        "Prod-Payment": Deployed(template=deployed, status="UPDATE_COMPLETE", release="1" * 40),
        "Prod-DisasterRecovery": Deployed(
            template=assembly.template("Prod-DisasterRecovery"), status="UPDATE_IN_PROGRESS", release=None
        ),
    }
    made = command.make_plan("Prod", assembly=assembly.directory)
    assert {stack.name: len(stack.changes) for stack in made.stacks}["Prod-DisasterRecovery"] == 0
    assert [stack.running for stack in made.stacks] == ["UPDATE_IN_PROGRESS", None]
    (loss,) = made.losses
    assert f'"Prod-Payment/{table}/TableName"' in loss


def test_the_plan_command_refuses_an_unknown_environment(account: Account, assembly: Assembly) -> None:
    assert account.deployed == {}
    with pytest.raises(PlanError, match="ENV is 'Live': the release has the environments Dev, Prod, Staging"):
        command.make_plan("Live", assembly=assembly.directory)


def test_the_plan_command_starts_without_the_cdk() -> None:
    loaded = "import sys, pipeline.plan.__main__; print([name for name in ('aws_cdk', 'jsii') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)  # noqa: S603
    assert run.stdout == "[]\n", "import it where it is needed only: it starts a Node process, and takes seconds"


def test_the_plan_command_without_an_assembly_names_make_synth(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="run make synth first"):
        command.make_plan("Prod", assembly=tmp_path)


def test_the_approval_shows_the_plan_of_its_own_environment(assembly: Assembly, delivery: Delivery) -> None:
    stages = {stage["Name"]: stage for stage in assembly.pipeline_stages()}
    prod = delivery.environments[-1]
    plan_action, approval = sorted(stages[f"Approve{prod.name}"]["Actions"], key=lambda each: each["RunOrder"])
    assert plan_action["Name"] == f"Plan{prod.name}"
    assert f"#{{{plan_action['Namespace']}.PLAN_SUMMARY}}" in approval["Configuration"]["CustomData"]
    link = json.dumps(approval["Configuration"]["ExternalEntityLink"])
    assert f"plans/#{{codepipeline.PipelineExecutionId}}/{prod.name}.html" in link
    assert f"plans/#{{codepipeline.PipelineExecutionId}}/{prod.name}.html" in json.dumps(plan_action["Configuration"])


def test_staging_needs_confirmation_only_when_its_plan_broadens_access(assembly: Assembly) -> None:
    stages = {stage["Name"]: stage for stage in assembly.pipeline_stages()}
    (planned,) = (action for action in stages["Dev"]["Actions"] if action["Name"] == "PlanStaging")
    (condition,) = stages["ConfirmStaging"]["BeforeEntry"]["Conditions"]
    (rule,) = condition["Rules"]
    assert condition["Result"] == "SKIP"
    assert rule["Configuration"] == {
        "Variable": f"#{{{planned['Namespace']}.PLAN_BROADENS}}",
        "Value": "yes",
        "Operator": "EQ",
    }
    assert [action["ActionTypeId"]["Category"] for action in stages["ConfirmStaging"]["Actions"]] == ["Approval"]


def test_the_upgrade_check_compares_new_and_deleted_stacks_too() -> None:
    before = {"Old": ("us-west-2", {"Resources": {"Table": TABLE}})}
    after = {"New": ("us-west-2", {"Resources": {"Topic": QUEUE}})}
    changes = upgrade_check.compare(before, after)
    assert [(change.stack, change.action.value) for change in changes] == [("New", "added"), ("Old", "removed")]


def git(checkout: Path, *arguments: str) -> None:
    command = ["git", "-C", str(checkout), "-c", "user.name=T", "-c", "user.email=t@example.com", *arguments]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - the arguments of these tests


def commit(checkout: Path, text: str) -> None:
    (checkout / "file").write_text(text)
    git(checkout, "add", "file")
    git(checkout, "commit", "--no-gpg-sign", "--message", text)


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
