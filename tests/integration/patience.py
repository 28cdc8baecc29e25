"""Waiting for what takes a moment, and not for ever."""

import time
from collections.abc import Callable


def becomes(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Whether it became true in time."""
    deadline = time.monotonic() + seconds
    pause = 0.1
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 5)
    return True
