"""The delivery of cdk.json: invariants that no setting of a team may break, and generated pages that are current."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest

from cdk_rehearsal import Settings
from pipeline.bootstrap import toolkit, watcher
from pipeline.bootstrap.permissions import FILE, deployment_steps, template, text
from pipeline.plan.permissions import statements
from pipeline.settings import Delivery
from tests.conftest import CHECKOUT, read_context
from tests.estimate import PAGE as ESTIMATE
from tests.estimate import least_budget_usd
from tests.invariants import EACH_ENVIRONMENT, WHOLE_DELIVERY, DeliveryInvariant, Invariant
from tests.policy.compliance import PAGE, current
from tests.templates import Assembly, Template, references

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


def test_the_watcher_is_current(live_delivery: Delivery) -> None:
    assert watcher.FILE.read_text(encoding="utf-8") == watcher.text(live_delivery), (
        "run `make bootstrap`, commit bootstrap/watcher.json, and deploy it in every account: README, step 3"
    )


def test_the_compliance_page_is_current(live_assembly: Assembly, live_delivery: Delivery) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == current(page, live_assembly, live_delivery), "run `make compliance` and commit docs/compliance.md"


def test_the_compliance_page_names_no_account(live_delivery: Delivery) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for account in (live_delivery.account, *(environment.account for environment in live_delivery.environments)):
        assert account not in page


def test_each_reason_for_an_unused_permission_names_one_that_a_role_has(
    assembly: Assembly, delivery: Delivery, live_assembly: Assembly, live_delivery: Delivery
) -> None:
    # Of the sample too: a team's settings need not have every role. A rehearsal finds a reason why a permission that is
    # used is not.
    granted = {*_granted(assembly, delivery), *_granted(live_assembly, live_delivery)}
    rehearsal = Settings.load(CHECKOUT)
    for entry in (each for table in (rehearsal.unused, rehearsal.sometimes_unused) for each in table.values()):
        for roles, *actions in map(str.split, entry):
            for action in actions:
                assert any(fnmatchcase(role, roles) and fnmatchcase(allowed, action) for role, allowed in granted), (
                    f"no role {roles} may {action}: correct it in [tool.cdk-rehearsal] of pyproject.toml, or remove it"
                )


def _granted(assembly: Assembly, delivery: Delivery) -> Iterator[tuple[str, str]]:
    """The roles of the templates and of the bootstrap, with each action that their policies allow."""
    templates = {name: assembly.template(name) for name in assembly.stacks}
    bootstrap = {
        "permissions": template(list(templates.values()), delivery),
        "watcher": {"Resources": watcher.resources(delivery)},
    }
    for stack, document in {**templates, **bootstrap}.items():
        resources: Template = document["Resources"]
        names = {
            logical_id: each["Properties"].get("RoleName", f"{stack}-{logical_id}")
            for logical_id, each in resources.items()
            if each["Type"] == "AWS::IAM::Role"
        }
        attached = [
            (policy, name)
            for role, name in names.items()
            for policy in (role, *references(resources[role]["Properties"].get("ManagedPolicyArns", [])))
            if policy in resources  # not AWS::Partition
        ] + [
            (policy, names[role["Ref"]] if isinstance(role, dict) else role)
            for policy, each in resources.items()
            if each["Type"] in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")
            for role in each["Properties"].get("Roles", [])
        ]
        for policy, name in attached:
            yield from ((name, each.action) for each in statements(policy, resources[policy]) if each.effect == "Allow")
