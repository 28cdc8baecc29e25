"""Code inside a template: what runs is what is read, without what only its reader needs."""

import ast
from pathlib import Path

import aws_cdk as cdk
import pytest

from payment_constructs.housekeeping import CODE
from payment_constructs.inline_code import LIMIT, inline_code
from tests.synthesized import Assembly


def test_docstrings_and_comments_stay_at_home(tmp_path: Path) -> None:
    module = tmp_path / "handler.py"
    module.write_text(
        '"""Why."""\n\ndef handler(event):\n    """What."""\n    # Why.\n    return event\n', encoding="utf-8"
    )
    assert inline_code(module).bind(cdk.Stack()).inline_code == "def handler(event):\n    return event"


def test_code_that_no_template_takes_is_refused(tmp_path: Path) -> None:
    module = tmp_path / "handler.py"
    module.write_text(f"handler = '{'x' * LIMIT}'", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"handler.py: \d+ characters of code, above the {LIMIT}"):
        inline_code(module)


def test_every_function_of_the_housekeeping_module_is_in_the_template(assembly: Assembly) -> None:
    functions = [node.name for node in ast.parse(CODE.read_text(encoding="utf-8")).body if hasattr(node, "name")]
    (code,) = (
        function["Code"]["ZipFile"]
        for name, function in assembly.resources("Dev-Payment", "AWS::Lambda::Function").items()
        if name.startswith("Housekeeping")
    )
    deployed = [node.name for node in ast.parse(code).body if hasattr(node, "name")]
    assert len(functions) > 2
    assert deployed == functions
    assert '"""' not in code
