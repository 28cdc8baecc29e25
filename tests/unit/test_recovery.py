"""The recovery variant: the same platform in the DR region, with its own names and networks."""

from dataclasses import fields, replace
from typing import Any

import aws_cdk as cdk
import pytest

import app as entry_point
from pipeline.settings import Delivery
from stages.environment import Environment, SettingsError
from stages.names import REPLICATED, bucket_name, lost_name
from stages.variants import fallback_region, recovered

CERTIFICATE = "arn:aws:acm:us-west-2:{account}:certificate/00000000-0000-0000-0000-000000000000"


@pytest.fixture(params=["Dev", "Staging", "Prod"])
def lost(request: pytest.FixtureRequest, delivery: Delivery) -> Environment:
    return next(one for one in delivery.environments if one.name == request.param)


def certificate(environment: Environment) -> str:
    return CERTIFICATE.format(account=environment.account)


def test_a_recovered_environment_differs_only_in_name_and_region(lost: Environment) -> None:
    found = recovered(lost, certificate_arn=certificate(lost))
    names = [field.name for field in fields(Environment)]
    differing = {name for name in names if getattr(found, name) != getattr(lost, name)}
    expected = {"name", "primary_region", "dr_region", "availability_zones", "vpc_cidr", "dr_vpc_cidr"}
    expected.add("dr_availability_zones")
    assert differing - {"peers_with", "alarm_targets", "dns"} == expected | {"certificate_arn", "image"}
    assert found.peers_with is None


def test_a_recovered_environment_does_not_use_the_lost_region(lost: Environment) -> None:
    found = recovered(lost, certificate_arn=certificate(lost))
    assert lost.primary_region not in str(found.as_document())
    assert (found.primary_region, found.dr_region) == (lost.dr_region, fallback_region(lost))
    assert found.service_image.digest == lost.service_image.digest
    assert (found.vpc_cidr, found.availability_zones) == (lost.dr_vpc_cidr, lost.dr_availability_zones)


def test_the_network_of_a_recovered_environment_overlaps_no_other(lost: Environment, delivery: Delivery) -> None:
    network = recovered(lost, certificate_arn=certificate(lost)).networks()["vpc_cidr"]
    for environment in delivery.environments:
        kept = {"dr_vpc_cidr"} if environment is lost else set()
        others = {field: one for field, one in environment.networks().items() if field not in kept}
        assert not any(network.overlaps(other) for other in others.values())


def test_a_certificate_of_the_lost_region_is_refused(lost: Environment) -> None:
    with pytest.raises(SettingsError, match=f"{lost.name}Dr: certificate_arn .* give one of us-west-2"):
        recovered(lost, certificate_arn=lost.certificate_arn)


@pytest.mark.parametrize(("failover", "name"), [(1, "ProdDr"), ("", "ProdDr"), ("2", "ProdDr2"), (9, "ProdDr9")])
def test_a_second_fail_over_has_names_of_its_own(delivery: Delivery, failover: object, name: str) -> None:
    lost = delivery.environments[-1]
    assert recovered(lost, certificate_arn=certificate(lost), failover=failover).name == name


@pytest.mark.parametrize("failover", ["10", "second", 0])
def test_another_number_of_a_fail_over_is_refused(delivery: Delivery, failover: object) -> None:
    lost = delivery.environments[-1]
    with pytest.raises(SettingsError, match=f"failover is {failover!r}: leave it out for the first one, or give 2 to"):
        recovered(lost, certificate_arn=certificate(lost), failover=failover)


def test_a_recovered_database_has_the_engine_version_that_is_given(delivery: Delivery) -> None:
    lost = delivery.environments[-1]
    found = recovered(lost, certificate_arn=certificate(lost), engine_version="17.12")
    assert found.database_engine_version == "17.12"


@pytest.mark.parametrize(
    ("version", "fault"), [("17.8", "below 17.9 of the settings"), ("18.1", "a minor version of 17")]
)
def test_an_older_or_another_major_engine_version_is_refused(delivery: Delivery, version: str, fault: str) -> None:
    lost = delivery.environments[-1]
    with pytest.raises(SettingsError, match=f"{version}.*{fault}"):
        recovered(lost, certificate_arn=certificate(lost), engine_version=version)


def test_the_longest_name_of_a_recovery_fits_into_a_bucket_name(delivery: Delivery) -> None:
    longest = replace(delivery.environments[-1], name="P" + 14 * "x")
    for service in REPLICATED:
        assert len(bucket_name(service, longest, "ap-southeast-1")) <= 63, "shorten NAME in stages/environment.py"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ProdDr", "payment-sessions-prod"),
        ("StagingDr2", "payment-sessions-staging"),
        ("Prod", None),
        ("Sandbox-dr", None),
    ],
)
def test_a_recovered_service_may_reach_the_replicas_of_the_lost_one(
    delivery: Delivery, name: str, expected: str | None
) -> None:
    # `make drill` looks at the endpoint itself.
    assert lost_name("sessions", replace(delivery.environments[-1], name=name)) == expected


def load(context: dict[str, Any], **values: str) -> Environment | None:
    app = cdk.App(context=context | values)
    return entry_point.standalone_environment(app, entry_point.load(app))


def test_the_recover_context_value_selects_the_environment(context: dict[str, Any], delivery: Delivery) -> None:
    last = delivery.environments[-1]
    assert load(context) is None
    given = {"recover": last.name, "certificate": certificate(last), "engine": "17.10", "failover": "2"}
    assert load(context, **given) == recovered(
        last, certificate_arn=certificate(last), engine_version="17.10", failover=2
    )


def test_an_unknown_environment_cannot_be_recovered(context: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="recover is 'Production': the environments are Dev, Staging, Prod"):
        load(context, recover="Production")


def test_recovery_requires_a_certificate(context: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="ProdDr: certificate_arn is missing"):
        load(context, recover="Prod")
