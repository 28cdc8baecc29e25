"""The settings of cdk.json: valid ones load into typed records, invalid ones raise all faults together."""

import json
import re
from typing import Any

import aws_cdk as cdk
import pytest

import app as entry_point
from pipeline.settings import load_delivery
from pipeline.source import CodeCommitSource, ConnectionSource, S3Source
from stages.environment import SettingsError
from stages.variants import fallback_region, frugal
from tests.sample import sample_settings

COMMIT = "0" * 40


NO_ID = "00000000-0000-0000-0000-000000000000"
OWN_ID = "8c5b3f1e-0000-4a7d-9e2b-000000000001"
OWN_DIGEST = f"{'0' * 20}{'1' * 12}{'ab' * 16}"


@pytest.fixture
def settings() -> dict[str, Any]:
    return sample_settings()


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


FINDING = {"id": "CVE-2026-1", "reason": "It is not reachable from outside", "expires": "2026-12-31"}


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
        ({"allowed_changes": "all"}, "delivery.allowed_changes is 'all': give a list, empty unless the guard must"),
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
        ({"allowed_findings": "all"}, "delivery.allowed_findings is 'all': give a list, empty unless a critical"),
        ({"allowed_findings": ["CVE-2026-1"]}, "delivery.allowed_findings[0] is 'CVE-2026-1': give an object with id,"),
        ({"allowed_findings": [FINDING | {"id": "all"}]}, "delivery.allowed_findings[0].id is 'all': give the id of"),
        ({"allowed_findings": [FINDING | {"id": "CVE-*"}]}, "delivery.allowed_findings[0].id is 'CVE-*': give the id"),
        (
            {"allowed_findings": [FINDING | {"reason": "No fix"}]},
            "delivery.allowed_findings[0].reason is 'No fix': say",
        ),
        (
            {"allowed_findings": [FINDING, FINDING | {"expires": "31.12.2026"}]},
            "delivery.allowed_findings[1].expires is '31.12.2026': give a day within the next 90 days, such as",
        ),
        ({"allowed_findings": [{**FINDING, "expires": None}]}, "delivery.allowed_findings[0].expires is missing: give"),
    ],
)
def test_bad_notifications_and_allowances_are_refused(
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
        ({"type": "codecommit"}, "delivery.source.repository is missing: give text in quotes."),
        ({"type": "codecommit", "repository": "a b"}, "delivery.source.repository is 'a b': give a CodeCommit"),
        (
            {"type": "codecommit", "repository": "payments", "branch": ""},
            "delivery.source.branch is '': give the name of the branch to deliver, such as main.",
        ),
        ({"type": "codecommit", "repository": 1}, "delivery.source.repository is 1: give text in quotes."),
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


def test_an_environment_is_added_by_one_entry_in_its_position(settings: dict[str, Any]) -> None:
    dev, *others = settings["environments"].items()
    qa = dev[1] | {"vpc_cidr": "10.5.0.0/16", "dr_vpc_cidr": "10.135.0.0/16", "bake_minutes": 30}
    others[0][1]["peers_with"] = "Qa"
    settings["environments"] = dict([dev, ("Qa", qa), *others])
    environments = load_delivery(settings, release=COMMIT).environments
    assert [each.name for each in environments] == ["Dev", "Qa", "Staging", "Prod"]
    assert [each.peers_with for each in environments] == [None, None, "Qa", "Staging"]


def test_a_removed_environment_leaves_a_peering_that_is_refused(settings: dict[str, Any]) -> None:
    del settings["environments"]["Staging"]
    settings["environments"]["Dev"]["canary"] = {"percent": 25, "step_minutes": 2, "bake_minutes": 5}
    assert faults(settings) == ["Prod: peers_with is 'Staging': give 'Dev', the one before it, or false."]


@pytest.mark.parametrize("environments", [None, {}, []])
def test_a_delivery_without_environments_is_refused(settings: dict[str, Any], environments: object) -> None:
    (fault,) = faults(settings | {"environments": environments})
    assert fault.startswith(f"delivery.environments is {environments!r}: give an object with an entry for each")


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (
            "vpc_cidr",
            None,
            "delivery.environments.Dev.vpc_cidr is missing: give text in quotes, such as '10.2.",
        ),
        ("min_tasks", "2", "delivery.environments.Dev.min_tasks is '2': give a whole number."),
        ("min_tasks", True, "delivery.environments.Dev.min_tasks is True: give a whole number."),
        ("min_tasks", 1.5, "delivery.environments.Dev.min_tasks is 1.5: give a whole number."),
        ("spot", "yes", "delivery.environments.Dev.spot is 'yes': give true or false."),
        ("frugal", 1, "delivery.environments.Dev.frugal is 1: give true or false."),
        ("alarms.cpu_percent", "80", "delivery.environments.Dev.alarms.cpu_percent is '80': give a number."),
        ("alarms.cpu", 80, "delivery.environments.Dev.alarms.cpu is unknown: the settings there are availability_"),
        ("alarms", 5, "delivery.environments.Dev.alarms is 5: give an object with cpu_percent, memory_percent,"),
        (
            "database_capacity",
            [1],
            "delivery.environments.Dev.database_capacity is [1]: give a list of 2, each a nu",
        ),
        (
            "data_protection",
            "kept",
            "delivery.environments.Dev.data_protection is 'kept': give 'destroyable' or",
        ),
        (
            "dr_region",
            "us-east-1",
            "delivery.environments.Dev.dr_region is unknown: give delivery.dr_region,",
        ),
        ("certificat_arn", "x", "delivery.environments.Dev.certificat_arn is unknown: the settings there are account,"),
        ("name", "Test", "delivery.environments.Dev.name is unknown: the settings there are"),
    ],
)
def test_a_bad_setting_of_an_environment_is_refused(
    settings: dict[str, Any], path: str, value: object, fault: str
) -> None:
    parent, last = parent_of(settings["environments"]["Dev"], path)
    parent[last] = value
    (found,) = faults(settings)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"dr_region": None}, "delivery.dr_region is missing: give text in quotes."),
        ({"dr_region": 5}, "delivery.dr_region is 5: give text in quotes."),
        ({"dr_region": "cn-north-1"}, "delivery.dr_region is 'cn-north-1', of another partition than aws: give"),
        (
            {"dr_availability_zones": ["us-west-2a"]},
            "delivery.dr_availability_zones is ['us-west-2a']: give a list of 3",
        ),
        ({"availability_zones": ["a"]}, "delivery.availability_zones is ['a']: give a list of 3, each text in quotes."),
        ({"architecture": "arm"}, "delivery.architecture is 'arm': give one of ARM64, X86_64, that of the image."),
        (
            {"stack_name": "Dev-Payment"},
            "delivery.stack_name is 'Dev-Payment': other stacks begin so; give a name",
        ),
        ({"stack_name": "my_stack"}, "delivery.stack_name is 'my_stack': give 2 to 40 letters, digits and hyphens"),
        ({"pipeline_name": "a b"}, "delivery.pipeline_name is 'a b': give 1 to 60 letters, digits, hyphens and under"),
        ({"stack": "Payments"}, "delivery.stack is unknown: the settings there are account, allowed_changes,"),
    ],
)
def test_a_bad_setting_of_the_delivery_is_refused_once(
    settings: dict[str, Any], change: dict[str, Any], fault: str
) -> None:
    (found,) = faults(settings | change)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (
            "Production123",
            "Production123: cannot be recovered in us-west-2, as Production123Dr9: name is 'Production123Dr9'",
        ),
        ("DEV", "DEV: name is taken, 'dev' is that of Dev, or of its recovery: give another one."),
        ("DevDr2", "DevDr2: name is taken, 'devdr2' is that of Dev, or of its recovery: give another one."),
        ("Build", "Build: name is taken, 'build' is a stage of the pipeline: give another one."),
    ],
)
def test_a_name_that_resources_cannot_have_is_refused(settings: dict[str, Any], name: str, fault: str) -> None:
    settings["environments"] = {
        name if old == "Staging" else old: entry for old, entry in settings["environments"].items()
    }
    settings["environments"]["Prod"]["peers_with"] = False
    assert any(found.startswith(fault) for found in faults(settings))


def test_the_dr_region_may_be_a_fallback_region(settings: dict[str, Any]) -> None:
    zones = ["us-east-2a", "us-east-2b", "us-east-2c"]
    changed = settings | {"dr_region": "us-east-2", "dr_availability_zones": zones}
    environment = load_delivery(changed, release=COMMIT).environments[-1]
    assert fallback_region(environment) not in {environment.primary_region, environment.dr_region}


def test_a_delivery_without_zones_for_a_recovery_is_refused(settings: dict[str, Any]) -> None:
    del settings["dr_availability_zones"]
    found = faults(settings)
    assert len(found) == len(settings["environments"])
    assert (
        "Prod: cannot be recovered in us-west-2, as dr_availability_zones is missing: give three zones of us"
        in found[-1]
    )


def test_frugal_applies_every_cost_setting(settings: dict[str, Any]) -> None:
    plain = load_delivery(settings, release=COMMIT).environments[0]
    settings["environments"]["Dev"]["frugal"] = True
    assert load_delivery(settings, release=COMMIT).environments[0] == frugal(plain)


def test_frugal_is_refused_where_data_is_retained(settings: dict[str, Any]) -> None:
    settings["environments"]["Prod"]["frugal"] = True
    (fault,) = faults(settings)
    assert fault.startswith("delivery.environments.Prod.frugal is true on an environment that retains data")


def test_a_null_is_a_setting_that_is_not_given(settings: dict[str, Any]) -> None:
    settings["environments"]["Staging"] |= {"peers_with": None, "frugal": None}
    assert load_delivery(settings, release=COMMIT).environments[1].peers_with is None


def test_peering_is_off_unless_the_settings_name_the_environment_before(settings: dict[str, Any]) -> None:
    settings["environments"]["Prod"]["peers_with"] = False
    del settings["environments"]["Staging"]["peers_with"]
    assert {each.peers_with for each in load_delivery(settings, release=COMMIT).environments} == {None}


def test_a_peer_other_than_the_previous_environment_is_refused(settings: dict[str, Any]) -> None:
    settings["environments"]["Prod"]["peers_with"] = "Dev"
    (fault,) = faults(settings)
    assert fault.startswith("Prod: peers_with is 'Dev': give 'Staging'")


def test_a_custom_bootstrap_qualifier_is_refused(context: dict[str, Any]) -> None:
    app = cdk.App(context=context | {"@aws-cdk/core:bootstrapQualifier": "acme"})
    with pytest.raises(SettingsError, match="bootstrapQualifier is 'acme': leave it out"):
        entry_point.load(app)


def test_a_bad_release_is_refused(settings: dict[str, Any]) -> None:
    (fault,) = faults(settings, release="not a commit")
    assert fault.startswith("release is 'not a commit': give the commit")


def test_the_faults_of_all_settings_are_reported_together(settings: dict[str, Any]) -> None:
    settings["account"] = "1"
    settings["source"] = {}
    settings["environments"]["Dev"]["account"] = 123456789012
    settings["environments"]["Prod"]["certificate_arn"] = None
    found = faults(settings)
    assert [fault.split(" ")[0] for fault in found] == [
        "delivery.account",
        "delivery.source",
        "delivery.environments.Dev.account",
        "delivery.environments.Prod.certificate_arn",
    ]


@pytest.mark.parametrize("value", [5, True, ["x"], {"x": 1}])
@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("account", "delivery.account is"),
        ("image", "delivery.image is"),
        ("source.type", "delivery.source is"),
        ("source.connection_arn", "delivery.source.connection_arn is"),
        ("source.repository", "delivery.source.repository is"),
        ("source.branch", "delivery.source.branch is"),
        ("notifications.email", "delivery.notifications.email is"),
        ("notifications.chat_topic_arn", "delivery.notifications.chat_topic_arn is"),
        ("environments.Dev.account", "delivery.environments.Dev.account is"),
        ("environments.Dev.certificate_arn", "delivery.environments.Dev.certificate_arn is"),
        ("environments.Dev.alarm_email", "delivery.environments.Dev.alarm_email is"),
    ],
)
def test_a_value_that_is_no_text_is_reported_with_the_other_faults(
    settings: dict[str, Any], path: str, fault: str, value: object
) -> None:
    parent, last = parent_of(settings, path)
    parent[last] = value
    settings["allowed_changes"] = "all"
    found = faults(settings)
    assert any(each.startswith(fault) and repr(value) in each for each in found)
    assert any(each.startswith("delivery.allowed_changes is 'all'") for each in found)


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
    text = re.sub(r"([1-4])\1{11}", r"\g<1>23456789012", json.dumps(sample_settings()))
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
