"""The verification as the pipeline carries it out, as far as an emulator without containers goes."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_rehearsal.emulator import Emulator
from pipeline.steps import variable
from stacks import ACCOUNT, PRIMARY, RECOVERY
from tests.conftest import CHECKOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How it went, and what it asked of AWS: an action and a resource each."""

    passed: bool
    output: str
    calls: frozenset[str]


def verify(emulator: Emulator, outputs: Mapping[str, str], *, release: str, directory: Path) -> Verification:
    """Verify Dev on the emulator, by its outputs."""
    calls = directory / "calls"
    given = {
        "ENVIRONMENT": "Dev",
        "ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/payment-verification-dev",
        "RECORDER_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/payment-release-recorder-dev",
        "REGION": PRIMARY,
        "DR_REGION": RECOVERY,
        "RELEASE": release,
        "RECORD_CALLS_TO": str(calls),
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
        **{variable(name): value for name, value in outputs.items()},
    }
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/integration", "--confcutdir=tests/integration", "-m", "not containers",
         "-p", "tests.rehearsal.recording"],
        cwd=CHECKOUT,
        env=emulator.environment(account=ACCOUNT, region=PRIMARY) | given,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )  # fmt: skip
    return Verification(
        passed=run.returncode == 0,
        output=run.stdout + run.stderr,
        calls=frozenset(calls.read_text().splitlines()) if calls.exists() else frozenset(),
    )


def allowed(iam: Any, *, role: str) -> frozenset[str]:
    """What a role's one policy allows, as it stands on the emulator: an action and a resource each.

    Without the keys: they are used by the services on its behalf, so no request of its own shows them.
    """
    (attached,) = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    policy = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    return frozenset(
        f"{action} {resource}"
        for statement in version["Document"]["Statement"]
        if "kms:ViaService" not in statement.get("Condition", {}).get("StringEquals", {})
        for action in _each(statement["Action"])
        for resource in _each(statement["Resource"])
    )


def _each(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
