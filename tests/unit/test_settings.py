"""The settings of cdk.json: valid ones load into typed records, invalid ones raise all faults together."""

import json
import re
from copy import deepcopy
from typing import Any

import pytest

from pipeline.settings import load_delivery
from pipeline.source import CodeCommitSource, ConnectionSource, S3Source
from stages.environment import SettingsError

COMMIT = "0" * 40


NO_ID = "00000000-0000-0000-0000-000000000000"
OWN_ID = "8c5b3f1e-0000-4a7d-9e2b-000000000001"
OWN_DIGEST = f"{'0' * 20}{'1' * 12}{'ab' * 16}"
FRESH = {
    "account": "111111111111",
    "source": {
        "type": "connection",
        "connection_arn": f"arn:aws:codeconnections:ap-southeast-1:111111111111:connection/{NO_ID}",
        "repository": "example/payment-platform",
    },
    "notifications": {"email": "payment-deliveries@example.com"},
    "image": f"111111111111.dkr.ecr.ap-southeast-1.amazonaws.com/payment-service@sha256:{'0' * 64}",
    "environments": {
        name: {
            "account": digit * 12,
            "certificate_arn": f"arn:aws:acm:ap-southeast-1:{digit * 12}:certificate/{NO_ID}",
            "alarm_email": "payment-alarms@example.com",
        }
        for name, digit in (("Dev", "2"), ("Staging", "3"), ("Prod", "4"))
    },
}
"""The settings of a fresh checkout; these tests do not depend on the cdk.json of the team."""


@pytest.fixture
def settings() -> dict[str, Any]:
    return deepcopy(FRESH)


def faults(settings: object, *, release: object = COMMIT) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load_delivery(settings, release=release)
    return list(refused.value.faults)


def parent_of(settings: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """The object that contains a dotted path, and the last key of the path."""
    *parents, last = path.split(".")
    for key in parents:
        settings = settings[key]
    return settings, last


def test_the_settings_of_this_checkout_are_valid(context: dict[str, Any]) -> None:
    delivery = load_delivery(context["delivery"], release=COMMIT)
    assert [environment.name for environment in delivery.environments] == ["Dev", "Staging", "Prod"]


def test_the_settings_of_a_fresh_checkout_are_valid(settings: dict[str, Any]) -> None:
    delivery = load_delivery(settings, release=COMMIT)
    assert [environment.name for environment in delivery.environments] == ["Dev", "Staging", "Prod"]
    assert isinstance(delivery.source, ConnectionSource)
    assert delivery.source.branch == "main"


@pytest.mark.parametrize(
    ("source", "record"),
    [
        ({"type": "codecommit", "repository": "payments"}, CodeCommitSource(repository="payments")),
        ({"type": "s3", "bucket": "payments-source", "key": "a.zip"}, S3Source(bucket="payments-source", key="a.zip")),
    ],
)
def test_the_settings_select_the_source_type(settings: dict[str, Any], source: dict[str, str], record: object) -> None:
    assert load_delivery(settings | {"source": source}, release=COMMIT).source == record


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"notifications": None}, "delivery.notifications is None: give an object with the email that receives them."),
        ({"notifications": {}}, "delivery.notifications is {}: give an object with the email that receives them."),
        ({"notifications": {"email": "x"}}, "delivery.notifications.email is 'x': give one e-mail address, such as"),
        ({"notifications": {"email": "a@b.test", "sms": 1}}, "delivery.notifications.sms is unknown: the settings"),
        (
            {"notifications": {"email": "a@b.test", "chat_topic_arn": "payments"}},
            "delivery.notifications.chat_topic_arn is 'payments': give arn:aws:sns:REGION:ACCOUNT:NAME",
        ),
        (
            {"notifications": {"email": "a@b.test", "chat_topic_arn": "arn:aws:sns:us-west-2:111111111111:chat"}},
            "delivery.notifications.chat_topic_arn is 'arn:aws:sns:us-west-2:111111111111:chat': give a topic of the",
        ),
        (
            {"notifications": {"email": "a@b.test", "chat_topic_arn": "arn:aws:sns:ap-southeast-1:222222222222:chat"}},
            "pipeline's own account and region, 111111111111 and ap-southeast-1.",
        ),
        ({"allowed_changes": "all"}, "delivery.allowed_changes is 'all': give a list, empty unless a change may lose"),
        (
            {"allowed_changes": ["Prod-Payment"]},
            "delivery.allowed_changes[0] is 'Prod-Payment': give STACK/LOGICAL-ID/",
        ),
        ({"allowed_changes": [7]}, "delivery.allowed_changes[0] is 7: give STACK/LOGICAL-ID/PROPERTY, or Delete"),
        (
            {"allowed_changes": ["Test-Payment/Table/Delete"]},
            "delivery.allowed_changes[0] is 'Test-Payment/Table/Delete': there is no such stack, the stacks are Dev-",
        ),
        (
            {"allowed_changes": ["Dev-Payment/Table/Delete"] * 2},
            "delivery.allowed_changes[1] is 'Dev-Payment/Table/Delete' for the second time: give it once.",
        ),
    ],
)
def test_bad_notifications_and_allowed_changes_are_refused(
    settings: dict[str, Any], change: dict[str, Any], fault: str
) -> None:
    (found,) = faults(settings | change)
    assert fault in found


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (None, "delivery.source is None: give an object whose type is one of connection, codecommit, s3."),
        ({"type": ["s3"]}, "delivery.source is {'type': ['s3']}: give an object whose type is one of"),
        ({"type": "svn"}, "delivery.source is {'type': 'svn'}: give an object whose type is one of"),
        ({"type": "codecommit"}, "delivery.source.repository is missing: give it for a codecommit source."),
        ({"type": "codecommit", "repository": "a b"}, "delivery.source.repository is 'a b': give a CodeCommit"),
        (
            {"type": "codecommit", "repository": "payments", "branch": ""},
            "delivery.source.branch is '': give the name of the branch to deliver, such as main.",
        ),
        ({"type": "codecommit", "repository": 1}, "delivery.source.repository is 1: give text."),
        ({"type": "codecommit", "repository": "a", "brnch": "x"}, "delivery.source.brnch is unknown"),
        ({"type": "s3", "bucket": "B", "key": "a.zip"}, "delivery.source.bucket is 'B': give an S3 bucket's name."),
        (
            {"type": "s3", "bucket": "abc", "key": "a.tar"},
            "delivery.source.key is 'a.tar': give the key of a .zip file.",
        ),
        (
            {"type": "connection", "connection_arn": "arn:x", "repository": "o/n"},
            "delivery.source.connection_arn is 'arn:x': give arn:aws:codeconnections:REGION:ACCOUNT:connection/ID.",
        ),
    ],
)
def test_a_bad_source_is_refused_with_its_remedy(settings: dict[str, Any], source: object, fault: str) -> None:
    (found,) = faults(settings | {"source": source})
    assert found.startswith(fault)


@pytest.mark.parametrize("branch", ["", " ", "my branch"])
def test_a_connection_without_a_branch_is_refused(settings: dict[str, Any], branch: str) -> None:
    settings["source"] |= {"repository": "payments", "branch": branch}
    assert faults(settings) == [
        "delivery.source.repository is 'payments': give owner/name.",
        f"delivery.source.branch is {branch!r}: give the name of the branch to deliver, such as main.",
    ]


def test_a_repository_without_an_owner_is_refused(settings: dict[str, Any]) -> None:
    settings["source"]["repository"] = "payments"
    assert faults(settings) == ["delivery.source.repository is 'payments': give owner/name."]


def test_an_unknown_environment_is_refused(settings: dict[str, Any]) -> None:
    settings["environments"]["Qa"] = settings["environments"]["Dev"]
    assert faults(settings) == ["delivery.environments.Qa is unknown: the environments are Dev, Staging, Prod."]


def test_a_missing_environment_is_refused(settings: dict[str, Any]) -> None:
    del settings["environments"]["Staging"]
    assert faults(settings) == [
        "delivery.environments.Staging is None: give an object with account, certificate_arn, alarm_email."
    ]


def test_a_misspelt_setting_is_refused(settings: dict[str, Any]) -> None:
    settings["environments"]["Dev"]["certificat_arn"] = settings["environments"]["Dev"].pop("certificate_arn")
    unknown, missing = faults(settings)
    assert unknown.startswith("delivery.environments.Dev.certificat_arn is unknown")
    assert missing.startswith("Dev: certificate_arn is missing")


def test_peering_is_on_by_default_and_can_be_turned_off(settings: dict[str, Any]) -> None:
    on = load_delivery(settings, release=COMMIT).environments
    assert {one.name: one.peers_with for one in on} == {"Dev": None, "Staging": "Dev", "Prod": "Staging"}
    settings["environments"]["Prod"]["peers_with"] = False
    off = load_delivery(settings, release=COMMIT).environments
    assert {one.name: one.peers_with for one in off} == {"Dev": None, "Staging": "Dev", "Prod": None}


def test_a_peer_other_than_the_previous_environment_is_refused(settings: dict[str, Any]) -> None:
    settings["environments"]["Prod"]["peers_with"] = ["Staging"]
    (fault,) = faults(settings)
    assert fault.startswith("Prod: peers_with is ['Staging']: give 'Staging'")


def test_a_bad_release_is_refused(settings: dict[str, Any]) -> None:
    (fault,) = faults(settings, release="not a commit")
    assert fault.startswith("release is 'not a commit': give the commit")


def test_the_faults_of_all_settings_are_reported_together(settings: dict[str, Any]) -> None:
    settings["account"] = "1"
    settings["source"] = {}
    settings["environments"]["Dev"]["account"] = 123456789012
    settings["environments"]["Prod"]["certificate_arn"] = None
    found = faults(settings)
    assert [fault.split(" ")[0] for fault in found] == ["delivery.account", "delivery.source", "Dev:", "Prod:"]


@pytest.mark.parametrize("value", [5, True, ["x"], {"x": 1}])
@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("account", "delivery.account is"),
        ("image", "Dev: image is"),
        ("source.type", "delivery.source is"),
        ("source.connection_arn", "delivery.source.connection_arn is"),
        ("source.repository", "delivery.source.repository is"),
        ("source.branch", "delivery.source.branch is"),
        ("notifications.email", "delivery.notifications.email is"),
        ("notifications.chat_topic_arn", "delivery.notifications.chat_topic_arn is"),
        ("environments.Dev.account", "Dev: account is"),
        ("environments.Dev.certificate_arn", "Dev: certificate_arn is"),
        ("environments.Dev.alarm_email", "Dev: alarm_email is"),
    ],
)
def test_a_value_that_is_no_text_is_reported_with_the_other_faults(
    settings: dict[str, Any], path: str, fault: str, value: object
) -> None:
    parent, last = parent_of(settings, path)
    parent[last] = value
    settings["environments"]["Prod"]["alarm_email"] = "on-call"
    found = faults(settings)
    assert any(each.startswith(fault) and repr(value) in each for each in found)
    assert any(each.startswith("Prod: alarm_email is 'on-call'") for each in found)


@pytest.mark.parametrize("caller", [None, "111111111111"])
def test_placeholders_are_accepted_for_synthesis(settings: dict[str, Any], caller: str | None) -> None:
    load_delivery(settings, release=COMMIT).refuse_placeholders(caller_account=caller)


def test_placeholders_are_refused_with_real_credentials(settings: dict[str, Any]) -> None:
    settings["environments"]["Dev"]["account"] = "123456789012"
    settings["environments"]["Dev"]["certificate_arn"] = (
        "arn:aws:acm:ap-southeast-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    )
    assert placeholders(settings) == [
        "delivery.account",
        "delivery.source.connection_arn",
        "delivery.source.repository",
        "delivery.image",
        "delivery.notifications.email",
        "delivery.environments.Dev.certificate_arn",
        "delivery.environments.Dev.alarm_email",
        "delivery.environments.Staging.account",
        "delivery.environments.Staging.certificate_arn",
        "delivery.environments.Staging.alarm_email",
        "delivery.environments.Prod.account",
        "delivery.environments.Prod.certificate_arn",
        "delivery.environments.Prod.alarm_email",
    ]


def owned() -> dict[str, Any]:
    """The settings of a team that has replaced every placeholder."""
    text = re.sub(r"([1-4])\1{11}", r"\g<1>23456789012", json.dumps(FRESH))
    text = text.replace(NO_ID, OWN_ID).replace("0" * 64, OWN_DIGEST)
    settings: dict[str, Any] = json.loads(text.replace("example.com", "payments.test").replace("example/", "acme/"))
    return settings


def placeholders(settings: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load_delivery(settings, release=COMMIT).refuse_placeholders(caller_account="123456789012")
    return [fault.split(" is the placeholder ")[0] for fault in refused.value.faults]


@pytest.mark.parametrize("source", [{}, {"source": {"type": "codecommit", "repository": "payment-platform"}}])
def test_settings_without_placeholders_are_accepted_for_deployment(source: dict[str, Any]) -> None:
    load_delivery(owned() | source, release=COMMIT).refuse_placeholders(caller_account="123456789012")


@pytest.mark.parametrize(
    ("path", "own", "left"),
    [
        ("source.connection_arn", "123456789012", "111111111111"),
        ("source.connection_arn", OWN_ID, NO_ID),
        ("source.repository", "acme/payment-platform", "example/payment-platform"),
        ("image", "123456789012", "111111111111"),
        ("image", OWN_DIGEST, "0" * 64),
        ("notifications.email", "payments.test", "example.com"),
        ("notifications.email", "payments.test", "Payments.Example.org"),
        ("environments.Dev.certificate_arn", OWN_ID, NO_ID),
        ("environments.Prod.alarm_email", "payments.test", "example.com"),
    ],
)
def test_every_remaining_placeholder_is_reported(path: str, own: str, left: str) -> None:
    settings = owned()
    parent, last = parent_of(settings, path)
    assert own in parent[last]
    parent[last] = parent[last].replace(own, left)
    assert placeholders(settings) == [f"delivery.{path}"]


def test_each_environment_has_its_own_alarm_email(settings: dict[str, Any]) -> None:
    settings["environments"]["Prod"]["alarm_email"] = "on-call@payments.test"
    environments = load_delivery(settings, release=COMMIT).environments
    assert [environment.alarm_email for environment in environments] == [
        "payment-alarms@example.com",
        "payment-alarms@example.com",
        "on-call@payments.test",
    ]
