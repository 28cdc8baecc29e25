"""The database: two zones, isolated subnets, TLS only, and a master password that RDS manages."""

import json
from collections.abc import Iterator
from typing import Any

from stages.environment import Environment
from tests.conftest import CHECKOUT
from tests.templates import Assembly, references, statement_actions

PORT = 5433


def cluster(assembly: Assembly, environment: Environment) -> dict[str, Any]:
    return assembly.only(f"{environment.name}-Payment", "AWS::RDS::DBCluster")


def database_groups(assembly: Assembly, environment: Environment) -> set[str]:
    """The security groups of the database."""
    return set(references(cluster(assembly, environment)["VpcSecurityGroupIds"]))


def reached(assembly: Assembly, environment: Environment, group: str) -> list[tuple[set[str], int, int]]:
    """What members of a security group reach: groups, and the first and last port."""
    return [
        (set(references(rule["DestinationSecurityGroupId"])), rule["FromPort"], rule["ToPort"])
        for rule in assembly.resources(f"{environment.name}-Payment", "AWS::EC2::SecurityGroupEgress").values()
        if group in references(rule["GroupId"])
    ]


def test_writer_and_reader_are_in_different_availability_zones(assembly: Assembly, environment: Environment) -> None:
    instances = assembly.resources(f"{environment.name}-Payment", "AWS::RDS::DBInstance").values()
    assert len(instances) == environment.database_instances
    assert len({instance["AvailabilityZone"] for instance in instances}) == len(instances)
    assert {instance["DBInstanceClass"] for instance in instances} == {environment.database_instance_class}
    assert all(instance["PubliclyAccessible"] is False for instance in instances)


def rotation_function(assembly: Assembly, environment: Environment) -> dict[str, Any]:
    stack = f"{environment.name}-Payment"
    arn = assembly.only(stack, "AWS::SecretsManager::RotationSchedule")["RotationLambdaARN"]
    function: dict[str, Any] = assembly.resources(stack, "AWS::Lambda::Function")[next(references(arn))]
    return function


def test_the_cluster_is_in_the_isolated_subnets(assembly: Assembly, environment: Environment) -> None:
    stack = f"{environment.name}-Payment"
    subnets = assembly.only(stack, "AWS::RDS::DBSubnetGroup")["SubnetIds"]
    names = {
        tag["Value"]
        for subnet in references(subnets)
        for tag in assembly.resources(stack, "AWS::EC2::Subnet")[subnet]["Tags"]
        if tag["Key"] == "aws-cdk:subnet-name"
    }
    assert names == {"Database"}


def access_function(assembly: Assembly, environment: Environment) -> tuple[str, dict[str, Any]]:
    """The function that runs statements of people, with its logical id."""
    (found,) = (
        each
        for each in assembly.resources(f"{environment.name}-Payment", "AWS::Lambda::Function").items()
        if each[1].get("FunctionName") == f"payment-database-access-{environment.slug}"
    )
    return found


def test_the_database_admits_only_service_rotation_and_people(assembly: Assembly, environment: Environment) -> None:
    stack = f"{environment.name}-Payment"
    (group_id,) = references(cluster(assembly, environment)["VpcSecurityGroupIds"])
    (service_group,) = references(
        assembly.only(stack, "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"]
    )
    (rotation_group,) = references(rotation_function(assembly, environment)["VpcConfig"]["SecurityGroupIds"])
    (people_group,) = references(access_function(assembly, environment)[1]["VpcConfig"]["SecurityGroupIds"])
    admitted = [
        (next(references(rule["SourceSecurityGroupId"])), rule["FromPort"], rule["ToPort"])
        for rule in assembly.resources(stack, "AWS::EC2::SecurityGroupIngress").values()
        if group_id in references(rule["GroupId"]) and "SourceSecurityGroupId" in rule
    ]
    assert sorted(admitted) == sorted((group, PORT, PORT) for group in (service_group, rotation_group, people_group))
    (egress,) = assembly.resources(stack, "AWS::EC2::SecurityGroup")[group_id]["SecurityGroupEgress"]
    assert egress["CidrIp"] == "255.255.255.255/32"


def test_the_database_is_encrypted_with_its_own_key(assembly: Assembly, environment: Environment) -> None:
    database = cluster(assembly, environment)
    assert database["StorageEncrypted"] is True
    keys = {
        next(references(key))
        for key in (
            database["KmsKeyId"],
            database["MasterUserSecret"]["KmsKeyId"],
            database["PerformanceInsightsKmsKeyId"],
        )
    }
    assert len(keys) == 1
    assert keys <= set(assembly.resources(f"{environment.name}-Payment", "AWS::KMS::Key"))


def test_rds_manages_the_master_password(assembly: Assembly, environment: Environment) -> None:
    database = cluster(assembly, environment)
    assert database["ManageMasterUserPassword"] is True
    assert "MasterUserPassword" not in database
    assert database["EnableIAMDatabaseAuthentication"] is True


def test_the_database_requires_tls_and_logs_connections(assembly: Assembly, environment: Environment) -> None:
    parameters = assembly.only(f"{environment.name}-Payment", "AWS::RDS::DBClusterParameterGroup")["Parameters"]
    assert parameters["rds.force_ssl"] == "1"
    assert parameters["password_encryption"] == "scram-sha-256"  # noqa: S105 - a method  # pragma: allowlist secret
    assert parameters["log_connections"] == "1"
    assert "pgaudit" in parameters["shared_preload_libraries"]


def test_the_database_log_group_is_encrypted_and_created_first(assembly: Assembly, environment: Environment) -> None:
    stack = f"{environment.name}-Payment"
    database = cluster(assembly, environment)
    assert database["EnableCloudwatchLogsExports"] == ["postgresql"]
    ((log_id, group),) = (
        (name, group)
        for name, group in assembly.resources(stack, "AWS::Logs::LogGroup").items()
        if str(group.get("LogGroupName", "")).startswith("/aws/rds/")
    )
    assert group["LogGroupName"] == f"/aws/rds/cluster/{database['DBClusterIdentifier']}/postgresql"
    assert "KmsKeyId" in group
    (resource,) = (
        one for one in assembly.template(stack)["Resources"].values() if one["Type"] == "AWS::RDS::DBCluster"
    )
    assert log_id in resource["DependsOn"]


def test_the_database_has_backups_and_enhanced_monitoring(assembly: Assembly, environment: Environment) -> None:
    database = cluster(assembly, environment)
    assert database["BackupRetentionPeriod"] == (35 if environment.retains_data else 7)
    assert database["PerformanceInsightsEnabled"] is True
    for instance in assembly.resources(f"{environment.name}-Payment", "AWS::RDS::DBInstance").values():
        assert instance["MonitoringInterval"] == 60


def test_the_windows_of_the_database_do_not_meet_aws_backup(assembly: Assembly, environment: Environment) -> None:
    stack = f"{environment.name}-Payment"
    (rule,) = assembly.only(stack, "AWS::Backup::BackupPlan")["BackupPlan"]["BackupPlanRule"]
    minute, hour = rule["ScheduleExpression"].removeprefix("cron(").split()[:2]
    starts = 60 * int(hour) + int(minute)
    database = cluster(assembly, environment)
    instances = assembly.resources(stack, "AWS::RDS::DBInstance").values()
    maintenance = [each["PreferredMaintenanceWindow"] for each in (database, *instances)]
    backup_start, backup_end = _minutes(database["PreferredBackupWindow"])
    for window in maintenance:
        start, end = _minutes(window)
        assert backup_end < start, "RDS refuses windows that overlap"
        assert end + 60 <= starts, "AWS Backup starts: move the window, in payment_constructs/database.py"
    latest = (starts + rule["StartWindowMinutes"] + rule["CompletionWindowMinutes"]) % (24 * 60)
    assert latest + 60 <= backup_start, "AWS Backup still runs: move PreferredBackupWindow"


def _minutes(window: str) -> Iterator[int]:
    """The start and end of a window, in minutes after midnight."""
    for time in window.split("-"):
        hour, minute = time.split(":")[-2:]
        yield 60 * int(hour) + int(minute)


def test_the_tests_use_a_postgresql_of_the_clusters_major_version(assembly: Assembly) -> None:
    packages = json.loads((CHECKOUT / "package.json").read_text(encoding="utf-8"))["optionalDependencies"]
    versions = {version.split(".")[0] for name, version in packages.items() if name.startswith("@embedded-postgres/")}
    cluster = assembly.only("Prod-Payment", "AWS::RDS::DBCluster")
    assert versions == {cluster["EngineVersion"].split(".")[0]}, "pin @embedded-postgres/* to Aurora's major version"


def test_deletion_takes_a_final_snapshot_where_data_is_retained(assembly: Assembly, environment: Environment) -> None:
    (resource,) = (
        one
        for one in assembly.template(f"{environment.name}-Payment")["Resources"].values()
        if one["Type"] == "AWS::RDS::DBCluster"
    )
    policy = "Snapshot" if environment.retains_data else "Delete"
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (policy, policy)
    assert bool(resource["Properties"].get("DeletionProtection")) is environment.retains_data


def test_the_database_user_of_the_service_rotates_every_30_days(assembly: Assembly, environment: Environment) -> None:
    stack = f"{environment.name}-Payment"
    rotation = assembly.only(stack, "AWS::SecretsManager::RotationSchedule")
    days = rotation["RotationRules"]["AutomaticallyAfterDays"]
    assert days == 30
    assert rotation["RotateImmediatelyOnUpdate"] is True
    assert next(references(rotation["SecretId"])) in assembly.resources(stack, "AWS::SecretsManager::Secret")
    settings = rotation_function(assembly, environment)["Environment"]["Variables"]
    assert settings["HOST"]["Fn::GetAtt"][1] == "Endpoint.Address"
    assert (settings["SECRET"], settings["DAYS"], settings["MASTER_DAYS"]) == (rotation["SecretId"], str(days), "7")
    assert (settings["PORT"], settings["DATABASE"]) == (str(PORT), cluster(assembly, environment)["DatabaseName"])


def test_a_schedule_has_the_rotations_checked_each_day(assembly: Assembly, environment: Environment) -> None:
    stack = f"{environment.name}-Payment"
    arn = assembly.only(stack, "AWS::SecretsManager::RotationSchedule")["RotationLambdaARN"]
    rules = assembly.resources(stack, "AWS::Events::Rule")
    ((name, rule),) = ((name, each) for name, each in rules.items() if each.get("ScheduleExpression") == "rate(1 day)")
    assert rule.get("State", "ENABLED") == "ENABLED"
    (target,) = rule["Targets"]
    assert target["Arn"] == arn
    assert "Step" not in json.loads(target["Input"]), "an event with a step is one of a rotation"
    assert {"FunctionName": arn, "SourceArn": {"Fn::GetAtt": [name, "Arn"]}}.items() <= next(
        each
        for each in assembly.resources(stack, "AWS::Lambda::Permission").values()
        if each["Principal"] == "events.amazonaws.com"
    ).items()


def test_the_rotation_finds_the_master_secret_by_its_cluster(assembly: Assembly, environment: Environment) -> None:
    stack = f"{environment.name}-Payment"
    (cluster_id,) = assembly.resources(stack, "AWS::RDS::DBCluster")
    function = rotation_function(assembly, environment)
    assert function["Environment"]["Variables"]["CLUSTER"] == {"Ref": cluster_id}
    role = assembly.resources(stack, "AWS::IAM::Role")[next(references(function["Role"]))]
    (reading,) = (
        statement
        for statement in assembly.role_statements(stack, role)
        if "rds!cluster-" in json.dumps(statement["Resource"])
    )
    tagged = reading["Condition"]["StringEquals"]["aws:ResourceTag/aws:rds:primaryDBClusterArn"]
    assert cluster_id in references(tagged), "a restored cluster has the same name, and another secret"
    assert "MasterUserSecret.SecretArn" not in json.dumps(assembly.template(stack)["Resources"])


def test_the_rotation_function_connects_from_the_private_subnets(assembly: Assembly, environment: Environment) -> None:
    stack = f"{environment.name}-Payment"
    assert not cluster(assembly, environment).get("EnableHttpEndpoint")
    policies = assembly.resources(stack, "AWS::IAM::ManagedPolicy")
    assert "rds-data:" not in json.dumps(policies)
    network = rotation_function(assembly, environment)["VpcConfig"]
    service = assembly.only(stack, "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["SubnetIds"] == service["Subnets"]
    (group,) = references(network["SecurityGroupIds"])
    (https,) = assembly.resources(stack, "AWS::EC2::SecurityGroup")[group]["SecurityGroupEgress"]
    assert (https["FromPort"], https["ToPort"]) == (443, 443)
    assert reached(assembly, environment, group) == [(database_groups(assembly, environment), PORT, PORT)]


def test_the_function_of_people_reaches_the_database_alone(assembly: Assembly, environment: Environment) -> None:
    stack = f"{environment.name}-Payment"
    _, function = access_function(assembly, environment)
    (group,) = references(function["VpcConfig"]["SecurityGroupIds"])
    # Beside a rule that is a resource of its own, a group has no default rule:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroupegress.html
    assert "SecurityGroupEgress" not in assembly.resources(stack, "AWS::EC2::SecurityGroup")[group]
    assert reached(assembly, environment, group) == [(database_groups(assembly, environment), PORT, PORT)]


def test_the_function_of_people_logs_in_as_its_two_users_and_may_do_no_more(
    assembly: Assembly, environment: Environment
) -> None:
    stack = f"{environment.name}-Payment"
    _, function = access_function(assembly, environment)
    role = assembly.resources(stack, "AWS::IAM::Role")[next(references(function["Role"]))]
    statements = [each for each in assembly.role_statements(stack, role) if each["Effect"] == "Allow"]
    (login,) = (each for each in statements if "rds-db:connect" in statement_actions(each))
    assert json.dumps(login["Resource"]).count(":dbuser:cluster-*/payment_people_*") == 1
    others = {action for each in statements for action in statement_actions(each)} - {"rds-db:connect"}
    assert {action.split(":")[0] for action in others} == {"ec2", "kms", "logs", "sns"}
    (log,) = (
        group
        for group in assembly.resources(stack, "AWS::Logs::LogGroup").values()
        if group.get("LogGroupName") == f"/aws/lambda/payment-database-access-{environment.slug}"
    )
    assert log["RetentionInDays"] == 400
    assert "KmsKeyId" in log


def test_no_stack_allows_the_invocation_of_the_function_of_people(assembly: Assembly, environment: Environment) -> None:
    stack = f"{environment.name}-Payment"
    logical_id, _ = access_function(assembly, environment)
    for kind in ("AWS::Lambda::Permission", "AWS::Lambda::Url", "AWS::Lambda::EventSourceMapping"):
        for each in assembly.resources(stack, kind).values():
            assert logical_id not in references(each), f"only the break-glass role may invoke it: remove the {kind}"
    allowed = [
        statement
        for policy in assembly.resources(stack, "AWS::IAM::ManagedPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow" and logical_id in references(statement["Resource"])
    ]
    assert allowed == []


def test_the_first_rotation_waits_for_its_security_group_rules(assembly: Assembly, environment: Environment) -> None:
    resources = assembly.template(f"{environment.name}-Payment")["Resources"]
    (schedule,) = (one for one in resources.values() if one["Type"] == "AWS::SecretsManager::RotationSchedule")
    (group,) = references(rotation_function(assembly, environment)["VpcConfig"]["SecurityGroupIds"])
    rules = {
        name
        for name, one in resources.items()
        if one["Type"] in ("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress")
        and group in references(one["Properties"])
    }
    assert len(rules) == 2
    assert rules <= set(schedule["DependsOn"])


def test_no_function_code_may_create_network_interfaces(assembly: Assembly, environment: Environment) -> None:
    found = [
        [each for each in policy["PolicyDocument"]["Statement"] if "ec2:CreateNetworkInterface" in each["Action"]]
        for policy in assembly.resources(f"{environment.name}-Payment", "AWS::IAM::ManagedPolicy").values()
    ]
    in_the_vpc = [statements for statements in found if statements]
    assert len(in_the_vpc) == 2
    for allowed, denied in in_the_vpc:
        assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
        assert allowed["Action"] == denied["Action"]
        # The condition key is set on calls by the function's code, and not on calls by the Lambda service.
        assert denied["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_secrets_manager_replicates_the_user_secret_to_the_dr_region(
    assembly: Assembly, environment: Environment
) -> None:
    stack = f"{environment.name}-Payment"
    secret = assembly.only(stack, "AWS::SecretsManager::Secret")
    (replica,) = secret["ReplicaRegions"]
    assert replica["Region"] == "us-west-2"
    assert replica["KmsKeyId"] != secret["KmsKeyId"]
    (parameter,) = references(replica["KmsKeyId"])
    source = assembly.resources(stack, "AWS::SSM::Parameter")[parameter]["Value"]["Fn::GetStackOutput"]
    assert source["StackName"] == f"{environment.name}-DisasterRecovery"
    # Secrets Manager replicates a value with the permissions of the rotation function that wrote it.
    (allowed,) = (
        statement["Action"]
        for policy in assembly.resources(stack, "AWS::IAM::ManagedPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Resource"] == replica["KmsKeyId"]
    )
    assert allowed == ["kms:Encrypt", "kms:GenerateDataKey"]


def test_the_secret_has_a_key_that_only_secrets_manager_uses(assembly: Assembly, environment: Environment) -> None:
    stack, recovery = f"{environment.name}-Payment", f"{environment.name}-DisasterRecovery"
    secret = assembly.only(stack, "AWS::SecretsManager::Secret")
    (key,) = references(secret["KmsKeyId"])
    assert key not in references(cluster(assembly, environment)), "the secret and the database share a key"
    (replica,) = (
        one
        for one in assembly.resources(recovery, "AWS::KMS::Key").values()
        if one["Description"].startswith("Database user replica")
    )
    for one in (assembly.resources(stack, "AWS::KMS::Key")[key], replica):
        statements = one["KeyPolicy"]["Statement"]
        (denied,) = (statement for statement in statements if statement.get("Sid") == "OnlyThroughItsService")
        assert denied["Effect"] == "Deny"
        assert {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"} <= set(statement_actions(denied))
        assert denied["Condition"]["StringNotLike"] == {"kms:ViaService": "secretsmanager.*.amazonaws.com"}


def test_the_service_starts_after_the_rotation_schedule(assembly: Assembly, environment: Environment) -> None:
    resources = assembly.template(f"{environment.name}-Payment")["Resources"]
    (schedule,) = (name for name, one in resources.items() if one["Type"] == "AWS::SecretsManager::RotationSchedule")
    (service,) = (one for one in resources.values() if one["Type"] == "AWS::ECS::Service")
    assert schedule in service["DependsOn"]


def test_tasks_and_ecs_read_the_secret_and_tasks_know_its_arn(assembly: Assembly, environment: Environment) -> None:
    stack = f"{environment.name}-Payment"
    (secret,) = assembly.resources(stack, "AWS::SecretsManager::Secret")
    task = assembly.only(stack, "AWS::ECS::TaskDefinition")
    roles = assembly.resources(stack, "AWS::IAM::Role")
    for role in ("TaskRoleArn", "ExecutionRoleArn"):
        statements = assembly.role_statements(stack, roles[next(references(task[role]))])
        (read,) = (one for one in statements if "secretsmanager:GetSecretValue" in statement_actions(one))
        assert read["Resource"] == {"Ref": secret}
    parameters = assembly.resources(stack, "AWS::SSM::Parameter")
    (container,) = task["ContainerDefinitions"]
    (name,) = (one["ValueFrom"] for one in container["Secrets"] if one["Name"] == "DB_SECRET")
    assert {"Ref": secret} in [parameters[each]["Value"] for each in references(name)]
