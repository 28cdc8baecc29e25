"""Lambda code that travels inside a template, where 4,096 characters are all there is."""

import ast
from pathlib import Path

from aws_cdk import aws_lambda as lambda_

LIMIT = 4096


def inline_code(path: Path) -> lambda_.InlineCode:
    """A module as inline code, without the docstrings and the lines of comment that its reader has here.

    Args:
        path: The module; it defines ``handler``.

    Raises:
        ValueError: When the rest is too long still.
    """
    text = path.read_text(encoding="utf-8")
    lines: list[str | None] = list(text.splitlines())
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node) is not None:
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno
            lines[first:last] = [None] * len(lines[first:last])
    # The source's own lines, rather than the parser's: how it writes code differs between versions of Python.
    code = "\n".join(line for line in lines if line and not line.lstrip().startswith("#"))
    if len(code) > LIMIT:
        raise ValueError(f"{path.name}: {len(code)} characters of code, above the {LIMIT} that a template takes.")
    return lambda_.Code.from_inline(code)
