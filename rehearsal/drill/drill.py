"""The drill: the platform stands, the runbook is carried out step by step, and the region fails between two of them."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from botocore.exceptions import ClientError

from rehearsal import assembly
from rehearsal.assembly import Environment
from rehearsal.bootstrap import bootstrap_account
from rehearsal.by_hand import PIPELINE_STACK
from rehearsal.console import Console
from rehearsal.console import Step as Shown
from rehearsal.drill import ledger, runbook
from rehearsal.drill.checks import DrillError
from rehearsal.drill.findings import Findings
from rehearsal.drill.names import Names
from rehearsal.drill.platform import Platform
from rehearsal.drill.report import Report, StepResult
from rehearsal.drill.scenario import Scenario
from rehearsal.drill.site import Site
from rehearsal.emulator import Emulator
from rehearsal.errors import RehearsalError
from rehearsal.terminal import CommandError, Terminal
from rehearsal.workplace import Workplace

PAGE = Path("docs", "disaster-recovery.md")


class Drill:
    """One drill.

    Args:
        checkout: The clone whose runbook and settings are drilled.
        directory: Its cloud assembly.
        emulator: An emulator that nothing else uses: one of its regions is going to fail.
        console: Where the drill tells what it does.
        logs: Where the output of commands goes.
    """

    def __init__(self, *, checkout: Path, directory: Path, emulator: Emulator, console: Console, logs: Path) -> None:
        self._steps = runbook.read(checkout / PAGE)
        self._names = names = Names.of(directory)
        self._directory = TemporaryDirectory(prefix="drill-")
        scratch = Path(self._directory.name)
        logs.mkdir(parents=True, exist_ok=True)
        self._workplace = Workplace.prepare(scratch, emulator=emulator, checkout=checkout, logs=logs, console=console)
        self._platform = Platform(emulator=emulator, directory=directory)
        self._home = assembly.stack(assembly.stacks(directory), construct_id=PIPELINE_STACK).environment
        self._shown: Shown | None = None
        self._terminal = Terminal(
            self._workplace,
            account=names.account,
            region=names.recovery,
            directory=checkout,
            log=logs / "commands.log",
            watch=self._show,
        )
        self._kinds = ledger.kinds(partial(emulator.client, account=names.account), names=names)
        site = Site(emulator=emulator, names=names, kinds=self._kinds)
        self._scenario = Scenario(site=site, findings=Findings(site=site, terminal=self._terminal))
        self._results: list[StepResult] = []
        known = {step.title for step in self._steps}
        if missing := sorted({*self._scenario.before, *self._scenario.after} - known):
            raise RehearsalError(f"{PAGE} has no step {', '.join(missing)}: rehearsal/drill/scenario.py looks for it.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing running and nothing behind but the logs."""
        self._workplace.processes.stop()
        self._directory.cleanup()

    def stand_up(self) -> None:
        """Everything as a delivery leaves it; the account is bootstrapped as the README has it done."""
        names, console = self._names, self._workplace.console
        console.heading(f"{names.environment} stands, in {names.primary} and {names.recovery}")
        places = [Environment(account=names.account, region=region) for region in (names.primary, names.recovery)]
        with console.step("the stacks of every environment") as step, ThreadPoolExecutor() as pool:
            bootstrapped = pool.submit(bootstrap_account, self._workplace, places, home=self._home)
            self._platform.deploy(step=step)
            bootstrapped.result()

    def carry_out(self) -> Report:
        """Go through the whole runbook; a step that fails ends it."""
        started, reason = time.monotonic(), ""
        self._workplace.console.heading(str(PAGE))
        try:
            for step in self._steps:
                self._step(step)
        except (DrillError, CommandError, ClientError) as error:
            reason = str(error)
        return Report(
            environment=self._names.environment,
            lost=self._names.primary,
            reason=reason,
            seconds=time.monotonic() - started,
            steps=tuple(self._results),
            kinds=tuple(self._kinds.values()),
        )

    def _show(self, line: str) -> None:
        if self._shown is not None:
            self._shown.watch(line)

    def _step(self, step: runbook.Step) -> None:
        started = time.monotonic()
        result = StepResult(title=step.title, commands=len(step.commands), by_hand=step.by_hand)
        self._results.append(result)
        with self._workplace.console.step(step.title) as shown:
            self._shown = shown
            notes = [happening() for happening in self._scenario.before.get(step.title, ())]
            for block in step.commands:
                self._terminal.run(block, title=step.title)
            notes += [happening() for happening in self._scenario.after.get(step.title, ())]
            result.notes = [note for note in notes if note]
            shown.note = "; ".join(result.notes) or ("" if step.commands else "nothing that an emulator could show")
        result.seconds, result.passed = time.monotonic() - started, True
