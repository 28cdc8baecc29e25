"""The template of `cdk bootstrap`: that of the CDK CLI with another trust."""

from copy import deepcopy
from typing import Any

import pytest

from pipeline.bootstrap import toolkit
from pipeline.settings import Delivery
from stages.names import ASSETS_ROLE, IMAGE_ASSETS_ROLE, PIPELINE_ROLE, SELF_MUTATION_ROLE, planner_name
from tests.templates import Assembly


@pytest.fixture(scope="module")
def original() -> dict[str, Any]:
    return toolkit.original()


def test_only_trust_variant_and_deletions_differ_from_the_template_of_the_cli(
    original: dict[str, Any], delivery: Delivery
) -> None:
    ours, theirs = deepcopy(toolkit.template(original, delivery)), deepcopy(original)
    for template in (ours, theirs):
        template["Parameters"]["BootstrapVariant"].pop("Default")
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::IAM::Role":
                resource["Properties"].pop("AssumeRolePolicyDocument")
    policy = theirs["Resources"]["FilePublishingRoleDefaultPolicy"]["Properties"]["PolicyDocument"]
    policy["Statement"][0]["Action"].remove("s3:DeleteObject*")
    assert ours == theirs


def test_plain_cdk_bootstrap_does_not_overwrite_our_template(original: dict[str, Any], delivery: Delivery) -> None:
    ours = toolkit.template(original, delivery)["Parameters"]["BootstrapVariant"]["Default"]
    assert ours != original["Parameters"]["BootstrapVariant"]["Default"], "the CLI compares the variants"


def test_a_new_role_of_the_cli_is_refused_until_its_trust_is_decided(
    original: dict[str, Any], delivery: Delivery
) -> None:
    new = deepcopy(original)
    new["Resources"]["DriftRole"] = new["Resources"]["LookupRole"]
    with pytest.raises(ValueError, match=r"Decide in toolkit\.py which roles may assume DriftRole of the CDK CLI"):
        toolkit.template(new, delivery)


def test_every_role_that_other_accounts_trust_has_its_name(assembly: Assembly, delivery: Delivery) -> None:
    roles = assembly.resources("PipelineStack", "AWS::IAM::Role").items()
    named = {role["RoleName"]: logical_id for logical_id, role in roles if "RoleName" in role}
    planners = {planner_name(environment): f"Plan{environment.name}Role" for environment in delivery.environments[1:]}
    expected = {SELF_MUTATION_ROLE: "SelfMutationRole", ASSETS_ROLE: "AssetsFileRole", **planners}
    for name, part in expected.items():
        assert part in named[name], f"{name} is the name of {named[name]}"
    assert {PIPELINE_ROLE, ASSETS_ROLE} <= named.keys()
    assert IMAGE_ASSETS_ROLE not in named, "there is no image asset"
