"""The verification action after each deployment: its inputs, its build and its role."""

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from payment_constructs.monitoring.gate import GATE_ALARMS
from payment_constructs.roles import OWN_SESSIONS
from pipeline.settings import Delivery
from pipeline.steps import variable
from stages.environment import Environment
from tests.conftest import CHECKOUT
from tests.integration import test_gate
from tests.integration.deployed import Deployed
from tests.integration.test_sessions import OWN
from tests.templates import Assembly, references

INTEGRATION = Path("tests/integration")
LONGEST_VALUE = 1000
"""https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionDeclaration.html"""


def stage(assembly: Assembly, environment: Environment) -> list[dict[str, Any]]:
    (actions,) = (stage["Actions"] for stage in assembly.pipeline_stages() if stage["Name"] == environment.name)
    return list(actions)


def verification(assembly: Assembly, environment: Environment) -> dict[str, Any]:
    (action,) = (action for action in stage(assembly, environment) if action["Name"] == "Verify")
    return dict(action)


def project(assembly: Assembly, environment: Environment) -> dict[str, Any]:
    logical_id = verification(assembly, environment)["Configuration"]["ProjectName"]["Ref"]
    return dict(assembly.resources("PipelineStack", "AWS::CodeBuild::Project")[logical_id])


def test_every_environment_is_verified_after_its_last_deployment(assembly: Assembly, environment: Environment) -> None:
    actions = stage(assembly, environment)
    deployments = [action["RunOrder"] for action in actions if action["ActionTypeId"]["Category"] == "Deploy"]
    last = verification(assembly, environment)["RunOrder"]
    assert last > max(deployments)
    assert last == max(action["RunOrder"] for action in actions)


def test_prod_is_verified_only_after_its_approval(assembly: Assembly, delivery: Delivery) -> None:
    *_, prod = delivery.environments
    stages = [stage["Name"] for stage in assembly.pipeline_stages()]
    verifying = [
        stage["Name"]
        for stage in assembly.pipeline_stages()
        for action in stage["Actions"]
        if action["ActionTypeId"]["Provider"] == "CodeBuild"
        and action["Configuration"]["ProjectName"] == verification(assembly, prod)["Configuration"]["ProjectName"]
    ]
    assert verifying == [prod.name]
    assert stages.index(f"Approve{prod.name}") < stages.index(prod.name)


def test_verification_receives_the_outputs_of_its_environment(assembly: Assembly, environment: Environment) -> None:
    (deployment,) = (action for action in stage(assembly, environment) if action["Name"] == "Payment.Deploy")
    variables = json.loads(verification(assembly, environment)["Configuration"]["EnvironmentVariables"])
    outputs = {each["value"].removeprefix(f"#{{{deployment['Namespace']}.").removesuffix("}") for each in variables}
    assert {each["name"] for each in variables} == {variable(output) for output in outputs}
    assert outputs <= set(assembly.template(f"{environment.name}-Payment")["Outputs"])


def test_verification_receives_every_variable_that_its_tests_read(assembly: Assembly, environment: Environment) -> None:
    outputs = json.loads(verification(assembly, environment)["Configuration"]["EnvironmentVariables"])
    constant = {
        each["Name"]: each["Value"] for each in project(assembly, environment)["Environment"]["EnvironmentVariables"]
    }
    # `make verify` adds the release.
    expected = {field.name.upper() for field in fields(Deployed)} - {"RELEASE"}
    assert {each["name"] for each in outputs} | set(constant) == expected
    assert constant["ENVIRONMENT"] == environment.name
    assert constant["ROLE_ARN"] == f"arn:aws:iam::{environment.account}:role/payment-verification-{environment.slug}"
    assert constant["RECORDER_ROLE_ARN"].endswith(f":role/payment-release-recorder-{environment.slug}")
    assert (constant["REGION"], constant["DR_REGION"]) == (environment.primary_region, environment.dr_region)


def test_every_action_configuration_fits_the_codepipeline_limit(assembly: Assembly) -> None:
    for stage in assembly.pipeline_stages():
        for action in stage["Actions"]:
            for value in action.get("Configuration", {}).values():
                assert len(value if isinstance(value, str) else json.dumps(value)) <= LONGEST_VALUE, action["Name"]


def test_verification_runs_make_verify_and_publishes_its_report(assembly: Assembly, environment: Environment) -> None:
    found = project(assembly, environment)
    buildspec = json.loads(found["Source"]["BuildSpec"])
    assert buildspec["phases"]["build"]["commands"] == ["make verify PACKAGES=build/packages"]
    assert buildspec["reports"]["verification"]["base-directory"] == "build/reports"
    assert found["TimeoutInMinutes"] == 15


def test_the_verification_build_assumes_only_the_roles_of_its_environment(
    assembly: Assembly, environment: Environment
) -> None:
    (logical_id,) = references(project(assembly, environment)["ServiceRole"])
    assumable = [
        statement["Resource"]
        for policy in assembly.resources("PipelineStack", "AWS::IAM::Policy").values()
        if {"Ref": logical_id} in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "sts:" in json.dumps(statement["Action"])
    ]
    names = (f"payment-{name}-{environment.slug}" for name in ("release-recorder", "verification"))
    assert assumable == [[f"arn:aws:iam::{environment.account}:role/{name}" for name in names]]
    role = assembly.resources("PipelineStack", "AWS::IAM::Role")[logical_id]
    assert "ManagedPolicyArns" not in role
    # The verification role trusts this name.
    assert role["RoleName"] == f"payment-delivery-verification-{environment.slug}"


def test_a_release_is_recorded_only_after_its_verification_passed() -> None:
    _, recipe = (CHECKOUT / "Makefile").read_text(encoding="utf-8").split("\nverify:")
    *_, tests, record = recipe.split("\n\n")[0].replace("\\\n", "").splitlines()
    # The next line runs only if this one succeeded.
    assert re.match(r"\t@.* -m pytest tests/integration [^;|&]*$", tests), "a failing test must fail its line"
    assert record.endswith(" -m tests.integration.record")


def test_the_verification_role_allows_the_session_ids_of_the_tests() -> None:
    assert f"{OWN}*" == OWN_SESSIONS


def test_the_default_test_run_excludes_the_integration_tests() -> None:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    assert settings["testpaths"]
    assert not any(INTEGRATION.is_relative_to(path) for path in settings["testpaths"])


def test_verification_without_its_variables_fails_and_names_them(tmp_path: Path) -> None:
    names = [field.name.upper() for field in fields(Deployed)]
    given = {name: "given" for name in names if name not in ("QUEUE_URL", "ROLE_ARN")}
    kept = {name: value for name, value in os.environ.items() if name not in names and not name.startswith("PYTEST_")}
    report = tmp_path / "report.xml"
    run = subprocess.run(  # noqa: S603 - this Python, these tests
        [sys.executable, "-m", "pytest", str(INTEGRATION), f"--confcutdir={INTEGRATION}", "-p", "no:cacheprovider",
         f"--junitxml={report}"],
        cwd=CHECKOUT,
        env=kept | given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )  # fmt: skip
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    assert "Not set: ROLE_ARN, QUEUE_URL." in run.stdout + run.stderr
    assert "skipped" not in run.stdout


def test_the_verification_looks_for_every_gate_alarm() -> None:
    assert test_gate.GATE_ALARMS == GATE_ALARMS
