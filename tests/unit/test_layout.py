"""Imports go one way: app, then pipeline, stages, payment_constructs; nothing of the product knows the other rooms."""

import ast
import subprocess
import sys
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


def modules_of(place: str) -> list[Path]:
    root = CHECKOUT / place
    modules = [root] if root.is_file() else [each for each in root.rglob("*.py") if "node_modules" not in each.parts]
    assert modules, place
    return modules


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found & OURS


@pytest.mark.parametrize("place", MAY_IMPORT)
def test_imports_go_one_way(place: str) -> None:
    for module in modules_of(place):
        assert imported(module) <= MAY_IMPORT[place], module.name


def test_only_the_entry_point_reads_the_process_environment() -> None:
    for place in ("payment_constructs", "pipeline", "stages"):
        for module in (CHECKOUT / place).rglob("*.py"):
            if module.stem.endswith("handler") or module.parent.name == "functions":
                continue  # runs in Lambda, where the environment holds its settings
            text = module.read_text(encoding="utf-8")
            assert "environ" not in {
                node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)
            }, module.name
            assert "try_get_context" not in text, module.name


def test_a_synth_does_not_load_the_aws_sdk() -> None:
    # Only functions and commands talk to AWS; the SDK is 200 modules more for every synth.
    loaded = subprocess.run(
        [sys.executable, "-c", "import app, sys; print(*sys.modules)"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"boto3", "botocore"} & set(loaded.stdout.split()) == set()
