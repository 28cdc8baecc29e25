"""Session table, queue and audit log: their settings, and the references between the two regions."""

import json
from typing import Any

import pytest

from pipeline.settings import Delivery
from stages.environment import Environment
from tests.templates import Assembly, references, statement_actions

USE_OF_A_KEY = {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:*"}


def audit_bucket(assembly: Assembly, stack: str) -> dict[str, Any]:
    (bucket,) = (
        bucket
        for bucket in assembly.resources(stack, "AWS::S3::Bucket").values()
        if "ObjectLockConfiguration" in bucket
    )
    return dict(bucket)


def output_of(assembly: Assembly, stack: str, reference: dict[str, Any]) -> str:
    """The logical id of the resource whose ARN a parameter of the stack keeps, from an output of another stack."""
    (parameter,) = references(reference)
    target = assembly.resources(stack, "AWS::SSM::Parameter")[parameter]["Value"]["Fn::GetStackOutput"]
    assert assembly.stacks[target["StackName"]].environment.region == target["Region"]
    output = assembly.template(target["StackName"])["Outputs"][target["OutputName"]]["Value"]
    return next(references(output))


def test_the_session_table_has_ttl_recovery_and_on_demand_capacity(
    assembly: Assembly, environment: Environment
) -> None:
    table = assembly.only(f"{environment.name}-Payment", "AWS::DynamoDB::GlobalTable")
    assert table["TableName"] == f"payment-sessions-{environment.slug}"
    assert table["KeySchema"] == [{"AttributeName": "sessionId", "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": "sessionId", "AttributeType": "S"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    for replica in table["Replicas"]:
        assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_contributor_insights_does_not_show_session_ids(assembly: Assembly, environment: Environment) -> None:
    # CloudWatch shows the keys in plaintext, whatever the table is encrypted with.
    table = assembly.only(f"{environment.name}-Payment", "AWS::DynamoDB::GlobalTable")
    for replica in table["Replicas"]:
        assert not replica.get("ContributorInsightsSpecification", {}).get("Enabled", False)


def test_each_replica_of_the_session_table_has_its_own_key(assembly: Assembly, environment: Environment) -> None:
    table = assembly.only(f"{environment.name}-Payment", "AWS::DynamoDB::GlobalTable")
    keys = {replica["Region"]: replica["SSESpecification"]["KMSMasterKeyId"] for replica in table["Replicas"]}
    assert set(keys) == {"ap-southeast-1", "us-west-2"}
    assert next(references(keys["ap-southeast-1"])) in assembly.resources(
        f"{environment.name}-Payment", "AWS::KMS::Key"
    )
    assert output_of(assembly, f"{environment.name}-Payment", keys["us-west-2"]) in assembly.resources(
        f"{environment.name}-DisasterRecovery", "AWS::KMS::Key"
    )


def test_the_queue_moves_messages_to_the_dlq_after_three_receives(assembly: Assembly, environment: Environment) -> None:
    queues = assembly.resources(f"{environment.name}-Payment", "AWS::SQS::Queue")
    assert len(queues) == 2
    queue = next(queue for queue in queues.values() if "RedrivePolicy" in queue)
    dead_letters = queues[next(references(queue["RedrivePolicy"]["deadLetterTargetArn"]))]
    assert queue["QueueName"] == f"payment-processing-{environment.slug}"
    assert queue["VisibilityTimeout"] == 300
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 3
    assert dead_letters["MessageRetentionPeriod"] == 14 * 24 * 3600
    # A message that is moved keeps its age: it needs days left in the dead-letter queue.
    assert queue["MessageRetentionPeriod"] == 7 * 24 * 3600
    assert all("KmsMasterKeyId" in queue for queue in queues.values())


def test_queues_and_buckets_refuse_plain_http(assembly: Assembly, environment: Environment) -> None:
    for stack in (f"{environment.name}-Payment", f"{environment.name}-DisasterRecovery"):
        for kind, subject, policy_type in (
            ("AWS::SQS::Queue", "Queues", "AWS::SQS::QueuePolicy"),
            ("AWS::S3::Bucket", "Bucket", "AWS::S3::BucketPolicy"),
        ):
            refusing = {
                logical_id
                for policy in assembly.resources(stack, policy_type).values()
                for logical_id in references(policy[subject])
                for statement in policy["PolicyDocument"]["Statement"]
                if statement["Effect"] == "Deny"
                and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            }
            assert refusing == set(assembly.resources(stack, kind))


def test_no_bucket_is_public(assembly: Assembly) -> None:
    for stack in assembly.stacks:
        for name, bucket in assembly.resources(stack, "AWS::S3::Bucket").items():
            assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}, f"block public access to {name}"
            assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}, f"turn on versioning of {name}"


@pytest.mark.parametrize("stack", ["Payment", "DisasterRecovery"])
def test_the_audit_buckets_of_both_regions_have_object_lock(
    assembly: Assembly, environment: Environment, stack: str
) -> None:
    bucket = audit_bucket(assembly, f"{environment.name}-{stack}")
    locked = {"Mode": "COMPLIANCE", "Days": 400} if environment.name == "Prod" else {"Mode": "GOVERNANCE", "Days": 1}
    assert bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"] == locked


@pytest.mark.parametrize("stack", ["Payment", "DisasterRecovery"])
def test_the_audit_log_never_expires_and_moves_to_intelligent_tiering(
    assembly: Assembly, environment: Environment, stack: str
) -> None:
    (rule,) = audit_bucket(assembly, f"{environment.name}-{stack}")["LifecycleConfiguration"]["Rules"]
    assert rule["Transitions"] == [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 90}]
    assert not any(key.startswith(("Expiration", "NoncurrentVersionExpiration")) for key in rule)


@pytest.mark.parametrize("stack", ["Payment", "DisasterRecovery"])
def test_access_to_the_audit_log_is_logged_in_an_unlocked_bucket(
    assembly: Assembly, environment: Environment, stack: str
) -> None:
    name = f"{environment.name}-{stack}"
    target = audit_bucket(assembly, name)["LoggingConfiguration"]["DestinationBucketName"]["Ref"]
    logs = assembly.resources(name, "AWS::S3::Bucket")[target]
    assert "ObjectLockConfiguration" not in logs
    assert logs["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [
        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ]


def test_audit_replication_targets_the_dr_bucket_and_its_key(assembly: Assembly, environment: Environment) -> None:
    (rule,) = audit_bucket(assembly, f"{environment.name}-Payment")["ReplicationConfiguration"]["Rules"]
    recovery = f"{environment.name}-DisasterRecovery"
    replica = audit_bucket(assembly, recovery)
    encryption = replica["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]
    destination = rule["Destination"]
    assert assembly.stacks[recovery].environment.region == "us-west-2"
    assert destination["Bucket"] == f"arn:aws:s3:::{replica['BucketName']}"
    key = output_of(assembly, f"{environment.name}-Payment", destination["EncryptionConfiguration"]["ReplicaKmsKeyID"])
    assert key == next(references(encryption["KMSMasterKeyID"]))


def test_audit_replication_covers_all_objects_within_15_minutes(assembly: Assembly, environment: Environment) -> None:
    (rule,) = audit_bucket(assembly, f"{environment.name}-Payment")["ReplicationConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["Filter"] == {"Prefix": ""}
    assert rule["SourceSelectionCriteria"] == {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
    assert rule["DeleteMarkerReplication"] == {"Status": "Enabled"}
    assert rule["Destination"]["ReplicationTime"] == {"Status": "Enabled", "Time": {"Minutes": 15}}
    assert rule["Destination"]["Metrics"] == {"Status": "Enabled", "EventThreshold": {"Minutes": 15}}


def test_the_replication_role_reads_the_source_and_writes_the_replica(
    assembly: Assembly, environment: Environment
) -> None:
    payment, recovery = f"{environment.name}-Payment", f"{environment.name}-DisasterRecovery"
    source, replica = audit_bucket(assembly, payment), audit_bucket(assembly, recovery)
    arn = source["ReplicationConfiguration"]["Role"]
    (role_id,) = (
        logical_id
        for logical_id, role in assembly.resources(recovery, "AWS::IAM::Role").items()
        if arn == f"arn:aws:iam::{environment.account}:role/{role.get('RoleName')}"
    )
    role = assembly.resources(recovery, "AWS::IAM::Role")[role_id]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "s3.amazonaws.com"}
    # Only the bucket policies and key policies grant it permissions.
    assert not {"Policies", "ManagedPolicyArns"} & set(role)
    for principal, stack, bucket, actions in (
        (arn, payment, source, {"s3:GetObjectVersionForReplication", "s3:GetObjectRetention", "s3:GetObjectLegalHold"}),
        (
            {"Fn::GetAtt": [role_id, "Arn"]},
            recovery,
            replica,
            {"s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"},
        ),
    ):
        (bucket_id,) = (name for name, one in assembly.resources(stack, "AWS::S3::Bucket").items() if one == bucket)
        (policy,) = (
            policy
            for policy in assembly.resources(stack, "AWS::S3::BucketPolicy").values()
            if bucket_id in references(policy["Bucket"])
        )
        objects = {"Fn::Join": ["", [{"Fn::GetAtt": [bucket_id, "Arn"]}, "/*"]]}
        assert actions <= allowed(policy["PolicyDocument"], principal, on=objects)
    keys = {
        stack: assembly.resources(stack, "AWS::KMS::Key")[
            next(
                references(
                    bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]
                )
            )
        ]["KeyPolicy"]
        for stack, bucket in ((payment, source), (recovery, replica))
    }
    assert allowed(keys[payment], arn, on="*") == {"kms:Decrypt"}
    assert allowed(keys[recovery], {"Fn::GetAtt": [role_id, "Arn"]}, on="*") == {"kms:Encrypt", "kms:GenerateDataKey"}


def allowed(policy: dict[str, Any], principal: object, *, on: object) -> set[str]:
    """The actions that a resource policy allows a principal on a resource."""
    return {
        action
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow" and statement["Principal"] == {"AWS": principal}
        if statement["Resource"] == on
        for action in statement_actions(statement)
    }


def test_only_peering_resources_name_another_environment(assembly: Assembly, delivery: Delivery) -> None:
    for environment in delivery.environments:
        for stack in ("Payment", "DisasterRecovery"):
            template = assembly.template(f"{environment.name}-{stack}")
            resources = template["Resources"].items()
            text = json.dumps(
                template | {"Resources": {name: one for name, one in resources if not name.startswith("Peering")}}
            )
            for other in delivery.environments:
                if other is not environment:
                    assert f"{other.name}-" not in text
                    assert other.account in (environment.account, delivery.account) or other.account not in text
                    assert f"-{other.slug}" not in text


def test_every_key_rotates_each_year(assembly: Assembly) -> None:
    for stack in assembly.stacks:
        for name, key in assembly.resources(stack, "AWS::KMS::Key").items():
            assert (key["EnableKeyRotation"], key["RotationPeriodInDays"]) == (True, 365), (
                f"{stack}/{name}: make the key with payment_constructs/keys.py, which turns on rotation"
            )


def test_no_role_uses_a_key_except_through_the_service_of_the_data(assembly: Assembly, delivery: Delivery) -> None:
    for environment in delivery.environments:
        checked = 0
        for stack in (f"{environment.name}-Payment", f"{environment.name}-DisasterRecovery"):
            for name, policy in assembly.resources(stack, "AWS::IAM::ManagedPolicy").items():
                for statement in policy["PolicyDocument"]["Statement"]:
                    if statement["Effect"] == "Allow" and USE_OF_A_KEY & set(statement_actions(statement)):
                        checked += 1
                        condition = statement.get("Condition", {}).get("StringEquals", {})
                        assert "kms:ViaService" in condition, (
                            f"{stack}/{name}: add conditions=through(...) of payment_constructs/keys.py to {statement}"
                        )
        assert checked, "no role uses a key: correct USE_OF_A_KEY"
