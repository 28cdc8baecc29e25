"""Sample settings, with three environments: the tests of the code run on them, whatever cdk.json contains."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.settings import load_delivery
from stages.environment import Environment


def sample_settings() -> dict[str, Any]:
    """A copy of the sample's `delivery`, for a test to change."""
    settings: dict[str, Any] = json.loads(Path(__file__).with_name("sample_settings.json").read_text(encoding="utf-8"))
    return settings


def write_settings(checkout: Path, settings: dict[str, Any]) -> None:
    """Puts other settings into the cdk.json of a checkout."""
    file = checkout / "cdk.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    document["context"]["delivery"] = settings
    file.unlink()
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def sample_checkout(directory: Path) -> Path:
    """A checkout of links to this one, without its repository and assembly, whose cdk.json has the sample settings."""
    directory.mkdir()
    for entry in Path(__file__).parents[1].iterdir():
        if entry.name not in ("cdk.out", ".git"):
            (directory / entry.name).symlink_to(entry)
    write_settings(directory, sample_settings())
    return directory


def sample_environments(**changes: Any) -> dict[str, Environment]:
    """The sample's records by name, each with the changes."""
    environments = load_delivery(sample_settings(), release="unreleased").environments
    return {environment.name: replace(environment, **changes) for environment in environments}
