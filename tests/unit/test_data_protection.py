"""Data protection: prod retains its data when its stack is deleted; dev and staging retain nothing."""

from collections.abc import Iterator
from typing import Any

from pipeline.settings import Delivery
from tests.templates import Assembly, references

STATEFUL = {
    "AWS::Backup::BackupVault",
    "AWS::DynamoDB::GlobalTable",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
}


def resources(assembly: Assembly, delivery: Delivery, *, retained: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    for environment in delivery.environments:
        if environment.retains_data is retained:
            for stack in ("DisasterRecovery", "Payment"):
                name = f"{environment.name}-{stack}"
                for logical_id, resource in assembly.template(name)["Resources"].items():
                    yield f"{name}/{logical_id}", resource


def test_every_stateful_resource_of_prod_is_retained(assembly: Assembly, delivery: Delivery) -> None:
    stateful = {
        path: resource
        for path, resource in resources(assembly, delivery, retained=True)
        if resource["Type"] in STATEFUL
    }
    assert {resource["Type"] for resource in stateful.values()} == STATEFUL
    for path, resource in stateful.items():
        policies = (resource["DeletionPolicy"], resource["UpdateReplacePolicy"])
        assert policies == ("RetainExceptOnCreate", "Retain"), (
            f"{path}: apply RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE where the environment retains data"
        )


def test_prod_is_protected_from_deletion(assembly: Assembly, delivery: Delivery) -> None:
    *_, prod = delivery.environments
    table = assembly.only(f"{prod.name}-Payment", "AWS::DynamoDB::GlobalTable")
    assert [replica["DeletionProtectionEnabled"] for replica in table["Replicas"]] == [True, True]
    for stack in ("DisasterRecovery", "Payment"):
        assert assembly.termination_protection(f"{prod.name}-{stack}")


def test_no_resource_outside_prod_is_retained(assembly: Assembly, delivery: Delivery) -> None:
    for path, resource in resources(assembly, delivery, retained=False):
        remedy = f"{path}: apply RemovalPolicy.DESTROY where the environment does not retain data"
        assert resource.get("DeletionPolicy", "Delete") == "Delete", remedy
        assert resource.get("UpdateReplacePolicy", "Delete") == "Delete", remedy
        assert not resource.get("Properties", {}).get("DeletionProtectionEnabled"), remedy


def test_every_bucket_outside_prod_is_emptied_on_destroy(assembly: Assembly, delivery: Delivery) -> None:
    for environment in delivery.environments:
        stacks = [f"{environment.name}-{stack}" for stack in ("Payment", "DisasterRecovery")]
        buckets = {
            (bucket["BucketName"], assembly.stacks[stack].environment.region)
            for stack in stacks
            for bucket in assembly.resources(stack, "AWS::S3::Bucket").values()
        }
        assert len(buckets) == 4
        assert emptied(assembly, stacks) == (set() if environment.retains_data else buckets)


def test_the_dr_stack_has_no_emptying_custom_resource(assembly: Assembly, delivery: Delivery) -> None:
    for environment in delivery.environments:
        assert not assembly.resources(f"{environment.name}-DisasterRecovery", "Custom::EmptyOnDestroy")


def test_only_housekeeping_may_empty_buckets_and_no_role_may_in_prod(assembly: Assembly, delivery: Delivery) -> None:
    for environment in delivery.environments:
        payment, recovery = (f"{environment.name}-{stack}" for stack in ("Payment", "DisasterRecovery"))
        names = {
            f"arn:aws:iam::{environment.account}:role/{role['RoleName']}": role["RoleName"]
            for role in assembly.resources(recovery, "AWS::IAM::Role").values()
        }
        names |= {
            logical_id: role["RoleName"] for logical_id, role in assembly.resources(recovery, "AWS::IAM::Role").items()
        }
        for stack in (payment, recovery):
            allowing = {
                bucket: names[next(references(statement["Principal"]), statement["Principal"]["AWS"])]
                for policy in assembly.resources(stack, "AWS::S3::BucketPolicy").values()
                for bucket in references(policy["Bucket"])
                for statement in policy["PolicyDocument"]["Statement"]
                if statement["Effect"] == "Allow"
                and {"s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:PutBucketPolicy"}
                & set(statement["Action"])
            }
            if environment.retains_data:
                assert allowing == {}
            else:
                assert set(allowing) == set(assembly.resources(stack, "AWS::S3::Bucket"))
                assert set(allowing.values()) == {f"payment-housekeeping-{environment.slug}"}


def test_only_buckets_and_vaults_outside_prod_have_the_emptying_tag(assembly: Assembly, delivery: Delivery) -> None:
    for retained in (True, False):
        subjects = {
            path: resource["Properties"]
            for path, resource in resources(assembly, delivery, retained=retained)
            if resource["Type"] in ("AWS::S3::Bucket", "AWS::Backup::BackupVault")
        }
        assert len({path.split("/")[0] for path in subjects}) == (2 if retained else 4)
        for path, properties in subjects.items():
            tags = properties.get("BackupVaultTags") or {tag["Key"]: tag["Value"] for tag in properties["Tags"]}
            assert tags.get("EmptyOnDestroy") == (None if retained else "true"), path


def emptied(assembly: Assembly, stacks: list[str]) -> set[tuple[str, str]]:
    """The name and region of every bucket that a custom resource of the stacks empties on deletion."""
    return {
        (
            assembly.resources(stack, "AWS::S3::Bucket")[name["Ref"]]["BucketName"] if isinstance(name, dict) else name,
            emptying["Region"],
        )
        for stack in stacks
        for emptying in assembly.resources(stack, "Custom::EmptyOnDestroy").values()
        if "BucketName" in emptying
        for name in [emptying["BucketName"]]
    }
