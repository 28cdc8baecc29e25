"""One emulator for all rehearsal tests; each test keeps to accounts or names of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cdk_rehearsal.emulator import Emulator
from tests.rehearsal.project import Project
from tests.rehearsal.week import Week, live


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    log: Path = tmp_path_factory.mktemp("emulator") / "emulator.log"
    with Emulator.start(log=log) as running:
        yield running


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A checkout that a test may commit to."""
    return Project.with_sample_settings(tmp_path_factory.mktemp("project") / "checkout")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator of its own: here whole accounts are looked at."""
    with Emulator.start(log=tmp_path_factory.mktemp("world") / "emulator.log") as running:
        yield running


@pytest.fixture(scope="session")
def week(project: Project, world: Emulator) -> Week:
    """Everything that a team does in a week, done once."""
    return live(project, world)
