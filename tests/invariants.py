"""Invariants of a delivery, whatever its settings are: no region, environment, figure or source type is named here.

tests/policy/test_live.py checks them on cdk.json, tests/switchboard.py on every change that is documented.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from payment_constructs.monitoring.gate import GATE_ALARMS
from pipeline.bootstrap import watcher
from pipeline.bootstrap.permissions import LARGEST, LONGEST, managed_policies, size, text
from pipeline.settings import Delivery
from stages.environment import Environment
from stages.names import gate_reader_name, payment_stack_name, resource_name, role_arn
from tests.alarms import uncovered
from tests.policy.compliance import PAGE, current
from tests.policy.register import PACKS, VALIDATOR, VALIDATOR_RULES
from tests.synthesized import acknowledgements, report_in
from tests.templates import Assembly

Invariant = Callable[[Assembly, Delivery, Environment], None]
DeliveryInvariant = Callable[[Assembly, Delivery], None]
STACKS = ("DisasterRecovery", "Payment")
STATEFUL = {
    "AWS::Backup::BackupVault",
    "AWS::DynamoDB::GlobalTable",
    "AWS::KMS::Key",
    "AWS::RDS::DBCluster",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
}
MOST_RESOURCES, MOST_BYTES = 450, 950_000
"""Of a template, below what CloudFormation accepts, 500 and 1 MB:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""
REGION = re.compile(r"\b(?:af|ap|ca|eu|il|me|mx|sa|us)-(?:north|south|east|west|central)[a-z]*-[0-9]\b")
GLOBAL_SERVICES = {"us-east-1"}


def resources(assembly: Assembly, environment: Environment) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every resource of an environment's stacks, by stack and logical id."""
    for stack in STACKS:
        for logical_id, resource in assembly.template(f"{environment.name}-{stack}")["Resources"].items():
            yield f"{environment.name}-{stack}/{logical_id}", resource


def stages_are_in_order(assembly: Assembly, delivery: Delivery, environment: Environment) -> None:
    """Each environment has one stage, which deploys its own stacks, after the stage of the one before it."""
    names = [stage["Name"] for stage in stages(assembly, delivery)]
    assert [name for name in names if name in {each.name for each in delivery.environments}] == [
        each.name for each in delivery.environments
    ]
    assert deployed(stage_of(assembly, delivery, environment)) == {f"{environment.name}-{stack}" for stack in STACKS}


def an_approval_precedes_the_deployment(assembly: Assembly, delivery: Delivery, environment: Environment) -> None:
    """Between a deployment and the one before it is an approval; only where data is not retained can it be skipped."""
    index = delivery.environments.index(environment)
    if index == 0:
        assert not environment.retains_data, "the first environment has no approval"
        return
    before = delivery.environments[index - 1].name
    names = [stage["Name"] for stage in stages(assembly, delivery)]
    between = stages(assembly, delivery)[names.index(before) + 1 : names.index(environment.name)]
    gates = [
        stage
        for stage in between
        if any(action["ActionTypeId"]["Provider"] == "Manual" for action in stage["Actions"])
        and not (environment.retains_data and "BeforeEntry" in stage)
    ]
    assert gates, f"no approval precedes {environment.name}"


def conditions_are_those_of_the_settings(assembly: Assembly, delivery: Delivery, environment: Environment) -> None:
    """The deployment window before a stage, the environment's own gate alarms after it, and a rollback on failure."""
    stage = stage_of(assembly, delivery, environment)
    window, bake = environment.deployment_window, environment.bake_minutes
    found = {kind: list(rules(stage.get(kind, {}))) for kind in ("BeforeEntry", "OnSuccess")}
    assert found["BeforeEntry"] == (
        [("FAIL", None, {"Cron": window.cron, "TimeZone": window.time_zone}, None)] if window else []
    )
    alarms = [{"AlarmName": resource_name(gate, environment), "WaitTime": str(bake)} for gate in GATE_ALARMS]
    reader = role_arn(gate_reader_name(environment), environment)
    gates = [("ROLLBACK", environment.primary_region, alarm, reader) for alarm in alarms]
    assert found["OnSuccess"] == (gates if bake else [])
    assert stage["OnFailure"]["Result"] == ("ROLLBACK" if bake else "RETRY")
    if environment.retains_data:
        assert window
        assert bake


def stacks_are_in_the_regions_of_the_settings(assembly: Assembly, delivery: Delivery, environment: Environment) -> None:
    """The stacks are in the environment's account, and their templates name no other region than the delivery's."""
    for stack, region in zip(STACKS, (delivery.dr_region, delivery.primary_region), strict=True):
        where = assembly.stacks[f"{environment.name}-{stack}"]
        assert (where.environment.account, where.environment.region) == (environment.account, region)
        named = set(REGION.findall(where.template.read_text(encoding="utf-8")))
        other = named - {delivery.primary_region, delivery.dr_region} - GLOBAL_SERVICES
        assert not other, f"{environment.name}-{stack} names the regions {other}, which the settings do not"


def stored_data_is_encrypted(assembly: Assembly, delivery: Delivery, environment: Environment) -> None:
    """Every store is encrypted, with a key of the platform's own where the service can use one."""
    setting = {
        "AWS::DynamoDB::GlobalTable": "SSESpecification",
        "AWS::Backup::BackupVault": "EncryptionKeyArn",
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::RDS::DBCluster": "StorageEncrypted",
        "AWS::S3::Bucket": "BucketEncryption",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::SQS::Queue": "KmsMasterKeyId",
        "AWS::SecretsManager::Secret": "KmsKeyId",  # pragma: allowlist secret
    }
    for place, resource in resources(assembly, environment):
        if name := setting.get(resource["Type"]):
            assert resource["Properties"].get(name), f"{place}: give {name}"


def data_is_retained_where_the_settings_say(
    assembly: Assembly,
    delivery: Delivery,
    environment: Environment,
) -> None:
    """Data outlives its stack where it is retained, but not a failed creation; elsewhere nothing is left behind."""
    kept = {"RetainExceptOnCreate", "Retain", "Snapshot"} if environment.retains_data else {"Delete"}
    for place, resource in resources(assembly, environment):
        policies = {resource.get(key, "Delete") for key in ("DeletionPolicy", "UpdateReplacePolicy")}
        if resource["Type"] in STATEFUL or not environment.retains_data:
            assert policies <= kept, f"{place}: its deletion policies are {policies}"
        assert resource.get("DeletionPolicy") != "Retain", f"{place}: its name would block the next try of a creation"
        if resource["Type"] == "AWS::RDS::DBCluster":
            assert resource["Properties"]["DeletionProtection"] is environment.retains_data, place
    for stack in STACKS:
        assert assembly.termination_protection(f"{environment.name}-{stack}") is environment.retains_data


def peering_is_one_way(assembly: Assembly, delivery: Delivery, environment: Environment) -> None:
    """An environment has the one peering of its settings, and no route or open port for any other environment."""
    stack = payment_stack_name(environment)
    asked = assembly.resources(stack, "AWS::EC2::VPCPeeringConnection").values()
    peers = [each["PeerVpcId"]["Fn::GetStackOutput"]["StackName"] for each in asked]
    assert peers == ([f"{environment.peers_with}-Payment"] if environment.peers_with else [])
    others = {each.vpc_cidr: each.name for each in delivery.environments if each is not environment}
    routes = assembly.resources(stack, "AWS::EC2::Route").values()
    reached = {others[route["DestinationCidrBlock"]] for route in routes if route["DestinationCidrBlock"] in others}
    assert reached == ({environment.peers_with} if environment.peers_with else set())
    rules = assembly.resources(stack, "AWS::EC2::SecurityGroupIngress").values()
    admitted = {others[rule["CidrIp"]] for rule in rules if rule.get("CidrIp") in others}
    clients = {each.name for each in delivery.environments if each.peers_with == environment.name}
    assert admitted == clients, f"{stack} admits {admitted}: admit only environments whose settings peer with it"


def networks_are_disjoint(assembly: Assembly, delivery: Delivery, environment: Environment) -> None:
    """The VPC has the network of the settings, and it overlaps no other environment's."""
    (vpc,) = assembly.resources(payment_stack_name(environment), "AWS::EC2::VPC").values()
    assert vpc["CidrBlock"] == environment.vpc_cidr
    own = environment.networks().values()
    others = [
        network for each in delivery.environments if each is not environment for network in each.networks().values()
    ]
    assert not any(one.overlaps(other) for one in own for other in others)


def every_demanded_alarm_exists(assembly: Assembly, delivery: Delivery, environment: Environment) -> None:
    """Every resource has the alarms that tests/alarms.py demands."""
    regions = {"Payment": environment.primary_region, "DisasterRecovery": environment.dr_region}
    missing = uncovered({region: assembly.template(f"{environment.name}-{stack}") for stack, region in regions.items()})
    assert missing == [], f"add the alarms: {missing}"


def the_service_is_that_of_the_settings(
    assembly: Assembly,
    delivery: Delivery,
    environment: Environment,
) -> None:
    """Image, architecture and task counts."""
    stack = payment_stack_name(environment)
    task = assembly.only(stack, "AWS::ECS::TaskDefinition")
    assert task["RuntimePlatform"]["CpuArchitecture"] == environment.architecture
    digest = environment.service_image.digest
    assert all(digest in str(container["Image"]) for container in task["ContainerDefinitions"])
    scaling = assembly.only(stack, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (scaling["MinCapacity"], scaling["MaxCapacity"]) == (environment.min_tasks, environment.max_tasks)


EACH_ENVIRONMENT: tuple[Invariant, ...] = (
    stages_are_in_order,
    an_approval_precedes_the_deployment,
    conditions_are_those_of_the_settings,
    stacks_are_in_the_regions_of_the_settings,
    stored_data_is_encrypted,
    data_is_retained_where_the_settings_say,
    peering_is_one_way,
    networks_are_disjoint,
    every_demanded_alarm_exists,
    the_service_is_that_of_the_settings,
)


def no_policy_finding(assembly: Assembly, delivery: Delivery) -> None:
    """The packs and our own rules have no finding that is not acknowledged."""
    report = report_in(assembly.directory)
    assert set(PACKS) <= set(report)
    found = [finding for plugin in report.values() for finding in plugin["violations"]]
    assert found == [], f"fix or acknowledge: {found}"


def every_acknowledgement_is_used(assembly: Assembly, delivery: Delivery) -> None:
    """Each acknowledgement matches a finding, so that none outlives its reason."""
    report = report_in(assembly.directory)
    matched = {
        (finding["acknowledgedAt"], finding["acknowledgedId"])
        for plugin in report.values()
        for finding in plugin.get("suppressedViolations", [])
    }
    given = {
        (path, rule)
        for path, rule, _ in acknowledgements(assembly)
        # The CDK's own, on each of its flow logs; and annotations, which it drops from its report once acknowledged.
        if rule not in ("CloudFormation-Validate::F3002", "CloudFormation-Validate::F3003")
        if not rule.startswith("Annotation::")
        if VALIDATOR in report or not rule.startswith(VALIDATOR_RULES)  # off where a test varies the settings
    }
    assert given == matched, f"remove what matches no finding: {given - matched}"


def stacks_are_within_the_limits(assembly: Assembly, delivery: Delivery) -> None:
    """Resources and size of every template."""
    for name, stack in assembly.stacks.items():
        assert len(assembly.template(name)["Resources"]) < MOST_RESOURCES, f"{name} has too many resources"
        assert stack.template.stat().st_size < MOST_BYTES, f"the template of {name} is too large"


def the_delivery_is_in_its_account_and_regions(assembly: Assembly, delivery: Delivery) -> None:
    """The pipeline with its name, its artifact stores, and the account that all deployments are trusted from."""
    pipeline = assembly.stacks[delivery.stack_name].environment
    assert (pipeline.account, pipeline.region) == (delivery.account, delivery.primary_region)
    properties = assembly.only(delivery.stack_name, "AWS::CodePipeline::Pipeline")
    assert properties["Name"] == delivery.pipeline_name
    assert {store["Region"] for store in properties["ArtifactStores"]} == {delivery.primary_region, delivery.dr_region}


def each_output_of_another_stack_is_read_once(assembly: Assembly, delivery: Delivery) -> None:
    """No template has the same ``Fn::GetStackOutput`` twice: each is a call, and many were throttled."""
    for name in assembly.stacks:
        counts = Counter(json.dumps(value) for value in _stack_outputs(assembly.template(name)))
        twice = [output for output, count in counts.items() if count > 1]
        assert not twice, f"{name}: keep the value in a parameter, as payment_constructs/keys.py does: {twice}"


def _stack_outputs(value: object) -> Iterator[object]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _stack_outputs(inner)
    if isinstance(value, dict) and "Fn::GetStackOutput" in value:
        yield value["Fn::GetStackOutput"]


def permissions_can_be_granted(assembly: Assembly, delivery: Delivery) -> None:
    """`make bootstrap` can write the policies: each fits into a managed policy, and all into a template."""
    documents = [assembly.template(name) for name in assembly.stacks]
    for content in (text(documents, delivery), watcher.text(delivery)):
        assert len(content) <= LARGEST, f"split the file of bootstrap/, it cannot be deployed: {content[:80]}"
    for name, resource in managed_policies(documents, delivery).items():
        characters = size(resource["Properties"]["PolicyDocument"]["Statement"])
        assert characters <= LONGEST - 100, f"{name}: {characters} characters"


def the_compliance_page_can_be_written(assembly: Assembly, delivery: Delivery) -> None:
    """`make compliance` can write the page, with a column for each environment."""
    page = current(PAGE.read_text(encoding="utf-8"), assembly, delivery)
    assert all(environment.name in page for environment in delivery.environments)


WHOLE_DELIVERY: tuple[DeliveryInvariant, ...] = (
    no_policy_finding,
    every_acknowledgement_is_used,
    stacks_are_within_the_limits,
    the_delivery_is_in_its_account_and_regions,
    each_output_of_another_stack_is_read_once,
    permissions_can_be_granted,
    the_compliance_page_can_be_written,
)


STANDALONE: tuple[Invariant, ...] = (
    stored_data_is_encrypted,
    data_is_retained_where_the_settings_say,
    every_demanded_alarm_exists,
    the_service_is_that_of_the_settings,
)
"""Those of an environment that is deployed on its own, without a pipeline."""


def compact(value: object) -> str:
    """JSON without white space, as IAM counts it."""
    return json.dumps(value, separators=(",", ":"))


def stages(assembly: Assembly, delivery: Delivery) -> list[dict[str, Any]]:
    """The stages of the pipeline, in order."""
    found: list[dict[str, Any]] = assembly.only(delivery.stack_name, "AWS::CodePipeline::Pipeline")["Stages"]
    return found


def stage_of(assembly: Assembly, delivery: Delivery, environment: Environment) -> dict[str, Any]:
    """The stage that deploys an environment."""
    (found,) = (stage for stage in stages(assembly, delivery) if stage["Name"] == environment.name)
    return found


def deployed(stage: dict[str, Any]) -> set[str]:
    """The stacks that a stage deploys."""
    settings = [action["Configuration"] for action in stage["Actions"]]
    return {each["StackName"] for each in settings if each.get("ActionMode") == "CHANGE_SET_EXECUTE"}


def rules(conditions: dict[str, Any]) -> Iterator[tuple[str, str | None, dict[str, str], str | None]]:
    """The rules of conditions: result, region, configuration and role."""
    for condition in conditions.get("Conditions", []):
        for rule in condition["Rules"]:
            yield condition["Result"], rule.get("Region"), rule["Configuration"], rule.get("RoleArn")
