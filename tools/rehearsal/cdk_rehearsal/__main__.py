"""`cdk-rehearsal [COMMIT ...]`: deliver commits of the CDK Pipelines app in this directory on an emulated AWS.

APPROVE=yes or APPROVE=no answers every manual approval, TEARDOWN=yes removes everything in the end, and EMULATOR=URL
uses an emulator that is running already. Exit status: 0 the last commit was delivered, 1 it was not, or a permission is
missing or surplus, 2 the rehearsal could not be carried out, 3 a commit waits at a manual approval, 130 interrupted.
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
from cdk_rehearsal.report import Report, show, write, write_limits
from cdk_rehearsal.settings import Settings

DELIVERED, NOT_DELIVERED, NOT_CARRIED_OUT, WAITING, INTERRUPTED = 0, 1, 2, 3, 130
LOGS = Path("build", "rehearsal")
_SHOWN_FILES = 5


def main() -> int:
    """Parse, rehearse, report."""
    parser = argparse.ArgumentParser(prog="cdk-rehearsal", description=__doc__)
    parser.add_argument("commits", nargs="*", default=["HEAD"], metavar="COMMIT", help="delivered one after the other")
    names: list[str] = parser.parse_args().commits
    console = Console()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        return _rehearse(names, console=console)
    except KeyboardInterrupt:
        console.problem("\nInterrupted: every process of the rehearsal has been ended.")
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
    settings, answer = Settings.load(checkout), _approver()
    teardown = _variable("TEARDOWN", ("yes",), remedy="yes removes everything in the end")
    if teardown and settings.teardown is None:
        raise RehearsalError("TEARDOWN=yes needs the table `teardown` in the configuration of the repository.")
    _name_uncommitted(checkout, console=console)
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    (logs / ".gitignore").write_text("*\n", encoding="utf-8")
    reports: list[Report] = []
    with _emulator(logs) as emulator:
        console.say(f"Emulated AWS at {emulator.endpoint}")
        with Rehearsal(checkout=checkout, emulator=emulator, approve=answer, console=console, logs=logs) as rehearsal:
            rehearsal.prepare(names[0])
            for name in names:
                reports.append(rehearsal.deliver(name))
                show(reports[-1], console=console.rich)
                write(reports, file=logs / "report.json")
                write_limits(reports[-1])
                if reports[-1].waiting:
                    return NOT_DELIVERED if reports[-1].faults else WAITING
            if teardown and reports[-1].succeeded:
                rehearsal.tear_down(names[-1])
    return DELIVERED if reports[-1].succeeded else NOT_DELIVERED


def _emulator(logs: Path) -> AbstractContextManager[Emulator]:
    endpoint = os.environ.get("EMULATOR", "")
    return Emulator.attach(endpoint=endpoint) if endpoint else Emulator.start(log=logs / "emulator.log")


def _approver() -> Approver:
    unanswered = console.terminal if sys.stdin.isatty() else console.absent
    answers = {"yes": console.always(console.YES), "no": console.always(console.NO), "": unanswered}
    return answers[_variable("APPROVE", ("yes", "no"), remedy="it answers an approval with yes or no")]


def _variable(name: str, values: tuple[str, ...], *, remedy: str) -> str:
    value = os.environ.get(name, "")
    if value not in (*values, ""):
        raise RehearsalError(f"{name} is '{value}': {remedy}, or leave it unset.")
    return value


def _name_uncommitted(checkout: Path, *, console: Console) -> None:
    files = uncommitted(checkout=checkout)
    if files:
        more = f" and {len(files) - _SHOWN_FILES} more" if len(files) > _SHOWN_FILES else ""
        console.say(f"Not in any commit, so not delivered: {', '.join(files[:_SHOWN_FILES])}{more}")


def _interrupt(_number: int, _frame: object) -> None:
    """End once and in order: a second Ctrl-C would interrupt the clean-up of the first one."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
