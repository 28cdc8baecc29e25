"""The extension stands on private names of one ministack version; when one moves, it is named."""

import importlib
from pathlib import Path

import pytest

from cdk_rehearsal.emulator.server import extension

REQUIREMENTS = Path(__file__).parents[2] / "requirements.in"
NAMES = sorted(extension.PRIVATE_NAMES)


def test_the_pinned_ministack_is_the_one_that_the_extension_was_written_for() -> None:
    assert f"ministack=={extension.WRITTEN_FOR}" in REQUIREMENTS.read_text().split()


def test_every_private_name_is_what_the_extension_expects() -> None:
    extension.check_private_names()


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_private_name_that_moves_is_named_with_the_pinned_version(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(importlib.import_module(module), name)
    with pytest.raises(extension.MovedError, match=rf"{module}\.{name} .*{extension.WRITTEN_FOR}"):
        extension.install()


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_private_name_that_becomes_something_else_is_named_too(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module(module), name, lambda *, changed: changed)
    with pytest.raises(extension.MovedError, match=rf"{module}\.{name} "):
        extension.check_private_names()
