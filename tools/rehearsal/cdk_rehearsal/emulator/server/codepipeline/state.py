"""The pipelines of each account and region, with their executions and actions."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region, new_uuid

Json = dict[str, Any]
UNFINISHED = frozenset({"InProgress", "Stopping"})

pipelines: Any = AccountRegionScopedDict()  # name -> Pipeline
lock = threading.RLock()  # CloudFormation may call from a worker thread, the API calls from the event loop


class PipelineError(Exception):
    """An error of the caller; `code` is the error code of the API."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(kw_only=True, slots=True)
class Action:
    """One started action of one execution."""

    stage: str
    declared: Json
    id: str = field(default_factory=new_uuid)
    token: str = field(default_factory=new_uuid)
    status: str = "InProgress"
    summary: str = ""
    revision: str = ""
    continuation_token: str = ""  # of a job that goes on
    variables: dict[str, str] = field(default_factory=dict)
    resolved_configuration: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)

    @property
    def name(self) -> str:
        """The name that the stage declares."""
        name: str = self.declared["name"]
        return name

    @property
    def awaits_approval(self) -> bool:
        """Whether its token is valid."""
        return self.status == "InProgress" and self.declared["actionTypeId"]["category"] == "Approval"

    def finish(self, *, status: str, summary: str) -> None:
        """Record its end, or its progress."""
        self.status, self.summary, self.updated = status, summary, time.time()


@dataclass(kw_only=True, slots=True)
class Execution:
    """One run of one version of the definition."""

    definition: Json
    trigger: Json
    id: str = field(default_factory=new_uuid)
    status: str = "InProgress"
    summary: str = ""
    actions: list[Action] = field(default_factory=list)  # in the order in which they started
    stages: dict[str, str] = field(default_factory=dict)  # stage -> Succeeded, Failed or Skipped, where reported
    overridden: set[tuple[str, str]] = field(default_factory=set)  # stages and their conditions
    rolls_back: str = ""  # the stage that it rolls back
    target: str = ""  # the execution whose artifacts it deploys
    started: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)

    def end(self, *, status: str, summary: str = "") -> None:
        """Record its end; its pending approvals are abandoned."""
        self.status, self.summary, self.updated = status, summary, time.time()
        for action in self.actions:
            if action.awaits_approval:
                action.finish(status="Abandoned", summary=summary)

    def settle(self) -> None:
        """Update the status: failed with the first failed stage, succeeded with the last stage, or stopped."""
        outcomes = [
            self._outcome(stage) for stage in self.definition["stages"] if self.rolls_back in {"", stage["name"]}
        ]
        if self.status == "Stopping" and all(action.status != "InProgress" for action in self.actions):
            self.end(status="Stopped", summary=self.summary)
        elif self.status == "InProgress" and "Failed" in outcomes:
            self.end(status="Failed", summary=self.summary)
        elif self.status == "InProgress" and {"Succeeded", "Skipped"}.issuperset(outcomes):
            self.end(status="Succeeded")

    def _outcome(self, stage: Json) -> str:
        """The reported status of a stage; without conditions, that of the last attempts of its actions."""
        if stage["name"] in self.stages:
            return self.stages[stage["name"]]
        results = {action.name: action.status for action in self.actions if action.stage == stage["name"]}
        if "Failed" in results.values():
            return "InProgress" if "onFailure" in stage else "Failed"
        done = all(results.get(action["name"]) == "Succeeded" for action in stage["actions"])
        return "Succeeded" if done and "onSuccess" not in stage else "InProgress"


@dataclass(kw_only=True, slots=True)
class Pipeline:
    """A pipeline with every version of its definition and every execution, oldest first."""

    versions: list[Json]
    disabled: dict[str, str]  # stage -> why its inbound transition is disabled
    executions: list[Execution] = field(default_factory=list)
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)

    @property
    def definition(self) -> Json:
        """The version that a new execution runs."""
        return self.versions[-1]

    def start(self, *, trigger: Json) -> Execution:
        """Start an execution, which waits for earlier unfinished ones."""
        execution = Execution(definition=self.definition, trigger=trigger)
        self.executions.append(execution)
        return execution

    def execution(self, execution_id: str) -> Execution:
        """The execution of that id."""
        for execution in self.executions:
            if execution.id == execution_id:
                return execution
        message = f"There is no pipeline execution '{execution_id}'."
        raise PipelineError("PipelineExecutionNotFoundException", message)


def pipeline(name: str) -> Pipeline:
    """The pipeline of that name in the caller's account and region."""
    found: Pipeline | None = pipelines.get(name)
    if found is None:
        message = f"Account '{get_account_id()}' has no pipeline '{name}' in {get_region()}."
        raise PipelineError("PipelineNotFoundException", message)
    return found


def stage(definition: Json, name: str) -> Json:
    """The declaration of a stage."""
    return _named(definition["stages"], name, code="StageNotFoundException")


def action(declared_stage: Json, name: str) -> Json:
    """The declaration of an action of a stage."""
    return _named(declared_stage["actions"], name, code="ActionNotFoundException")


def _named(items: list[Json], name: str, *, code: str) -> Json:
    for item in items:
        if item["name"] == name:
            return item
    raise PipelineError(code, f"'{name}' is not in {[item['name'] for item in items]}.")
