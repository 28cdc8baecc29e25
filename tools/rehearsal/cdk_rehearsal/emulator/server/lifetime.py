"""The server's life is its standard input: when that closes, the server, its children and its files are gone.

The other end belongs to the process that started it, and the kernel closes it even when that process is killed.
Nothing here is worth saving, so the end is immediate: no shutdown that could hang.
"""

import os
import shutil
import signal
import threading
from pathlib import Path

_STANDARD_INPUT = 0


def end_with_standard_input(scratch: Path) -> None:
    """Watch standard input from a thread; at its end remove `scratch` and kill this process's whole group."""
    threading.Thread(target=_watch, args=(scratch,), name="lifetime", daemon=True).start()


def _watch(scratch: Path) -> None:
    while os.read(_STANDARD_INPUT, 1):  # not sys.stdin: its lock would be held when the interpreter ends
        pass
    shutil.rmtree(scratch, ignore_errors=True)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with the Lambda workers, which are in this group
    os.kill(os.getpid(), signal.SIGKILL)
