"""The drill: deploys the platform, runs the runbooks step by step, and fails the region between two steps."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from botocore.exceptions import ClientError

from cdk_rehearsal import (
    CommandError,
    Console,
    Emulator,
    Environment,
    RehearsalError,
    Terminal,
    Workplace,
    bootstrap_account,
    pipeline_stack,
    stacks,
)
from cdk_rehearsal import Step as Shown
from tools.drill import data, platform
from tools.drill.checks import Checks
from tools.drill.database import payments
from tools.drill.failures import DrillError
from tools.drill.names import Names
from tools.drill.permissions import Judgement, operator
from tools.drill.platform import Site
from tools.drill.report import Report, StepResult
from tools.drill.runbook import Step, read_all
from tools.drill.scenario import Scenario


class Drill:
    """One drill of the runbooks of a checkout, on an emulator of its own: one of its regions is going to fail."""

    def __init__(self, *, checkout: Path, directory: Path, emulator: Emulator, console: Console, logs: Path) -> None:
        self._steps = read_all(checkout)
        self._assembly, self._emulator = directory, emulator
        self._names = names = Names.of(directory)
        self._directory = TemporaryDirectory(prefix="drill-")
        scratch = Path(self._directory.name)
        logs.mkdir(parents=True, exist_ok=True)
        self._workplace = Workplace.prepare(scratch, emulator=emulator, checkout=checkout, logs=logs, console=console)
        self._shown: Shown | None = None
        self._terminal = Terminal(
            self._workplace,
            account=operator(checkout, emulator=emulator, account=names.account, region=names.recovery),
            region=names.recovery,
            directory=checkout,
            log=logs / "commands.log",
            watch=self._show,
        )
        client = partial(emulator.client, account=names.account)
        rows = payments(client, emulator=emulator, names=names)
        self._kinds = data.kinds(client, names=names) | {"payments": rows}
        site = Site(emulator=emulator, names=names, kinds=self._kinds, payments=rows)
        checks = Checks(site=site, terminal=self._terminal)
        self._judgement = Judgement(self._workplace, environments=[each.environment for each in stacks(directory)])
        self._scenario = Scenario(site=site, checks=checks, terminal=self._terminal, judgement=self._judgement)
        self._results: list[StepResult] = []
        known = {step.title for step in self._steps}
        if missing := sorted({*self._scenario.before, *self._scenario.after} - known):
            raise RehearsalError(
                f"No runbook has the step {', '.join(missing)}: write its new title in tools/drill/scenario.py."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End every process and delete the temporary files."""
        self._workplace.processes.stop()
        self._directory.cleanup()

    def deploy(self) -> None:
        """Deploy every environment, and bootstrap the drilled account with the commands of the README."""
        names, console = self._names, self._workplace.console
        console.heading(f"{names.environment} in {names.primary} and {names.recovery}")
        home = pipeline_stack(stacks(self._assembly)).environment
        places = [Environment(account=names.account, region=region) for region in (names.primary, names.recovery)]
        with console.step("deploy the stacks of every environment") as step, ThreadPoolExecutor() as pool:
            bootstrapped = pool.submit(bootstrap_account, self._workplace, places, home=home)
            for account in {stack.environment.account for stack in stacks(self._assembly)} - {names.account}:
                platform.deploy_permissions(
                    self._workplace.checkout / "bootstrap" / "permissions.json",
                    emulator=self._emulator,
                    environment=Environment(account=account, region=names.primary),
                    step=step,
                )
            platform.deploy(
                self._assembly,
                emulator=self._emulator,
                step=step,
                ready=lambda account: account != names.account or bootstrapped.result(),
            )

    def run(self, *, first: str = "") -> Report:
        """Run every step, or those from a title on; one that fails ends the drill."""
        started, reason = time.monotonic(), ""
        self._workplace.console.heading("Runbooks")
        try:
            titles = [step.title for step in self._steps]
            for step in self._steps[titles.index(first) if first else 0 :]:
                self._run_step(step)
            with self._workplace.console.step("Permissions") as shown:
                shown.note = self._judgement.judge()
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

    def _run_step(self, step: Step) -> None:
        started = time.monotonic()
        result = StepResult(title=step.title, commands=len(step.commands), manual=step.manual)
        self._results.append(result)
        with self._workplace.console.step(step.title) as shown:
            self._shown = shown
            notes = [action() for action in self._scenario.before.get(step.title, ())]
            for block in step.commands:
                self._terminal.run(block, title=step.title)
            notes += [action() for action in self._scenario.after.get(step.title, ())]
            result.notes = [note for note in notes if note]
            shown.note = "; ".join(result.notes) or ("" if step.commands else "nothing for the emulator to run")
        result.seconds, result.passed = time.monotonic() - started, True
