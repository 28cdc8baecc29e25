"""The README's commands for an account, as they stand there: its permissions, the bootstrap, and a sandbox in it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdk_rehearsal import (
    DeliveryError,
    Emulator,
    Environment,
    Settings,
    Terminal,
    Workplace,
    bootstrap_account,
    bootstrap_commands,
    remains,
)
from pipeline.bootstrap.account import SERVICES, prepare
from stacks import PRIMARY, RECOVERY
from tests.conftest import CHECKOUT
from tests.rehearsal.project import Project
from workplaces import workplace_in

REGIONS = (PRIMARY, RECOVERY)
SETTINGS = Settings.load(CHECKOUT).bootstrap
HOME = Environment(account="111111111111", region="eu-central-1")


@pytest.fixture(scope="module")
def account(project: Project) -> str:
    """That of the first environment, which a sandbox stands in too."""
    return next(iter(project.accounts.values()))


@pytest.fixture(scope="module")
def workplace(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """An emulator where nothing stands."""
    directory = tmp_path_factory.mktemp("readme")
    with Emulator.start(log=directory / "emulator.log") as running:
        yield workplace_in(directory, emulator=running, checkout=project.directory)


@pytest.fixture(scope="module")
def bootstrapped(workplace: Workplace, project: Project, account: str) -> Emulator:
    home = Environment(account=project.pipeline_account, region=PRIMARY)
    bootstrap_account(workplace, [Environment(account=account, region=region) for region in REGIONS], home=home)
    return workplace.emulator


@pytest.mark.parametrize("region", REGIONS)
def test_an_account_is_bootstrapped_within_its_boundary(
    bootstrapped: Emulator, project: Project, account: str, region: str
) -> None:
    cloudformation = bootstrapped.client("cloudformation", account=account, region=region)
    (toolkit,) = cloudformation.describe_stacks(StackName="CDKToolkit")["Stacks"]
    given = {each["ParameterKey"]: each["ParameterValue"] for each in toolkit["Parameters"]}
    assert given["TrustedAccounts"] == project.pipeline_account
    assert given["InputPermissionsBoundary"] == "payment-delivery-boundary"
    iam = bootstrapped.client("iam", account=account, region=PRIMARY)
    standing = {policy["Arn"] for policy in iam.list_policies(Scope="Local")["Policies"]}
    execution = {arn for arn in standing if "payment-delivery-execution" in arn}
    assert set(given["CloudFormationExecutionPolicies"].split(",")) == execution
    assert len(execution) > 1


@pytest.mark.parametrize(
    ("role", "trusted"),
    [("deploy", "pipeline"), ("file-publishing", "assets"), ("image-publishing", "image-assets"), ("lookup", None)],
)
def test_a_bootstrapped_role_trusts_one_role_of_the_pipeline(
    bootstrapped: Emulator, project: Project, account: str, role: str, trusted: str | None
) -> None:
    iam = bootstrapped.client("iam", account=account, region=PRIMARY)
    trust = iam.get_role(RoleName=f"cdk-hnb659fds-{role}-role-{account}-{RECOVERY}")["Role"]["AssumeRolePolicyDocument"]
    named = [arn for each in trust["Statement"] for arn in each["Condition"]["ArnEquals"]["aws:PrincipalArn"]]
    tooling = [arn for arn in named if f"::{project.pipeline_account}:" in arn]
    expected = f"arn:aws:iam::{project.pipeline_account}:role/payment-delivery-{trusted}"
    assert tooling == ([expected] if trusted else [])
    assert f"arn:aws:iam::{account}:role/payment-break-glass" in named


def test_a_bootstrapped_account_has_the_plan_roles_of_its_environments_only(
    bootstrapped: Emulator, project: Project, account: str
) -> None:
    roles = bootstrapped.client("iam", account=account, region=PRIMARY).list_roles()["Roles"]
    there = {role["RoleName"] for role in roles if role["RoleName"].startswith("payment-plan-")}
    assert there == {f"payment-plan-{name.lower()}" for name, owner in project.accounts.items() if owner == account}


def test_the_service_linked_roles_exist_before_the_first_delivery(bootstrapped: Emulator, account: str) -> None:
    iam = bootstrapped.client("iam", account=account, region=PRIMARY)
    roles = iam.list_roles(PathPrefix="/aws-service-role/")["Roles"]
    assert {role["Path"].split("/")[2] for role in roles} == set(SERVICES)
    assert "AWSServiceRoleForECS" in {role["RoleName"] for role in roles}


@pytest.mark.parametrize("region", REGIONS)
def test_backups_of_tables_may_be_copied_in_both_regions(bootstrapped: Emulator, account: str, region: str) -> None:
    found = bootstrapped.client("backup", account=account, region=region).describe_region_settings()
    assert found["ResourceTypeOptInPreference"] == {"Aurora": True, "DynamoDB": True}
    assert found["ResourceTypeManagementPreference"] == {"DynamoDB": True}


def test_an_account_can_be_prepared_again(
    bootstrapped: Emulator, account: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in bootstrapped.environment(account=account, region=PRIMARY).items():
        monkeypatch.setenv(name, value)
    prepare(list(REGIONS))
    assert capsys.readouterr().out.count("has been taken in this account") == len(SERVICES)


def test_a_sandbox_comes_and_goes(bootstrapped: Emulator, workplace: Workplace, account: str, tmp_path: Path) -> None:
    log = tmp_path / "commands.log"
    terminal = Terminal(workplace, account=account, region=PRIMARY, directory=workplace.checkout, log=log)
    before = remains(bootstrapped, account=account, regions=REGIONS)
    (deploy,) = re.findall(r"`(cdk deploy -c sandbox=[^`]+)`", (CHECKOUT / "README.md").read_text(encoding="utf-8"))
    # What somebody answers at a terminal; and the linter of templates has looked at an environment elsewhere.
    terminal.run(f"export CDK_VALIDATION=false\n{deploy} --require-approval never --method direct", title="Sandbox")
    there = remains(bootstrapped, account=account, regions=REGIONS)
    assert {name for name in there["tables"] if "alice" in name}
    terminal.run(f"{deploy.replace('deploy', 'destroy')} --force", title="Sandbox")
    assert remains(bootstrapped, account=account, regions=REGIONS) == before


def test_the_readme_bootstraps_the_regions_of_the_settings() -> None:
    targets = [Environment(account="222222222222", region=region) for region in ("eu-west-1", "eu-central-1")]
    commands = bootstrap_commands(CHECKOUT, settings=SETTINGS, home=HOME, targets=targets)
    assert "TOOLING=111111111111; ACCOUNT=222222222222" in commands
    assert "PRIMARY=eu-central-1; RECOVERY=eu-west-1" in commands
    third = Environment(account="222222222222", region="us-east-2")
    with pytest.raises(DeliveryError, match=r"README\.md does not bootstrap us-east-2"):
        bootstrap_commands(CHECKOUT, settings=SETTINGS, home=HOME, targets=[*targets, third])


def test_a_page_without_the_commands_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Bootstrap it somehow\n", encoding="utf-8")
    with pytest.raises(DeliveryError, match=r"README\.md has 0 blocks that bootstrap an account"):
        bootstrap_commands(tmp_path, settings=SETTINGS, home=HOME, targets=[])
