"""A rehearsal: commits are delivered one after the other to an emulated AWS by the pipeline of the first one.

Only the first commit's pipeline stack is deployed manually, as on AWS; the pipeline makes every later change of itself.
"""

import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError

from cdk_rehearsal import assembly, needs, report
from cdk_rehearsal.assembly import Environment, Stack
from cdk_rehearsal.commit import Commit, find
from cdk_rehearsal.console import Approver, Console, answered_through_the_api
from cdk_rehearsal.documented import Teardown
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.engine import Engine
from cdk_rehearsal.errors import DeliveryError, RehearsalError
from cdk_rehearsal.execution import Execution, Run
from cdk_rehearsal.permissions.judge import Judge
from cdk_rehearsal.permissions.judgement import Permissions
from cdk_rehearsal.report import Report, StackState
from cdk_rehearsal.results import Arrival, ExecutionResult
from cdk_rehearsal.settings import Settings
from cdk_rehearsal.workplace import Workplace
from cdk_rehearsal.workstation import bootstrap, deploy, synthesize, tree_of


class Rehearsal:
    """One emulated AWS, one pipeline, any number of commits."""

    def __init__(
        self,
        *,
        checkout: Path,
        emulator: Emulator,
        approve: Approver | None = None,
        console: Console | None = None,
        logs: Path | None = None,
    ) -> None:
        directory = Path(tempfile.mkdtemp(prefix="rehearsal-"))
        self.workplace = Workplace.prepare(
            directory,
            emulator=emulator,
            checkout=checkout.resolve(),
            logs=(logs or checkout / "build" / "rehearsal").resolve(),
            approver=approve or answered_through_the_api,
            console=console or Console(),
        )
        self._assemblies: dict[str, list[Stack]] = {}  # by commit
        self._engine: Engine | None = None
        self._push: Push | None = None
        self._before: Mapping[report.StackKey, str] | None = None
        self._placeholders: list[str] = []
        self._said: set[str] = set()
        self._judge = Judge(self.workplace)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing running and nothing behind but the logs."""
        self.workplace.processes.stop()
        if self._push is not None:
            self._push.abandon()
        shutil.rmtree(self.workplace.directory, ignore_errors=True)

    def configure(self, settings: Settings) -> None:
        """Go on with other settings, and judge no call that was made until now."""
        self.workplace = replace(self.workplace, settings=settings)
        self._judge = Judge(self.workplace)
        self._judge.leave_out()

    def prepare(self, name: str = "HEAD") -> Commit:
        """What a team does once and manually: bootstrap the accounts and deploy the pipeline stack of a commit."""
        commit = find(checkout=self.workplace.checkout, name=name)
        emulator, console = self.workplace.emulator, self.workplace.console
        self._judge.leave_out()
        console.heading(f"Preparing {commit.id[:12]} ({commit.title})")
        stacks = self._synthesize(commit)
        pipeline_stack = self._pipeline_stack(stacks)
        self._before = report.latest_events(emulator, stacks)
        self._bootstrap(stacks, commit=commit)
        deploy(self.workplace, commit, stack=pipeline_stack)
        self._engine = Engine.of(pipeline_stack, emulator=emulator)
        for execution in self._engine.abandon_interrupted():
            console.say(f"  stopped execution {execution[:8]}, which an earlier rehearsal left")
        return commit

    def deliver(self, name: str = "HEAD") -> Report:
        """Push a commit and carry out its delivery."""
        if self._engine is None:
            raise RehearsalError("There is no pipeline yet: prepare a commit first.")
        started = time.monotonic()
        commit = find(checkout=self.workplace.checkout, name=name)
        stacks = self._expected(commit)
        home = self._pipeline_stack(stacks).environment
        before, self._before = self._before, None
        if before is None:
            before = report.latest_events(self.workplace.emulator, stacks)
        self._bootstrap(stacks, commit=commit)  # before a team pushes a new environment
        self._push = Push(commit=commit, engine=self._engine, home=home, workplace=self.workplace)
        results = self._push.carry_out()
        last = [result for result in results if not result.rolls_back][-1]
        types = frozenset().union(*map(assembly.resource_types, stacks))
        coverage = self.workplace.emulator.coverage()
        notes = [*self._placeholders, *(note for result in results for note in result.notes)]
        if "AWS::RDS::DBCluster" in types and coverage.no_database:
            notes.append(coverage.no_database)
        return Report(
            commit=commit.id,
            title=commit.title,
            delivered=last.status == "Succeeded",
            failure=last.reason,
            waiting=last.waiting,
            permissions=self._judged(commit),
            seconds=time.monotonic() - started,
            executions=tuple(results),
            stacks=tuple(self._look(stacks, before=before)),
            declared_types=types,
            notes=tuple(dict.fromkeys(notes)),
            not_proved=self.workplace.settings.not_proved,
            logs=self.workplace.logs,
            coverage=coverage,
        )

    def _judged(self, commit: Commit) -> Permissions:
        """The judgement of the calls since the last time."""
        environments = {stack.environment for each in self._assemblies.values() for stack in each}
        with self.workplace.console.step("Permissions") as step:
            apps = (tree_of(self.workplace, commit), self.workplace.checkout)
            permissions = self._judge.judge(environments, apps=apps)
            step.note = permissions.summary
        return permissions

    def tear_down(self, name: str = "HEAD") -> None:
        """Remove everything that a commit has delivered, as a team does it manually."""
        commit = find(checkout=self.workplace.checkout, name=name)
        stacks = self._synthesize(commit)
        Teardown(self.workplace, tree=tree_of(self.workplace, commit), stacks=stacks).carry_out()

    def _look(self, stacks: list[Stack], *, before: Mapping[report.StackKey, str]) -> list[StackState]:
        """The deployed stacks, also in environments that only an earlier commit has."""
        return report.look(
            self.workplace.emulator,
            stacks=stacks,
            environments={stack.environment for each in self._assemblies.values() for stack in each},
            before=before,
            without=self.workplace.settings.bootstrap.stacks,
        )

    def _pipeline_stack(self, stacks: list[Stack]) -> Stack:
        return assembly.pipeline_stack(stacks, construct_id=self.workplace.settings.pipeline_stack)

    def _bootstrap(self, stacks: list[Stack], *, commit: Commit) -> None:
        """Bootstrap the accounts, create the secrets that the templates take from there, and name what is missing."""
        home = self._pipeline_stack(stacks).environment
        bootstrap(self.workplace, stacks=stacks, home=home, tree=tree_of(self.workplace, commit))
        placeholders = needs.create_secrets(stacks, emulator=self.workplace.emulator)
        for each in (*needs.missing(stacks, coverage=self.workplace.emulator.coverage()), *placeholders):
            if each not in self._said:
                self.workplace.console.say(f"  {each}")
            self._said.add(each)
        self._placeholders += placeholders

    def _expected(self, commit: Commit) -> list[Stack]:
        """The stacks of the commit; one that cannot be synthesized can be pushed, and fails in its build."""
        try:
            return self._synthesize(commit)
        except DeliveryError:
            self.workplace.console.say("  The pipeline's own build will say why.")
            return next(reversed(self._assemblies.values()))

    def _synthesize(self, commit: Commit) -> list[Stack]:
        """Once for each commit, however often it is delivered."""
        if commit.id not in self._assemblies:
            self._assemblies[commit.id] = synthesize(self.workplace, commit)
        return self._assemblies[commit.id]


_MOST_EXECUTIONS = 4


class Push:
    """A pushed commit and its executions."""

    def __init__(self, *, commit: Commit, engine: Engine, home: Environment, workplace: Workplace) -> None:
        self._commit, self._engine, self._home, self._workplace = commit, engine, home, workplace
        self._running: str | None = None

    def carry_out(self) -> list[ExecutionResult]:
        """Execution after execution, until one is not cancelled by a change of the pipeline."""
        results: list[ExecutionResult] = []
        execution: str | None = self._engine.waiting() or self._engine.start(self._commit)
        while execution is not None:
            self._running = execution
            results.append(self._execution(execution).carry_out())
            if results[-1].waiting:
                return results  # it still runs, and is stopped when the rehearsal ends
            self._running = execution = None
            if results[-1].status == "Cancelled":
                execution = self._after_a_change(results)
        if results[-1].roll_back_stage:
            results += self._roll_back(results[-1])
        return results

    def abandon(self) -> None:
        """Stop the running execution, which would block the queue of the next rehearsal."""
        if self._running is not None:
            with suppress(ClientError, BotoCoreError):  # the emulator may be gone already
                self._engine.abandon(self._running, reason="The rehearsal ended.")

    def _roll_back(self, failed: ExecutionResult) -> list[ExecutionResult]:
        """Carry out the failed stage again with what it had before, where that is known."""
        stage = failed.roll_back_stage
        started = self._engine.roll_back(stage)
        if started is None:
            failed.reason += (
                f"\nStage {stage} was not rolled back: no execution has passed it since the pipeline last changed."
            )
            return []
        execution, arrival = started
        self._running = execution
        self._workplace.console.heading(f"Rolling stage {stage} back to {arrival.commit.id[:12]}")
        result = Execution(execution, self._run(arrival.commit, again=arrival)).carry_out()
        self._running = None
        return [result]

    def _execution(self, execution: str) -> Execution:
        run = self._run(self._commit)
        version, name = run.pipeline.version, run.pipeline.name
        self._workplace.console.heading(f"Delivering {self._commit.id[:12]} with version {version} of {name}")
        return Execution(execution, run)

    def _run(self, commit: Commit, *, again: Arrival | None = None) -> Run:
        return Run(
            commit=commit,
            pipeline=self._engine.definition(),
            engine=self._engine,
            home=self._home,
            workplace=self._workplace,
            again=again,
        )

    def _after_a_change(self, results: list[ExecutionResult]) -> str | None:
        """The execution that the service started instead of the one that it cancelled."""
        cut_off = results[-1]
        self._workplace.console.say(f"  superseded: {cut_off.reason}")
        execution = self._engine.waiting()
        if execution is None:
            cut_off.reason += " No other was started: the pipeline lacks RestartExecutionOnUpdate."
        elif len(results) >= _MOST_EXECUTIONS:
            cut_off.reason += f" That happened {len(results)} times: two syntheses of the commit are not the same."
            execution = None
        return execution
