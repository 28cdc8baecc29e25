"""The load balancer, the firewall and the service: ports, TLS, task permissions, scaling and deployment."""

import json
import re
from hashlib import sha256
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from payment_constructs.image import PLATFORMS
from payment_constructs.parameters import VARIABLES, Parameters
from payment_constructs.roles import SENDS_SOURCE_ACCOUNT
from pipeline.settings import Delivery
from stages import payment_stack
from stages.environment import Environment
from stages.payment_stage import PaymentStage
from tests.conftest import CHECKOUT
from tests.templates import Assembly, references, statement_actions

STACK = "Prod-Payment"
PORT = 8080
LOAD_BALANCING = "AWS::ElasticLoadBalancingV2"


def container(assembly: Assembly, stack: str = STACK) -> dict[str, Any]:
    (definition,) = assembly.only(stack, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return dict(definition)


def test_the_only_listener_uses_https_with_a_modern_tls_policy(assembly: Assembly, delivery: Delivery) -> None:
    listener = assembly.only(STACK, f"{LOAD_BALANCING}::Listener")
    assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
    assert listener["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
    assert listener["Certificates"] == [{"CertificateArn": delivery.environments[-1].certificate_arn}]


def test_load_balancer_service_and_container_use_the_same_port(assembly: Assembly) -> None:
    targets = assembly.resources(STACK, f"{LOAD_BALANCING}::TargetGroup").values()
    assert {(group["Port"], group["HealthCheckPort"], group["HealthCheckPath"]) for group in targets} == {
        (PORT, str(PORT), "/health")
    }
    assert [mapping["ContainerPort"] for mapping in container(assembly)["PortMappings"]] == [PORT]
    service = assembly.only(STACK, "AWS::ECS::Service")
    assert {balancer["ContainerPort"] for balancer in service["LoadBalancers"]} == {PORT}
    (group_id,) = references(service["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"])
    admitted = [
        (rule["FromPort"], rule["ToPort"], next(references(rule["SourceSecurityGroupId"])))
        for rule in assembly.resources(STACK, "AWS::EC2::SecurityGroupIngress").values()
        if group_id in references(rule["GroupId"])
    ]
    (balancer_group,) = references(assembly.only(STACK, f"{LOAD_BALANCING}::LoadBalancer")["SecurityGroups"])
    assert admitted == [(PORT, PORT, balancer_group)]


def test_the_firewall_blocks_requests_and_logs_them(assembly: Assembly) -> None:
    association = assembly.only(STACK, "AWS::WAFv2::WebACLAssociation")
    acl = assembly.only(STACK, "AWS::WAFv2::WebACL")
    assert next(references(association["ResourceArn"])) in assembly.resources(STACK, f"{LOAD_BALANCING}::LoadBalancer")
    assert next(references(association["WebACLArn"])) in assembly.resources(STACK, "AWS::WAFv2::WebACL")
    for rule in acl["Rules"]:
        assert rule.get("OverrideAction", {"None": {}}) == {"None": {}}, rule["Name"]
        assert rule.get("Action", {"Block": {}}) == {"Block": {}}, rule["Name"]
    managed = {
        rule["Statement"]["ManagedRuleGroupStatement"]["Name"]
        for rule in acl["Rules"]
        if "ManagedRuleGroupStatement" in rule["Statement"]
    }
    assert {"AWSManagedRulesCommonRuleSet", "AWSManagedRulesSQLiRuleSet"} <= managed
    logging = assembly.only(STACK, "AWS::WAFv2::LoggingConfiguration")
    (log_id,) = references(logging["LogDestinationConfigs"])
    assert assembly.resources(STACK, "AWS::Logs::LogGroup")[log_id]["LogGroupName"].startswith("aws-waf-logs-")
    assert {field["SingleHeader"]["Name"] for field in logging["RedactedFields"]} == {"authorization", "cookie"}


def test_the_load_balancer_logs_requests_and_drops_invalid_headers(assembly: Assembly) -> None:
    balancer = assembly.only(STACK, f"{LOAD_BALANCING}::LoadBalancer")
    attributes = {attribute["Key"]: attribute["Value"] for attribute in balancer["LoadBalancerAttributes"]}
    assert attributes["access_logs.s3.enabled"] == "true"
    assert next(references(attributes["access_logs.s3.bucket"])) in assembly.resources(STACK, "AWS::S3::Bucket")
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"


@pytest.mark.parametrize(("name", "protected"), [("Dev", False), ("Staging", False), ("Prod", True)])
def test_the_load_balancer_has_deletion_protection_only_in_prod(assembly: Assembly, name: str, protected: bool) -> None:
    balancer = assembly.only(f"{name}-Payment", f"{LOAD_BALANCING}::LoadBalancer")
    attributes = {attribute["Key"]: attribute["Value"] for attribute in balancer["LoadBalancerAttributes"]}
    assert attributes["deletion_protection.enabled"] == str(protected).lower()


def test_the_image_is_pinned_by_its_digest(assembly: Assembly, delivery: Delivery) -> None:
    image = container(assembly)["Image"]
    text = image if isinstance(image, str) else "".join(str(part) for part in image["Fn::Join"][1])
    configured = delivery.environments[-1].service_image
    assert text.endswith(f"/{configured.repository}@{configured.digest}")
    assert configured.digest.startswith("sha256:")


def test_the_container_runs_as_non_root_on_a_read_only_file_system(assembly: Assembly) -> None:
    definition = container(assembly)
    assert definition["ReadonlyRootFilesystem"] is True
    assert definition["User"] == "10001:10001"
    assert not definition.get("Privileged")


def test_the_container_may_write_to_tmp_as_any_user(assembly: Assembly) -> None:
    definition, task = container(assembly), assembly.only(STACK, "AWS::ECS::TaskDefinition")
    # A bind mount belongs to root. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html
    assert "Volumes" not in task
    (mount,) = definition["LinuxParameters"]["Tmpfs"]
    assert mount["ContainerPath"] == "/tmp"  # noqa: S108 - the container's own
    assert mount["Size"] < int(task["Memory"]) / 4
    assert set(mount["MountOptions"]) == {"nodev", "noexec", "nosuid"}


def test_the_readme_lists_every_environment_variable_of_the_container(assembly: Assembly) -> None:
    contract = (CHECKOUT / "README.md").read_text(encoding="utf-8").split("### Image contract")[1].split("\n## ")[0]
    definition = container(assembly)
    rows = re.findall(r"^\| (`[A-Z_`, ]+) \|", contract, re.MULTILINE)
    listed = {name for row in rows for name in re.findall("[A-Z_]+", row)}
    given = {secret["Name"] for secret in definition["Secrets"]}
    assert listed == given, f"list in README.md, Image contract, what the container gets: {sorted(listed ^ given)}"
    (mount,) = definition["LinuxParameters"]["Tmpfs"]
    (port,) = (mapping["ContainerPort"] for mapping in definition["PortMappings"])
    facts = (*PLATFORMS.values(), "exec format error", definition["User"], str(port), "/health", f"{mount['Size']} MiB")
    for fact in facts:
        assert fact in contract, f"say in README.md, Image contract, what the template has: {fact}"


def test_the_container_receives_its_configuration_as_secrets(assembly: Assembly) -> None:
    definition = container(assembly)
    assert "Environment" not in definition
    sources = {secret["Name"]: next(references(secret["ValueFrom"])) for secret in definition["Secrets"]}
    types = {name: assembly.template(STACK)["Resources"][source]["Type"] for name, source in sources.items()}
    assert types == dict.fromkeys(VARIABLES, "AWS::SSM::Parameter") | {
        "DB_HOST": "AWS::SecretsManager::Secret",
        "DB_PORT": "AWS::SecretsManager::Secret",
        "DB_NAME": "AWS::SecretsManager::Secret",
        "DB_USERNAME": "AWS::SecretsManager::Secret",
        "DB_PASSWORD": "AWS::SecretsManager::Secret",  # pragma: allowlist secret
    }


def test_each_parameter_of_the_container_has_a_label_that_changes_with_its_value(assembly: Assembly) -> None:
    expected: dict[str, Any] = {}
    for secret in container(assembly)["Secrets"]:
        (source,) = references(secret["ValueFrom"])
        resource = assembly.template(STACK)["Resources"][source]
        if resource["Type"] == "AWS::SSM::Parameter":
            value = resource["Properties"]["Value"]
            known = isinstance(value, str)
            label = sha256(value.encode()).hexdigest() if known else {"Fn::GetAtt": [source, "Value"]}
            expected[f"configuration.{secret['Name']}"] = label
    assert container(assembly)["DockerLabels"] == expected


def task_definition(context: dict[str, Any], environment: Environment) -> dict[str, Any]:
    app = cdk.App(context=context, analytics_reporting=False)
    stage = PaymentStage(
        app, environment.name, environment=environment, tooling_account=environment.account, release="one"
    )
    template = Template.from_stack(stage.payment).to_json()
    (task,) = (one for one in template["Resources"].values() if one["Type"] == "AWS::ECS::TaskDefinition")
    return dict(task)


def test_a_changed_value_changes_the_task_definition(
    context: dict[str, Any], delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = delivery.environments[0]
    before = task_definition(context, environment)

    def another(*arguments: Any, values: dict[str, str], **options: Any) -> Parameters:
        return Parameters(*arguments, values=values | {"Environment": "Another"}, **options)

    monkeypatch.setattr(payment_stack, "Parameters", another)
    after = task_definition(context, environment)
    (old,), (new,) = before["Properties"]["ContainerDefinitions"], after["Properties"]["ContainerDefinitions"]
    assert {key for key in old if old[key] != new[key]} == {"DockerLabels"}


def test_the_task_has_one_cpu_and_two_gibibytes(assembly: Assembly) -> None:
    task = assembly.only(STACK, "AWS::ECS::TaskDefinition")
    assert (task["Cpu"], task["Memory"]) == ("1024", "2048")


def test_the_task_role_allows_only_the_listed_actions(assembly: Assembly) -> None:
    (role_id,) = references(assembly.only(STACK, "AWS::ECS::TaskDefinition")["TaskRoleArn"])
    statements = assembly.role_statements(STACK, assembly.resources(STACK, "AWS::IAM::Role")[role_id])
    granted = {action for statement in statements for action in statement_actions(statement)}
    assert granted == {
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKey",
        "secretsmanager:GetSecretValue",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    }
    assert all(statement["Resource"] != "*" for statement in statements)


def test_the_task_role_may_only_put_objects_into_the_audit_log(assembly: Assembly) -> None:
    (task_role,) = references(assembly.only(STACK, "AWS::ECS::TaskDefinition")["TaskRoleArn"])
    granted = {
        action
        for policy in assembly.resources(STACK, "AWS::S3::BucketPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if task_role in references(statement["Principal"])
        for action in statement_actions(statement)
    }
    assert granted == {"s3:PutObject"}


WITHOUT_ACCOUNT = {"backup.amazonaws.com", "ecs.amazonaws.com", "lambda.amazonaws.com", "s3.amazonaws.com"}
"""Services whose documentation has no `aws:SourceAccount` in the trust policy of their roles."""


def test_a_service_assumes_a_role_only_on_behalf_of_this_account(assembly: Assembly, delivery: Delivery) -> None:
    account = delivery.environments[-1].account
    conditions = {
        statement["Principal"]["Service"]: statement.get("Condition")
        for role in assembly.resources(STACK, "AWS::IAM::Role").values()
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
        if "Service" in statement["Principal"]
    }
    own_account = {"StringEquals": {"aws:SourceAccount": account}}
    expected = dict.fromkeys(SENDS_SOURCE_ACCOUNT, own_account) | dict.fromkeys(WITHOUT_ACCOUNT & set(conditions))
    assert conditions == expected, "does AWS document aws:SourceAccount for a new service? See SENDS_SOURCE_ACCOUNT"


def test_task_roles_trust_only_ecs_tasks(assembly: Assembly) -> None:
    task = assembly.only(STACK, "AWS::ECS::TaskDefinition")
    for role in (task["TaskRoleArn"], task["ExecutionRoleArn"]):
        (role_id,) = references(role)
        (statement,) = assembly.resources(STACK, "AWS::IAM::Role")[role_id]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}


@pytest.mark.parametrize(("name", "least", "most"), [("Dev", 1, 5), ("Staging", 1, 5), ("Prod", 2, 10)])
def test_the_service_scales_on_cpu_memory_and_backlog_per_task(
    assembly: Assembly, name: str, least: int, most: int
) -> None:
    target = assembly.only(f"{name}-Payment", "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (least, most)
    tracked = [
        policy["TargetTrackingScalingPolicyConfiguration"]
        for policy in assembly.resources(f"{name}-Payment", "AWS::ApplicationAutoScaling::ScalingPolicy").values()
    ]
    assert {(each["ScaleInCooldown"], each["ScaleOutCooldown"]) for each in tracked} == {(60, 60)}
    targets = {
        each.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType", "backlog"): each["TargetValue"]
        for each in tracked
    }
    assert targets == {
        "ECSServiceAverageCPUUtilization": 70,
        "ECSServiceAverageMemoryUtilization": 70,
        "backlog": 100,
    }
    (backlog,) = (each["CustomizedMetricSpecification"] for each in tracked if "CustomizedMetricSpecification" in each)
    *metrics, rate = backlog["Metrics"]
    assert rate == {"Id": "backlog", "Expression": "FILL(waiting, 0) / running", "ReturnData": True}
    found = {each["Id"]: each["MetricStat"] for each in metrics if each["ReturnData"] is False}
    assert {name: (one["Metric"]["Namespace"], one["Metric"]["MetricName"]) for name, one in found.items()} == {
        "waiting": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        "running": ("ECS/ContainerInsights", "RunningTaskCount"),
    }
    dimensions = {one["Name"]: references(one["Value"]) for one in found["running"]["Metric"]["Dimensions"]}
    assert set(dimensions) == {"ClusterName", "ServiceName"}


def test_the_circuit_breaker_rolls_back_a_failed_rolling_deployment(assembly: Assembly) -> None:
    service = assembly.only("Dev-Payment", "AWS::ECS::Service")
    assert service["DeploymentConfiguration"]["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert "Strategy" not in service["DeploymentConfiguration"]
    assert "AdvancedConfiguration" not in service["LoadBalancers"][0]


@pytest.mark.parametrize(("name", "percent", "step", "bake"), [("Staging", 25, 2, 5), ("Prod", 10, 10, 30)])
def test_staging_and_prod_deploy_with_the_canary_of_the_settings(
    assembly: Assembly, name: str, percent: int, step: int, bake: int
) -> None:
    stack = f"{name}-Payment"
    service = assembly.only(stack, "AWS::ECS::Service")
    deployment = service["DeploymentConfiguration"]
    assert deployment["Strategy"] == "CANARY"
    assert deployment["CanaryConfiguration"] == {"CanaryPercent": percent, "CanaryBakeTimeInMinutes": step}
    assert deployment["BakeTimeInMinutes"] == bake
    # ECS has none for canaries.
    assert "DeploymentCircuitBreaker" not in deployment
    (balancer,) = service["LoadBalancers"]
    used = set(references(balancer))
    assert set(assembly.resources(stack, f"{LOAD_BALANCING}::TargetGroup")) <= used
    assert set(assembly.resources(stack, f"{LOAD_BALANCING}::ListenerRule")) <= used


@pytest.mark.parametrize("name", ["Dev", "Staging", "Prod"])
def test_the_production_rule_forwards_to_both_target_groups(assembly: Assembly, name: str) -> None:
    stack = f"{name}-Payment"
    (action,) = assembly.only(stack, f"{LOAD_BALANCING}::ListenerRule")["Actions"]
    weights = {
        next(references(one["TargetGroupArn"])): one["Weight"] for one in action["ForwardConfig"]["TargetGroups"]
    }
    assert set(weights) == set(assembly.resources(stack, f"{LOAD_BALANCING}::TargetGroup")), (
        "ECS rolls a canary back whose production rule does not name both target groups"
    )
    (balancer,) = assembly.only(stack, "AWS::ECS::Service")["LoadBalancers"]
    first = next(references(balancer["TargetGroupArn"]))
    assert weights == {name: 100 if name == first else 0 for name in weights}


def test_tasks_run_in_private_subnets_without_public_addresses(assembly: Assembly) -> None:
    network = assembly.only(STACK, "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["AssignPublicIp"] == "DISABLED"
    tiers = {
        tag["Value"]
        for subnet_id in references(network["Subnets"])
        for tag in assembly.resources(STACK, "AWS::EC2::Subnet")[subnet_id]["Tags"]
        if tag["Key"] == "aws-cdk:subnet-name"
    }
    assert tiers == {"Private"}


def test_secrets_manager_generates_the_database_password(assembly: Assembly) -> None:
    secret = assembly.only(STACK, "AWS::SecretsManager::Secret")
    assert "SecretString" not in secret
    assert "password" not in json.loads(
        "".join(
            part if isinstance(part, str) else "host"
            for part in secret["GenerateSecretString"]["SecretStringTemplate"]["Fn::Join"][1]
        )
    )


@pytest.mark.parametrize("name", ["Dev", "Staging", "Prod"])
def test_the_deployment_alarm_rolls_back_a_deployment(assembly: Assembly, name: str) -> None:
    stack = f"{name}-Payment"
    alarms = assembly.only(stack, "AWS::ECS::Service")["DeploymentConfiguration"]["Alarms"]
    assert alarms == {"AlarmNames": [f"payment-deployment-{name.lower()}"], "Enable": True, "Rollback": True}
    (alarm_id,) = (
        logical_id
        for logical_id, alarm in assembly.resources(stack, "AWS::CloudWatch::Alarm").items()
        if alarm["AlarmName"] in alarms["AlarmNames"]
    )
    (service,) = (one for one in assembly.template(stack)["Resources"].values() if one["Type"] == "AWS::ECS::Service")
    assert alarm_id in service["DependsOn"]
    instances = assembly.resources(stack, "AWS::RDS::DBInstance")
    assert set(instances) <= set(service["DependsOn"]), "a task needs the database"
