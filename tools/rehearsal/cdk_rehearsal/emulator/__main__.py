"""`python -m cdk_rehearsal.emulator`: run one emulator, for several rehearsals against the same accounts."""

import argparse
import signal
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from cdk_rehearsal.emulator import Emulator, EmulatorError


def main() -> int:
    """Run until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m cdk_rehearsal.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=4566, help="port on 127.0.0.1 (default: %(default)s)")
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a background process of a shell ignores it
        signal.signal(number, signal.default_int_handler)
    port: int = parser.parse_args().port
    with tempfile.TemporaryDirectory(prefix="emulator-") as directory:
        try:
            with (
                suppress(KeyboardInterrupt),
                Emulator.start(log=Path(directory) / "emulator.log", port=port) as emulator,
            ):
                print(f"Emulated AWS at {emulator.endpoint}. Set EMULATOR={emulator.endpoint} to rehearse against it.")
                print("Ctrl-C ends it.", flush=True)
                threading.Event().wait()
        except EmulatorError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
