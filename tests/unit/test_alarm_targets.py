"""On-call services, SNS topics and chat channels that receive alarms besides the mailbox."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

import app as entry_point
from payment_constructs.monitoring.targets import AlarmLevels, AlarmTargets, Level, SlackChannel, TeamsChannel, level_of
from pipeline.bootstrap.permissions import LONGEST, managed_policies
from pipeline.notifications import chat_message
from pipeline.settings import Delivery
from stages.consistency import consistency_faults
from stages.environment import Environment, SettingsError
from stages.variants import recovered, sandbox
from tests.alarms import alarms, runbook
from tests.synthesized import report_in
from tests.templates import Assembly, references

UUID = "00000000-0000-0000-0000-000000000000"
SLACK = SlackChannel(workspace_id="T0123ABCD", channel_id="C0123ABCD")
TEAMS = TeamsChannel(tenant_id=UUID, team_id=UUID, channel_id="19%3Aalarms%40thread.tacv2")
SECRET = "payment/on-call"  # noqa: S105 - a name  # pragma: allowlist secret
ADDRESS = "https://events.pagerduty.com/integration/KEY/enqueue"


def topic(environment: Environment, region: str) -> str:
    return f"arn:aws:sns:{region}:{environment.account}:on-call"


@pytest.fixture(scope="module")
def watched(delivery: Delivery) -> Environment:
    """The last environment, which pages an on-call service and writes tickets to a topic and two chats."""
    last = delivery.environments[-1]
    tickets = AlarmTargets(
        topic_arn=topic(last, last.primary_region), dr_topic_arn=topic(last, last.dr_region), slack=SLACK, teams=TEAMS
    )
    levels = AlarmLevels(page=AlarmTargets(endpoint_secret=SECRET, slack=SLACK), ticket=tickets)
    return replace(last, alarm_targets=levels)


@pytest.fixture(scope="module")
def notifying(
    watched: Environment, delivery: Delivery, context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Assembly:
    app = cdk.App(analytics_reporting=False, context=context, outdir=str(tmp_path_factory.mktemp("targets")))
    entry_point.synthesize_standalone(app, delivery, watched)
    return Assembly(Path(app.outdir))


def stack(environment: Environment, name: str = "Payment") -> str:
    return f"{environment.name}-{name}"


def named(assembly: Assembly, stack_name: str) -> dict[str, str]:
    """The name of each topic by its logical id."""
    return {key: each["TopicName"] for key, each in assembly.resources(stack_name, "AWS::SNS::Topic").items()}


def test_the_policy_accepts_every_target(notifying: Assembly) -> None:
    assert [one["violations"] for one in report_in(notifying.directory).values() if one["violations"]] == []


@pytest.mark.parametrize("part", ["Payment", "DisasterRecovery"])
def test_an_alarm_notifies_the_mailbox_and_the_targets_of_its_level(
    notifying: Assembly, watched: Environment, part: str
) -> None:
    topics, region = named(notifying, stack(watched, part)), notifying.stacks[stack(watched, part)].environment.region
    for alarm in alarms(notifying.template(stack(watched, part))).values():
        if actions := alarm.get("AlarmActions"):
            level = level_of(str(runbook(alarm)))
            own = [topics[one] for one in references(actions)]
            assert own == [f"payment-alarms-{watched.slug}", f"payment-alarms-{level}-{watched.slug}"]
            assert (topic(watched, region) in actions) is (level is Level.TICKET)
            assert alarm["OKActions"] == actions
            assert f" Level: {level}. Runbook: " in alarm["AlarmDescription"]


def test_an_on_call_address_is_read_from_its_secret(notifying: Assembly, watched: Environment) -> None:
    subscriptions = notifying.resources(stack(watched), "AWS::SNS::Subscription").values()
    (on_call,) = (one for one in subscriptions if one["Protocol"] == "https")
    assert on_call["Endpoint"] == f"{{{{resolve:secretsmanager:{SECRET}:SecretString:::}}}}"
    assert [named(notifying, stack(watched))[one] for one in references(on_call)] == [
        f"payment-alarms-page-{watched.slug}"
    ]


def test_a_chat_channel_has_one_configuration_for_all_levels_and_regions(
    notifying: Assembly, watched: Environment
) -> None:
    slack = notifying.only(stack(watched), "AWS::Chatbot::SlackChannelConfiguration")
    teams = notifying.only(stack(watched), "AWS::Chatbot::MicrosoftTeamsChannelConfiguration")
    topics = named(notifying, stack(watched))
    for chat, levels in ((slack, ("page", "ticket")), (teams, ("ticket",))):
        names = [f"payment-alarms-{level}-{watched.slug}" for level in levels]
        assert [topics[one] for one in references(chat["SnsTopicArns"])] == names
        other = [arn for arn in chat["SnsTopicArns"] if isinstance(arn, str)]
        assert other == [f"arn:aws:sns:{watched.dr_region}:{watched.account}:{name}" for name in names]
        assert set(names) <= set(named(notifying, stack(watched, "DisasterRecovery")).values())


def test_a_chat_may_only_read_metrics(notifying: Assembly, watched: Environment) -> None:
    chat = notifying.only(stack(watched), "AWS::Chatbot::SlackChannelConfiguration")
    (guardrail,) = references(chat["GuardrailPolicies"])
    (role,) = references(chat["IamRoleArn"])
    properties = notifying.resources(stack(watched), "AWS::IAM::Role")[role]
    assert list(references(properties["ManagedPolicyArns"])) == [guardrail]
    assert properties["PermissionsBoundary"].endswith(":policy/payment-delivery-boundary")
    policy = notifying.resources(stack(watched), "AWS::IAM::ManagedPolicy")[guardrail]["PolicyDocument"]
    (statement,) = policy["Statement"]
    verbs = ("cloudwatch:Describe", "cloudwatch:Get", "cloudwatch:List")
    assert all(action.startswith(verbs) for action in statement["Action"])


def test_chats_are_managed_in_any_region(notifying: Assembly, delivery: Delivery) -> None:
    policies = managed_policies([notifying.template(name) for name in notifying.stacks], delivery)
    statements = [
        statement
        for name, policy in policies.items()
        if name != "Boundary"
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if any(action.startswith("chatbot:") for action in statement["Action"])
    ]
    assert [statement.get("Condition") for statement in statements] == [None]
    for policy in policies.values():
        assert len(json.dumps(policy["Properties"]["PolicyDocument"], separators=(",", ":"))) <= LONGEST


def test_without_targets_there_is_one_topic_and_no_level(assembly: Assembly, delivery: Delivery) -> None:
    for environment in (one for one in delivery.environments if one.alarm_targets is None):
        assert len(named(assembly, stack(environment))) == 1
        assert not assembly.resources(stack(environment), "AWS::Chatbot::SlackChannelConfiguration")
        template_alarms = alarms(assembly.template(stack(environment))).values()
        assert not any("Level:" in alarm["AlarmDescription"] for alarm in template_alarms)


FAULTS: Mapping[str, tuple[Any, str]] = {
    "no level": ({"page": "slack"}, "alarm_targets is {'page': 'slack'}: give an object with page, ticket or both."),
    "no record": (AlarmLevels(page="slack"), "alarm_targets.page is 'slack': give an object with topic_arn, dr_topic"),  # type: ignore[arg-type]
    "no target": (AlarmLevels(page=AlarmTargets()), "alarm_targets.page names no target: give topic_arn"),
    "another region": (
        AlarmLevels(ticket=AlarmTargets(topic_arn="arn:aws:sns:eu-west-1:444444444444:t")),
        "alarm_targets.ticket.topic_arn is 'arn:aws:sns:eu-west-1:444444444444:t': give arn:aws:sns:ap-southeast-1:",
    ),
    "another account": (
        AlarmLevels(ticket=AlarmTargets(dr_topic_arn="arn:aws:sns:us-west-2:999999999999:t")),
        "alarm_targets.ticket.dr_topic_arn is 'arn:aws:sns:us-west-2:999999999999:t': give arn:aws:sns:us-west-2:",
    ),
    "an address": (
        AlarmLevels(page=AlarmTargets(endpoint_secret=ADDRESS)),
        "alarm_targets.page.endpoint_secret is an address, which contains a key: store it as the text of a secret",
    ),
    "an ARN": (
        AlarmLevels(page=AlarmTargets(endpoint_secret=f"arn:aws:secretsmanager:eu-west-1:1:secret:{SECRET}")),
        "give the name of a secret, such as payment/on-call, not its ARN.",
    ),
    "no channel": (
        AlarmLevels(page=AlarmTargets(slack="#alarms")),  # type: ignore[arg-type]
        "alarm_targets.page.slack is '#alarms': give an object with workspace_id, channel_id.",
    ),
    "a channel's name": (
        AlarmLevels(page=AlarmTargets(slack=replace(SLACK, channel_id="#alarms"))),
        "alarm_targets.page.slack.channel_id is '#alarms': give the id at the end of the channel's link",
    ),
    "a tenant's name": (
        AlarmLevels(page=AlarmTargets(teams=replace(TEAMS, tenant_id="payments"))),
        "alarm_targets.page.teams.tenant_id is 'payments': give the UUID in the channel's link.",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_invalid_target_is_refused_with_its_remedy(delivery: Delivery, name: str) -> None:
    levels, fault = FAULTS[name]
    with pytest.raises(SettingsError) as refused:
        replace(delivery.environments[-1], alarm_targets=levels)
    (message,) = refused.value.faults
    assert fault in message
    assert "KEY" not in message


def test_two_environments_of_one_account_may_not_share_a_chat_channel(delivery: Delivery) -> None:
    levels = AlarmLevels(page=AlarmTargets(slack=SLACK), ticket=AlarmTargets(slack=SLACK))
    sharing = [replace(one, alarm_targets=levels) for one in delivery.environments[:2]]
    assert [fault for fault in consistency_faults(sharing) if "chat channel" in fault] == []
    same = [sharing[0], replace(sharing[0], name="Same")]
    (fault,) = (fault for fault in consistency_faults(same) if "chat channel" in fault)
    assert fault.startswith(
        f"Same: alarm_targets has the chat channel C0123ABCD of {sharing[0].name} in the same account"
    )


def test_a_sandbox_notifies_only_the_mailbox(watched: Environment) -> None:
    assert sandbox("alice", dev=watched).alarm_targets is None


def test_a_recovered_environment_notifies_the_targets_of_its_region(watched: Environment) -> None:
    certificate = watched.certificate_arn.replace(watched.primary_region, watched.dr_region)
    found = recovered(watched, certificate_arn=certificate).alarm_targets
    assert found == AlarmLevels(
        page=AlarmTargets(endpoint_secret=SECRET), ticket=AlarmTargets(topic_arn=topic(watched, watched.dr_region))
    )
    only_chat = replace(watched, alarm_targets=AlarmLevels(page=AlarmTargets(slack=SLACK)))
    assert recovered(only_chat, certificate_arn=certificate).alarm_targets is None


def test_a_message_to_a_chat_has_the_schema_of_custom_notifications() -> None:
    assert chat_message("payment-delivery: waiting") == {
        "version": "1.0",
        "source": "custom",
        "content": {"textType": "client-markdown", "description": "payment-delivery: waiting"},
    }
