"""`python -m tools.drill`: run the runbooks of docs/ on an emulated AWS that loses its primary region.

Exit status: 0 every step passed, 1 a step failed, 2 the drill could not be run, 130 interrupted.
"""

import argparse
import shutil
import signal
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from cdk_rehearsal import Console, DeliveryError, Emulator, EmulatorError, RehearsalError
from tools.drill.drill import Drill
from tools.drill.report import show, write

PASSED, FAILED, NOT_RUN, INTERRUPTED = 0, 1, 2, 130
LOGS = Path("build", "drill")


def main() -> int:
    """Parse the arguments, run the drill, report."""
    parser = argparse.ArgumentParser(prog="python -m tools.drill", description=__doc__)
    parser.add_argument("--assembly", type=Path, default=Path("cdk.out"), help="default: %(default)s, of `make synth`")
    directory: Path = parser.parse_args().assembly
    console, logs = Console(), Path.cwd() / LOGS
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    shutil.rmtree(logs, ignore_errors=True)
    try:
        with (
            Emulator.start(log=logs / "emulator.log") as emulator,
            Drill(checkout=Path.cwd(), directory=directory, emulator=emulator, console=console, logs=logs) as drill,
        ):
            drill.deploy()
            report = drill.run()
    except KeyboardInterrupt:
        console.problem("\nInterrupted: every started process has been ended.")
        return INTERRUPTED
    except (RehearsalError, EmulatorError, DeliveryError, OSError, BotoCoreError, ClientError) as error:
        console.problem(f"\nThe drill could not be run, see {logs}: {error}")
        return NOT_RUN
    show(report, console=console.rich, logs=logs)
    write(report, file=logs / "report.json")
    return PASSED if report.succeeded else FAILED


if __name__ == "__main__":
    sys.exit(main())
