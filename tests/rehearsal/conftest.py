"""One emulator for all rehearsal tests; each test keeps to accounts or names of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.emulator import Emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    log: Path = tmp_path_factory.mktemp("emulator") / "emulator.log"
    with Emulator.start(log=log) as running:
        yield running
