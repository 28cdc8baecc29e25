"""Validation of an environment record: every fault names the field, its value and its remedy."""

from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from payment_constructs.firewall import FirewallLimits
from payment_constructs.service import Canary
from stages.environment import AlarmThresholds, DataProtection, DeploymentWindow, Environment, SettingsError
from tests.sample import sample_environments

ACCOUNT = "123456789012"
IMAGE = f"{ACCOUNT}.dkr.ecr.ap-southeast-1.amazonaws.com/payment-service@sha256:{'0' * 64}"
CERTIFICATE = f"arn:aws:acm:ap-southeast-1:{ACCOUNT}:certificate/00000000-0000-0000-0000-000000000000"
EMAIL = "on-call@payments.test"
CANARY = Canary(percent=25, step_minutes=2, bake_minutes=5)


def window(**changes: Any) -> DeploymentWindow:
    return replace(DeploymentWindow(days="MON-THU", first_hour=9, last_hour=16, time_zone="Asia/Singapore"), **changes)


def serverless(least: float, most: float) -> dict[str, Any]:
    return {"database_instance_class": "db.serverless", "database_capacity": (least, most)}


@pytest.fixture
def good() -> Environment:
    return sample_environments(account=ACCOUNT, certificate_arn=CERTIFICATE)["Dev"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": "a-b"}, "name is 'a-b': give 2 to 15 letters and digits"),
        ({"account": "12345"}, "account is '12345': give the 12 digits"),
        ({"account": None}, "account is None: give the 12 digits"),
        ({"account": 123456789012}, "account is 123456789012: give the 12 digits of an AWS account, in quotes"),
        ({"dr_region": "cn-north-1"}, "dr_region is 'cn-north-1', of another partition than aws: give a region whose"),
        ({"dr_region": "us-gov-west-1"}, "dr_region is 'us-gov-west-1', of another partition than aws: give a region"),
        ({"architecture": "arm64"}, "architecture is 'arm64': give one of ARM64, X86_64, that of the image."),
        ({"dr_region": "Oregon"}, "dr_region is 'Oregon': give an AWS region"),
        ({"dr_region": "ap-southeast-1"}, "dr_region is 'ap-southeast-1', the primary region: give another"),
        ({"availability_zones": ("us-east-1a", "us-east-1b", "us-east-1c")}, "three different zones of ap-southeast-1"),
        ({"availability_zones": ("ap-southeast-1a",) * 3}, "three different zones of ap-southeast-1"),
        ({"dr_availability_zones": ("us-west-2a", "us-west-2b", "us-east-1c")}, "three different zones of us-west-2"),
        ({"database_engine_version": "16.8"}, "database_engine_version is '16.8': give a minor version of 17, such as"),
        (
            {"break_glass_role": "arn:aws:iam::1:role/x"},
            "break_glass_role is 'arn:aws:iam::1:role/x': give the name of",
        ),
        ({"firewall": FirewallLimits(requests_per_5_minutes=9)}, "firewall.requests_per_5_minutes is 9: give 10 to"),
        (
            {"firewall": FirewallLimits(body_bytes=8193)},
            "firewall.body_bytes is 8193: give 1 to 8,192, or 0 for bodies",
        ),
        ({"allowed_domains": "a.test"}, "allowed_domains is 'a.test': give a list of domains, such as api.example.com"),
        (
            {"allowed_domains": ("*",)},
            "allowed_domains[0] is '*': give a name such as api.example.com or *.example.com",
        ),
        ({"allowed_domains": ("https://a.test",)}, "allowed_domains[0] is 'https://a.test': give a name such as api."),
        ({"allowed_domains": ("a.test",) * 2}, "allowed_domains[1] is 'a.test' for the second time: give it once."),
        ({"vpc_cidr": "10.0.0.0"}, "vpc_cidr is '10.0.0.0': its size is /32; give /16 to /20"),
        ({"vpc_cidr": "10.0.0.0/33"}, "vpc_cidr is '10.0.0.0/33'"),
        ({"vpc_cidr": "10.0.0.1/16"}, "has host bits set; give an IPv4 network such as 10.0.0.0/16"),
        ({"vpc_cidr": "10.0.0.0/24"}, "its size is /24; give /16 to /20"),
        ({"dr_vpc_cidr": "10.0.0.0/8"}, "dr_vpc_cidr is '10.0.0.0/8': its size is /8; give /16 to /20"),
        (
            {"vpc_cidr": "8.8.0.0/16"},
            "'8.8.0.0/16': not private addresses; give a network of RFC 1918 such as 10.0.0.0/16",
        ),
        ({"nat_gateways": 0}, "nat_gateways is 0: give 1 to 3"),
        ({"nat_gateways": 4}, "nat_gateways is 4: give 1 to 3"),
        ({"endpoint_zones": -1}, "endpoint_zones is -1: give 0 to 3"),
        ({"endpoint_zones": 4}, "endpoint_zones is 4: give 0 to 3; 0 is no interface endpoints."),
        (
            {"database_instance_class": "db.serverless"},
            "database_capacity is None and database_instance_class is 'db.serverless': give db.serverless with a",
        ),
        (
            {"database_capacity": (0.5, 2)},
            "database_capacity is (0.5, 2) and database_instance_class is 'db.t4g.medium': give db.serverless with a",
        ),
        (serverless(2, 1), "database_capacity is (2, 1): give the minimum first, then a maximum that is not below it."),
        (serverless(0.3, 1), "database_capacity is (0.3, 1): give 0 to 256 ACUs in steps of 0.5"),
        (serverless(-0.5, 1), "database_capacity is (-0.5, 1): give 0 to 256 ACUs"),
        (serverless(0.5, 256.5), "database_capacity is (0.5, 256.5): give 0 to 256 ACUs"),
        (
            serverless(0.5, 0.5),
            "database_capacity is (0.5, 0.5): give 0 to 256 ACUs in steps of 0.5, with a maximum of at least 1.",
        ),
        ({"database_instance_class": "r6g.large"}, "'r6g.large': give an Aurora instance class such as db.r6g.large"),
        ({"database_instances": 1}, "database_instances is 1: give 2 to 16"),
        ({"monthly_budget_usd": 0}, "monthly_budget_usd is 0: give the limit of a month's cost in US dollars"),
        ({"min_tasks": 0}, "min_tasks is 0: give at least 1"),
        ({"min_tasks": 6}, "min_tasks is 6, above max_tasks 5: lower min_tasks or raise max_tasks."),
        ({"image": "nginx:latest"}, "image is 'nginx:latest': give an ECR image by its digest, never by a tag"),
        ({"image": IMAGE.partition("@")[0] + ":v1"}, "give an ECR image by its digest, never by a tag"),
        ({"image": None}, "image is None: give an ECR image by its digest"),
        ({"image": IMAGE.replace("ap-southeast-1", "us-east-1")}, "image is in us-east-1: give one in ap-southeast-1"),
        ({"canary": replace(CANARY, percent=0)}, "canary.percent is 0: give 1 to 50, the first share of requests."),
        ({"canary": replace(CANARY, step_minutes=0)}, "canary.step_minutes is 0: give 1 to 360 minutes."),
        ({"canary": replace(CANARY, bake_minutes=4)}, "canary.bake_minutes is 4: give 5 to 360 minutes."),
        ({"bake_minutes": 24}, "bake_minutes is 24: give 25 to 720 minutes, or leave"),
        ({"deployment_window": window(days="daily")}, "deployment_window.days is 'daily': give days such as MON-THU"),
        (
            {"deployment_window": window(first_hour=17)},
            "deployment_window.first_hour is 17 and last_hour 16: give hours from 0 to 23, the first not after",
        ),
        ({"deployment_window": window(last_hour=24)}, "last_hour 24: give hours from 0 to 23"),
        ({"deployment_window": window(time_zone="SGT+8")}, "time_zone is 'SGT+8': give an IANA name such as"),
        ({"certificate_arn": None}, "certificate_arn is missing and the environment is internet-facing: give the ARN"),
        ({"certificate_arn": 5}, "certificate_arn is 5: give arn:aws:acm:REGION:ACCOUNT:certificate/ID."),
        ({"certificate_arn": "arn:aws:iam::1:x"}, "give arn:aws:acm:REGION:ACCOUNT:certificate/ID"),
        ({"certificate_arn": CERTIFICATE.replace("ap-southeast-1", "us-east-1")}, "give one of ap-southeast-1 in"),
        ({"certificate_arn": CERTIFICATE.replace(ACCOUNT, "210987654321")}, f"give one of ap-southeast-1 in {ACCOUNT}"),
        ({"database_instance_class": "db.m6g.large"}, "'db.m6g.large': give an Aurora instance class"),
        ({"alarm_email": None}, "alarm_email is missing: give the address that receives the alarms."),
        ({"alarm_email": "on-call"}, "alarm_email is 'on-call': give one e-mail address, such as"),
        ({"alarm_email": "a@b.test, c@d.test"}, "give one e-mail address, such as on-call@example.com."),
        ({"alarm_email": 7}, "alarm_email is 7: give one e-mail address"),
    ],
)
def test_a_bad_field_is_refused_with_its_remedy(good: Environment, change: dict[str, Any], fault: str) -> None:
    with pytest.raises(SettingsError) as refused:
        replace(good, **change)
    (message,) = refused.value.faults
    assert message.startswith(f"{change.get('name', 'Dev')}: ")
    assert fault in message


@pytest.mark.parametrize(
    "instance_class",
    ["db.t3.micro", "db.t4g.xlarge", "db.r6g.medium", "db.r6g.3xlarge", "db.r99.large", "db.r9.0xlarge", "db.rx.large"],
)
def test_an_instance_class_that_aurora_does_not_have_is_refused(good: Environment, instance_class: str) -> None:
    with pytest.raises(SettingsError) as refused:
        replace(good, database_instance_class=instance_class)
    assert refused.value.faults == (
        f"Dev: database_instance_class is {instance_class!r}: give an Aurora instance class such as db.r6g.large.",
    )


@pytest.mark.parametrize(
    "instance_class",
    ["db.t3.medium", "db.t4g.large", "db.r6g.large", "db.r6gd.xlarge", "db.r8g.48xlarge", "db.x2g.12xlarge"],
)
def test_an_instance_class_of_aurora_is_accepted(good: Environment, instance_class: str) -> None:
    assert replace(good, database_instance_class=instance_class).database_instance_class == instance_class


@pytest.mark.parametrize("field", ["vpc_cidr", "dr_vpc_cidr"])
@pytest.mark.parametrize(
    "network",
    ["0.0.0.0/16", "100.64.0.0/16", "127.0.0.0/16", "169.254.0.0/16", "172.32.0.0/16", "198.18.0.0/16", "240.0.0.0/16"],
)
def test_a_network_outside_rfc_1918_is_refused(good: Environment, field: str, network: str) -> None:
    change: dict[str, Any] = {field: network}
    with pytest.raises(SettingsError, match=f"Dev: {field} is '{network}': not private addresses; give a network of"):
        replace(good, **change)


@pytest.mark.parametrize("network", ["10.255.0.0/16", "172.16.0.0/16", "172.31.240.0/20", "192.168.0.0/16"])
def test_a_network_of_rfc_1918_is_accepted(good: Environment, network: str) -> None:
    assert replace(good, vpc_cidr=network).vpc_cidr == network


@pytest.mark.parametrize("value", ["retained", "destroyable", True, None])
def test_an_invalid_data_protection_value_is_refused(good: Environment, value: Any) -> None:
    with pytest.raises(SettingsError) as refused:
        replace(good, data_protection=value)
    assert refused.value.faults == (
        f"Dev: data_protection is {value!r}: give DataProtection.DESTROYABLE or DataProtection.RETAINED.",
    )


@pytest.mark.parametrize(("architecture", "platform"), [("ARM64", "linux/arm64"), ("X86_64", "linux/amd64")])
def test_a_wrong_image_is_refused_with_the_contract_of_a_right_one(
    good: Environment, architecture: str, platform: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        replace(good, image="nginx:latest", architecture=architecture)
    (fault,) = refused.value.faults
    for demand in (
        f"An image is for {platform}, since delivery.architecture is {architecture}",
        "`exec format error`",
        "runs as 10001:10001 with a read-only root file system and a writable /tmp",
        "listens on port 8080, answers GET /health, and reads the environment variables that README.md lists",
    ):
        assert demand in fault


def test_an_environment_that_retains_data_needs_canary_bake_time_and_window(good: Environment) -> None:
    with pytest.raises(SettingsError) as refused:
        replace(good, data_protection=DataProtection.RETAINED)
    assert [fault.split(":")[1] for fault in refused.value.faults] == [
        " canary is missing on an environment that retains data",
        " bake_minutes is missing on an environment that retains data",
        " deployment_window is missing on an environment that retains data",
    ]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"spot": True}, "spot is true on an environment that retains data: AWS may stop its tasks at any time"),
        (
            serverless(0, 2),
            "database_capacity is (0, 2) on an environment that retains data: the first payment after a pause",
        ),
        (serverless(0.5, 2), None),
        ({"nat_gateways": 1, "endpoint_zones": 1}, None),
        ({"canary": CANARY}, "canary.step_minutes is 2 on an environment that retains data: give at least 5"),
    ],
)
def test_an_environment_that_retains_data_may_not_pause_or_use_spot(change: dict[str, Any], fault: str | None) -> None:
    retained = sample_environments()["Prod"]
    if fault is None:
        replace(retained, **change)
        return
    with pytest.raises(SettingsError) as refused:
        replace(retained, **change)
    (message,) = refused.value.faults
    assert message.startswith(f"Prod: {fault}")


@pytest.mark.parametrize("field", [field.name for field in fields(AlarmThresholds)])
@pytest.mark.parametrize("value", [0, -1, 100_000])
def test_a_threshold_out_of_range_is_refused(good: Environment, field: str, value: int) -> None:
    with pytest.raises(SettingsError, match=rf"Dev: alarms\.{field} is {value}: give more than 0 and at most"):
        replace(good, alarms=replace(good.alarms, **{field: value}))


def test_an_availability_objective_of_100_percent_is_refused(good: Environment) -> None:
    with pytest.raises(SettingsError, match=r"Dev: alarms\.availability_percent is 100: give less"):
        replace(good, alarms=replace(good.alarms, availability_percent=100))


def test_several_faults_are_reported_together(good: Environment) -> None:
    with pytest.raises(SettingsError) as refused:
        replace(good, vpc_cidr="10.0.0.0/33", min_tasks=9, certificate_arn="")
    assert [fault.split(" is ")[0] for fault in refused.value.faults] == [
        "Dev: vpc_cidr",
        "Dev: min_tasks",
        "Dev: certificate_arn",
    ]


def test_an_environment_is_immutable(good: Environment) -> None:
    with pytest.raises(FrozenInstanceError):
        good.vpc_cidr = "10.9.0.0/16"  # type: ignore[misc]
