"""A client of the deployed pipeline: its definition, its executions, and reports on their actions."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any, Self

from cdk_rehearsal.assembly import PIPELINE, Environment, Stack
from cdk_rehearsal.commit import Commit
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.pipeline import Action, Pipeline, read
from cdk_rehearsal.results import Arrival

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Engine:
    """One pipeline of one account and region."""

    def __init__(self, *, emulator: Emulator, home: Environment, pipeline: str) -> None:
        self._endpoint = emulator.endpoint
        self._home = home
        self._name = pipeline
        self._arrivals: dict[tuple[str, int], Arrival] = {}  # by stage and version of the definition
        self.client = emulator.client("codepipeline", account=home.account, region=home.region)

    @classmethod
    def of(cls, stack: Stack, *, emulator: Emulator) -> Self:
        """The one pipeline of a deployed stack."""
        home = stack.environment
        client = emulator.client("cloudformation", account=home.account, region=home.region)
        resources = client.describe_stack_resources(StackName=stack.name)["StackResources"]
        names = [each["PhysicalResourceId"] for each in resources if each["ResourceType"] == PIPELINE]
        if len(names) != 1:
            raise DeliveryError(f"{stack.name} has {len(names)} pipelines: a rehearsal carries out one.")
        return cls(emulator=emulator, home=home, pipeline=names[0])

    def definition(self) -> Pipeline:
        """The definition as it is now."""
        return read(self.client, name=self._name, region=self._home.region)

    def waiting(self) -> str | None:
        """The first execution in the queue that has not begun, started by the pipeline's creation or update."""
        return next((execution for execution in self._unfinished() if not self._has_begun(execution)), None)

    def abandon_interrupted(self) -> list[str]:
        """Stop the executions that an earlier rehearsal left in the middle: they hold the queue."""
        interrupted = [execution for execution in self._unfinished() if self._has_begun(execution)]
        for execution in interrupted:
            self.abandon(execution, reason="Its rehearsal was interrupted.")
        return interrupted

    def start(self, commit: Commit) -> str:
        """Start an execution as a push does."""
        started = self.client.start_pipeline_execution(
            name=self._name,
            sourceRevisions=[
                {"actionName": action.name, "revisionType": "COMMIT_ID", "revisionValue": commit.id}
                for action in self.definition().source
            ],
        )
        execution: str = started["pipelineExecutionId"]
        return execution

    def abandon(self, execution: str, *, reason: str) -> None:
        """Stop an execution where it is."""
        self.client.stop_pipeline_execution(
            pipelineName=self._name, pipelineExecutionId=execution, abandon=True, reason=reason
        )

    def status(self, execution: str) -> tuple[str, str]:
        """The status of an execution, and why if there is something to say."""
        answer = self.client.get_pipeline_execution(pipelineName=self._name, pipelineExecutionId=execution)
        described = answer["pipelineExecution"]
        return described["status"], described.get("statusSummary", "")

    def closed_transitions(self) -> dict[str, str]:
        """The stages whose inbound transition is disabled, and why."""
        stages = self.client.get_pipeline_state(name=self._name)["stageStates"]
        states = {stage["stageName"]: stage["inboundTransitionState"] for stage in stages}
        return {name: state["disabledReason"] for name, state in states.items() if not state["enabled"]}

    def begin(self, action: Action, *, execution: str) -> str:
        """Report that an action starts; returns the id of its execution."""
        return self._report(pipelineExecutionId=execution, stageName=action.stage, actionName=action.name)

    def finish(self, action_execution: str, *, execution: str, status: str, **outcome: object) -> None:
        """Report how an action ended."""
        report = {"pipelineExecutionId": execution, "actionExecutionId": action_execution, "status": status}
        self._report(**report, **outcome)

    def end_stage(self, stage: str, *, execution: str, status: str, summary: str) -> None:
        """Report how a stage with conditions ended: Succeeded, Failed or Skipped."""
        report = {"pipelineExecutionId": execution, "stageName": stage, "status": status, "summary": summary}
        self._private("RecordStageExecution", **report)

    def arrived(self, arrival: Arrival, *, version: int) -> None:
        """Remember the target of a rollback, which is valid as long as the pipeline keeps its structure."""
        self._arrivals[arrival.stage, version] = arrival

    def roll_back(self, stage: str) -> tuple[str, Arrival] | None:
        """Start the rollback of a stage; None when no execution passed it since the pipeline last changed."""
        arrival = self._arrivals.get((stage, self.definition().version))
        if arrival is None:
            return None
        started = self.client.rollback_stage(
            pipelineName=self._name, stageName=stage, targetPipelineExecutionId=arrival.execution
        )
        return started["pipelineExecutionId"], arrival

    def _unfinished(self) -> list[str]:
        """Oldest first."""
        answer = self.client.list_pipeline_executions(pipelineName=self._name)
        summaries: list[Mapping[str, Any]] = answer["pipelineExecutionSummaries"]
        running = [each for each in summaries if each["status"] in {"InProgress", "Stopping"}]
        return [each["pipelineExecutionId"] for each in reversed(running)]

    def _has_begun(self, execution: str) -> bool:
        wanted = {"pipelineExecutionId": execution}
        answer = self.client.list_action_executions(pipelineName=self._name, filter=wanted)
        return bool(answer["actionExecutionDetails"])

    def _report(self, **report: object) -> str:
        recorded: str = self._private("RecordActionExecution", **report)["actionExecutionId"]
        return recorded

    def _private(self, operation: str, **request_body: object) -> dict[str, str]:
        """The operations that the public API lacks, so no SDK can call them; see the emulator's service."""
        scope = f"{self._home.account}/20150709/{self._home.region}/codepipeline/aws4_request"
        request = urllib.request.Request(  # noqa: S310 - the emulator's own endpoint
            self._endpoint,
            data=json.dumps({"pipelineName": self._name, **request_body}).encode(),
            headers={
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"CodePipeline_20150709.{operation}",
                "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=unchecked",
            },
        )
        with _direct.open(request, timeout=30) as answer:
            found: dict[str, str] = json.load(answer)
        return found
