"""One execution of the pipeline that was deployed: its stages in order, their actions by run order, each for real.

What became of it is asked of the service after every action. So an execution that was stopped from another terminal,
or cancelled because the pipeline changed itself, ends here too.
"""

import re
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from cdk_rehearsal import actions
from cdk_rehearsal.actions.context import Context, Outcome
from cdk_rehearsal.artifacts import Artifacts
from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.commit import Commit
from cdk_rehearsal.conditions import RETRY, ROLLBACK, SKIP, Condition
from cdk_rehearsal.console import Step
from cdk_rehearsal.engine import Engine
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.pipeline import Action, Pipeline, Stage, resolve_all
from cdk_rehearsal.results import ActionResult, Arrival, ExecutionResult, shortened
from cdk_rehearsal.rules import Asker, Missed, ask
from cdk_rehearsal.workplace import Workplace

_log_numbers = count(1)


class Progress:
    """What an execution has made so far, its artifacts and variables, and how it makes more.

    Args:
        result: The execution's; every action is added to it.
        commit: What is delivered.
        pipeline: The definition that it began with.
        engine: The seat at the service.
        home: Where the pipeline is.
        workplace: Where the rehearsal works.
        again: What is carried out once more, and with what; None for a delivery.
    """

    def __init__(
        self,
        *,
        result: ExecutionResult,
        commit: Commit,
        pipeline: Pipeline,
        engine: Engine,
        home: Environment,
        workplace: Workplace,
        again: Arrival | None,
    ) -> None:
        self._result, self._commit, self._pipeline, self._engine = result, commit, pipeline, engine
        self._home, self._workplace = home, workplace
        self._artifacts = (
            again.artifacts
            if again
            else Artifacts(emulator=workplace.emulator, account=home.account, pipeline=pipeline)
        )
        self.namespaces: dict[str, Mapping[str, str]] = {
            **(again.namespaces if again else {}),
            "codepipeline": {"PipelineExecutionId": result.id},
            "variables": pipeline.variables,
        }

    def arrival(self, *, stage: str) -> Arrival:
        """What a stage that succeeded was carried out with, for a rollback to it."""
        return Arrival(
            stage=stage,
            execution=self._result.id,
            commit=self._commit,
            artifacts=self._artifacts,
            namespaces=dict(self.namespaces),
        )

    def carry_out(self, action: Action) -> bool:
        """Carry one action out, tell the service, and say whether it succeeded."""
        started = time.monotonic()
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{next(_log_numbers):03}-{action.stage}-{action.name}")
        log = self._workplace.logs / f"{name}.log"
        recorded = self._engine.begin(action, execution=self._result.id)
        status, outcome = "Failed", Outcome()
        configuration: dict[str, str] = {}
        try:
            with self._workplace.console.step(str(action)) as step:
                configuration = resolve_all(action.configuration, self.namespaces)
                context = self._context(recorded, configuration, step, log)
                outcome = actions.carry_out(action, context)
                for artifact, data in outcome.artifacts.items():
                    self._artifacts.save(artifact, data, region=action.region)
                step.note = outcome.summary
            status = "Succeeded"
        except (DeliveryError, ClientError, BotoCoreError) as error:
            self._result.reason = shortened(str(error))
            outcome = Outcome(summary=self._result.reason)
        self._engine.finish(
            recorded,
            execution=self._result.id,
            status=status,
            summary=outcome.summary,
            revisionId=outcome.revision,
            outputVariables=dict(outcome.variables),
            resolvedConfiguration=configuration,
        )
        if action.namespace is not None:
            self.namespaces[action.namespace] = outcome.variables
        self._result.add(
            ActionResult(
                stage=action.stage,
                action=action.name,
                provider=action.provider,
                status=status,
                seconds=time.monotonic() - started,
                summary=outcome.summary,
                log=str(log) if log.exists() else "",
            ),
            notes=outcome.notes,
        )
        return status == "Succeeded"

    def _context(self, recorded: str, configuration: Mapping[str, str], step: Step, log: Path) -> Context:
        return Context(
            workplace=self._workplace,
            home=self._home,
            engine=self._engine,
            pipeline=self._pipeline,
            execution=self._result.id,
            action_execution=recorded,
            commit=self._commit,
            configuration=configuration,
            artifacts=self._artifacts,
            step=step,
            log=log,
        )


class Execution:
    """An execution on its way.

    Args:
        execution: Its id.
        commit: What it delivers.
        pipeline: The definition that it began with.
        engine: The seat at the service.
        home: Where the pipeline is.
        workplace: Where the rehearsal works.
        again: What it carries out once more, and with what; None for a delivery.
    """

    def __init__(
        self,
        *,
        execution: str,
        commit: Commit,
        pipeline: Pipeline,
        engine: Engine,
        home: Environment,
        workplace: Workplace,
        again: Arrival | None = None,
    ) -> None:
        self.result = ExecutionResult(id=execution, pipeline_version=pipeline.version, rolls_back=again is not None)
        self._pipeline, self._engine = pipeline, engine
        self._home, self._workplace = home, workplace
        self._stages = [stage for stage in pipeline.stages if again is None or stage.name == again.stage]
        self._progress = Progress(
            result=self.result,
            commit=commit,
            pipeline=pipeline,
            engine=engine,
            home=home,
            workplace=workplace,
            again=again,
        )

    def carry_out(self) -> ExecutionResult:
        """Go on until the service says that it is over."""
        for position, stage in enumerate(self._stages):
            self.result.not_reached = [later.name for later in self._stages[position + 1 :]]
            closed = self._engine.closed_transitions().get(stage.name)
            if closed is not None:
                self.result.not_reached.insert(0, stage.name)
                self.result.reason = f"The transition into stage {stage.name} is disabled: {closed}"
                return self.result
            try:
                self._carry_out_stage(stage)
            except DeliveryError as error:  # a condition that cannot be asked
                self._end(stage, "Failed", reason=shortened(str(error)))
            if self._is_over():
                return self.result
        return self.result

    def _carry_out_stage(self, stage: Stage) -> None:
        conditions = stage.conditions
        if missed := self._first_not_held(
            stage, "BeforeEntry", () if self.result.rolls_back else conditions.before_entry
        ):
            self._end(stage, "Skipped" if missed.result == SKIP else "Failed", reason=missed.reason)
            return
        failed = self._carry_out_actions(list(stage.in_order()))
        if failed and conditions.on_failure and conditions.on_failure.result == RETRY and not self._is_over():
            self._workplace.console.say(f"  Stage {stage.name} retries what failed, once.")
            actions = list(stage.in_order())
            failed = self._carry_out_actions(
                actions if conditions.on_failure.all_actions else actions[actions.index(failed) :]
            )
        if self._is_over() and self.result.status != "Succeeded":
            return
        if failed:
            rolls_back = conditions.on_failure is not None and conditions.on_failure.result == ROLLBACK
            self._end(stage, "Failed", reason=self.result.reason, roll_back=rolls_back)
        elif missed := self._first_not_held(stage, "OnSuccess", conditions.on_success):
            self._end(stage, "Failed", reason=missed.reason, roll_back=missed.result == ROLLBACK)
        else:
            self._engine.arrived(self._progress.arrival(stage=stage.name), version=self._pipeline.version)
            if conditions:
                self._end(stage, "Succeeded")

    def _carry_out_actions(self, actions: list[Action]) -> Action | None:
        """One after the other; the one that failed, if one did."""
        for action in actions:
            if not self._progress.carry_out(action):
                return action
            if self._is_over():
                return None
        return None

    def _first_not_held(self, stage: Stage, kind: str, conditions: tuple[Condition, ...]) -> Missed | None:
        asker = Asker(workplace=self._workplace, home=self._home, namespaces=self._progress.namespaces)
        asked = ask(conditions, asker=asker, stage=stage.name, kind=kind)
        for result in asked.results:
            self.result.add(result, notes=())
        self.result.notes += asked.notes
        return asked.missed

    def _end(self, stage: Stage, status: str, *, reason: str = "", roll_back: bool = False) -> None:
        """Tell the service how the stage ended, which its actions alone do not decide."""
        self.result.reason = reason if status == "Failed" else ""
        self._engine.end_stage(stage.name, execution=self.result.id, status=status, summary=self.result.reason)
        if roll_back and not self.result.rolls_back:
            self.result.roll_back_stage = stage.name

    def _is_over(self) -> bool:
        self.result.status, reason = self._engine.status(self.result.id)
        self.result.reason = self.result.reason or reason
        return self.result.status != "InProgress"
