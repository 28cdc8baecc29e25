"""A rehearsal: commits are delivered one after the other to an emulated AWS by the pipeline that the first one made.

Only the first commit's PipelineStack is deployed by hand, as on AWS; every other change of the pipeline has to come
from cdk_rehearsal.workplace import Workplace
from cdk_rehearsal.engine import Engine
from the pipeline itself.
"""

import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError

from cdk_rehearsal import assembly, report
from cdk_rehearsal.assembly import Environment, Stack
from cdk_rehearsal.commit import Commit, find
from cdk_rehearsal.console import Approver, Console, check_somebody_answers, nobody
from cdk_rehearsal.documented import Teardown
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.engine import Engine
from cdk_rehearsal.errors import DeliveryError, RehearsalError
from cdk_rehearsal.execution import Execution
from cdk_rehearsal.report import Report, Standing
from cdk_rehearsal.results import ExecutionResult
from cdk_rehearsal.workplace import Workplace
from cdk_rehearsal.workstation import PIPELINE_STACK, bootstrap, deploy, synthesize, tree_of


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
            approver=approve or nobody,
            console=console or Console(),
        )
        self._assemblies: dict[str, list[Stack]] = {}  # by commit
        self._engine: Engine | None = None
        self._push: Push | None = None
        self._before: Mapping[report.Place, str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Leave nothing running and nothing behind but the logs."""
        self.workplace.processes.stop()
        if self._push is not None:
            self._push.abandon()
        shutil.rmtree(self.workplace.directory, ignore_errors=True)

    def prepare(self, name: str = "HEAD") -> Commit:
        """What a team does by hand, once: bootstrap the accounts and deploy the PipelineStack of a commit."""
        commit = find(checkout=self.workplace.checkout, name=name)
        self.workplace.console.heading(f"Preparing {commit.id[:12]} ({commit.title})")
        stacks = self._synthesize(commit)
        pipeline_stack = assembly.stack(stacks, construct_id=PIPELINE_STACK)
        if assembly.has_action(pipeline_stack, category="Approval"):
            check_somebody_answers(self.workplace.approver)
        self._before = report.latest_events(self.workplace.emulator, stacks)
        bootstrap(self.workplace, stacks=stacks, home=pipeline_stack.environment)
        deploy(self.workplace, commit, stack=pipeline_stack)
        self._engine = Engine.of(pipeline_stack, emulator=self.workplace.emulator)
        for execution in self._engine.abandon_interrupted():
            self.workplace.console.say(f"  stopped execution {execution[:8]}, which an earlier rehearsal left")
        return commit

    def deliver(self, name: str = "HEAD") -> Report:
        """Push a commit and carry out what the pipeline does with it."""
        if self._engine is None:
            raise RehearsalError("There is no pipeline yet: prepare a commit first.")
        started = time.monotonic()
        commit = find(checkout=self.workplace.checkout, name=name)
        stacks = self._expected(commit)
        home = assembly.stack(stacks, construct_id=PIPELINE_STACK).environment
        before, self._before = self._before, None
        if before is None:
            before = report.latest_events(self.workplace.emulator, stacks)
        bootstrap(self.workplace, stacks=stacks, home=home)  # before a team pushes a new environment
        self._push = Push(commit=commit, engine=self._engine, home=home, workplace=self.workplace)
        results = self._push.carry_out()
        last = [result for result in results if not result.rolls_back][-1]
        return Report(
            commit=commit.id,
            title=commit.title,
            succeeded=last.status == "Succeeded",
            reason=last.reason,
            seconds=time.monotonic() - started,
            executions=tuple(results),
            standing=tuple(self._look(stacks, before=before)),
            declared_types=frozenset().union(*map(assembly.resource_types, stacks)),
            notes=tuple(dict.fromkeys(note for result in results for note in result.notes)),
            logs=self.workplace.logs,
            coverage=self.workplace.emulator.coverage(),
        )

    def tear_down(self, name: str = "HEAD") -> None:
        """Take everything down that a commit has delivered, as a team does it by hand."""
        commit = find(checkout=self.workplace.checkout, name=name)
        stacks = self._synthesize(commit)
        Teardown(self.workplace, tree=tree_of(self.workplace, commit), stacks=stacks).carry_out()

    def _look(self, stacks: list[Stack], *, before: Mapping[report.Place, str]) -> list[Standing]:
        """Also where only an earlier commit deployed: what it left there still stands."""
        seen = {stack.environment for each in self._assemblies.values() for stack in each}
        return report.look(self.workplace.emulator, stacks=stacks, environments=seen, before=before)

    def _expected(self, commit: Commit) -> list[Stack]:
        """What the commit is going to deploy; one that cannot be synthesized can be pushed, and fails there."""
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
    """A commit on its way through the pipeline."""

    def __init__(self, *, commit: Commit, engine: Engine, home: Environment, workplace: Workplace) -> None:
        self._commit, self._engine, self._home, self._workplace = commit, engine, home, workplace
        self._running: str | None = None

    def carry_out(self) -> list[ExecutionResult]:
        """Execution after execution, until one is not cut off by a change of the pipeline."""
        results: list[ExecutionResult] = []
        execution: str | None = self._engine.waiting() or self._engine.start(self._commit)
        while execution is not None:
            self._running = execution
            results.append(self._execution(execution).carry_out())
            self._running = execution = None
            if results[-1].status == "Cancelled":
                execution = self._after_a_change(results)
        if results[-1].roll_back_stage:
            results += self._roll_back(results[-1])
        return results

    def abandon(self) -> None:
        """Leave no execution behind that holds the queue for the next rehearsal."""
        if self._running is not None:
            with suppress(ClientError, BotoCoreError):  # the emulator may be gone already
                self._engine.abandon(self._running, reason="The rehearsal was interrupted.")

    def _roll_back(self, failed: ExecutionResult) -> list[ExecutionResult]:
        """The failed stage with what it had before, where that is known."""
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
        result = Execution(
            execution=execution,
            commit=arrival.commit,
            pipeline=self._engine.definition(),
            engine=self._engine,
            home=self._home,
            workplace=self._workplace,
            again=arrival,
        ).carry_out()
        self._running = None
        return [result]

    def _execution(self, execution: str) -> Execution:
        pipeline = self._engine.definition()
        commit = self._commit.id[:12]
        self._workplace.console.heading(f"Delivering {commit} with version {pipeline.version} of {pipeline.name}")
        return Execution(
            execution=execution,
            commit=self._commit,
            pipeline=pipeline,
            engine=self._engine,
            home=self._home,
            workplace=self._workplace,
        )

    def _after_a_change(self, results: list[ExecutionResult]) -> str | None:
        """The execution that the service started in the place of the one it cancelled."""
        cut_off = results[-1]
        self._workplace.console.say(f"  superseded: {cut_off.reason}")
        execution = self._engine.waiting()
        if execution is None:
            cut_off.reason += " None was started in its place: the pipeline lacks RestartExecutionOnUpdate."
        elif len(results) >= _MOST_EXECUTIONS:
            cut_off.reason += f" That happened {len(results)} times: two syntheses of the commit are not the same."
            execution = None
        return execution
