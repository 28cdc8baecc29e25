"""The manifest describes this deployment."""

from typing import Any

from tests.integration.deployed import Deployed


def test_the_manifest_names_this_release(manifest: dict[str, Any], deployed: Deployed) -> None:
    assert manifest["release"] == deployed.release, (
        "another release is deployed: run the verification of the latest execution"
    )


def test_the_manifest_names_this_environment(manifest: dict[str, Any], deployed: Deployed) -> None:
    assert manifest["environment"] == deployed.environment
    assert deployed.role_arn.split(":")[4] == manifest["configuration"]["account"], "ROLE_ARN is of another account"


def test_the_manifest_matches_the_stack_outputs(primary: dict[str, str], deployed: Deployed) -> None:
    listed = {name: primary[name] for name in ("vpc", "load_balancer", "database", "queue", "audit_bucket")}
    assert listed == {
        "vpc": deployed.vpc_id,
        "load_balancer": deployed.load_balancer_dns,
        "database": deployed.database_endpoint,
        "queue": deployed.queue_url,
        "audit_bucket": deployed.audit_bucket_name,
    }
    assert primary["session_table"].endswith(f":table/{deployed.session_table_name}")
    cluster = deployed.cluster_arn.rpartition("/")[2]
    assert f":service/{cluster}/" in primary["service"], "the service is not in the cluster of the stack output"
