"""A policy engine denies every attack of the table on the synthesized policies, and allows what the delivery does."""

import pytest

from pipeline.bootstrap.permissions import template
from pipeline.settings import Delivery
from tests.policy.attacks import (
    BLINDING_THE_WATCHER,
    CONTROLS,
    FUNCTIONS,
    LEAVING_THE_BOUNDARY,
    OVERWRITING_A_RELEASE,
    PAST_A_GATE,
    PAST_THE_PIPELINE,
)
from tests.policy.authority import Authority, Request, judge
from tests.policy.callers import Case
from tests.policy.database_attacks import ASKING_ALLOWED, ASKING_THE_DATABASE
from tests.policy.scan_attacks import READING_ALLOWED, READING_SCANS
from tests.templates import Assembly

ATTACKS = [
    *LEAVING_THE_BOUNDARY,
    *PAST_A_GATE,
    *OVERWRITING_A_RELEASE,
    *BLINDING_THE_WATCHER,
    *PAST_THE_PIPELINE,
    *ASKING_THE_DATABASE,
    *READING_SCANS,
]


ALLOWED = [*CONTROLS, *ASKING_ALLOWED, *READING_ALLOWED]


@pytest.fixture(scope="module")
def verdicts(assembly: Assembly, delivery: Delivery) -> dict[str, str]:
    """The engine's answer to every case by its name."""
    documents = [assembly.template(stack) for stack in assembly.stacks]
    authority = Authority(assembly, permissions=template(documents, delivery), delivery=delivery)
    cases = [*ATTACKS, *ALLOWED]
    requests = [
        Request(
            principal=case.caller.principal(authority),
            action=case.action,
            resource=authority.function_of_action(case.resource) if case.resource in FUNCTIONS else case.resource,
            context=case.context,
        )
        for case in cases
    ]
    return dict(zip((case.name for case in cases), judge(authority, requests), strict=True))


@pytest.mark.parametrize("case", ATTACKS, ids=lambda case: case.name)
def test_the_attack_is_denied(verdicts: dict[str, str], case: Case) -> None:
    assert verdicts[case.name] != "Allowed", "deny it in pipeline/bootstrap or pipeline/duties.py"


@pytest.mark.parametrize("case", ALLOWED, ids=lambda case: case.name)
def test_what_the_delivery_and_its_people_do_is_allowed(verdicts: dict[str, str], case: Case) -> None:
    assert verdicts[case.name] == "Allowed", "allow it again: the delivery, or on-call, needs it"


def test_every_case_of_the_table_is_there_once() -> None:
    names = [case.name for case in (*ATTACKS, *ALLOWED)]
    assert len(names) == len(set(names))
