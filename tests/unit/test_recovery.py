"""The recovery variant: the same platform in the DR region, with its own names and networks."""

from dataclasses import fields
from typing import Any

import aws_cdk as cdk
import pytest

import app as entry_point
from pipeline.settings import Delivery
from stages.environment import Environment, SettingsError
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
    assert differing - {"peers_with", "alarm_targets", "dns"} == expected | {"certificate_arn", "image"}
    assert found.peers_with is None


def test_a_recovered_environment_does_not_use_the_lost_region(lost: Environment) -> None:
    found = recovered(lost, certificate_arn=certificate(lost))
    assert lost.primary_region not in str(found.as_document())
    assert (found.primary_region, found.dr_region) == (lost.dr_region, fallback_region(lost))
    assert found.service_image.digest == lost.service_image.digest
    assert found.vpc_cidr == lost.dr_vpc_cidr


def test_the_network_of_a_recovered_environment_overlaps_no_other(lost: Environment, delivery: Delivery) -> None:
    network = recovered(lost, certificate_arn=certificate(lost)).networks()["vpc_cidr"]
    for environment in delivery.environments:
        kept = {"dr_vpc_cidr"} if environment is lost else set()
        others = {field: one for field, one in environment.networks().items() if field not in kept}
        assert not any(network.overlaps(other) for other in others.values())


def test_a_certificate_of_the_lost_region_is_refused(lost: Environment) -> None:
    with pytest.raises(SettingsError, match=f"{lost.name}Dr: certificate_arn .* give one of us-west-2"):
        recovered(lost, certificate_arn=lost.certificate_arn)


def load(context: dict[str, Any], **values: str) -> Environment | None:
    app = cdk.App(context=context | values)
    return entry_point.standalone_environment(app, entry_point.load(app))


def test_the_recover_context_value_selects_the_environment(context: dict[str, Any], delivery: Delivery) -> None:
    last = delivery.environments[-1]
    assert load(context) is None
    assert load(context, recover=last.name, certificate=certificate(last)) == recovered(
        last, certificate_arn=certificate(last)
    )


def test_an_unknown_environment_cannot_be_recovered(context: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="recover is 'Production': the environments are Dev, Staging, Prod"):
        load(context, recover="Production")


def test_recovery_requires_a_certificate(context: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="ProdDr: certificate_arn is missing"):
        load(context, recover="Prod")
