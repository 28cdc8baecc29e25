"""A push, and everything that the pipeline does because of it: one execution, or several where it changes itself."""

from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.assembly import Environment
from rehearsal.commit import Commit
from rehearsal.engine import Engine
from rehearsal.execution import Execution
from rehearsal.results import ExecutionResult
from rehearsal.workplace import Workplace

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
