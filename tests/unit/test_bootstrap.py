"""The bootstrap policies: CloudFormation may manage the resource types of the templates, and little else."""

import json
import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from pipeline.bootstrap.account import MANAGEMENT, OPT_IN
from pipeline.bootstrap.permissions import (
    BOUNDARY,
    FILE,
    LONGEST,
    UNUSED,
    declared,
    deployment_steps,
    is_action,
    managed_policies,
    size,
    text,
)
from pipeline.plan.permissions import statements
from pipeline.settings import Delivery
from stages.environment import Environment
from stages.variants import fallback_region
from tests.conftest import CHECKOUT
from tests.templates import Assembly, statement_actions


@pytest.fixture(scope="module")
def policies(assembly: Assembly, delivery: Delivery) -> dict[str, list[dict[str, Any]]]:
    """The statements of each managed policy by its name."""
    resources = managed_policies(documents(assembly), delivery).values()
    return {
        each["Properties"]["ManagedPolicyName"]: each["Properties"]["PolicyDocument"]["Statement"] for each in resources
    }


def documents(assembly: Assembly) -> list[dict[str, Any]]:
    return [assembly.template(stack) for stack in assembly.stacks]


def allowed(policies: dict[str, list[dict[str, Any]]]) -> set[str]:
    return {
        action
        for name, statements in policies.items()
        if name != BOUNDARY
        for statement in statements
        for action in statement_actions(statement)
    }


def test_the_policies_allow_every_handler_action_of_every_resource_type(
    assembly: Assembly, policies: dict[str, list[dict[str, Any]]]
) -> None:
    may = allowed(policies)
    for kind in declared(documents(assembly)):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        for name, handler in (schema.get("handlers") or {}).items():
            listed = {action for action in handler.get("permissions", []) if action.split(":")[0] not in UNUSED}
            missing = set(filter(is_action, listed)) - may - {"iam:DeleteRolePermissionsBoundary"}
            assert not missing, (
                f"{kind} cannot {name} without {sorted(missing)}: run make bootstrap and commit its file"
            )


def test_cfn_lint_finds_nothing_in_the_bootstrap_policies() -> None:
    found = [f"{match.rule.id}: {match.message[:100]}" for match in lint(FILE.read_text(encoding="utf-8"))]
    assert found == [], "run make bootstrap and commit its file; IAM may refuse a policy with an unknown action"


@pytest.mark.parametrize("operation", ["s3:REST.PUT.OBJECT", "iam:DescribeOrganization", "unknown:Action"])
def test_operations_that_are_no_iam_actions_are_dropped(operation: str) -> None:
    assert not is_action(operation)


def test_an_interface_endpoint_with_private_dns_can_be_created(policies: dict[str, list[dict[str, Any]]]) -> None:
    (statement,) = (
        each
        for statements in policies.values()
        for each in statements
        if "route53:AssociateVPCWithHostedZone" in each["Action"]
    )
    # Route 53 is global: a condition on the delivery's regions would refuse it.
    assert "Condition" not in statement
    assert "route53:*" in policies[BOUNDARY][0]["Action"]


def test_the_scaling_role_of_a_scalable_target_can_be_passed(
    assembly: Assembly, policies: dict[str, list[dict[str, Any]]], environment: Environment
) -> None:
    named = json.dumps(assembly.only(f"{environment.name}-Payment", "AWS::ApplicationAutoScaling::ScalableTarget"))
    (role,) = re.findall(r"role/aws-service-role/[\w./-]+", named)
    every = [each for statements in policies.values() for each in statements]
    assert role in json.dumps([each["Resource"] for each in every if each["Action"] == "iam:PassRole"])


def test_no_role_uses_a_service_listed_as_unused(assembly: Assembly) -> None:
    granted = {
        each.action.split(":")[0]
        for document in documents(assembly)
        for name, resource in document["Resources"].items()
        if resource["Type"].startswith("AWS::IAM::")
        for each in statements(name, resource)
    }
    used = UNUSED & granted
    assert not used, f"remove {sorted(used)} from UNUSED in pipeline/bootstrap/permissions.py, then run make bootstrap"


def test_the_policies_allow_reading_outputs_of_other_stacks(
    assembly: Assembly, policies: dict[str, list[dict[str, Any]]]
) -> None:
    # Fn::GetStackOutput without a RoleArn uses the role that deploys the stack.
    assert "Fn::GetStackOutput" in json.dumps(documents(assembly))
    assert "cloudformation:DescribeStacks" in allowed(policies)


def test_the_policies_allow_assuming_the_peering_roles(
    assembly: Assembly, policies: dict[str, list[dict[str, Any]]]
) -> None:
    (statement,) = (
        each for statements in policies.values() for each in statements if "sts:AssumeRole" in each["Action"]
    )
    (prefix,) = [statement["Resource"].removeprefix("arn:aws:iam::*:").removesuffix("*")]
    text = json.dumps([assembly.resources(stack, "AWS::EC2::VPCPeeringConnection") for stack in assembly.stacks])
    roles = re.findall(r"arn:aws:iam::\d{12}:(role/[\w-]+)", text)
    assert roles
    assert all(role.startswith(prefix) for role in roles)


ROLES_OF_TEAMS = ("payment-reports", "payment-delivery-tools", "payment-gate", "payment-housekeeper")


def role_arns(statement: dict[str, Any]) -> list[str]:
    resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    return [resource["Fn::Sub"].partition(":role/")[2] for resource in resources if ":role/" in str(resource)]


def test_no_policy_reaches_a_role_of_a_team(policies: dict[str, list[dict[str, Any]]]) -> None:
    reached = {
        (name, role)
        for name, each in policies.items()
        if name != BOUNDARY
        for statement in each
        if any(action.startswith("iam:") for action in statement_actions(statement))
        for pattern in role_arns(statement)
        for role in ROLES_OF_TEAMS
        if fnmatchcase(role, pattern)
    }
    assert reached == set(), "name our own roles only, in pipeline/bootstrap/permissions.py"


def test_every_role_of_the_templates_can_be_managed_and_passed_to_its_service(
    assembly: Assembly, policies: dict[str, list[dict[str, Any]]]
) -> None:
    every = [each for name, statements in policies.items() if name != BOUNDARY for each in statements]
    writing, creating = (
        role_arns(next(each for each in every if action in statement_actions(each)))
        for action in ("iam:DeleteRole", "iam:CreateRole")
    )
    (passing,) = (each for each in every if "iam:PassedToService" in str(each.get("Condition")))
    services = passing["Condition"]["StringEqualsIfExists"]["iam:PassedToService"]
    for stack in assembly.stacks:
        for logical_id, role in assembly.resources(stack, "AWS::IAM::Role").items():
            name = role.get("RoleName", f"{stack}-{logical_id}-1A2B3C4D5E6F")
            for patterns in (writing, creating):
                assert any(fnmatchcase(name, pattern) for pattern in patterns), f"run make bootstrap for {name}"
            (trusted,) = (each["Principal"].get("Service") for each in role["AssumeRolePolicyDocument"]["Statement"])
            may_pass = any(fnmatchcase(name, pattern) for pattern in role_arns(passing))
            assert (trusted in services and may_pass) if trusted else name.startswith("payment-") or may_pass


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("payment-housekeeping-prod", True),
        ("payment-housekeeping-proddr2", True),
        ("payment-replication-sandbox-alice", True),
        ("payment-delivery-pipeline", True),
        ("payment-gate-reader-prod", False),
        ("payment-housekeeping-reports", False),
    ],
)
def test_only_roles_that_a_service_assumes_are_passed(
    policies: dict[str, list[dict[str, Any]]], role: str, may: bool
) -> None:
    passing = [
        pattern
        for name, statements in policies.items()
        if name != BOUNDARY
        for each in statements
        if "iam:PassRole" in statement_actions(each)
        for pattern in role_arns(each)
    ]
    assert any(fnmatchcase(role, pattern) for pattern in passing) is may


def test_the_policies_allow_no_action_by_wildcard(policies: dict[str, list[dict[str, Any]]]) -> None:
    assert [action for action in allowed(policies) if action == "*" or action.endswith(":*")] == []
    assert not {"iam:CreateUser", "iam:CreateAccessKey", "iam:CreateLoginProfile"} & allowed(policies)


def test_every_role_has_the_permissions_boundary(assembly: Assembly, policies: dict[str, list[dict[str, Any]]]) -> None:
    (statement,) = (
        each
        for name, statements in policies.items()
        for each in statements
        if name != BOUNDARY and "iam:CreateRole" in each["Action"]
    )
    assert BOUNDARY in json.dumps(statement["Condition"])
    for stack in assembly.stacks:
        for name, role in assembly.resources(stack, "AWS::IAM::Role").items():
            assert BOUNDARY in json.dumps(role["PermissionsBoundary"]), f"{stack}: give {name} the boundary {BOUNDARY}"


def test_the_policies_allow_budgets_by_name_prefix_in_any_region(
    policies: dict[str, list[dict[str, Any]]],
) -> None:
    # AWS Budgets is in us-east-1 only, where the other statements allow nothing.
    (statement,) = (
        each for statements in policies.values() for each in statements if "budgets:ModifyBudget" in each["Action"]
    )
    assert "Condition" not in statement
    assert [arn["Fn::Sub"].rpartition(":")[2] for arn in statement["Resource"]] == ["budget/payment-*", "billingview/*"]


def test_the_boundary_allows_every_service_that_a_role_uses(
    assembly: Assembly, policies: dict[str, list[dict[str, Any]]]
) -> None:
    services = set(policies[BOUNDARY][0]["Action"])
    for document in documents(assembly):
        for name, resource in document["Resources"].items():
            if resource["Type"] in {"AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}:
                used = {each.action.split(":")[0] for each in statements(name, resource) if each.effect == "Allow"}
                missing = {f"{service}:*" for service in used - {"iam"}} - services
                assert not missing, f"the boundary denies {sorted(missing)} to {name}: run make bootstrap"


def test_no_role_writes_to_iam(assembly: Assembly) -> None:
    for document in documents(assembly):
        for name, resource in document["Resources"].items():
            if resource["Type"] in {"AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}:
                writes = {
                    each.action
                    for each in statements(name, resource)
                    if each.effect == "Allow" and re.match(r"iam:(?!Get|List|PassRole)", each.action)
                }
                assert not writes, f"the boundary denies {sorted(writes)} to {name}; only CloudFormation writes to IAM"


def test_every_policy_is_below_the_iam_size_limit(policies: dict[str, list[dict[str, Any]]]) -> None:
    sizes = {name: size(statements) for name, statements in policies.items()}
    large = {name: size for name, size in sizes.items() if size > LONGEST - 100}
    assert not large, f"split these policies in pipeline/bootstrap/permissions.py, the limit is {LONGEST}: {large}"


@pytest.mark.parametrize("page", ["README.md", "docs/disaster-recovery.md"])
def test_documented_bootstrap_commands_name_the_policies_and_the_boundary(
    page: str, policies: dict[str, list[dict[str, Any]]], assembly: Assembly, delivery: Delivery, tmp_path: Path
) -> None:
    said = (CHECKOUT / page).read_text(encoding="utf-8")
    assert f"--custom-permissions-boundary {BOUNDARY}" in said
    commands = re.findall(r"cdk bootstrap --(?:.*\\\n)*.*", said)
    for command in commands:
        assert "AdministratorAccess" not in command, f"{page}: bootstrap with the policies of bootstrap/{FILE.name}"
        assert re.search(r"--template \S*bootstrap/toolkit\.json", command), f"{page}: bootstrap with our template"
    assert re.search(r'--cloudformation-execution-policies "?\$POLICIES\b', said)
    (listing,) = re.findall(r"^ *POLICIES=\$\(.*\n.*\)$", said, flags=re.MULTILINE)
    (tmp_path / "bootstrap").mkdir()
    (tmp_path / "bootstrap" / FILE.name).write_text(text(documents(assembly), delivery), encoding="utf-8")
    shell = ["sh", "-euc", f'ACCOUNT=111111111111\n{listing}\necho "$POLICIES"']
    named = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    expected = [f"arn:aws:iam::111111111111:policy/{name}" for name in policies if name != BOUNDARY]
    assert named.split(",") == expected, (
        f"{page}: the command must name every execution policy of bootstrap/{FILE.name}"
    )


def test_documented_commands_prepare_every_region_that_they_bootstrap() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    (regions,) = re.findall(r"python pipeline/bootstrap/account\.py (.+)", readme)
    assert regions.split() == re.findall(r"aws://\$ACCOUNT/(\S+)", readme)
    page = (CHECKOUT / "docs" / "disaster-recovery.md").read_text(encoding="utf-8")
    command = " ".join(page.replace("\\\n", " ").split())
    opt_in, management = (",".join(f"{name}=true" for name in types) for types in (OPT_IN, MANAGEMENT))
    assert (
        f"aws backup update-region-settings --region $FALLBACK --resource-type-opt-in-preference {opt_in} "
        f"--resource-type-management-preference {management}"
    ) in command


def test_the_policies_allow_a_recovery_in_the_fallback_region(
    policies: dict[str, list[dict[str, Any]]], delivery: Delivery
) -> None:
    text = json.dumps(policies)
    assert fallback_region(delivery.environments[-1]) in text
    assert "role/ProdDr*-*" in text, "a second fail-over is ProdDr2"


@pytest.mark.parametrize(
    ("before", "after", "steps"),
    [
        (["ec2:CreateVpc"], ["ec2:CreateVpc"], []),
        (["ec2:CreateVpc"], ["ec2:CreateVpc", "sns:Publish"], ["before the push: deploy bootstrap/permissions.json"]),
        (["ec2:DeleteVpc"], [], ["after the delivery: deploy bootstrap/permissions.json"]),
    ],
)
def test_permissions_are_added_before_a_push_and_removed_after_the_delivery(
    delivery: Delivery, before: list[str], after: list[str], steps: list[str]
) -> None:
    found = list(deployment_steps({"Action": before}, {"Action": after}, delivery))
    assert [step[: len(start)] for step, start in zip(found, steps, strict=True)] == steps
    assert all(f"{delivery.account}, {delivery.environments[0].account}" in step for step in found)
