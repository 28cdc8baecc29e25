"""`python -m cdk_rehearsal [COMMIT ...]`: deliver commits of this checkout on an emulated AWS.

Exit status: 0 the last commit was delivered, 1 it was not, 2 the rehearsal could not be carried out, 130 interrupted.
"""

import argparse
import os
import shutil
import signal
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from cdk_rehearsal import console
from cdk_rehearsal.commit import find, uncommitted
from cdk_rehearsal.console import Approver, Console
from cdk_rehearsal.delivery import Rehearsal
from cdk_rehearsal.emulator import Emulator, EmulatorError
from cdk_rehearsal.errors import DeliveryError, RehearsalError
from cdk_rehearsal.report import Report, show, write

DELIVERED, NOT_DELIVERED, NOT_CARRIED_OUT, INTERRUPTED = 0, 1, 2, 130
LOGS = Path("build", "rehearsal")
_SHOWN_FILES = 5


def main() -> int:
    """Parse, rehearse, report."""
    parser = argparse.ArgumentParser(prog="python -m cdk_rehearsal", description=__doc__)
    parser.add_argument("commits", nargs="*", default=["HEAD"], metavar="COMMIT", help="delivered one after the other")
    names: list[str] = parser.parse_args().commits
    console = Console()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        return _rehearse(names, console=console)
    except KeyboardInterrupt:
        console.problem("\nInterrupted: everything that was started has been ended.")
        return INTERRUPTED
    except (RehearsalError, EmulatorError) as error:
        console.problem(f"\n{error}")
        return NOT_CARRIED_OUT
    except DeliveryError as error:
        console.problem(f"\n{error}")
        return NOT_DELIVERED
    except (OSError, BotoCoreError, ClientError) as error:
        console.problem(f"\nThe rehearsal cannot go on, see the logs in {LOGS}: {error}")
        return NOT_CARRIED_OUT


def _rehearse(names: list[str], *, console: Console) -> int:
    checkout = Path.cwd()
    logs = checkout / LOGS
    for name in names:
        find(checkout=checkout, name=name)
    answer, teardown = _approver(), _teardown()
    _tell_uncommitted(checkout, console=console)
    shutil.rmtree(logs, ignore_errors=True)
    reports: list[Report] = []
    with _emulator(logs) as emulator:
        console.say(f"Emulated AWS at {emulator.endpoint}")
        with Rehearsal(checkout=checkout, emulator=emulator, approve=answer, console=console, logs=logs) as rehearsal:
            rehearsal.prepare(names[0])
            for name in names:
                reports.append(rehearsal.deliver(name))
                show(reports[-1], console=console.rich)
                write(reports, file=logs / "report.json")
            if teardown and reports[-1].succeeded:
                rehearsal.tear_down(names[-1])
    return DELIVERED if reports[-1].succeeded else NOT_DELIVERED


def _emulator(logs: Path) -> AbstractContextManager[Emulator]:
    endpoint = os.environ.get("EMULATOR", "")
    return Emulator.attach(endpoint=endpoint) if endpoint else Emulator.start(log=logs / "emulator.log")


def _approver() -> Approver:
    answers = {"yes": console.always(console.YES), "no": console.always(console.NO), "": console.terminal}
    wanted = os.environ.get("APPROVE", "")
    if wanted not in answers:
        raise RehearsalError(f"APPROVE is '{wanted}': it answers an approval with yes or no, or leave it unset.")
    return answers[wanted]


def _teardown() -> bool:
    wanted = os.environ.get("TEARDOWN", "")
    if wanted not in ("yes", ""):
        raise RehearsalError(f"TEARDOWN is '{wanted}': yes takes everything down in the end, or leave it unset.")
    return wanted == "yes"


def _tell_uncommitted(checkout: Path, *, console: Console) -> None:
    files = uncommitted(checkout=checkout)
    if files:
        more = f" and {len(files) - _SHOWN_FILES} more" if len(files) > _SHOWN_FILES else ""
        console.say(f"Not in any commit, so not delivered: {', '.join(files[:_SHOWN_FILES])}{more}")


def _interrupt(_number: int, _frame: object) -> None:
    """End once and in order: a second Ctrl-C would leave behind what the first one is cleaning up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
