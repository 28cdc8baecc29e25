"""Dev as it is synthesized, standing on the emulator: what users put into it behaves, and it goes without a trace."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal.emulator import Emulator
from pipeline.settings import Delivery
from stacks import ACCOUNT, PRIMARY, RECOVERY, delete, deploy_template
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
    outputs: dict[str, str] = {}
    for name, region in STACKS.items():
        # All that the templates ask of `cdk bootstrap`.
        ssm = emulator.client("ssm", account=ACCOUNT, region=region)
        ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True)
        s3.put_object(Bucket=TEMPLATES, Key=name, Body=assembly.stacks[name].template.read_bytes())
        url = {"TemplateURL": f"{emulator.endpoint}/{TEMPLATES}/{name}"}
        outputs |= deploy_template(emulator, name, url, region=region)
    return Platform(emulator, outputs)


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


def test_a_destroyed_environment_leaves_nothing(platform: Platform, emulator: Emulator) -> None:
    s3 = platform.client("s3")
    s3.put_object(Bucket=platform.outputs["AuditBucketName"], Key="locked", Body=b"for a day")
    for name, region in reversed(STACKS.items()):
        delete(emulator, name, region=region)
    left = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith("payment-")}
    assert left == set()
    for region in (PRIMARY, RECOVERY):
        tables = platform.client("dynamodb", region=region).list_tables()["TableNames"]
        assert [name for name in tables if name.startswith("payment-")] == []
    assert platform.client("rds").describe_db_clusters()["DBClusters"] == []
    assert platform.client("rds").describe_db_cluster_snapshots()["DBClusterSnapshots"] == []
