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

from rehearsal import actions
from rehearsal.actions.context import Context, Outcome
from rehearsal.artifacts import Artifacts
from rehearsal.assembly import Environment
from rehearsal.commit import Commit
from rehearsal.console import Step
from rehearsal.engine import Engine
from rehearsal.errors import DeliveryError
from rehearsal.pipeline import Action, Pipeline, Stage
from rehearsal.results import ActionResult, ExecutionResult, shortened
from rehearsal.variables import resolve_all
from rehearsal.workplace import Workplace

_log_numbers = count(1)


class Execution:
    """An execution on its way."""

    def __init__(
        self,
        *,
        execution: str,
        commit: Commit,
        pipeline: Pipeline,
        engine: Engine,
        home: Environment,
        workplace: Workplace,
    ) -> None:
        self.result = ExecutionResult(id=execution, pipeline_version=pipeline.version)
        self._commit, self._pipeline, self._engine = commit, pipeline, engine
        self._home, self._workplace = home, workplace
        self._artifacts = Artifacts(emulator=workplace.emulator, account=home.account, pipeline=pipeline)
        self._namespaces: dict[str, Mapping[str, str]] = {
            "codepipeline": {"PipelineExecutionId": execution},
            "variables": pipeline.variables,
        }

    def carry_out(self) -> ExecutionResult:
        """Go on until the service says that it is over."""
        for position, stage in enumerate(self._pipeline.stages):
            self.result.not_reached = [later.name for later in self._pipeline.stages[position + 1 :]]
            closed = self._engine.closed_transitions().get(stage.name)
            if closed is not None:
                self.result.not_reached.insert(0, stage.name)
                self.result.reason = f"The transition into stage {stage.name} is disabled: {closed}"
                return self.result
            self._note_conditions(stage)
            for action in stage.in_order():
                self._carry_out(action)
                self.result.status, reason = self._engine.status(self.result.id)
                self.result.reason = self.result.reason or reason
                if self.result.status != "InProgress":
                    return self.result
        return self.result

    def _note_conditions(self, stage: Stage) -> None:
        self.result.notes += [
            f"Stage {stage.name}: its {condition} conditions were not carried out" for condition in stage.conditions
        ]

    def _carry_out(self, action: Action) -> None:
        started = time.monotonic()
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{next(_log_numbers):03}-{action.stage}-{action.name}")
        log = self._workplace.logs / f"{name}.log"
        recorded = self._engine.begin(action, execution=self.result.id)
        status, outcome = "Failed", Outcome()
        configuration: dict[str, str] = {}
        try:
            with self._workplace.console.step(str(action)) as step:
                configuration = resolve_all(action.configuration, self._namespaces)
                context = self._context(recorded, configuration, step, log)
                outcome = actions.carry_out(action, context)
                for artifact, data in outcome.artifacts.items():
                    self._artifacts.save(artifact, data, region=action.region)
                step.note = outcome.summary
            status = "Succeeded"
        except (DeliveryError, ClientError, BotoCoreError) as error:
            self.result.reason = shortened(str(error))
            outcome = Outcome(summary=self.result.reason)
        self._engine.finish(
            recorded,
            execution=self.result.id,
            status=status,
            summary=outcome.summary,
            revisionId=outcome.revision,
            outputVariables=dict(outcome.variables),
            resolvedConfiguration=configuration,
        )
        if action.namespace is not None:
            self._namespaces[action.namespace] = outcome.variables
        self.result.notes += outcome.notes
        self.result.actions.append(
            ActionResult(
                stage=action.stage,
                action=action.name,
                provider=action.provider,
                status=status,
                seconds=time.monotonic() - started,
                summary=outcome.summary,
                log=str(log) if log.exists() else "",
            )
        )

    def _context(self, recorded: str, configuration: Mapping[str, str], step: Step, log: Path) -> Context:
        return Context(
            workplace=self._workplace,
            home=self._home,
            engine=self._engine,
            pipeline=self._pipeline,
            execution=self.result.id,
            action_execution=recorded,
            commit=self._commit,
            configuration=configuration,
            artifacts=self._artifacts,
            step=step,
            log=log,
        )
