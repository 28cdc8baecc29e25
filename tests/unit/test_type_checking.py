"""mypy skips most of the CDK to save a minute; this test keeps the list of modules that it reads complete."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import aws_cdk

from tests.conftest import CHECKOUT

LIBRARY = Path(aws_cdk.__file__).parent
MENTIONED = re.compile(r"^    import aws_cdk\.([\w.]+) as ", re.MULTILINE)
"""The type-only import with which a generated module names another module of its signatures."""


def imported() -> Iterator[str]:
    """The CDK modules that this project imports."""
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    for root in (CHECKOUT / name for name in settings["files"]):
        for file in [root] if root.is_file() else root.rglob("*.py"):
            if "node_modules" in file.parts:
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module == "aws_cdk":
                    yield from (alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aws_cdk."):
                    yield str(node.module).removeprefix("aws_cdk.")


@cache
def source(module: str) -> str | None:
    """The source of a CDK module; None for a class or function of the top-level module."""
    file = LIBRARY.joinpath(*module.split("."), "__init__.py")
    return file.read_text(encoding="utf-8") if file.is_file() else None


def needed() -> set[str]:
    """The imported CDK modules and, transitively, the modules in their signatures."""
    found: set[str] = set()
    pending = [*imported(), *MENTIONED.findall((LIBRARY / "__init__.py").read_text(encoding="utf-8"))]
    while pending:
        module = pending.pop()
        text = source(module)
        if module in found or text is None:
            continue
        found.add(module)
        pending.extend(MENTIONED.findall(text))
    return {f"aws_cdk.{module}" for module in found if module.split(".")[0] != "interfaces"}


def test_mypy_reads_exactly_the_cdk_modules_that_the_code_needs() -> None:
    overrides = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]["overrides"]
    (read,) = (set(each["module"]) for each in overrides if each["follow_imports"] == "normal")
    assert len(needed()) > 30
    expected = {"aws_cdk", "aws_cdk.interfaces.*", "aws_cdk._jsii"} | needed()
    where = 'in pyproject.toml, in the [[tool.mypy.overrides]] with follow_imports = "normal"'
    assert not expected - read, f"add {sorted(expected - read)} {where}"
    assert not read - expected, f"remove {sorted(read - expected)} {where}"
