"""docs/compliance.md says what is so, and what it names exists."""

import ast
import tarfile
from pathlib import Path

import cdk_nag

from pipeline.policy.plugin import RULES
from pipeline.settings import Delivery
from tests.conftest import CHECKOUT
from tests.policy.compliance import PAGE, PART, current
from tests.policy.controls import CONTROLS, REQUIREMENTS
from tests.policy.register import BUDGET, PIPELINE, counts, register
from tests.synthesized import acknowledgements
from tests.templates import Assembly


def test_the_page_is_current(assembly: Assembly, delivery: Delivery) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(PART.findall(page)) == 4
    assert page == current(page, assembly, delivery), "docs/compliance.md is out of date: run make compliance"


def test_the_register_leaves_no_acknowledgement_out(assembly: Assembly, delivery: Delivery) -> None:
    entries = register(assembly, delivery)
    listed = sum(len(entry.environments) * len(entry.places) * len(entry.rules) for entry in entries)
    assert listed == len(set(acknowledgements(assembly)))


def test_the_page_names_no_account(delivery: Delivery) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for account in (delivery.account, *(environment.account for environment in delivery.environments)):
        assert account not in page


def test_every_requirement_is_described_and_kept_by_something() -> None:
    kept = {control.requirement for control in CONTROLS} | {number for rule in RULES for number in rule.requirements}
    assert kept == set(REQUIREMENTS)


def test_every_test_that_the_page_names_exists() -> None:
    for control in CONTROLS:
        assert control.packs or control.tests
        for test in control.tests:
            path, name = test.split("::")
            module = ast.parse((CHECKOUT / "tests" / path).read_text(encoding="utf-8"))
            assert name in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}, test


def test_every_pack_rule_that_the_page_names_exists() -> None:
    (package,) = (Path(cdk_nag.__file__).parent / "_jsii").glob("*.tgz")
    with tarfile.open(package) as archive:
        listing = archive.extractfile("package/RULES.md")
        assert listing
        known = listing.read().decode()
    for control in CONTROLS:
        for rule in control.packs:
            assert f"[{rule}]" in known or f"| {rule} " in known, rule


def test_no_environment_goes_beyond_its_budget(assembly: Assembly, delivery: Delivery) -> None:
    for name, found in counts(assembly, delivery).items():
        assert name == PIPELINE or found.total() <= BUDGET, name
