"""One emulator per test session; each test uses accounts or names of its own."""

from collections.abc import Iterator

import pytest

from cdk_rehearsal.emulator import Emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A running emulator."""
    with Emulator.start(log=tmp_path_factory.mktemp("emulator") / "emulator.log") as running:
        yield running
