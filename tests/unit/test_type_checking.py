"""What mypy leaves out of the CDK, because it would take a minute, is nothing that the types of ours could need."""

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
"""How a generated module names another one that its signatures mention; types only, so it is not loaded."""


def ours() -> Iterator[str]:
    """The modules of the CDK that this project imports."""
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    for place in (CHECKOUT / name for name in settings["files"]):
        for file in [place] if place.is_file() else place.rglob("*.py"):
            if "node_modules" in file.parts:
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module == "aws_cdk":
                    yield from (alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aws_cdk."):
                    yield str(node.module).removeprefix("aws_cdk.")


@cache
def source(module: str) -> str | None:
    """The text of a module of the CDK; None for a class or function of its top level."""
    file = LIBRARY.joinpath(*module.split("."), "__init__.py")
    return file.read_text(encoding="utf-8") if file.is_file() else None


def needed() -> set[str]:
    """Those modules, and whatever the types of each mention in turn."""
    found: set[str] = set()
    open_ends = [*ours(), *MENTIONED.findall((LIBRARY / "__init__.py").read_text(encoding="utf-8"))]
    while open_ends:
        module = open_ends.pop()
        text = source(module)
        if module in found or text is None:
            continue
        found.add(module)
        open_ends.extend(MENTIONED.findall(text))
    return {f"aws_cdk.{module}" for module in found if module.split(".")[0] != "interfaces"}


def test_mypy_reads_exactly_the_cdk_modules_that_the_code_needs() -> None:
    overrides = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]["overrides"]
    (read,) = (set(each["module"]) for each in overrides if each["follow_imports"] == "normal")
    assert len(needed()) > 30
    assert read == {"aws_cdk", "aws_cdk.interfaces.*", "aws_cdk._jsii"} | needed()
