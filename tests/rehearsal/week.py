"""What a team does in a week, carried out once for all tests: releases, and everything that must not get through."""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.console import NO, Answer, Request
from cdk_rehearsal.delivery import Rehearsal
from cdk_rehearsal.documented import blocks
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.report import Report, StackState
from tests.rehearsal.project import Project

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
TICKET = "from another terminal"
SESSION = {"sessionId": {"S": "kept"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The reports of the deliveries, in their order, and what was found between them."""

    accounts: dict[str, str]  # of the first and the last environment
    refused: Report
    approved: Report  # another commit with equal templates
    overwritten: Report  # the same commit, whose artifact is overwritten while it waits for the approval
    unverified: Report  # a parameter of the last environment was changed manually
    alarmed: Report  # the last environment's gate alarm is on
    ungated: Report  # a commit without the approval
    guarded: Report  # a commit that renames a table with its key, and a bucket
    broken: Report  # the same, allowed in the settings, with a new environment and a parameter that is there already
    extended: Report  # the same commit, once that parameter is gone
    tokens: list[str]
    kept: dict[str, list[str]]  # environment -> the data that is still there
    verified: dict[str, tuple[str, str]]  # environment -> release that is deployed, and the one recorded as verified
    sessions: dict[str, str]  # environment -> the session that is there after the guard stopped the commit

    @property
    def last(self) -> str:
        return list(self.accounts)[-1]


class Approval:
    """Refuses the last environment at first; everything else is approved at another terminal.

    The last environment by the commands of docs/operations.md, as they stand there; the others through the API.
    """

    def __init__(self, emulator: Emulator, home: Environment) -> None:
        self.tokens: list[str] = []
        self.overwrites = False
        self._refused = False
        self._artifacts = emulator.client("s3", account=home.account, region=home.region)
        self._bucket = f"payment-delivery-artifacts-{home.account}-{home.region}"
        self._client = emulator.client("codepipeline", account=home.account, region=home.region)
        self._environment = emulator.environment(account=home.account, region=home.region)
        self._environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        (self._commands,) = (block.code for block in blocks(PAGE.read_text()) if block.code.startswith("TOKEN="))

    def __call__(self, request: Request) -> Answer | None:
        self.tokens.append(request.token)
        if not request.stage.startswith("Approve"):
            self._client.put_approval_result(
                pipelineName=request.pipeline,
                stageName=request.stage,
                actionName=request.action,
                token=request.token,
                result={"status": "Approved", "summary": TICKET},
            )
            return None
        if not self._refused:
            self._refused = True
            return NO
        if self.overwrites:
            self._overwrite(request.pipeline)
        environment = self._environment | {"TICKET": TICKET}
        subprocess.run(["sh", "-euc", self._commands], env=environment, check=True)  # noqa: S603, S607 - the page's
        return None

    def _overwrite(self, pipeline: str) -> None:
        """Adds a topic to each payment stack of the waiting release, after the plan has read it."""
        listed = self._artifacts.list_objects_v2(Bucket=self._bucket, Prefix=f"{pipeline[:20]}/Synth_Outp/")["Contents"]
        key = max(listed, key=lambda each: each["LastModified"])["Key"]
        waiting = self._artifacts.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        changed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(waiting)) as before, zipfile.ZipFile(changed, "w") as after:
            for each in before.infolist():
                content = before.read(each)
                if each.filename.endswith(".template.json") and "Payment" in each.filename:
                    template = json.loads(content)
                    template["Resources"]["Unapproved"] = {"Type": "AWS::SNS::Topic"}
                    content = json.dumps(template).encode()
                after.writestr(each, content)
        self._artifacts.put_object(Bucket=self._bucket, Key=key, Body=changed.getvalue())


class Data:
    """What users put into an environment: a session, a payment on its way, an audit record."""

    def __init__(self, emulator: Emulator, payment: StackState) -> None:
        account, region = payment.environment.account, payment.environment.region
        self._clients = {
            service: emulator.client(service, account=account, region=region)
            for service in ("cloudformation", "dynamodb", "sqs", "s3", "ssm")
        }
        self._recovery = emulator.client("ssm", account=account, region="us-west-2")
        self._path = f"/payment/{payment.stack.partition('-')[0].lower()}"
        stack = self._clients["cloudformation"].describe_stacks(StackName=payment.stack)["Stacks"][0]
        self._names = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def put(self) -> None:
        self._clients["dynamodb"].put_item(TableName=self._names["SessionTableName"], Item=SESSION)
        self._clients["sqs"].send_message(QueueUrl=self._names["QueueUrl"], MessageBody="kept")
        self._clients["s3"].put_object(Bucket=self._names["AuditBucketName"], Key="record", Body=b"kept")

    def session(self) -> str:
        found = self._clients["dynamodb"].get_item(TableName=self._names["SessionTableName"], Key=SESSION)
        session: str = found.get("Item", {}).get("sessionId", {}).get("S", "")
        return session

    def kept(self) -> list[str]:
        messages = self._clients["sqs"].receive_message(QueueUrl=self._names["QueueUrl"]).get("Messages", [])
        record = self._clients["s3"].get_object(Bucket=self._names["AuditBucketName"], Key="record")["Body"].read()
        return [self.session(), *(each["Body"] for each in messages), record.decode()]

    def verified(self) -> tuple[str, str]:
        documents = (
            json.loads(client.get_parameter(Name=f"{self._path}/{name}")["Parameter"]["Value"])
            for client, name in ((self._clients["ssm"], "manifest"), (self._recovery, "verified-release"))
        )
        deployed, verified = documents
        return deployed["release"], verified["release"]


class Team:
    """The people of the week: what they push, and what they do to an environment manually."""

    def __init__(self, project: Project, world: Emulator, rehearsal: Rehearsal) -> None:
        self._project, self._world, self._rehearsal = project, world, rehearsal

    def _client(self, service: str, environment: str) -> Any:
        account = self._project.accounts[environment]
        return self._world.client(service, account=account, region="ap-southeast-1")

    def with_a_changed_parameter(self, environment: str) -> Report:
        """Somebody has pointed the service at another queue."""
        ssm = self._client("ssm", environment)
        name = f"/payment/{environment.lower()}/queue/url"
        before = ssm.get_parameter(Name=name)["Parameter"]["Value"]
        ssm.put_parameter(Name=name, Value="https://elsewhere.example.com/queue", Overwrite=True)
        report = self._rehearsal.deliver()
        ssm.put_parameter(Name=name, Value=before, Overwrite=True)
        return report

    def with_a_gate_alarm(self, environment: str) -> Report:
        cloudwatch = self._client("cloudwatch", environment)
        alarm = f"payment-gate-{environment.lower()}"
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="payments fail")
        report = self._rehearsal.deliver()
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="repaired")
        return report

    def without_the_approval(self) -> Report:
        change = ("[plan, approval] if environment.retains_data", "[plan] if environment.retains_data")
        return self._push("Save us the waiting", {"pipeline/pipeline_stack.py": [change]})

    def another_table_key_and_bucket(self) -> Report:
        change = {
            "stages/layers.py": [
                ('resource_name("sessions"', 'resource_name("sittings"'),
                (
                    'bucket_name("access-logs", environment, environment.primary',
                    'bucket_name("request-logs", environment, environment.primary',
                ),
            ],
            "payment_constructs/sessions.py": [('Attribute(name="sessionId"', 'Attribute(name="sittingId"')],
        }
        for file in (self._project.directory / "tests" / "integration").glob("*.py"):
            change[str(file.relative_to(self._project.directory))] = [('"sessionId"', '"sittingId"')]
        self._project.edit("Call a session a sitting", change)
        return self._rehearsal.deliver()

    def the_same_allowed_with_a_new_environment(self, *, allowed: list[str], conflict: str) -> tuple[Report, Report]:
        """Deliver twice: while an environment has the parameter that the commit brings, and after it is deleted."""
        ssm, name = self._client("ssm", conflict), f"/payment/{conflict.lower()}/extra"
        ssm.put_parameter(Name=name, Value="manual", Type="String")
        extra = (
            "        from aws_cdk import aws_ssm\n\n"
            '        aws_ssm.StringParameter(self, "Extra", string_value="x",'
            ' parameter_name=f"{parameter_path(environment)}/extra")\n'
        )
        where = "        self.manifest = Manifest("
        self._project.add_the_middle_environment()
        self._project.edit(
            "Allow it, and add an environment",
            {
                "cdk.json": [('"allowed_changes": []', f'"allowed_changes": {json.dumps(allowed)}')],
                "stages/payment_stack.py": [(where, f"{extra}{where}")],
            },
        )
        broken = self._rehearsal.deliver()
        ssm.delete_parameter(Name=name)
        return broken, self._rehearsal.deliver()

    def _push(self, title: str, changes: dict[str, list[tuple[str, str]]]) -> Report:
        """Deliver a commit, and take it back."""
        self._project.edit(title, changes)
        report = self._rehearsal.deliver()
        self._project.edit(f"Revert: {title}", {f: [(new, old) for old, new in each] for f, each in changes.items()})
        return report


def live(project: Project, world: Emulator) -> Week:
    """Carries the week out."""
    accounts = project.accounts
    first, last = accounts
    approval = Approval(world, Environment(account=project.pipeline_account, region="ap-southeast-1"))
    with Rehearsal(checkout=project.directory, emulator=world, approve=approval) as rehearsal:
        team = Team(project, world, rehearsal)
        rehearsal.prepare()
        refused = rehearsal.deliver()
        project.edit("Correct a page", {"CHANGELOG.md": [("# Changelog", "# Changes")]})
        approved = rehearsal.deliver()
        data = {name: Data(world, stacks_of(approved, name)["Payment"]) for name in accounts}
        for each in data.values():
            each.put()
        verified = {name: each.verified() for name, each in data.items()}
        approval.overwrites = True
        overwritten = rehearsal.deliver()
        approval.overwrites = False
        unverified = team.with_a_changed_parameter(last)
        kept = {name: each.kept() for name, each in data.items()}
        alarmed = team.with_a_gate_alarm(last)
        ungated = team.without_the_approval()
        guarded = team.another_table_key_and_bucket()
        sessions = {name: each.session() for name, each in data.items()}
        broken, extended = team.the_same_allowed_with_a_new_environment(
            allowed=entries(guarded, accounts), conflict=first
        )
    return Week(
        accounts=accounts,
        refused=refused,
        approved=approved,
        overwritten=overwritten,
        unverified=unverified,
        alarmed=alarmed,
        ungated=ungated,
        guarded=guarded,
        broken=broken,
        extended=extended,
        tokens=approval.tokens,
        kept=kept,
        verified=verified,
        sessions=sessions,
    )


def entries(guarded: Report, environments: Iterable[str]) -> list[str]:
    """What the guard's message says would allow the changes, for every environment."""
    named = re.findall(r'"[A-Za-z]+-Payment/([A-Za-z0-9]+/[A-Za-z]+)"', guarded.reason)
    return [f"{environment}-Payment/{change}" for environment in environments for change in dict.fromkeys(named)]


def stacks_of(report: Report, environment: str) -> dict[str, StackState]:
    """The stacks of an environment by their own names."""
    prefix = f"{environment}-"
    return {each.stack.removeprefix(prefix): each for each in report.stacks if each.stack.startswith(prefix)}


def standing_of(report: Report, environment: str) -> set[tuple[str, str]]:
    return {(name, each.status) for name, each in stacks_of(report, environment).items()}


def reached(report: Report) -> list[str]:
    """The stages of the last execution in the order in which they began."""
    return list(dict.fromkeys(action.stage for action in report.executions[-1].actions))
