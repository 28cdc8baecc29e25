"""Prod's data outlives its stack; Dev and Staging leave nothing behind."""

from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.delivery import Delivery
from tests.synthesized import Assembly

STATEFUL = {
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
        place: resource
        for place, resource in resources(assembly, delivery, retained=True)
        if resource["Type"] in STATEFUL
    }
    assert {resource["Type"] for resource in stateful.values()} == STATEFUL
    for place, resource in stateful.items():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain"), place


def test_prod_is_protected_from_deletion(assembly: Assembly, delivery: Delivery) -> None:
    *_, prod = delivery.environments
    table = assembly.only(f"{prod.name}-Payment", "AWS::DynamoDB::GlobalTable")
    assert [replica["DeletionProtectionEnabled"] for replica in table["Replicas"]] == [True, True]
    for stack in ("DisasterRecovery", "Payment"):
        assert assembly.termination_protection(f"{prod.name}-{stack}")


def test_no_resource_outside_prod_is_retained(assembly: Assembly, delivery: Delivery) -> None:
    for place, resource in resources(assembly, delivery, retained=False):
        assert resource.get("DeletionPolicy", "Delete") == "Delete", place
        assert resource.get("UpdateReplacePolicy", "Delete") == "Delete", place
        assert not resource.get("Properties", {}).get("DeletionProtectionEnabled"), place


@pytest.mark.parametrize("stack", ["DisasterRecovery", "Payment"])
def test_every_bucket_outside_prod_is_emptied_on_destroy(assembly: Assembly, delivery: Delivery, stack: str) -> None:
    for environment in delivery.environments:
        name = f"{environment.name}-{stack}"
        buckets = set(assembly.resources(name, "AWS::S3::Bucket"))
        emptied = {
            emptying["BucketName"]["Ref"] for emptying in assembly.resources(name, "Custom::EmptyOnDestroy").values()
        }
        assert emptied == (set() if environment.retains_data else buckets)
