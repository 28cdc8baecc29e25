"""Lambda code that travels inside a template, where 4,096 characters are all there is."""

import ast
from pathlib import Path

from aws_cdk import aws_lambda as lambda_

LIMIT = 4096


def inline_code(path: Path) -> lambda_.InlineCode:
    """A module as inline code, without the docstrings and comments that its reader has here.

    Args:
        path: The module; it defines ``handler``.

    Raises:
        ValueError: When the rest is too long still.
    """
    module = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    code = ast.unparse(module)
    if len(code) > LIMIT:
        raise ValueError(f"{path.name}: {len(code)} characters of code, above the {LIMIT} that a template takes.")
    return lambda_.Code.from_inline(code)
