"""The delivery of cdk.json: invariants that no setting of a team may break, and generated pages that are current."""

import json

import pytest

from pipeline.bootstrap import toolkit
from pipeline.bootstrap.permissions import FILE, deployment_steps, template, text
from pipeline.settings import Delivery
from tests.conftest import read_context
from tests.estimate import PAGE as ESTIMATE
from tests.estimate import least_budget_usd
from tests.invariants import EACH_ENVIRONMENT, WHOLE_DELIVERY, DeliveryInvariant, Invariant
from tests.policy.compliance import PAGE, current
from tests.templates import Assembly

NAMES = list(read_context()["delivery"]["environments"])


@pytest.mark.parametrize("check", WHOLE_DELIVERY, ids=lambda check: check.__name__)
def test_the_delivery_keeps_the_invariant(
    live_assembly: Assembly, live_delivery: Delivery, check: DeliveryInvariant
) -> None:
    check(live_assembly, live_delivery)


@pytest.mark.parametrize("check", EACH_ENVIRONMENT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_the_environment_keeps_the_invariant(
    live_assembly: Assembly, live_delivery: Delivery, name: str, check: Invariant
) -> None:
    (environment,) = (each for each in live_delivery.environments if each.name == name)
    check(live_assembly, live_delivery, environment)


@pytest.mark.parametrize("name", NAMES)
def test_the_budget_exceeds_the_dated_estimate_of_a_long_month_by_a_fifth(live_delivery: Delivery, name: str) -> None:
    (environment,) = (each for each in live_delivery.environments if each.name == name)
    least = least_budget_usd(name, frugal=read_context()["delivery"]["environments"][name].get("frugal", False))
    assert least is None or environment.monthly_budget_usd >= least, (
        f"{name}: raise monthly_budget_usd to {least}, or correct the estimate in {ESTIMATE.name}, with its date"
    )


def test_the_bootstrap_permissions_are_current(live_assembly: Assembly, live_delivery: Delivery) -> None:
    documents, before = (
        [live_assembly.template(name) for name in live_assembly.stacks],
        FILE.read_text(encoding="utf-8"),
    )
    steps = deployment_steps(json.loads(before), template(documents, live_delivery), live_delivery)
    assert before == text(documents, live_delivery), "\n".join(
        ["run `make bootstrap` and commit bootstrap/permissions.json", *steps]
    )


def test_the_bootstrap_template_is_that_of_the_pinned_cli(live_delivery: Delivery) -> None:
    current = toolkit.text(toolkit.original(), live_delivery)
    assert toolkit.FILE.read_text(encoding="utf-8") == current, (
        "run `make bootstrap`, commit bootstrap/toolkit.json, and bootstrap every account with it: README, step 3"
    )


def test_the_compliance_page_is_current(live_assembly: Assembly, live_delivery: Delivery) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == current(page, live_assembly, live_delivery), "run `make compliance` and commit docs/compliance.md"


def test_the_compliance_page_names_no_account(live_delivery: Delivery) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for account in (live_delivery.account, *(environment.account for environment in live_delivery.environments)):
        assert account not in page
