"""The inventory of an environment: outputs, parameters, manifest, names and tags."""

import json
from typing import Any

import aws_cdk as cdk
import pytest

from payment_constructs.manifest import STANDARD_PARAMETER_BYTES, Manifest, longest_size
from payment_constructs.parameters import KEYS
from stages.environment import Environment
from tests.templates import Assembly, references


def manifest(assembly: Assembly, environment: Environment) -> dict[str, Any]:
    text = (assembly.directory / f"{environment.name}.manifest.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def test_the_outputs_are_those_that_verification_reads(assembly: Assembly, environment: Environment) -> None:
    outputs = assembly.template(f"{environment.name}-Payment")["Outputs"]
    resources = assembly.template(f"{environment.name}-Payment")["Resources"]
    # The next environment reads this output for the peering.
    peering = {} if environment.name == "Prod" else {"DatabaseRouteTableIds": "AWS::EC2::RouteTable"}
    assert {name: resources[next(references(output["Value"]))]["Type"] for name, output in outputs.items()} == {
        **peering,
        "VpcId": "AWS::EC2::VPC",
        "ClusterArn": "AWS::ECS::Cluster",
        "DatabaseEndpoint": "AWS::RDS::DBCluster",
        "LoadBalancerDns": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "SessionTableName": "AWS::DynamoDB::GlobalTable",
        "QueueUrl": "AWS::SQS::Queue",
        "AuditBucketName": "AWS::S3::Bucket",
    }


def test_parameters_are_under_the_path_of_their_environment(assembly: Assembly, environment: Environment) -> None:
    parameters = assembly.resources(f"{environment.name}-Payment", "AWS::SSM::Parameter").values()
    beside = {"manifest", "replica-key/audit", "replica-key/secret", "replica-key/session"}
    assert {parameter["Name"] for parameter in parameters} == {
        f"/payment/{environment.slug}/{name}" for name in {*KEYS.values(), *beside} - {KEYS["BackupVault"]}
    }


def test_the_dr_region_has_its_own_parameters(assembly: Assembly, environment: Environment) -> None:
    recovery = f"{environment.name}-DisasterRecovery"
    parameters = {
        parameter["Name"]: parameter["Value"]
        for parameter in assembly.resources(recovery, "AWS::SSM::Parameter").values()
    }
    path = f"/payment/{environment.slug}"
    assert parameters.keys() == {
        f"{path}/{name}"
        for name in ("audit/bucket", "backup/vault", "db/secret", "dynamodb/table", "manifest", "release")
    }
    # The payment stack replicates the table and the secret under the same names; the rest is in this stack.
    table = assembly.only(f"{environment.name}-Payment", "AWS::DynamoDB::GlobalTable")
    secret = assembly.only(f"{environment.name}-Payment", "AWS::SecretsManager::Secret")
    assert parameters[f"{path}/dynamodb/table"] == table["TableName"]
    assert parameters[f"{path}/db/secret"] == secret["Name"]
    for name, kind in (("audit/bucket", "AWS::S3::Bucket"), ("backup/vault", "AWS::Backup::BackupVault")):
        assert next(references(parameters[f"{path}/{name}"])) in assembly.resources(recovery, kind)


def test_the_dr_manifest_does_not_depend_on_the_primary_region(assembly: Assembly, environment: Environment) -> None:
    recovery, payment = f"{environment.name}-DisasterRecovery", f"{environment.name}-Payment"
    (parameter,) = (
        parameter
        for parameter in assembly.resources(recovery, "AWS::SSM::Parameter").values()
        if parameter["Name"].endswith("/manifest")
    )
    # It refers only to its own stack.
    assert "Fn::GetStackOutput" not in json.dumps(parameter)
    document = json.loads(
        "".join(part if isinstance(part, str) else "arn" for part in parameter["Value"]["Fn::Join"][1])
    )
    assert document["configuration"] == environment.as_document()
    dr, primary = document["us-west-2"], document["ap-southeast-1"]
    policy = assembly.only(recovery, "AWS::IAM::ManagedPolicy")
    assert dr["session_policy"] == policy["ManagedPolicyName"]
    named = json.dumps([assembly.template(payment)["Resources"], assembly.template(recovery)["Resources"]])
    for name in (*dr.values(), *primary.values()):
        assert name == "arn" or f'"{name}"' in named


def test_the_dr_session_policy_allows_only_the_session_table(assembly: Assembly, environment: Environment) -> None:
    recovery = f"{environment.name}-DisasterRecovery"
    policy = assembly.only(recovery, "AWS::IAM::ManagedPolicy")
    statements = policy["PolicyDocument"]["Statement"]
    table = f"table/payment-sessions-{environment.slug}"
    assert [statement["Action"] for statement in statements] == [
        ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
        ["kms:Decrypt", "kms:DescribeKey"],
    ]
    assert statements[0]["Resource"] == f"arn:aws:dynamodb:us-west-2:{environment.account}:{table}"
    assert next(references(statements[1]["Resource"])) in assembly.resources(recovery, "AWS::KMS::Key")
    assert not policy.get("Roles")


def test_the_manifest_lists_deployed_resources_and_their_settings(assembly: Assembly, environment: Environment) -> None:
    document = manifest(assembly, environment)
    assert document["environment"] == environment.name
    assert document["release"] == "0" * 40
    assert document["configuration"] == environment.as_document()
    stack = f"{environment.name}-Payment"
    for value in document["ap-southeast-1"].values():
        assert next(references(value)) in assembly.template(stack)["Resources"]
    recovery = f"{environment.name}-DisasterRecovery"
    assert document["us-west-2"]["audit_bucket"] in {
        bucket["BucketName"] for bucket in assembly.resources(recovery, "AWS::S3::Bucket").values()
    }


def test_the_manifest_parameter_equals_the_manifest_file(assembly: Assembly, environment: Environment) -> None:
    (parameter,) = (
        parameter
        for parameter in assembly.resources(f"{environment.name}-Payment", "AWS::SSM::Parameter").values()
        if parameter["Name"].endswith("/manifest")
    )
    # The deployed document, with the word "known" for every deploy-time value.
    joined = "".join(part if isinstance(part, str) else "known" for part in parameter["Value"]["Fn::Join"][1])

    def known(value: Any) -> Any:
        if isinstance(value, dict):
            if any(key == "Ref" or key.startswith("Fn::") for key in value):
                return "known"
            return {key: known(inner) for key, inner in value.items()}
        return value

    assert json.loads(joined) == known(manifest(assembly, environment))


def test_a_manifest_too_large_for_a_standard_parameter_is_refused() -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    document = {f"key{number}": cdk.Aws.STACK_ID for number in range(40)}
    with pytest.raises(ValueError, match=rf"/m: the manifest may take \d+ bytes, above the {STANDARD_PARAMETER_BYTES}"):
        Manifest(stack, "Manifest", parameter_name="/m", document=document)


def test_a_deploy_time_value_counts_at_its_maximum_length() -> None:
    assert longest_size({"a": "b"}) == len('{"a":"b"}')
    assert longest_size({"a": cdk.Aws.STACK_ID}) == len('{"a":""}') + 128


def test_a_stack_is_tagged_with_its_environment_and_not_its_release(
    assembly: Assembly, environment: Environment
) -> None:
    for stack in ("Payment", "DisasterRecovery"):
        assert assembly.tags(f"{environment.name}-{stack}") == {
            "Application": "PaymentProcessing",
            "Environment": environment.name,
            "ManagedBy": "CDK",
        }


def test_every_taggable_resource_is_tagged(assembly: Assembly, environment: Environment) -> None:
    tagged = 0
    for stack in ("Payment", "DisasterRecovery"):
        for name, resource in assembly.template(f"{environment.name}-{stack}")["Resources"].items():
            tags = resource.get("Properties", {}).get("Tags")
            if isinstance(tags, list):
                tagged += 1
                assert {"Key": "Environment", "Value": environment.name} in tags, f"tag {name} with its environment"
    assert tagged > 40


def test_bucket_names_end_with_account_and_region(assembly: Assembly) -> None:
    for name, stack in assembly.stacks.items():
        for bucket in assembly.resources(name, "AWS::S3::Bucket").values():
            assert bucket["BucketName"].endswith(f"-{stack.environment.account}-{stack.environment.region}")
            assert len(bucket["BucketName"]) <= 63
