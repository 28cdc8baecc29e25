"""The plan as text and as a page, and the pipeline step that makes it."""

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.plan import __main__ as command
from pipeline.plan import deployed
from pipeline.plan.deployed import Deployed, PlanError
from pipeline.plan.history import Commit, History
from pipeline.plan.plan import Plan, StackPlan
from pipeline.plan.rendering import plan_page, plan_text
from pipeline.plan.template import release_in
from pipeline.settings import Delivery
from stages.names import plan_role_name, role_arn
from tests.sample import sample_environments
from tests.templates import Assembly

TABLE = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "sessions"}}
ROUTE = {"Type": "AWS::EC2::Route", "Properties": {"GatewayId": "igw-<1>"}}
QUEUE = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "a"}}
TASK = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [{"Image": "a"}]}}
IMAGE = "111122223333.dkr.ecr.ap-southeast-1.amazonaws.com/payment-service@sha256:"
COMMITS = (
    Commit(id="b" * 40, subject="Raise <the> minimum", author="Ana", url="https://github.com/o/r/commit/b"),
    Commit(id="c" * 40, subject="Release an image"),
)
HISTORY = History(
    subject="Raise <the> minimum",
    commits=COMMITS,
    removed=(Commit(id="d" * 40, subject="Log the request id"),),
    compare="https://github.com/o/r/compare/a...b",
    missing=("The oldest pushes.",),
)


def manifest(**configuration: Any) -> dict[str, Any]:
    """The parameter with the manifest, in which the deployment fills in the name of a table."""
    document = json.dumps({"configuration": configuration, "region": {"table": "~"}}).split("~")
    value = {"Fn::Join": ["", [document[0], {"Ref": "Table"}, document[1]]]}
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/payment/prod/manifest", "Value": value}}


def plan(
    before: dict[str, Any] | None,
    after: dict[str, Any],
    *,
    allowed: tuple[str, ...] = (),
    history: History = HISTORY,
) -> Plan:
    deployed = Deployed(template={"Resources": before}, status="UPDATE_COMPLETE", release="a" * 40) if before else None
    stack = StackPlan.compare(
        name="Prod-Payment", region="ap-southeast-1", deployed=deployed, template={"Resources": after}
    )
    return Plan(environment="Prod", release="b" * 40, stacks=(stack,), allowed=allowed, history=history)


def test_a_plan_without_changes_says_so() -> None:
    empty = plan({"Table": TABLE}, {"Table": TABLE})
    assert empty.summary == "Prod: no changes; broadens nothing"
    assert not empty.broadens
    assert "no changes" in plan_text(empty)
    assert "No changes." in plan_page(empty)


def test_the_plan_counts_and_names_every_change() -> None:
    before = {"Topic": QUEUE, "Old": QUEUE}
    after = {"Topic": {**QUEUE, "Properties": {"DisplayName": "b"}}, "New": QUEUE}
    made = plan(before, after)
    assert made.summary == "Prod: 1 removed, 1 changed, 1 added; broadens nothing"
    text = plan_text(made)
    assert "changed      Topic (AWS::SNS::Topic): DisplayName a -> b" in text
    assert "removed      Old (AWS::SNS::Topic)" in text
    assert "release aaaaaaaaaaaa is deployed" in text


def test_the_plan_lists_data_loss_and_broader_access_first() -> None:
    after = {"Table": {**TABLE, "Properties": {"TableName": "other"}}, "Route": ROUTE}
    made = plan({"Table": TABLE}, after)
    assert made.broadens
    assert made.summary == (
        "Prod: 1 replaced, 1 added; broadens 1 permissions or network paths; LOSES DATA of 1 resources"
    )
    assert plan_text(made).index("Stored data would be lost") < plan_text(made).index("replaced     Table")
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
    assert page.open == []
    assert page.links == ["https://github.com/o/r/commit/b", "https://github.com/o/r/compare/a...b"]
    assert "igw-&lt;1&gt;" in html
    assert "Raise &lt;the&gt; minimum" in html


def test_the_plan_shows_commits_then_settings_then_digests_then_resources() -> None:
    made = plan({"Manifest": manifest(min_tasks=2)}, {"Manifest": manifest(min_tasks=3)})
    digest = made.stacks[0].digest
    for shown, parts in (
        (plan_text(made), ("Release an image", "min_tasks: 2 -> 3", digest, "Manifest (AWS::SSM::Parameter)")),
        (plan_page(made), ("Release an image", "<code>min_tasks</code>", digest, "<code>Manifest</code>")),
    ):
        positions = [shown.index(part) for part in parts]
        assert positions == sorted(positions)


def test_the_plan_shows_what_the_release_takes_back_and_what_it_cannot_list() -> None:
    made = plan({"Table": TABLE}, {"Table": TABLE})
    for shown in (plan_text(made), plan_page(made)):
        assert "the release takes these commits back" in shown
        assert "dddddddddddd Log the request id" in shown
        assert "The oldest pushes." in shown


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ({"min_tasks": 2}, {"min_tasks": 3}, "min_tasks: 2 -> 3"),
        ({"alarms": {"cpu_percent": 70}}, {"alarms": {"cpu_percent": 80}}, "alarms.cpu_percent: 70 -> 80"),
        ({"spot": False}, {"spot": True}, "spot: no -> yes"),
        ({"canary": {"percent": 10}}, {}, "canary.percent: 10 -> not set"),
        ({"zones": ["a", "b"]}, {"zones": ["a", "c"]}, "zones: a, b -> a, c"),
        (
            {"image": IMAGE + "1" * 64},
            {"image": IMAGE + "2" * 64},
            "image: payment-service@sha256:111111111111 -> payment-service@sha256:222222222222",
        ),
    ],
)
def test_a_changed_setting_shows_its_old_and_new_value(old: dict[str, Any], new: dict[str, Any], line: str) -> None:
    made = plan({"Manifest": manifest(**old)}, {"Manifest": manifest(**new)})
    assert plan_text(made).count(line) == 1
    assert [setting.name for setting in made.settings] == [line.partition(":")[0]]


def test_a_new_task_definition_is_a_new_revision() -> None:
    after = {"Task": {**TASK, "Properties": {"ContainerDefinitions": [{"Image": "b"}]}}}
    made = plan({"Task": TASK}, after)
    assert made.summary == "Prod: 1 new revision; broadens nothing"
    assert "new revision Task (AWS::ECS::TaskDefinition): ContainerDefinitions" in plan_text(made)
    assert 'class="kind replaced"' not in plan_page(made)


def test_the_digest_of_a_template_ignores_the_order_of_its_keys() -> None:
    first, second = (plan(None, dict(each)).stacks[0].digest for each in ([("A", TABLE), ("B", ROUTE)],) * 2)
    reversed_keys = plan(None, {"B": ROUTE, "A": TABLE}).stacks[0].digest
    assert first == second == reversed_keys
    assert plan(None, {"A": TABLE}).stacks[0].digest != first


def test_the_message_of_the_approval_is_short_and_safe_for_a_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "OUTPUT", tmp_path)
    subject = 'Don\'t\x1b $(touch x) `y` "z" ' + "word " * 200
    command.write(plan({"Table": TABLE}, {"Table": TABLE}, history=History(subject=subject)))
    script = f'. {tmp_path}/variables; printf %s "$PLAN_SUBJECT"'
    run = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert run.stdout.startswith('Don\'t  $(touch x) `y` "z" word ')
    assert len(run.stdout) == 150


class Account:
    """The deployed stacks of the target accounts."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.deployed: dict[str, Deployed] = {}

    def __call__(self, stack: str, *, environment: str, account: str, region: str) -> Deployed | None:
        assert stack.startswith(f"{environment}-")
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
    assert (made.release, made.deployed) == ("0" * 40, "1" * 40)
    assert {stack.name: len(stack.changes) for stack in made.stacks}["Prod-DisasterRecovery"] == 0
    assert [stack.running for stack in made.stacks] == ["UPDATE_IN_PROGRESS", None]
    (loss,) = made.losses
    assert f'"Prod-Payment/{table}/TableName"' in loss


class FakeSts:
    """STS and CloudFormation for a caller of an account that may assume the role, or may not."""

    def __init__(self, *, account: str, trusted: bool) -> None:
        self.account, self.trusted = account, trusted
        self.assumed: list[str] = []

    def client(self, service: str, **how: str) -> "FakeSts":
        if service == "cloudformation":
            assert how.get("aws_access_key_id") == ("given" if self.trusted else None)
        return self

    def assume_role(self, **arguments: str) -> dict[str, Any]:
        self.assumed.append(arguments["RoleArn"])
        if not self.trusted:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole")
        return {"Credentials": dict.fromkeys(("AccessKeyId", "SecretAccessKey", "SessionToken"), "given")}

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self.account}

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        return {"Stacks": [{"StackStatus": "REVIEW_IN_PROGRESS"}]}


@pytest.mark.parametrize("trusted", [True, False])
def test_the_plan_reads_in_its_role_and_a_person_in_the_account_itself(
    monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    prod = sample_environments()["Prod"]
    sts = FakeSts(account=prod.account, trusted=trusted)
    monkeypatch.setattr(deployed, "boto3", sts)
    where = {"environment": prod.name, "account": prod.account, "region": prod.primary_region}
    assert deployed.deployed("Prod-Payment", **where) is None
    assert sts.assumed == [role_arn(plan_role_name(prod), prod)]


def test_the_plan_of_another_account_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployed, "boto3", FakeSts(account="1" * 12, trusted=False))
    with pytest.raises(PlanError, match=r"payment-plan-prod cannot be assumed: deploy bootstrap/permissions\.json"):
        deployed.deployed("Prod-Payment", environment="Prod", account="4" * 12, region="eu-central-1")


def test_the_templates_of_an_environment_name_their_release(assembly: Assembly) -> None:
    for stack in assembly.stacks:
        assert release_in(assembly.template(stack)) == (None if stack.startswith("Pipeline") else "0" * 40)


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
    message = approval["Configuration"]["CustomData"]
    for variable in ("PLAN_SUBJECT", "PLAN_SUMMARY"):
        assert f"#{{{plan_action['Namespace']}.{variable}}}" in message
    link = json.dumps(approval["Configuration"]["ExternalEntityLink"])
    assert f"plans/#{{codepipeline.PipelineExecutionId}}/{prod.name}.html" in link
    assert f"plans/#{{codepipeline.PipelineExecutionId}}/{prod.name}.html" in json.dumps(plan_action["Configuration"])


@pytest.mark.parametrize(("value", "status"), [("yes", 0), ("no", 0), ("", 1), ("No", 1), ("no or yes", 1), (None, 1)])
def test_the_plan_action_fails_unless_it_exports_yes_or_no(
    assembly: Assembly, tmp_path: Path, value: str | None, status: int
) -> None:
    (spec,) = (
        json.loads(project["Source"]["BuildSpec"])
        for project in assembly.resources("PipelineStack", "AWS::CodeBuild::Project").values()
        if "ENV=Staging" in project["Source"]["BuildSpec"] and "make plan" in project["Source"]["BuildSpec"]
    )
    _, *after_plan = spec["phases"]["build"]["commands"]
    (tmp_path / "build" / "plan").mkdir(parents=True)
    line = "" if value is None else f"export PLAN_BROADENS='{value}'\n"
    (tmp_path / "build" / "plan" / "variables").write_text(line)
    script = "set -e\n" + "\n".join(after_plan)
    run = subprocess.run(["/bin/sh", "-c", script], cwd=tmp_path, env={}, capture_output=True, check=False)  # noqa: S603
    assert run.returncode == status


def test_staging_needs_confirmation_only_when_its_plan_broadens_access(assembly: Assembly) -> None:
    stages = {stage["Name"]: stage for stage in assembly.pipeline_stages()}
    (planned,) = (action for action in stages["Dev"]["Actions"] if action["Name"] == "PlanStaging")
    (condition,) = stages["ConfirmStaging"]["BeforeEntry"]["Conditions"]
    (rule,) = condition["Rules"]
    assert condition["Result"] == "SKIP"
    assert rule["Configuration"] == {
        "Variable": f"#{{{planned['Namespace']}.PLAN_BROADENS}}",
        "Value": "no",
        "Operator": "NE",
    }
    assert [action["ActionTypeId"]["Category"] for action in stages["ConfirmStaging"]["Actions"]] == ["Approval"]
