"""Progress as it happens: a live line on a terminal, plain lines with times everywhere else."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console as RichConsole
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

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
