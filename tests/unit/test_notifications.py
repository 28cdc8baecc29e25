"""The event rules of an environment: which events notify, and by which names AWS reports them."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest

from payment_constructs.monitoring.controls import CALLS
from stages.environment import Environment
from stages.names import delivery_roles
from tests import events
from tests.sample import sample_environments
from tests.templates import Assembly, Template

PROD = sample_environments()["Prod"]
ACCOUNT, REGION = PROD.account, PROD.primary_region
STACKS = {"Payment": PROD.primary_region, "DisasterRecovery": PROD.dr_region}
LONGEST = 2048
"""Characters of a pattern: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"""


def patterns(template: Template) -> list[dict[str, Any]]:
    """The event patterns of a template, with the name of the database instead of a reference to it."""
    resources = template["Resources"]
    found = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Events::Rule"]

    def resolved(part: dict[str, Any]) -> Any:
        if "Ref" in part:
            referred = resources.get(part["Ref"], {}).get("Properties", {})
            return referred.get("DBClusterIdentifier", part["Ref"])
        return "".join(part["Fn::Join"][1]) if "Fn::Join" in part else part

    texts = [json.dumps(rule["EventPattern"]) for rule in found if "EventPattern" in rule]
    return [json.loads(text, object_hook=resolved) for text in texts]


Count = Callable[[dict[str, Any]], int]


@pytest.fixture(scope="module")
def notices(assembly: Assembly, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Count]:
    """How many rules of Prod's payment stack match an event."""
    log = tmp_path_factory.mktemp("events") / "emulator.log"
    found = patterns(assembly.template("Prod-Payment"))
    with events.matching(found, account=ACCOUNT, region=REGION, log=log) as count:
        yield count


def call(service: str, name: str, identity: dict[str, Any], **detail: Any) -> dict[str, Any]:
    return events.api_call(service, name, identity, account=ACCOUNT, region=REGION, **detail)


PERSON = events.role("Administrator", ACCOUNT)
OTHERS = {
    "a person": PERSON,
    "break-glass": events.role(PROD.break_glass_role, ACCOUNT),
    "root": events.root(ACCOUNT),
    "an IAM user": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/a", "accountId": ACCOUNT, "userName": "a"},
    "the service itself": events.role("Prod-Payment-ServiceTaskIdentityTaskRole-1A2B3C", ACCOUNT),
    # A person's own deployment: CloudFormation passes the caller's identity on.
    "a person through CloudFormation": {**PERSON, "invokedBy": "cloudformation.amazonaws.com"},
    "a role with the name of a role of AWS": events.role("AWSServiceRoleForBackup", ACCOUNT),
}
EXPECTED = {
    "CloudFormation in its role": {
        **events.role(delivery_roles(PROD)[0], ACCOUNT),
        "invokedBy": "cloudformation.amazonaws.com",
    },
    "housekeeping": events.role(delivery_roles(PROD)[1], ACCOUNT),
    "Application Auto Scaling": events.role(
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
        ACCOUNT,
        path="aws-service-role/ecs.application-autoscaling.amazonaws.com/",
    ),
    "AWS Backup": {"type": "AWSService", "invokedBy": "backup.amazonaws.com"},
}
WATCHED = [(service, name) for calls in CALLS.values() for service, names in calls.items() for name in names]


ONE_OF_EACH = [next((service, name) for service, (name, *_) in calls.items()) for calls in CALLS.values()]
"""A call of each rule: the names and the callers of a rule are independent."""


def test_each_call_that_changes_a_control_notifies_once(notices: Count) -> None:
    wrong = [each for each in WATCHED if notices(call(*each, PERSON)) != 1]
    assert wrong == []


def test_everyone_but_a_delivery_and_the_services_of_aws_notifies(notices: Count) -> None:
    silent = [
        (*each, who) for each in ONE_OF_EACH for who, caller in OTHERS.items() if notices(call(*each, caller)) != 1
    ]
    assert silent == []
    loud = [(*each, who) for each in ONE_OF_EACH for who, caller in EXPECTED.items() if notices(call(*each, caller))]
    assert loud == []


@cache
def documented(service: str) -> set[str]:
    """The names of a service's calls, as CloudTrail may write them."""
    session = botocore.session.get_session()
    models = [session.get_service_model(name) for name in session.get_available_services() if is_of(name, service)]
    names = {name for model in models if model.endpoint_prefix == service for name in model.operation_names}
    assert names, f"{service}: give the prefix of its endpoint"
    if service != "s3":
        return names
    return names | {name.replace(verb, f"{verb}Bucket", 1) for name in names for verb in ("Put", "Delete")}


def is_of(model: str, service: str) -> bool:
    """Whether a model of botocore may be that of a service; loading all of them takes a minute."""
    renamed = {"monitoring": "cloudwatch", "elasticloadbalancing": "elbv2"}
    return model == renamed.get(service, service)


def test_every_watched_call_is_one_of_its_service() -> None:
    unknown = [(service, name) for service, name in WATCHED if name not in documented(service)]
    assert unknown == [], "CloudTrail writes the name of the operation in the API"


@pytest.mark.parametrize(
    ("control", "service", "names"),
    [
        ("key", "kms", {"DisableKey", "ScheduleKeyDeletion", "DisableKeyRotation"}),
        ("web ACL", "wafv2", {"DisassociateWebACL", "DeleteWebACL", "UpdateWebACL", "DeleteLoggingConfiguration"}),
        ("flow log", "ec2", {"DeleteFlowLogs"}),
        ("DNS firewall", "route53resolver", {"DisassociateFirewallRuleGroup", "UpdateFirewallConfig"}),
        ("bucket", "s3", {"DeleteBucketPolicy", "DeleteBucketReplication", "PutBucketPublicAccessBlock"}),
        ("vault", "backup", {"DeleteBackupVaultLockConfiguration", "DeleteBackupVaultAccessPolicy"}),
        ("trail", "cloudtrail", {"StopLogging", "DeleteTrail"}),
        ("alarm", "monitoring", {"DeleteAlarms", "DisableAlarmActions", "PutAlarmMuteRule"}),
        ("mailbox", "sns", {"Unsubscribe", "DeleteTopic"}),
        ("rule", "events", {"DeleteRule", "DisableRule", "RemoveTargets"}),
        ("log", "logs", {"DeleteLogGroup", "PutRetentionPolicy"}),
    ],
)
def test_a_security_control_that_is_switched_off_notifies(
    notices: Count, control: str, service: str, names: set[str]
) -> None:
    silent = [name for name in sorted(names) if not notices(call(service, name, PERSON))]
    assert silent == [], f"{control}: add them to payment_constructs/monitoring/controls.py"


# As a trail recorded it; EC2 nests its parameters.
DELETED_FLOW_LOG = {
    "requestParameters": {"DeleteFlowLogsRequest": {"FlowLogId": {"content": "fl-0e17aa62a21d4bbfe", "tag": 1}}},
    "readOnly": False,
    "managementEvent": True,
    "eventCategory": "Management",
}


def test_a_deleted_flow_log_notifies_also_where_the_call_was_refused(notices: Count) -> None:
    assert notices(call("ec2", "DeleteFlowLogs", PERSON, **DELETED_FLOW_LOG)) == 1
    refused = {"errorCode": "Client.UnauthorizedOperation", "requestParameters": None}
    assert notices(call("ec2", "DeleteFlowLogs", PERSON, **refused)) == 1


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("ec2", "CreateFlowLogs"),
        ("ec2", "RevokeSecurityGroupIngress"),
        ("s3", "GetBucketPolicy"),
        ("s3", "PutBucketTagging"),
        ("wafv2", "GetWebACL"),
        ("kms", "CreateKey"),
        ("logs", "CreateLogStream"),
        ("monitoring", "EnableAlarmActions"),
        ("events", "EnableRule"),
        ("dynamodb", "DeleteBackup"),
    ],
)
def test_a_call_that_loosens_nothing_is_silent(notices: Count, service: str, name: str) -> None:
    assert notices(call(service, name, PERSON)) == 0


def rds(category: str, number: str, *, cluster: str = "payment-database-prod", kind: str = "Cluster") -> dict[str, Any]:
    """An event of https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-cloud-watch-events.html."""
    arn = f"arn:aws:rds:{REGION}:{ACCOUNT}:{'cluster' if kind == 'Cluster' else 'db'}:{cluster}"
    return {
        "id": "1",
        "source": "aws.rds",
        "detail-type": f"RDS DB {kind} Event",
        "account": ACCOUNT,
        "region": REGION,
        "time": "2026-11-27T03:00:00Z",
        "resources": [arn],
        "detail": {
            "EventCategories": [category],
            "SourceType": "CLUSTER" if kind == "Cluster" else "DB_INSTANCE",
            "SourceArn": arn,
            "Date": "2026-11-27T03:00:00.000Z",
            "Message": "Completed failover to DB instance: payment-database-prod-reader1",
            "SourceIdentifier": cluster,
            "EventID": f"RDS-EVENT-{number}",
        },
    }


@pytest.mark.parametrize("number", ["0069", "0070", "0071", "0072", "0073"])
def test_a_failover_of_the_database_notifies(notices: Count, number: str) -> None:
    assert notices(rds("failover", number)) == 1


@pytest.mark.parametrize(
    "event",
    [
        rds("failover", "0071", cluster="payment-database-staging"),
        rds("maintenance", "0173"),
        rds("configuration change", "0016"),
        rds("availability", "0006", kind="Instance"),
    ],
    ids=["another-cluster", "maintenance", "configuration", "restart"],
)
def test_other_events_of_databases_are_silent(notices: Count, event: dict[str, Any]) -> None:
    assert notices(event) == 0


@pytest.mark.parametrize("stack", STACKS)
def test_both_regions_watch_the_same_calls(assembly: Assembly, environment: Environment, stack: str) -> None:
    found = json.dumps(patterns(assembly.template(f"{environment.name}-{stack}")))
    missing = {each for each in WATCHED if f'"{each[1]}"' not in found}
    assert missing == set(), "add ControlMonitoring to the stack"
    region = environment.primary_region if stack == "Payment" else environment.dr_region
    assert f'"cdk-hnb659fds-cfn-exec-role-{environment.account}-{region}"' in found


def test_every_pattern_is_short_enough_for_eventbridge(assembly: Assembly) -> None:
    for name in assembly.stacks:
        for pattern in patterns(assembly.template(name)):
            text = json.dumps(pattern, separators=(",", ":"))
            assert len(text) <= LONGEST, f"{name}: split the rule: {text[:200]}"


def test_every_notification_names_a_runbook(assembly: Assembly, environment: Environment) -> None:
    for stack in STACKS:
        for rule in assembly.resources(f"{environment.name}-{stack}", "AWS::Events::Rule").values():
            assert "docs/operations.md#" in json.dumps(rule["Targets"]), "end its text with the anchor of a runbook"
