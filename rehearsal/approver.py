"""Who answers a manual approval, as long as nobody has answered it through the API.

An approver is asked again and again until the approval has an answer. It must not wait long itself: the answer may
come from `aws codepipeline put-approval-result` in another terminal.
"""

import select
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass

from rehearsal.errors import RehearsalError

_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An approval that is wanted."""

    pipeline: str
    stage: str
    action: str
    token: str
    execution: str
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to it."""

    approved: bool
    summary: str


Approver = Callable[[Request], Answer | None]

YES = Answer(approved=True, summary="APPROVE=yes")
NO = Answer(approved=False, summary="APPROVE=no")


def always(answer: Answer) -> Approver:
    """Answer every approval the same."""
    return lambda _request: answer


def nobody(_request: Request) -> Answer | None:
    """Leave the answer to the API."""
    time.sleep(_PAUSE_SECONDS)
    return None


def forget_typed_ahead() -> None:
    """An approval answers the question that was read: what was typed before it is no answer."""
    if sys.stdin.isatty():
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def terminal(_request: Request) -> Answer | None:
    """Take a line if one was typed: yes or no, and the reason behind it."""
    readable, _, _ = select.select([sys.stdin], [], [], _PAUSE_SECONDS)
    if not readable:
        return None
    line = sys.stdin.readline()
    if not line:  # the terminal was closed: no answer is a refusal
        return Answer(approved=False, summary="The terminal was closed.")
    word, _, reason = line.strip().partition(" ")
    if word.lower().rstrip(",.:") in {"yes", "y"}:
        return Answer(approved=True, summary=reason or "Approved at the terminal.")
    if word.lower().rstrip(",.:") in {"no", "n"}:
        return Answer(approved=False, summary=reason or "Refused at the terminal.")
    sys.stdout.write("Answer yes or no, with a reason behind it if you like: ")
    sys.stdout.flush()
    return None


def check_somebody_answers(approver: Approver) -> None:
    """Say that there is nobody to ask before anything is deployed, not when the question comes up."""
    if approver is terminal and not sys.stdin.isatty():
        raise RehearsalError(
            "The pipeline asks for an approval, and there is no terminal to ask: set APPROVE=yes or APPROVE=no."
        )
