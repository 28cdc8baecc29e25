"""Dev as it is synthesized, standing on the emulator: what users put into it behaves, and it goes without a trace."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.documented import blocks
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.permissions import engine
from cdk_rehearsal.permissions.deployed import Deployed
from cdk_rehearsal.permissions.judgement import judge
from cdk_rehearsal.roles import taken
from pipeline.bootstrap.permissions import managed_policies
from pipeline.settings import Delivery
from stacks import ACCOUNT, PRIMARY, RECOVERY, delete, deploy, deploy_template
from tests.conftest import CHECKOUT
from tests.rehearsal.verification import Verification, allowed, verify
from tests.templates import Assembly

TEMPLATES = "templates-of-the-platform"
STACKS = {"Dev-DisasterRecovery": RECOVERY, "Dev-Payment": PRIMARY}
LOCKED = "AccessDenied"


class Platform:
    """Dev, seen by its outputs."""

    def __init__(self, emulator: Emulator, outputs: dict[str, str]) -> None:
        self.outputs, self._emulator = outputs, emulator

    def client(self, service: str, *, region: str = PRIMARY) -> Any:
        return self._emulator.client(service, account=ACCOUNT, region=region)

    @property
    def replica_bucket(self) -> str:
        return self.outputs["AuditBucketName"].replace(PRIMARY, RECOVERY)


@pytest.fixture(scope="module")
def platform(emulator: Emulator, assembly: Assembly) -> Platform:
    """Both stacks of Dev; the last test destroys them."""
    s3 = emulator.client("s3", account=ACCOUNT, region=PRIMARY)
    s3.create_bucket(Bucket=TEMPLATES, CreateBucketConfiguration={"LocationConstraint": PRIMARY})
    _publish_assets(s3, assembly)
    outputs: dict[str, str] = {}
    for name, region in STACKS.items():
        # All that the templates ask of `cdk bootstrap`.
        ssm = emulator.client("ssm", account=ACCOUNT, region=region)
        ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True)
        s3.put_object(Bucket=TEMPLATES, Key=name, Body=assembly.stacks[name].template.read_bytes())
        url = {"TemplateURL": f"{emulator.endpoint}/{TEMPLATES}/{name}"}
        outputs |= deploy_template(emulator, name, url, region=region)
    return Platform(emulator, outputs)


def _publish_assets(s3: Any, assembly: Assembly) -> None:
    """The code of the functions, as `Assets` publishes it."""
    bucket = f"cdk-hnb659fds-assets-{ACCOUNT}-{PRIMARY}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": PRIMARY})
    for function in assembly.resources("Dev-Payment", "AWS::Lambda::Function").values():
        if key := function["Code"].get("S3Key"):
            code = assembly.directory / f"asset.{Path(key).stem}"
            packed = shutil.make_archive(str(assembly.directory / key.removesuffix(".zip")), "zip", code)
            s3.put_object(Bucket=bucket, Key=key, Body=Path(packed).read_bytes())


def becomes(condition: Callable[[], bool], *, within: float = 5) -> bool:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_session_is_readable_in_the_other_region(platform: Platform) -> None:
    table = platform.outputs["SessionTableName"]
    item = {"sessionId": {"S": "a"}, "ttl": {"N": "4102444800"}}
    platform.client("dynamodb").put_item(TableName=table, Item=item)
    there = platform.client("dynamodb", region=RECOVERY)
    assert becomes(lambda: there.get_item(TableName=table, Key={"sessionId": {"S": "a"}}).get("Item") == item)


def test_a_message_that_fails_three_times_is_set_aside(platform: Platform) -> None:
    sqs, queue = platform.client("sqs"), platform.outputs["QueueUrl"]
    policy = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    dead_letters = sqs.get_queue_url(QueueName=json.loads(policy)["deadLetterTargetArn"].split(":")[-1])["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="poison")
    for _ in range(3):
        (message,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
        assert message["Body"] == "poison"
    assert "Messages" not in sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)
    (message,) = sqs.receive_message(QueueUrl=dead_letters)["Messages"]
    assert message["Body"] == "poison"


def test_an_audit_record_is_kept_whatever_is_written_over_it(platform: Platform) -> None:
    s3, bucket = platform.client("s3"), platform.outputs["AuditBucketName"]
    first = s3.put_object(Bucket=bucket, Key="record", Body=b"paid")["VersionId"]
    s3.put_object(Bucket=bucket, Key="record", Body=b"never happened")
    s3.delete_object(Bucket=bucket, Key="record")
    assert s3.get_object(Bucket=bucket, Key="record", VersionId=first)["Body"].read() == b"paid"
    with pytest.raises(ClientError, match=LOCKED):
        s3.delete_object(Bucket=bucket, Key="record", VersionId=first)


def test_an_audit_record_arrives_in_the_other_region(platform: Platform) -> None:
    platform.client("s3").put_object(Bucket=platform.outputs["AuditBucketName"], Key="copied", Body=b"paid")
    there = platform.client("s3", region=RECOVERY)

    def arrived() -> bool:
        found = there.list_objects_v2(Bucket=platform.replica_bucket, Prefix="copied")
        return bool(found.get("Contents"))

    assert becomes(arrived)
    assert there.get_object(Bucket=platform.replica_bucket, Key="copied")["Body"].read() == b"paid"


def test_the_default_security_group_is_closed(platform: Platform) -> None:
    (group,) = platform.client("ec2").describe_security_groups(
        Filters=[
            {"Name": "vpc-id", "Values": [platform.outputs["VpcId"]]},
            {"Name": "group-name", "Values": ["default"]},
        ]
    )["SecurityGroups"]
    assert (group["IpPermissions"], group["IpPermissionsEgress"]) == ([], [])


def test_the_manifest_names_things_that_stand(platform: Platform) -> None:
    parameter = platform.client("ssm").get_parameter(Name="/payment/dev/manifest")["Parameter"]["Value"]
    assert len(parameter.encode()) <= 4096
    manifest = json.loads(parameter)
    for region in (PRIMARY, RECOVERY):
        stands = manifest[region]
        table = stands["session_table"].rpartition("/")[2]
        assert platform.client("dynamodb", region=region).describe_table(TableName=table)["Table"]["TableName"] == table
        platform.client("s3", region=region).head_bucket(Bucket=stands["audit_bucket"])
        for key in ("session_key", "audit_key"):
            described = platform.client("kms", region=region).describe_key(KeyId=stands[key])["KeyMetadata"]
            assert described["Arn"] == stands[key]
    here = manifest[PRIMARY]
    platform.client("sqs").get_queue_attributes(QueueUrl=here["queue"], AttributeNames=["QueueArn"])
    assert platform.client("ec2").describe_vpcs(VpcIds=[here["vpc"]])["Vpcs"]
    balancers = platform.client("elbv2").describe_load_balancers()["LoadBalancers"]
    assert here["load_balancer"] in {balancer["DNSName"] for balancer in balancers}
    clusters = platform.client("rds").describe_db_clusters()["DBClusters"]
    assert here["database"] in {cluster["Endpoint"] for cluster in clusters}
    platform.client("secretsmanager").describe_secret(SecretId=here["database_user"])


@pytest.fixture(scope="module")
def verification(
    platform: Platform, emulator: Emulator, delivery: Delivery, tmp_path_factory: pytest.TempPathFactory
) -> Verification:
    """What the pipeline does behind the deployment, but for what needs a container that answers."""
    directory = tmp_path_factory.mktemp("verification")
    return verify(emulator, platform.outputs, release=delivery.release, directory=directory)


def test_the_verification_of_the_pipeline_passes(verification: Verification) -> None:
    assert verification.passed, verification.output


def test_the_verification_may_do_what_it_does_and_nothing_else(verification: Verification, platform: Platform) -> None:
    (assumed,) = (call for call in verification.calls if call.startswith("sts:AssumeRole "))
    assert verification.calls - {assumed} == allowed(platform.client("iam"), role=assumed.rpartition("/")[2])


PEOPLE = {"BreakGlass": "payment-break-glass", "Administrator": "administrator-of-dev"}
READ, CHANGE = (
    block.code.replace("-prod", "-dev")
    for block in blocks((CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8"))
    if block.marks == "sh drill" and "payment-database-access-" in block.code
)
"""The commands of docs/operations.md#database-access."""


class Person:
    """A terminal in a role; runs the commands of the page, also for another request."""

    def __init__(self, emulator: Emulator, *, role: str, directory: Path) -> None:
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        key = taken(arn, emulator=emulator, region=PRIMARY, session="person")
        self._environment = emulator.environment(account=key, region=PRIMARY)
        self._environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._directory = directory

    def run(self, commands: str, **request: object) -> dict[str, Any]:
        """The answer that the commands print."""
        if request:
            written = {"caller": "ada", "reason": "INC-1", **request}
            head, _, tail = commands.partition("<<'END'\n")
            commands = f"{head}<<'END'\n{json.dumps(written)}\nEND\n{tail.partition('END')[2]}"
        shell = ["sh", "-euc", commands.replace("cat answer.json", "")]
        done = subprocess.run(  # noqa: S603 - the page's commands
            shell, cwd=self._directory, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads((self._directory / "answer.json").read_text())
        return answer


@pytest.fixture(scope="module")
def people(
    platform: Platform,
    emulator: Emulator,
    assembly: Assembly,
    delivery: Delivery,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Person]:
    """The break-glass role and an administrator with the policy for all others, once the database has its users."""
    documents = [assembly.template(name) for name in assembly.stacks]
    deploy(emulator, "Boundary", {"Boundary": managed_policies(documents, delivery)["Boundary"]})
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    denial = f"arn:aws:iam::{ACCOUNT}:policy/payment-no-database-access-dev"
    roles = {
        name: {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": role,
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                "Policies": [{"PolicyName": "all", "PolicyDocument": {"Version": "2012-10-17", **everything}}],
                "ManagedPolicyArns": [denial],
            },
        }
        for name, role in PEOPLE.items()
    }
    deploy(emulator, "People", roles)
    secret = partial(platform.client("secretsmanager").describe_secret, SecretId="payment-database-user-dev")
    assert becomes(lambda: "LastRotatedDate" in secret(), within=120)
    return {name: Person(emulator, role=role, directory=tmp_path_factory.mktemp(name)) for name, role in PEOPLE.items()}


def test_a_person_asks_the_database_with_the_commands_of_the_page(people: dict[str, Person]) -> None:
    person = people["BreakGlass"]
    sessions = person.run(READ)
    assert sessions["columns"] == ["pid", "usename", "state", "xact_start", "query"]
    assert "payment_people_read" in [row[1] for row in sessions["rows"]]
    assert person.run(CHANGE)["rows"] == []
    assert "error" in person.run(READ, statement="CREATE SCHEMA people")
    for create in ("SCHEMA people", "TABLE people.corrections AS SELECT 7 AS amount"):
        assert "error" not in person.run(READ, statement=f"CREATE {create}", write=True)
    for on in ("writer", "reader"):
        assert person.run(READ, statement="TABLE people.corrections", on=on)["rows"] == [[7]]
    assert "read-only" in person.run(READ, statement="DROP TABLE people.corrections")["error"]


def test_the_log_has_the_statement_and_who_asked_and_no_row(people: dict[str, Person], platform: Platform) -> None:
    people["BreakGlass"].run(READ, statement="SELECT 'of ' || 'a customer'", reason="INC-7")
    group = "/aws/lambda/payment-database-access-dev"
    events = platform.client("logs").filter_log_events(logGroupName=group)["events"]
    messages = "\n".join(event["message"] for event in events)
    (request,) = (line for line in messages.splitlines() if "INC-7" in line)
    recorded = json.loads(request)
    assert (recorded["caller"], recorded["statement"]) == ("ada", "SELECT 'of ' || 'a customer'")
    assert "of a customer" not in messages


def test_only_the_break_glass_role_may_ask_the_database(people: dict[str, Person], emulator: Emulator) -> None:
    for person in people.values():
        person.run(READ)
    judged = judge(
        emulator.calls(),
        deployed=Deployed(emulator, environments=[Environment(account=ACCOUNT, region=PRIMARY)], without=""),
        simulate=partial(engine.simulate, app=CHECKOUT, node=CHECKOUT / ".venv" / "bin" / "node"),
        unused={},
        sometimes_unused={},
    )
    invocations = [each for each in judged.missing if "lambda:InvokeFunction" in each]
    (denied,) = (each for each in invocations if PEOPLE["Administrator"] in each)
    assert "payment-no-database-access-dev denies it" in denied
    assert not [each for each in invocations if PEOPLE["BreakGlass"] in each]


@pytest.mark.usefixtures("people")
def test_a_destroyed_environment_leaves_nothing(platform: Platform, emulator: Emulator) -> None:
    s3 = platform.client("s3")
    s3.put_object(Bucket=platform.outputs["AuditBucketName"], Key="locked", Body=b"for a day")
    delete(emulator, "People")
    for name, region in reversed(STACKS.items()):
        delete(emulator, name, region=region)
    delete(emulator, "Boundary")
    left = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith("payment-")}
    assert left == set()
    for region in (PRIMARY, RECOVERY):
        tables = platform.client("dynamodb", region=region).list_tables()["TableNames"]
        assert [name for name in tables if name.startswith("payment-")] == []
    assert platform.client("rds").describe_db_clusters()["DBClusters"] == []
    assert platform.client("rds").describe_db_cluster_snapshots()["DBClusterSnapshots"] == []
