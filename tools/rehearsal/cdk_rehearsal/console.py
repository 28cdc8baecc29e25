"""Terminal output, and the answers to manual approvals.

An approver is called again and again until the approval has an answer. It must return soon: the answer may come from
`aws codepipeline put-approval-result` in another terminal.
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

from cdk_rehearsal.errors import ApprovalPending

_PLAIN_WIDTH = 140
_REMINDERS = (5.0, 30.0)  # the first one and those after it, where no live line can be shown
_NAME_COLUMNS = 44


class Step:
    """One line of progress."""

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
            width = max(20, self._console.width - len(self.name) - 20)
            shown = f"{escape(self.name)}  [dim]{escape(waiting_for.strip()[:width])}[/dim]"
            self._progress.update(self._task, description=shown)
        elif time.monotonic() > self._remind_at:
            self._remind_at = time.monotonic() + _REMINDERS[1]
            self._console.print(f"  … {escape(self.name)}: {escape(waiting_for.strip())}", soft_wrap=True)

    def pause(self) -> None:
        """Remove the live line, so that the terminal can show a question."""
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
    """The output of a rehearsal."""

    def __init__(self) -> None:
        self.rich = RichConsole(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)

    def heading(self, text: str) -> None:
        """The heading of a part of the rehearsal."""
        self.rich.print(f"\n[bold]{escape(text)}[/bold]")

    def say(self, text: str) -> None:
        """A line, or several."""
        self.rich.print(escape(text), soft_wrap=True)

    def problem(self, text: str) -> None:
        """An error."""
        self.rich.print(f"[bold red]{escape(text)}[/bold red]", soft_wrap=True)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """One line of progress that ends with a result and a duration."""
        started = time.monotonic()
        mark = "[red]✗[/red]"
        step = Step(name=name, console=self.rich)
        try:
            with step:
                yield step
            mark = "[green]✓[/green]"
        except ApprovalPending:
            mark = "[yellow]…[/yellow]"
            raise
        finally:
            took = duration(time.monotonic() - started)
            line = f"  {mark} {escape(name.ljust(_NAME_COLUMNS))} {took:>8}  {escape(step.note)}"
            self.rich.print(line.rstrip(), soft_wrap=True)


def duration(seconds: float) -> str:
    """A duration in minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A pending manual approval."""

    pipeline: str
    stage: str
    action: str
    token: str
    execution: str
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a manual approval."""

    approved: bool
    summary: str


Approver = Callable[[Request], Answer | None]

YES = Answer(approved=True, summary="APPROVE=yes")
NO = Answer(approved=False, summary="APPROVE=no")


def always(answer: Answer) -> Approver:
    """An approver with one answer to every approval."""
    return lambda _request: answer


def answered_through_the_api(_request: Request) -> Answer | None:
    """Wait for an answer through the API."""
    time.sleep(_PAUSE_SECONDS)
    return None


def forget_typed_ahead() -> None:
    """Discard what was typed before the question was shown."""
    if sys.stdin.isatty():
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def terminal(_request: Request) -> Answer | None:
    """The line that was typed, if any: yes or no, and a reason."""
    readable, _, _ = select.select([sys.stdin], [], [], _PAUSE_SECONDS)
    if not readable:
        return None
    line = sys.stdin.readline()
    if not line:  # the terminal was closed
        return Answer(approved=False, summary="The terminal was closed.")
    word, _, reason = line.strip().partition(" ")
    if word.lower().rstrip(",.:") in {"yes", "y"}:
        return Answer(approved=True, summary=reason or "Approved at the terminal.")
    if word.lower().rstrip(",.:") in {"no", "n"}:
        return Answer(approved=False, summary=reason or "Refused at the terminal.")
    sys.stdout.write("Answer yes or no, and a reason if you like: ")
    sys.stdout.flush()
    return None


def absent(_request: Request) -> Answer | None:
    """Neither an answer nor a terminal: the delivery ends at the approval, which waits."""
    return None
