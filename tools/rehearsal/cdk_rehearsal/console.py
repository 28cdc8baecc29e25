"""Who answers a manual approval, as long as nobody has answered it through the API.

An approver is asked again and again until the approval has an answer. It must not wait long itself: the answer may
come from `aws codepipeline put-approval-result` in another terminal.
"""

import select
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console as RichConsole
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cdk_rehearsal.errors import RehearsalError

_PLAIN_WIDTH = 140
_REMINDERS = (5.0, 30.0)  # the first one and those after it, where no live line can be shown
_NAME_COLUMNS = 44


class Step:
    """One thing that is being done now."""

    def __init__(self, *, name: str, console: RichConsole) -> None:
        self.note = ""
        self.name = name
        self._console = console
        self._remind_at = time.monotonic() + _REMINDERS[0]
        self._progress: Progress | None = None
        if console.is_terminal:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            self._progress = Progress(*columns, console=console, transient=True)
            self._task = self._progress.add_task(escape(name))

    def watch(self, waiting_for: str) -> None:
        """Show what is being waited for."""
        if self._progress is not None:
            room = max(20, self._console.width - len(self.name) - 20)
            shown = f"{escape(self.name)}  [dim]{escape(waiting_for.strip()[:room])}[/dim]"
            self._progress.update(self._task, description=shown)
        elif time.monotonic() > self._remind_at:
            self._remind_at = time.monotonic() + _REMINDERS[1]
            self._console.print(f"  … {escape(self.name)}: {escape(waiting_for.strip())}", soft_wrap=True)

    def pause(self) -> None:
        """Take the live line away, so that the terminal can be asked something."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def __enter__(self) -> "Step":
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()


class Console:
    """Where a rehearsal tells what it does."""

    def __init__(self, *, rich: RichConsole | None = None) -> None:
        width = None if sys.stdout.isatty() else _PLAIN_WIDTH
        self.rich = rich or RichConsole(highlight=False, width=width)

    def heading(self, text: str) -> None:
        """A new part of the rehearsal."""
        self.rich.print(f"\n[bold]{escape(text)}[/bold]")

    def say(self, text: str) -> None:
        """A line, or several."""
        self.rich.print(escape(text), soft_wrap=True)

    def problem(self, text: str) -> None:
        """What went wrong."""
        self.rich.print(f"[bold red]{escape(text)}[/bold red]", soft_wrap=True)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """One thing to do: its line ends with how it ended and how long it took."""
        started = time.monotonic()
        mark = "[red]✗[/red]"
        step = Step(name=name, console=self.rich)
        try:
            with step:
                yield step
            mark = "[green]✓[/green]"
        finally:
            took = duration(time.monotonic() - started)
            line = f"  {mark} {escape(name.ljust(_NAME_COLUMNS))} {took:>8}  {escape(step.note)}"
            self.rich.print(line.rstrip(), soft_wrap=True)


def duration(seconds: float) -> str:
    """A time as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


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
