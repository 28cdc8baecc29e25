"""Each of our rules finds what is planted for it, says nothing about the clean form, and leaves nothing open."""

from typing import Any

import pytest

from pipeline.policy.plugin import RULES
from pipeline.policy.rule import Rule
from pipeline.policy.template import Template
from pipeline.settings import Delivery
from tests.policy.clean import AUDIT_BUCKETS, CLEAN, DIGEST, GROUPS, LOG_GROUP, STATEFUL, SUBNETS, Resources, changed
from tests.policy.planted import PLANTED, admitting, container, locked, reaching, tcp
from tests.templates import Assembly

BY_ID = {rule.id: rule for rule in RULES}


def templates(delivery: Delivery, **documents: dict[str, Any]) -> dict[str, Template]:
    """Templates of one assembly, by the environment whose payment stack each is."""
    assembly: dict[str, Template] = {}
    for environment, document in documents.items():
        stack = f"PipelineStack/{environment}/Payment"
        assembly[stack] = Template(
            stack=stack, environments=delivery.environments, document=document, assembly=assembly
        )
    return {environment: assembly[f"PipelineStack/{environment}/Payment"] for environment in documents}


def found(rule: Rule | str, delivery: Delivery, resources: Resources, *, environment: str = "Prod") -> list[str]:
    rule = BY_ID[rule] if isinstance(rule, str) else rule
    template = templates(delivery, **{environment: {"Resources": resources}})[environment]
    return [f"{finding.logical_id}.{finding.location}" for finding in rule.findings(template)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_has_planted_violations_and_finds_each_where_it_is(rule: Rule, delivery: Delivery) -> None:
    for resources, location in PLANTED[rule.id]:
        assert found(rule, delivery, resources) == [location]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_passes_the_clean_form_of_what_it_judges(rule: Rule, delivery: Delivery) -> None:
    assert {resource["Type"] for resource in CLEAN[rule.id].values()} & set(rule.types)
    assert found(rule, delivery, CLEAN[rule.id]) == []


def test_no_planted_violation_is_without_its_rule() -> None:
    assert list(PLANTED) == list(CLEAN) == [rule.id for rule in RULES]


def test_every_rule_names_its_requirement_what_it_asks_and_a_remedy() -> None:
    for rule in RULES:
        assert rule.id.split("-")[1] in rule.requirements
        assert rule.description.endswith(".")
        assert rule.fix.endswith(".")


def test_every_rule_judges_something_of_the_platform(assembly: Assembly) -> None:
    types = {resource["Type"] for name in assembly.stacks for resource in assembly.template(name)["Resources"].values()}
    assert [rule.id for rule in RULES if not types & set(rule.types)] == []


def test_a_finding_says_the_value_and_when_it_cannot_be_judged(delivery: Delivery) -> None:
    def said(days: object) -> str:
        resources = changed(LOG_GROUP, "Log", RetentionInDays=days)
        (finding,) = BY_ID["PCI-10.5.1-LogRetention"].findings(
            templates(delivery, Prod={"Resources": resources})["Prod"]
        )
        return str(finding)

    assert said(7) == "Properties.RetentionInDays is 7."
    assert said({"Ref": "Days"}) == (
        'Properties.RetentionInDays is {"Ref": "Days"}, which is known only at deployment.'
    )


def test_where_data_is_not_retained_the_rules_ask_for_less(delivery: Delivery) -> None:
    assert (
        found("PCI-10.5.1-LogRetention", delivery, changed(LOG_GROUP, "Log", RetentionInDays=365), environment="Dev")
        == []
    )
    assert found("PCI-10.5.1-LogRetention", delivery, changed(LOG_GROUP, "Log", RetentionInDays=364), environment="Dev")
    assert found("PCI-10.3.2-AuditLogLocked", delivery, locked(Mode="GOVERNANCE", Days=1), environment="Dev") == []
    assert found("PCI-10.3.2-AuditLogLocked", delivery, locked(Mode="GOVERNANCE"), environment="Dev")
    unkept = changed(STATEFUL, "Cluster", DeletionProtection=None)
    assert found("PCI-10.5.1-DataRetained", delivery, unkept, environment="Dev") == []


def test_a_stack_of_no_environment_is_held_to_what_retained_data_asks(delivery: Delivery) -> None:
    short = changed(LOG_GROUP, "Log", RetentionInDays=365)
    assert found("PCI-10.5.1-LogRetention", delivery, short, environment="Unheard")


def test_an_image_may_be_joined_as_long_as_its_digest_is_spelled_out(delivery: Delivery) -> None:
    image = {"Fn::Join": ["", [{"Ref": "AWS::AccountId"}, f".dkr.ecr.ap-southeast-1.amazonaws.com/payments@{DIGEST}"]]}
    assert found("PCI-6.3.2-ImageByDigest", delivery, container(Image=image)) == []


def test_an_earlier_environment_reaches_for_no_later_one(delivery: Delivery) -> None:
    rule = "PCI-6.5.3-EnvironmentsApart"
    to_prod = reaching(**tcp(5433, CidrIp="10.2.0.0/16")) | {"Ingress": GROUPS["Ingress"]}
    assert found(rule, delivery, to_prod, environment="Prod") == []
    assert found(rule, delivery, to_prod, environment="Staging") == ["Service.Properties.SecurityGroupEgress.0.CidrIp"]
    # The other way round is how the peering is meant.
    assert found(rule, delivery, admitting(**tcp(5433, CidrIp="10.1.0.0/16")), environment="Dev") == []


def handed_on(environment: str) -> dict[str, Any]:
    """A payment stack that publishes its service's group and its route tables, by parameter and by output."""
    ids = {"group": {"Fn::GetAtt": ["Service", "GroupId"]}, "isolated": {"Ref": "IsolatedTable"}}
    return {
        "Resources": GROUPS
        | SUBNETS
        | {
            name: {"Type": "AWS::SSM::Parameter", "Properties": {"Name": f"/{environment}/{name}", "Value": value}}
            for name, value in ids.items()
        },
        "Outputs": {name: {"Value": value} for name, value in ids.items()},
    }


def reading(environment: str, name: str) -> list[tuple[dict[str, Any], object]]:
    """The ways to read what another stack hands on: the parameters of the template, and the value."""
    parameter = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": f"/{environment}/{name}"}
    output = {"StackName": f"{environment}-Payment", "OutputName": name, "Region": "ap-southeast-1"}
    return [
        ({"There": parameter}, {"Ref": "There"}),
        ({}, f"{{{{resolve:ssm:/{environment}/{name}}}}}"),
        ({}, {"Fn::GetStackOutput": output}),
    ]


@pytest.mark.parametrize("way", [0, 1, 2])
def test_a_group_of_another_stack_is_followed_to_its_environment(delivery: Delivery, way: int) -> None:
    def judged(*, of: str, by: str, own_group: bool) -> list[str]:
        parameters, group = reading(of, "group")[way]
        own = {"Fn::GetAtt": ["Service", "GroupId"]}
        ingress = changed(
            GROUPS,
            "Ingress",
            GroupId=own if own_group else group,
            SourceSecurityGroupId=group if own_group else own,
        )
        documents = {of: handed_on(of), by: {"Resources": ingress, "Parameters": parameters}}
        template = templates(delivery, **documents)[by]
        return [finding.location for finding in BY_ID["PCI-6.5.3-EnvironmentsApart"].findings(template)]

    assert judged(of="Staging", by="Prod", own_group=True) == ["Properties.SourceSecurityGroupId"]
    assert judged(of="Staging", by="Prod", own_group=False) == []
    assert judged(of="Prod", by="Staging", own_group=False) == ["Properties.SourceSecurityGroupId"]


@pytest.mark.parametrize("way", [0, 1, 2])
def test_a_route_into_a_table_of_another_stack_is_followed_to_its_subnets(delivery: Delivery, way: int) -> None:
    parameters, table = reading("Staging", "isolated")[way]
    route = {"Route": {"Type": "AWS::EC2::Route", "Properties": {"RouteTableId": table}}}
    documents = {"Staging": handed_on("Staging"), "Prod": {"Resources": route, "Parameters": parameters}}
    (finding,) = BY_ID["PCI-1.4.4-NoRouteOut"].findings(templates(delivery, **documents)["Prod"])
    assert finding.location == "Properties.RouteTableId"


def test_a_locked_bucket_needs_its_retention_whatever_it_is_called(delivery: Delivery) -> None:
    other = changed(locked(Mode="COMPLIANCE"), "Audit", BucketName=None)
    assert found("PCI-10.3.2-AuditLogLocked", delivery, other)
    assert found("PCI-10.3.2-AuditLogLocked", delivery, {"AccessLogs": AUDIT_BUCKETS["AccessLogs"]}) == []
