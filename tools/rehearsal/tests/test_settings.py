"""The configuration of a rehearsed repository is read into one record, or refused with every mistake at once."""

from pathlib import Path

import pytest

from cdk_rehearsal import RehearsalError, Settings


def write(directory: Path, text: str, *, name: str = "pyproject.toml") -> Path:
    (directory / name).write_text(text, encoding="utf-8")
    return directory


def test_a_repository_needs_no_configuration(tmp_path: Path) -> None:
    assert Settings.load(tmp_path) == Settings()
    assert Settings.load(write(tmp_path, "[tool.ruff]\nline-length = 120\n")) == Settings()


def test_the_table_of_pyproject_is_read(tmp_path: Path) -> None:
    table = """
    [tool.cdk-rehearsal]
    pipeline-stack = "Delivery"
    cache = [".venv/**/*"]
    build-environment = { AUDIT = "{emulator}/audit" }
    unused = { "No container runs" = ["*-Task* sqs:*"] }
    [tool.cdk-rehearsal.bootstrap]
    page = "README.md"
    """
    settings = Settings.load(write(tmp_path, table))
    assert (settings.pipeline_stack, settings.cache) == ("Delivery", (".venv/**/*",))
    assert settings.build_environment == {"AUDIT": "{emulator}/audit"}
    assert settings.unused == {"No container runs": ("*-Task* sqs:*",)}
    assert (settings.bootstrap.page, settings.bootstrap.account) == ("README.md", "ACCOUNT")


def test_the_file_of_the_tool_is_read_without_a_prefix(tmp_path: Path) -> None:
    assert Settings.load(write(tmp_path, 'synth = "just synth"\n', name="cdk-rehearsal.toml")).synth == "just synth"


def test_all_mistakes_are_reported_with_key_value_and_remedy(tmp_path: Path) -> None:
    table = """
    [tool.cdk-rehearsal]
    stack = "Delivery"
    synth = ["make", "synth"]
    cache = ".venv"
    build-environment = { COUNT = 3 }
    bootstrap = "README.md"
    [tool.cdk-rehearsal.teardown]
    page = "docs/operations.md"
    """
    with pytest.raises(RehearsalError) as refused:
        Settings.load(write(tmp_path, table))
    lines = str(refused.value).splitlines()
    assert lines[0] == "[tool.cdk-rehearsal] in pyproject.toml has 9 mistakes:"
    assert lines[1].startswith("  stack = 'Delivery': there is no such key; the keys are command, pipeline-stack,")
    assert "  synth = ['make', 'synth'] has the wrong type: write it like \"text\"." in lines
    assert '  cache = \'.venv\' has the wrong type: write it like ["text", "text"].' in lines
    assert '  build-environment.COUNT = 3 has the wrong type: write it like "text".' in lines
    assert "  bootstrap = 'README.md' has the wrong type: write it like { name = \"text\" }." in lines
    assert '  teardown.command is missing: write teardown.command = "text".' in lines


def test_two_configurations_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "[tool.cdk-rehearsal]\n")
    with pytest.raises(RehearsalError, match=r"configured twice, in cdk-rehearsal.toml and in \[tool.cdk-rehearsal\]"):
        Settings.load(write(tmp_path, "", name="cdk-rehearsal.toml"))


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=r"cdk-rehearsal\.toml is not TOML"):
        Settings.load(write(tmp_path, "synth: make", name="cdk-rehearsal.toml"))
