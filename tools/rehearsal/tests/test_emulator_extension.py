"""The private names of ministack: all of them are checked, and only the extension uses them."""

import importlib
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from cdk_rehearsal.emulator.server import extension
from cdk_rehearsal.emulator.server.postgresql import Servers

SERVER = Path(extension.__file__).parent
NAMES = sorted(extension.PRIVATE_NAMES)


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Servers]:
    servers = Servers(app=tmp_path, scratch=tmp_path)
    yield servers
    servers.end()


def test_the_installed_ministack_is_the_version_of_the_extension() -> None:
    assert version("ministack") == extension.WRITTEN_FOR, "pin that version, or adapt extension.py and WRITTEN_FOR"


def test_every_private_name_is_as_expected() -> None:
    extension.check_private_names()


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_missing_private_name_is_reported_with_the_version(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch, databases: Servers
) -> None:
    monkeypatch.delattr(importlib.import_module(module), name)
    with pytest.raises(extension.MovedError, match=rf"{module}\.{name} .*{extension.WRITTEN_FOR}"):
        extension.install(databases)


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_changed_private_name_is_reported(module: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module(module), name, lambda *, changed: changed)
    with pytest.raises(extension.MovedError, match=rf"{module}\.{name} "):
        extension.check_private_names()


def test_only_the_extension_uses_private_names_of_ministack() -> None:
    used = re.compile(r"(?<!self)(?<!cls)\._[a-z]\w*|ministack\.(?:services|app)")
    modules = [file for file in SERVER.rglob("*.py") if file.name not in {"extension.py", "__main__.py"}]
    found = {file.name: used.findall(file.read_text(encoding="utf-8")) for file in modules}
    assert {name: names for name, names in found.items() if names} == {}, "pass it to the module in extension.py"
