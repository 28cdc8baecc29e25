"""docs/compliance.md is current, and the rules and tests that it names exist."""

import ast
import tarfile
from pathlib import Path

import cdk_nag

from payment_constructs.database import PARAMETERS
from pipeline.policy.plugin import RULES
from pipeline.settings import Delivery
from tests.conftest import CHECKOUT
from tests.policy.compliance import PAGE, PART
from tests.policy.controls import CONTROLS, IN_PART, REQUIREMENTS
from tests.policy.register import LIMIT, PIPELINE, counts, register
from tests.synthesized import acknowledgements
from tests.templates import Assembly


def test_the_page_has_every_generated_part() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert {part["name"] for part in PART.finditer(page)} == {"requirements", "rules", "counts", "register"}


def test_the_register_contains_every_acknowledgement(assembly: Assembly, delivery: Delivery) -> None:
    entries = register(assembly, delivery)
    listed = sum(len(entry.environments) * len(entry.resources) * len(entry.rules) for entry in entries)
    assert listed == len(set(acknowledgements(assembly)))


def test_every_requirement_has_a_description_and_a_rule_or_control() -> None:
    met = {control.requirement for control in CONTROLS} | {number for rule in RULES for number in rule.requirements}
    assert met == set(REQUIREMENTS), "describe the requirement in tests/policy/controls.py"


def test_what_is_missing_is_said_of_a_requirement_of_the_page() -> None:
    assert set(IN_PART) <= set(REQUIREMENTS), "describe the requirement in tests/policy/controls.py"


def test_only_the_rules_that_help_to_meet_a_requirement_claim_it() -> None:
    claimed = {
        number: {rule.id for rule in RULES if number in rule.requirements} for number in ("2.2.7", "6.3.2", "6.5.2")
    }
    assert claimed == {
        "2.2.7": {"PCI-4.2.1-DatabaseTls"},  # administrators connect to the database, customers to the load balancer
        "6.3.2": set(),  # an inventory; the digest of an image is none
        "6.5.2": {"PCI-6.5.2-DeploymentsVerified"},
    }


def test_the_page_says_what_the_database_does_not_audit() -> None:
    audited = set(PARAMETERS["pgaudit.log"].split(","))
    assert {"read", "write"} <= audited or "pgaudit" in IN_PART["10.2.1"], "say it in tests/policy/controls.py"


def test_every_test_that_the_page_names_exists() -> None:
    for control in CONTROLS:
        assert control.packs or control.tests, f"{control.requirement}: name a pack rule or a test"
        for test in control.tests:
            path, name = test.split("::")
            module = ast.parse((CHECKOUT / "tests" / path).read_text(encoding="utf-8"))
            assert name in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}, (
                f"{test}: update tests/policy/controls.py"
            )


def test_every_pack_rule_that_the_page_names_exists() -> None:
    (package,) = (Path(cdk_nag.__file__).parent / "_jsii").glob("*.tgz")
    with tarfile.open(package) as archive:
        listing = archive.extractfile("package/RULES.md")
        assert listing
        known = listing.read().decode()
    for control in CONTROLS:
        for rule in control.packs:
            assert f"[{rule}]" in known or f"| {rule} " in known, f"{rule}: update tests/policy/controls.py"


def test_no_environment_has_more_acknowledged_findings_than_the_limit(assembly: Assembly, delivery: Delivery) -> None:
    for name, found in counts(assembly, delivery).items():
        assert name == PIPELINE or found.total() <= LIMIT, (
            f"{name}: fix findings instead of acknowledging {found.total()}, or raise LIMIT in "
            "tests/policy/register.py with the reason"
        )
