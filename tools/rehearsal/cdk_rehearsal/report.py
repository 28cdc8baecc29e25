"""The closing report: the actions, the deployed stacks, and what a rehearsal does not prove."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console as RichConsole
from rich.markup import escape
from rich.table import Table

from cdk_rehearsal.assembly import Environment, Stack
from cdk_rehearsal.console import duration
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.emulator.process import EMULATED, Coverage
from cdk_rehearsal.permissions.judgement import Permissions
from cdk_rehearsal.results import ExecutionResult

TOOLKIT = "CDKToolkit"  # what `cdk bootstrap` deploys
LIMITS = "limits.txt"
PERMISSIONS = "permissions.txt"
ABSENT = "does not exist"
CHANGED, UNCHANGED = "changed", "no changes"

StackKey = tuple[Environment, str]  # environment and stack name


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    """An expected stack or another deployed one; its status may be that it does not exist."""

    stack: str
    environment: Environment
    status: str
    change: str
    resources: Mapping[str, int]  # type -> number


def latest_events(emulator: Emulator, stacks: Iterable[Stack]) -> dict[StackKey, str]:
    """The newest event of each stack, which stays the same while nothing is done to the stack."""
    latest: dict[StackKey, str] = {}
    for stack in stacks:
        client = _client(emulator, stack.environment)
        try:
            latest[stack.environment, stack.name] = _latest(client, stack.name)
        except ClientError:
            continue  # it does not exist yet
    return latest


def look(
    emulator: Emulator,
    *,
    stacks: Iterable[Stack],
    environments: Iterable[Environment],
    before: Mapping[StackKey, str],
    without: Iterable[str],
) -> list[StackState]:
    """The expected stacks in their order, then the others of the environments, without those of the bootstrap."""
    left_out = {TOOLKIT, *without}
    expected = [(stack.environment, stack.name) for stack in stacks]
    found = {
        (environment, name): status
        for environment in sorted(set(environments))
        for name, status in _deployed(_client(emulator, environment))
        if name not in left_out
    }
    keys = [*expected, *(key for key in found if key not in expected)]
    return [_describe(emulator, key, status=found.get(key), before=before) for key in keys]


def _describe(emulator: Emulator, key: StackKey, *, status: str | None, before: Mapping[StackKey, str]) -> StackState:
    environment, name = key
    if status is None:
        return StackState(stack=name, environment=environment, status=ABSENT, change="", resources={})
    client = _client(emulator, environment)
    resources = client.describe_stack_resources(StackName=name)["StackResources"]
    return StackState(
        stack=name,
        environment=environment,
        status=status,
        change=UNCHANGED if before.get(key) == _latest(client, name) else CHANGED,
        resources=dict(Counter(resource["ResourceType"] for resource in resources)),
    )


def _deployed(client: Any) -> Iterator[tuple[str, str]]:
    for page in client.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if stack["StackStatus"] != "DELETE_COMPLETE":
                yield stack["StackName"], stack["StackStatus"]


def _latest(client: Any, name: str) -> str:
    event: str = client.describe_stack_events(StackName=name)["StackEvents"][0]["EventId"]
    return event


def _client(emulator: Emulator, environment: Environment) -> Any:
    return emulator.client("cloudformation", account=environment.account, region=environment.region)


_BOOTSTRAP = ("cdk-", TOOLKIT)
"""What the names of resources contain that `cdk bootstrap` created."""


def remains(
    emulator: Emulator, *, account: str, regions: Iterable[str], without: Iterable[str] = ()
) -> dict[str, set[str]]:
    """The names of the resources in an account, without the bootstrap and names with the given parts."""
    found: dict[str, set[str]] = {}
    parts = (*_BOOTSTRAP, *without)
    for region in regions:
        for kind, names in _look(emulator, account=account, region=region):
            found.setdefault(kind, set()).update(name for name in names if not any(part in name for part in parts))
    return {kind: names for kind, names in found.items() if names}


def _look(emulator: Emulator, *, account: str, region: str) -> Iterator[tuple[str, set[str]]]:
    def ask(service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        client = emulator.client(service, account=account, region=region)
        answer: dict[str, Any] = getattr(client, operation)(**arguments)
        return answer

    yield "buckets", {bucket["Name"] for bucket in ask("s3", "list_buckets")["Buckets"]}
    yield "roles", {role["RoleName"] for role in ask("iam", "list_roles", MaxItems=1000)["Roles"]}
    yield "policies", {policy["PolicyName"] for policy in ask("iam", "list_policies", Scope="Local")["Policies"]}
    yield "tables", set(ask("dynamodb", "list_tables")["TableNames"])
    yield "secrets", {secret["Name"] for secret in ask("secretsmanager", "list_secrets")["SecretList"]}
    yield "parameters", {parameter["Name"] for parameter in ask("ssm", "describe_parameters")["Parameters"]}
    yield "vaults", {vault["BackupVaultName"] for vault in ask("backup", "list_backup_vaults")["BackupVaultList"]}
    yield "clusters", {each["DBClusterIdentifier"] for each in ask("rds", "describe_db_clusters")["DBClusters"]}
    snapshots = ask("rds", "describe_db_cluster_snapshots")["DBClusterSnapshots"]
    yield "snapshots", {snapshot["DBClusterSnapshotIdentifier"] for snapshot in snapshots}
    yield "alarms", {alarm["AlarmName"] for alarm in ask("cloudwatch", "describe_alarms")["MetricAlarms"]}
    yield "log groups", {group["logGroupName"] for group in ask("logs", "describe_log_groups")["logGroups"]}
    yield "topics", {topic["TopicArn"] for topic in ask("sns", "list_topics")["Topics"]}
    yield "queues", set(ask("sqs", "list_queues").get("QueueUrls", []))
    named = {alias.get("TargetKeyId"): alias["AliasName"] for alias in ask("kms", "list_aliases")["Aliases"]}
    keys = (ask("kms", "describe_key", KeyId=key["KeyId"])["KeyMetadata"] for key in ask("kms", "list_keys")["Keys"])
    enabled = [key["KeyId"] for key in keys if key["KeyState"] == "Enabled"]
    yield "keys", {f"{key} {named.get(key, '')}" for key in enabled}


_STYLES = dict.fromkeys(("Failed", "Cancelled", "Stopped", "InProgress"), "red") | {"Waiting": "yellow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One delivered commit."""

    commit: str
    title: str
    delivered: bool
    failure: str  # why it was not
    waiting: str  # the approval that the delivery ended at; empty for any other end
    seconds: float
    executions: tuple[ExecutionResult, ...]
    stacks: tuple[StackState, ...]
    declared_types: frozenset[str]
    notes: tuple[str, ...]
    logs: Path
    coverage: Coverage
    not_proved: tuple[str, ...]  # beside that of every rehearsal
    permissions: Permissions

    @property
    def faults(self) -> list[str]:
        """What is wrong with the permissions."""
        return self.permissions.faults(complete=self.delivered)

    @property
    def succeeded(self) -> bool:
        """Whether the commit was delivered, with permissions that are right."""
        return self.delivered and not self.faults

    @property
    def reason(self) -> str:
        """Why it did not succeed."""
        return "\n".join(filter(None, [self.failure, *self.faults]))

    def resources(self) -> Mapping[str, int]:
        """The number of deployed resources of each type that is deployed or declared by the commit's templates."""
        total: Counter[str] = Counter(dict.fromkeys(self.declared_types, 0))
        for stack in self.stacks:
            total.update(stack.resources)
        return total


def show(report: Report, *, console: RichConsole) -> None:
    """Print it."""
    for execution in report.executions:
        console.print(_execution(execution))
        if execution.not_reached:
            console.print(escape(f"Not reached: {', '.join(execution.not_reached)}"), soft_wrap=True)
    console.print(_stacks_table(report))
    console.print(escape(_summary(report)), soft_wrap=True)
    console.print(escape(f"Permissions: {report.permissions.summary}. {PERMISSIONS} lists them."), soft_wrap=True)
    for note in report.notes:
        console.print(escape(f"Not carried out: {note}"), soft_wrap=True)
    verdict = "[bold green]delivered[/bold green]" if report.succeeded else "[bold red]not delivered[/bold red]"
    if report.delivered and report.faults:
        verdict = "[bold red]delivered, but its permissions are not right[/bold red]"
    if report.waiting and not report.faults:
        verdict = "[bold yellow]delivered up to an approval[/bold yellow]"
    commit = escape(f"{report.commit[:12]} ({report.title})")
    console.print(f"\n{commit}: {verdict} in {duration(report.seconds)}", soft_wrap=True)
    for text in filter(None, (report.reason, report.waiting)):
        console.print(escape(text), soft_wrap=True)
    console.print(escape(f"Logs, report.json, {LIMITS} and {PERMISSIONS}: {report.logs}"), soft_wrap=True)


def write(reports: list[Report], *, file: Path) -> None:
    """The same for a program to read, the last delivered commit last."""
    document = [
        {
            "commit": report.commit,
            "title": report.title,
            "succeeded": report.succeeded,
            "reason": report.reason,
            "waiting": report.waiting,
            "seconds": round(report.seconds, 1),
            "executions": [asdict(execution) for execution in report.executions],
            "stacks": [asdict(stack) for stack in report.stacks],
            "resource_types": {
                name: {"count": number, "class": report.coverage[name].kind, "note": report.coverage[name].note}
                for name, number in sorted(report.resources().items())
            },
            "permissions": asdict(report.permissions),
            "not_carried_out": report.notes,
            "not_proved": (*report.coverage.not_proved, *report.not_proved),
        }
        for report in reports
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2) + "\n")


def _execution(execution: ExecutionResult) -> Table:
    kind = "Rollback" if execution.rolls_back else "Execution"
    title = f"{kind} {execution.id[:8]} of pipeline version {execution.pipeline_version}: {execution.status}"
    table = Table(title=title, title_justify="left")
    for column in ("Stage", "Action", "Result", "Time", "Summary"):
        table.add_column(column, justify="right" if column == "Time" else "left", overflow="fold")
    for action in execution.actions:
        cells = (action.stage, action.action, action.status, duration(action.seconds), action.headline)
        table.add_row(*map(escape, cells), style=_STYLES.get(action.status, ""))
    return table


def _stacks_table(report: Report) -> Table:
    table = Table(title="Stacks", title_justify="left")
    for column in ("Stack", "Account", "Region", "Status", "This delivery", "Resources"):
        table.add_column(column, justify="right" if column == "Resources" else "left", overflow="fold")
    for stack in report.stacks:
        target = stack.environment
        number = str(sum(stack.resources.values()) or "")
        cells = (stack.stack, target.account, target.region, stack.status, stack.change, number)
        complete = stack.status.endswith("_COMPLETE") and "ROLLBACK" not in stack.status
        table.add_row(*map(escape, cells), style="" if complete else "red")
    return table


def _summary(report: Report) -> str:
    """One line about the resource types, with the names of those that are not emulated."""
    found, by_kind = report.resources(), dict[str, list[str]]()
    for name in sorted(found):
        by_kind.setdefault(report.coverage[name].kind, []).append(name)
    parts = [
        f"{kind.capitalize()}: {sum(found[name] for name in names)} resources of {len(names)} types"
        + ("." if kind == EMULATED else f" ({', '.join(names)}).")
        for kind, names in sorted(by_kind.items(), key=lambda item: item[0] != EMULATED)
    ]
    return " ".join([*parts, f"{LIMITS} has their limits, and what a rehearsal does not prove."])


def write_limits(report: Report) -> None:
    """The limits of the emulated types, the other types, and what no rehearsal proves, beside the logs."""
    found = report.resources()
    lines = []
    for name in sorted(found):
        kind, note = report.coverage[name]
        if note:
            lines.append(f"{kind.capitalize()}: {found[name] or 'no'} {name}: {note}")
    lines += ["", "What a rehearsal does not prove:"]
    lines += [f"  - {line}" for line in (*report.coverage.not_proved, *report.not_proved)]
    (report.logs / LIMITS).write_text("\n".join([*lines, ""]), encoding="utf-8")
    (report.logs / PERMISSIONS).write_text("\n".join([*report.permissions.lines(), ""]), encoding="utf-8")
