"""Polling with a timeout."""

import time
from collections.abc import Callable


def becomes_true(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Whether a condition becomes true within a time."""
    deadline = time.monotonic() + seconds
    pause = 0.1
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 5)
    return True
