"""Consistency rules between environments, each of which is valid alone."""

from dataclasses import replace
from typing import Any

import pytest

from payment_constructs.service import Canary
from stages.consistency import consistency_faults
from stages.environment import DataProtection, Environment
from tests.sample import sample_environments


@pytest.fixture
def environments() -> dict[str, Environment]:
    return sample_environments()


def test_the_delivered_environments_are_consistent(environments: dict[str, Environment]) -> None:
    assert list(consistency_faults(list(environments.values()))) == []


@pytest.mark.parametrize("field", ["vpc_cidr", "dr_vpc_cidr"])
def test_overlapping_networks_are_refused_in_both_regions(environments: dict[str, Environment], field: str) -> None:
    change: dict[str, Any] = {field: "10.0.128.0/17"}
    environments["Staging"] = replace(environments["Staging"], **change)
    (fault,) = consistency_faults(list(environments.values()))
    assert fault == (
        f"Staging: {field} is '10.0.128.0/17', which overlaps vpc_cidr '10.0.0.0/16' of Dev: "
        "give every network of every environment a range of its own."
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"min_tasks": 1}, None),
        ({"nat_gateways": 1}, "Prod: nat_gateways is 1, weaker than {other} with 3: give at least 3."),
        ({"max_tasks": 4}, "Prod: max_tasks is 4, weaker than {other} with 5: give at least 5."),
        (
            {"database_instance_class": "db.t4g.medium"},
            "Prod: database_instance_class is 'db.t4g.medium', weaker than Staging with 'db.r6g.large': "
            "give the same class or a larger one.",
        ),
        ({"database_instance_class": "db.r6g.2xlarge"}, None),
        ({"endpoint_zones": 2}, "Prod: endpoint_zones is 2, weaker than {other} with 3: give at least 3."),
        (
            {"database_instance_class": "db.serverless", "database_capacity": (64, 256)},
            "Prod: database_instance_class is 'db.serverless', weaker than Dev with 'db.t4g.medium': "
            "give the same class or a larger one.",
        ),
    ],
)
def test_prod_may_not_be_weaker_than_another_environment(
    environments: dict[str, Environment], change: dict[str, Any], fault: str | None
) -> None:
    environments["Prod"] = replace(environments["Prod"], **change)
    found = list(consistency_faults(list(environments.values())))
    if fault is None:
        assert found == []
    else:
        assert fault.format(other="Staging") in found


@pytest.mark.parametrize(
    ("capacity", "weaker"), [((0.5, 2), False), ((1, 8), False), ((1, 1.5), True), ((0.5, 1), True)]
)
def test_serverless_prod_may_not_have_less_capacity_than_the_others(
    environments: dict[str, Environment], capacity: tuple[float, float], weaker: bool
) -> None:
    for name, environment in environments.items():
        environments[name] = replace(
            environment,
            database_instance_class="db.serverless",
            database_capacity=capacity if name == "Prod" else (0.5, 2),
        )
    faults = [
        f"Prod: database_capacity is {capacity}, weaker than {name} with (0.5, 2): give at least as much of each."
        for name in ("Dev", "Staging")
    ]
    assert list(consistency_faults(list(environments.values()))) == (faults if weaker else [])


@pytest.mark.parametrize("field", ["cpu_percent", "memory_percent", "response_time_ms", "error_rate_percent"])
def test_prod_alarm_thresholds_may_not_be_laxer_than_staging(environments: dict[str, Environment], field: str) -> None:
    level = getattr(environments["Staging"].alarms, field) + 1
    environments["Prod"] = replace(environments["Prod"], alarms=replace(environments["Prod"].alarms, **{field: level}))
    faults = list(consistency_faults(list(environments.values())))
    assert any(fault.startswith(f"Prod: alarms.{field} is {level}, weaker than Staging with") for fault in faults)


def test_prod_may_not_have_a_lower_availability_objective(environments: dict[str, Environment]) -> None:
    prod = environments["Prod"]
    environments["Prod"] = replace(prod, alarms=replace(prod.alarms, availability_percent=99.2))
    assert list(consistency_faults(list(environments.values()))) == [
        "Prod: alarms.availability_percent is 99.2, weaker than Staging with 99.5: give at least 99.5."
    ]


@pytest.mark.parametrize(("limited", "missing"), [("Staging", "Prod"), ("Prod", "Staging")])
def test_no_name_is_blocked_for_the_first_time_in_production(
    environments: dict[str, Environment], limited: str, missing: str
) -> None:
    environments[limited] = replace(environments[limited], allowed_domains=("a.test",))
    assert list(consistency_faults(list(environments.values()))) == [
        f"{missing}: allowed_domains is missing, and only one of Staging and Prod has it: give both a list, or neither."
    ]
    environments[missing] = replace(environments[missing], allowed_domains=())
    assert list(consistency_faults(list(environments.values()))) == []


def test_the_last_environment_must_retain_its_data(environments: dict[str, Environment]) -> None:
    environments["Prod"] = replace(environments["Prod"], data_protection=DataProtection.DESTROYABLE)
    (fault,) = consistency_faults(list(environments.values()))
    assert fault.startswith("Prod: data_protection is 'destroyable' on the last environment")


def test_the_first_environment_does_not_retain_data(environments: dict[str, Environment]) -> None:
    (fault,) = consistency_faults([replace(environments["Prod"], peers_with=None)])
    assert fault.startswith("Prod: data_protection is 'retained' on the first environment of the delivery, which no")


def test_only_the_first_environment_may_have_no_bake_time(environments: dict[str, Environment]) -> None:
    environments["Staging"] = replace(environments["Staging"], bake_minutes=None)
    (fault,) = consistency_faults(list(environments.values()))
    assert fault == "Staging: bake_minutes is missing on an environment that is not the first: give 30."


def test_no_canary_runs_for_the_first_time_in_production(environments: dict[str, Environment]) -> None:
    environments["Staging"] = replace(environments["Staging"], canary=None)
    (fault,) = consistency_faults(list(environments.values()))
    assert fault == (
        "Staging: canary is missing, so that Prod after it would run the first canary: "
        "give percent 25, step_minutes 2 and bake_minutes 5."
    )


def test_production_has_no_weaker_canary(environments: dict[str, Environment]) -> None:
    environments["Staging"] = replace(
        environments["Staging"], canary=Canary(percent=25, step_minutes=6, bake_minutes=5)
    )
    environments["Prod"] = replace(environments["Prod"], canary=Canary(percent=30, step_minutes=5, bake_minutes=5))
    assert list(consistency_faults(list(environments.values()))) == [
        "Prod: canary.percent is 30, weaker than Staging with 25: give at most 25.",
        "Prod: canary.step_minutes is 5, weaker than Staging with 6: give at least 6.",
    ]


@pytest.mark.parametrize(
    ("name", "peers_with", "fault"),
    [
        ("Prod", "Dev", "Prod: peers_with is 'Dev': give 'Staging', the one before it, or false."),
        ("Prod", "Qa", "Prod: peers_with is 'Qa': give 'Staging', the one before it, or false."),
        ("Staging", "Prod", "Staging: peers_with is 'Prod': give 'Dev', the one before it, or false."),
        ("Staging", "Staging", "Staging: peers_with is 'Staging': give 'Dev', the one before it, or false."),
        ("Dev", "Staging", "Dev: peers_with is 'Staging': give false, it is the first."),
    ],
)
def test_an_environment_may_only_peer_with_the_one_before_it(
    environments: dict[str, Environment], name: str, peers_with: str, fault: str
) -> None:
    environments[name] = replace(environments[name], peers_with=peers_with)
    assert list(consistency_faults(list(environments.values()))) == [fault]
    environments[name] = replace(environments[name], peers_with=None)
    assert list(consistency_faults(list(environments.values()))) == []


def test_no_environment_may_peer_with_one_that_retains_data(environments: dict[str, Environment]) -> None:
    environments["Staging"] = replace(
        environments["Staging"],
        data_protection=DataProtection.RETAINED,
        canary=environments["Prod"].canary,
        deployment_window=environments["Prod"].deployment_window,
    )
    assert (
        "Prod: peers_with is 'Staging', which retains data: no environment may reach into production; give false."
        in consistency_faults(list(environments.values()))
    )
