"""Every rule reports its planted violations and accepts its clean template."""

from typing import Any

import pytest

from pipeline.policy.plugin import RULES
from pipeline.policy.rule import Rule
from pipeline.policy.template import Template
from pipeline.settings import Delivery
from tests.policy.clean import AUDIT_BUCKETS, CLEAN, DIGEST, GROUPS, LOG_GROUP, STATEFUL, SUBNETS, Resources, changed
from tests.policy.planted import PLANTED, container, inbound, locked, outbound, overridden, tcp
from tests.templates import Assembly

BY_ID = {rule.id: rule for rule in RULES}


def templates(delivery: Delivery, **documents: dict[str, Any]) -> dict[str, Template]:
    """The templates of an assembly with one payment stack per environment."""
    stacks = {f"PipelineStack/{environment}/Payment": document for environment, document in documents.items()}
    assembly = Template.of_assembly(stacks, environments=delivery.environments)
    return dict(zip(documents, assembly.values(), strict=True))


def found(rule: Rule | str, delivery: Delivery, resources: Resources, *, environment: str = "Prod") -> list[str]:
    rule = BY_ID[rule] if isinstance(rule, str) else rule
    template = templates(delivery, **{environment: {"Resources": resources}})[environment]
    return [f"{finding.logical_id}.{finding.location}" for finding in rule.findings(template)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_reports_each_planted_violation_at_its_location(rule: Rule, delivery: Delivery) -> None:
    for resources, location in PLANTED[rule.id]:
        assert found(rule, delivery, resources) == [location]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_accepts_its_clean_template(rule: Rule, delivery: Delivery) -> None:
    assert {resource["Type"] for resource in CLEAN[rule.id].values()} & set(rule.types)
    assert found(rule, delivery, CLEAN[rule.id]) == []


def test_every_rule_has_a_clean_template_and_planted_violations() -> None:
    assert list(PLANTED) == list(CLEAN) == [rule.id for rule in RULES]


def test_every_rule_states_its_requirement_a_description_and_a_fix() -> None:
    for rule in RULES:
        assert rule.id.split("-")[1] in rule.requirements
        assert rule.description.endswith(".")
        assert rule.fix.endswith(".")


def test_every_rule_checks_a_resource_type_of_the_platform(assembly: Assembly) -> None:
    types = {resource["Type"] for name in assembly.stacks for resource in assembly.template(name)["Resources"].values()}
    assert [rule.id for rule in RULES if not types & set(rule.types)] == []


def test_a_finding_states_the_value_and_whether_only_a_deployment_knows_it(delivery: Delivery) -> None:
    def message(days: object) -> str:
        resources = changed(LOG_GROUP, "Log", RetentionInDays=days)
        (finding,) = BY_ID["PCI-10.5.1-LogRetention"].findings(
            templates(delivery, Prod={"Resources": resources})["Prod"]
        )
        return str(finding)

    assert message(7) == "Properties.RetentionInDays is 7."
    assert message({"Ref": "Days"}) == (
        'Properties.RetentionInDays is {"Ref": "Days"}, which is known only at deployment.'
    )


def test_rules_are_less_strict_where_no_data_is_retained(delivery: Delivery) -> None:
    assert (
        found("PCI-10.5.1-LogRetention", delivery, changed(LOG_GROUP, "Log", RetentionInDays=365), environment="Dev")
        == []
    )
    assert found("PCI-10.5.1-LogRetention", delivery, changed(LOG_GROUP, "Log", RetentionInDays=364), environment="Dev")
    assert found("PCI-10.3.2-AuditLogLocked", delivery, locked(Mode="GOVERNANCE", Days=1), environment="Dev") == []
    assert found("PCI-10.3.2-AuditLogLocked", delivery, locked(Mode="GOVERNANCE"), environment="Dev")
    unprotected = changed(STATEFUL, "Cluster", DeletionProtection=None)
    assert found("PCI-10.5.1-DataRetained", delivery, unprotected, environment="Dev") == []


def test_a_stack_outside_every_stage_counts_as_retaining_data(delivery: Delivery) -> None:
    short = changed(LOG_GROUP, "Log", RetentionInDays=365)
    assert found("PCI-10.5.1-LogRetention", delivery, short, environment="Unknown")


def test_an_image_name_may_be_joined_if_its_digest_is_literal(delivery: Delivery) -> None:
    image = {"Fn::Join": ["", [{"Ref": "AWS::AccountId"}, f".dkr.ecr.ap-southeast-1.amazonaws.com/payments@{DIGEST}"]]}
    assert found("PCI-6.5.1-ImageByDigest", delivery, container(Image=image)) == []


def test_the_limit_of_bodies_may_count_and_no_other_rule(delivery: Delivery) -> None:
    counted = overridden(RuleActionOverrides=[{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}])
    assert found("PCI-6.4.2-FirewallBlocks", delivery, counted) == []


def test_an_earlier_environment_may_not_connect_to_a_later_one(delivery: Delivery) -> None:
    rule = "PCI-6.5.3-EnvironmentsApart"
    to_prod = outbound(**tcp(5433, CidrIp="10.2.0.0/16")) | {"Ingress": GROUPS["Ingress"]}
    assert found(rule, delivery, to_prod, environment="Prod") == []
    assert found(rule, delivery, to_prod, environment="Staging") == ["Service.Properties.SecurityGroupEgress.0.CidrIp"]
    # The opposite direction is the purpose of the peering.
    assert found(rule, delivery, inbound(**tcp(5433, CidrIp="10.1.0.0/16")), environment="Dev") == []


def publishing(environment: str) -> dict[str, Any]:
    """A payment stack that publishes a security group and a route table as SSM parameters and stack outputs."""
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
    """The three forms to read a value of another stack: the parameters that the template needs, and the value."""
    parameter = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": f"/{environment}/{name}"}
    output = {"StackName": f"{environment}-Payment", "OutputName": name, "Region": "ap-southeast-1"}
    return [
        ({"Read": parameter}, {"Ref": "Read"}),
        ({}, f"{{{{resolve:ssm:/{environment}/{name}}}}}"),
        ({}, {"Fn::GetStackOutput": output}),
    ]


@pytest.mark.parametrize("form", [0, 1, 2])
def test_a_security_group_of_another_stack_is_resolved_to_its_environment(delivery: Delivery, form: int) -> None:
    def locations(*, of: str, by: str, own_group: bool) -> list[str]:
        parameters, group = reading(of, "group")[form]
        own = {"Fn::GetAtt": ["Service", "GroupId"]}
        ingress = changed(
            GROUPS,
            "Ingress",
            GroupId=own if own_group else group,
            SourceSecurityGroupId=group if own_group else own,
        )
        documents = {of: publishing(of), by: {"Resources": ingress, "Parameters": parameters}}
        template = templates(delivery, **documents)[by]
        return [finding.location for finding in BY_ID["PCI-6.5.3-EnvironmentsApart"].findings(template)]

    assert locations(of="Staging", by="Prod", own_group=True) == ["Properties.SourceSecurityGroupId"]
    assert locations(of="Staging", by="Prod", own_group=False) == []
    assert locations(of="Prod", by="Staging", own_group=False) == ["Properties.SourceSecurityGroupId"]


@pytest.mark.parametrize("form", [0, 1, 2])
def test_a_route_table_of_another_stack_is_resolved_to_its_subnets(delivery: Delivery, form: int) -> None:
    parameters, table = reading("Staging", "isolated")[form]
    route = {"Route": {"Type": "AWS::EC2::Route", "Properties": {"RouteTableId": table}}}
    documents = {"Staging": publishing("Staging"), "Prod": {"Resources": route, "Parameters": parameters}}
    (finding,) = BY_ID["PCI-1.4.4-NoRouteOut"].findings(templates(delivery, **documents)["Prod"])
    assert finding.location == "Properties.RouteTableId"


def test_a_locked_bucket_needs_a_retention_period_whatever_its_name(delivery: Delivery) -> None:
    other = changed(locked(Mode="COMPLIANCE"), "Audit", BucketName=None)
    assert found("PCI-10.3.2-AuditLogLocked", delivery, other)
    assert found("PCI-10.3.2-AuditLogLocked", delivery, {"AccessLogs": AUDIT_BUCKETS["AccessLogs"]}) == []
