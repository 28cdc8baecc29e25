"""One execution of the deployed pipeline: its stages in order, their actions by run order, each really carried out.

The service is asked for the status after every action. So an execution that was stopped from another terminal, or
cancelled because the pipeline changed itself, ends here too.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from cdk_rehearsal import actions, implied
from cdk_rehearsal.actions.context import Context, Outcome
from cdk_rehearsal.artifacts import Artifacts
from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.commit import Commit
from cdk_rehearsal.conditions import RETRY, ROLLBACK, SKIP, Condition
from cdk_rehearsal.console import Step
from cdk_rehearsal.engine import Engine
from cdk_rehearsal.errors import ApprovalPending, DeliveryError
from cdk_rehearsal.pipeline import Action, Pipeline, Stage, resolve_all
from cdk_rehearsal.results import ActionResult, Arrival, ExecutionResult, shortened
from cdk_rehearsal.roles import assume, taken
from cdk_rehearsal.rules import Asker, Missed, ask
from cdk_rehearsal.workplace import Workplace

_log_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What an execution carries out, and where."""

    commit: Commit
    pipeline: Pipeline  # the definition that it began with
    engine: Engine
    home: Environment  # the pipeline's
    workplace: Workplace
    again: Arrival | None = None  # what a rollback carries out once more


class Progress:
    """The artifacts and variables of an execution so far."""

    def __init__(self, run: Run, *, result: ExecutionResult) -> None:
        self._run, self._result, again = run, result, run.again
        emulator = run.workplace.emulator
        self.key = taken(run.pipeline.role_arn, emulator=emulator, region=run.home.region, session=result.id)
        self._artifacts = (
            again.artifacts
            if again
            else Artifacts(emulator=emulator, account=run.home.account, key=self.key, pipeline=run.pipeline)
        )
        self.namespaces: dict[str, Mapping[str, str]] = {
            **(again.namespaces if again else {}),
            "codepipeline": {"PipelineExecutionId": result.id},
            "variables": run.pipeline.variables,
        }

    def arrival(self, *, stage: str) -> Arrival:
        """The inputs of a stage that succeeded, for a rollback to it."""
        return Arrival(
            stage=stage,
            execution=self._result.id,
            commit=self._run.commit,
            artifacts=self._artifacts,
            namespaces=dict(self.namespaces),
        )

    def carry_out(self, action: Action) -> bool:
        """Carry out one action and report it to the service; whether it succeeded."""
        started = time.monotonic()
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{next(_log_numbers):03}-{action.stage}-{action.name}")
        log = self._run.workplace.logs / f"{name}.log"
        recorded = self._run.engine.begin(action, execution=self._result.id)
        status, outcome = "Failed", Outcome()
        configuration: dict[str, str] = {}
        try:
            with self._run.workplace.console.step(str(action)) as step:
                configuration = resolve_all(action.configuration, self.namespaces)
                context = self._context(action, recorded, configuration, step, log)
                outcome = actions.carry_out(action, context)
                for artifact, data in outcome.artifacts.items():
                    self._artifacts.save(artifact, data, region=action.region, key=outcome.key or context.key)
                step.note = outcome.summary
            status = "Succeeded"
        except ApprovalPending as pending:
            self._result.waiting = str(pending)
            self._add(action, "Waiting", Outcome(summary="waits for an approval"), started=started, log=log)
            return False
        except (DeliveryError, ClientError, BotoCoreError) as error:
            self._result.reason = shortened(str(error))
            outcome = Outcome(summary=self._result.reason)
        self._run.engine.finish(
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
        self._add(action, status, outcome, started=started, log=log)
        return status == "Succeeded"

    def _add(self, action: Action, status: str, outcome: Outcome, *, started: float, log: Path) -> None:
        self._result.add(
            ActionResult(
                stage=action.stage,
                action=action.name,
                provider=action.provider,
                status=status,
                seconds=time.monotonic() - started,
                summary=outcome.summary,
                log=str(log) if log.exists() else "",
                changed=outcome.changed,
            ),
            notes=outcome.notes,
        )

    def _context(
        self, action: Action, recorded: str, configuration: Mapping[str, str], step: Step, log: Path
    ) -> Context:
        emulator, home, key = self._run.workplace.emulator, self._run.home, self.key
        if action.role_arn is not None:
            key = assume(action.role_arn, emulator=emulator, home=home, session=self._result.id, key=key)
        names = {"region": action.region, "account": home.account, **configuration}
        for called, form in implied.ACTIONS.get(action.provider, {}).items():
            resource = form.format(**names)
            service = resource.split(":")[2] if ":" in resource else ""
            emulator.record(key, action=called.format(service=service), resource=resource, region=action.region)
        return Context(
            workplace=self._run.workplace,
            home=home,
            key=key,
            engine=self._run.engine,
            pipeline=self._run.pipeline,
            execution=self._result.id,
            action_execution=recorded,
            commit=self._run.commit,
            configuration=configuration,
            artifacts=self._artifacts,
            step=step,
            log=log,
        )


class Execution:
    """An execution in progress."""

    def __init__(self, execution: str, run: Run) -> None:
        self.result = ExecutionResult(
            id=execution, pipeline_version=run.pipeline.version, rolls_back=run.again is not None
        )
        self._run = run
        self._stages = [each for each in run.pipeline.stages if run.again is None or each.name == run.again.stage]
        self._progress = Progress(run, result=self.result)

    def carry_out(self) -> ExecutionResult:
        """Go on until the service says that it is over."""
        for position, stage in enumerate(self._stages):
            self.result.not_reached = [later.name for later in self._stages[position + 1 :]]
            closed = self._run.engine.closed_transitions().get(stage.name)
            if closed is not None:
                self.result.not_reached.insert(0, stage.name)
                self.result.reason = f"The transition into stage {stage.name} is disabled: {closed}"
                return self.result
            try:
                self._carry_out_stage(stage)
            except DeliveryError as error:  # a condition that cannot be asked
                self._end(stage, "Failed", reason=shortened(str(error)))
            if self._is_over() or self.result.waiting:
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
        if self.result.waiting:
            return
        if failed and conditions.on_failure and conditions.on_failure.result == RETRY and not self._is_over():
            self._run.workplace.console.say(f"  Stage {stage.name} retries its failed actions, once.")
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
            if not self.result.rolls_back:  # a rollback is not rolled back to: its target stays the next one's
                self._run.engine.arrived(self._progress.arrival(stage=stage.name), version=self._run.pipeline.version)
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
        asker = Asker(
            workplace=self._run.workplace,
            home=self._run.home,
            key=self._progress.key,
            namespaces=self._progress.namespaces,
        )
        asked = ask(conditions, asker=asker, stage=stage.name, kind=kind)
        for result in asked.results:
            self.result.add(result, notes=())
        self.result.notes += asked.notes
        return asked.missed

    def _end(self, stage: Stage, status: str, *, reason: str = "", roll_back: bool = False) -> None:
        """Report to the service how the stage ended, which its actions alone do not decide."""
        self.result.reason = reason if status == "Failed" else ""
        self._run.engine.end_stage(stage.name, execution=self.result.id, status=status, summary=self.result.reason)
        if roll_back and not self.result.rolls_back:
            self.result.roll_back_stage = stage.name

    def _is_over(self) -> bool:
        self.result.status, reason = self._run.engine.status(self.result.id)
        self.result.reason = self.result.reason or reason
        return self.result.status != "InProgress"
