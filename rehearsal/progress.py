"""One action after the other: each carried out, told to the service, and remembered for those that follow."""

import re
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal import actions
from rehearsal.actions.context import Context, Outcome
from rehearsal.arrival import Arrival
from rehearsal.artifacts import Artifacts
from rehearsal.assembly import Environment
from rehearsal.commit import Commit
from rehearsal.console import Step
from rehearsal.engine import Engine
from rehearsal.errors import DeliveryError
from rehearsal.pipeline import Action, Pipeline
from rehearsal.results import ActionResult, ExecutionResult, shortened
from rehearsal.variables import resolve_all
from rehearsal.workplace import Workplace

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
