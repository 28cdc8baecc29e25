"""Import direction: app.py, then pipeline, stages, payment_constructs; the app never imports tests or tools."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

MAY_IMPORT = {
    "payment_constructs": {"payment_constructs"},
    "stages": {"stages", "payment_constructs"},
    "pipeline": {"pipeline", "stages", "payment_constructs"},
    "app.py": {"pipeline", "stages"},
    "tools/rehearsal": {"cdk_rehearsal"},
    "tools/bench": {"app", "pipeline", "stages", "tools"},
    "tools/pictures": {"tests", "tools"},
}
OURS = {"app", "cdk_rehearsal", "payment_constructs", "pipeline", "stages", "tests", "tools"}


def modules_of(package: str) -> list[Path]:
    root = CHECKOUT / package
    modules = [root] if root.is_file() else [each for each in root.rglob("*.py") if "node_modules" not in each.parts]
    assert modules, f"{package} has no module: correct MAY_IMPORT"
    return modules


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found & OURS


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    for module in modules_of(package):
        forbidden = sorted(imported(module) - MAY_IMPORT[package])
        assert not forbidden, (
            f"{package} may not import {', '.join(forbidden)}: move what {module.relative_to(CHECKOUT)} needs into "
            f"{package}, or pass it as an argument"
        )


def test_the_rehearsal_names_nothing_of_this_project() -> None:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["cdk-rehearsal"]
    own = {
        "payment",
        settings["command"],
        settings["pipeline-stack"],
        settings["synth"],
        *settings["build-environment"],
    }
    own |= {settings["teardown"]["page"], settings["teardown"]["stage"], *settings["bootstrap"]["stacks"]}
    for module in modules_of("tools/rehearsal/cdk_rehearsal"):
        text = module.read_text(encoding="utf-8")
        assert not {word for word in own if word in text}, (
            f"{module}: move it to [tool.cdk-rehearsal] in pyproject.toml"
        )


def test_only_the_entry_point_reads_the_process_environment() -> None:
    for package in ("payment_constructs", "pipeline", "stages"):
        for module in (CHECKOUT / package).rglob("*.py"):
            if module.stem.endswith("handler") or module.parent.name == "functions":
                continue  # runs in Lambda, which passes settings as environment variables
            text = module.read_text(encoding="utf-8")
            remedy = f"{module.relative_to(CHECKOUT)}: read the setting in app.py and pass it as an argument"
            attributes = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
            assert "environ" not in attributes, remedy
            assert "try_get_context" not in text, remedy


def test_a_synth_does_not_load_the_aws_sdk() -> None:
    # Only Lambda functions and commands call AWS; the SDK would add 200 modules to every synth.
    loaded = subprocess.run(
        [sys.executable, "-c", "import app, sys; print(*sys.modules)"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    sdk = {"boto3", "botocore"} & set(loaded.stdout.split())
    assert not sdk, f"import {sorted(sdk)} inside the function that uses it, not at the top of a module of the synth"
