"""The accounts of a delivery: which may be shared, and what a trial in shared accounts says."""

import json
from typing import Any

import pytest

import app as entry_point
from pipeline.plan.plan import Plan
from pipeline.plan.rendering import plan_page, plan_text
from pipeline.settings import load_delivery
from stages.environment import SettingsError
from tests.sample import sample_settings
from tests.synthesized import RELEASE

REASON = "The team tries the delivery first"
SENTENCE = f"This is a trial in shared accounts, where IAM enforces no gate of the delivery: {REASON}"
TOOLING = "{}: account is '111111111111', the tooling account: give another one, or a reason in delivery.trial."
PROD = (
    "Prod: account is '333333333333', that of Staging, and Prod retains data: give another one, or a reason in "
    "delivery.trial."
)


def shared(**accounts: str) -> dict[str, Any]:
    """The sample settings, with other accounts of environments."""
    settings = sample_settings()
    for name, account in accounts.items():
        entry = settings["environments"][name]
        entry.update(json.loads(json.dumps(entry).replace(entry["account"], account)))
    return settings


def faults(settings: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load_delivery(settings, release=RELEASE)
    return list(refused.value.faults)


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        ({"Dev": "111111111111"}, [TOOLING.format("Dev")]),
        ({"Dev": "111111111111", "Prod": "333333333333"}, [TOOLING.format("Dev"), PROD]),
        (
            dict.fromkeys(("Dev", "Staging", "Prod"), "111111111111"),
            [TOOLING.format(name) for name in ("Dev", "Staging", "Prod")],
        ),
    ],
)
def test_tooling_and_production_share_an_account_only_in_a_trial(accounts: dict[str, str], expected: list[str]) -> None:
    settings = shared(**accounts)
    assert faults(settings) == expected
    assert load_delivery(settings | {"trial": REASON}, release=RELEASE).trial == REASON


def test_environments_that_retain_no_data_may_share_an_account() -> None:
    assert load_delivery(shared(Staging="222222222222"), release=RELEASE).trial is None


def test_shared_accounts_are_reported_with_the_other_faults() -> None:
    settings = shared(Dev="111111111111")
    settings["environments"]["Staging"]["min_tasks"] = "many"
    found = faults(settings)
    assert len(found) == 2
    assert TOOLING.format("Dev") in found


@pytest.mark.parametrize(
    ("trial", "fault"),
    [
        (REASON, f"delivery.trial is {REASON!r}, but no shared account needs it: leave it out."),
        ("", "delivery.trial is '': give a reason of 3 words or more, or leave it out."),
        (True, "delivery.trial is True: give a reason of 3 words or more, or leave it out."),
    ],
)
def test_a_trial_without_a_reason_or_a_shared_account_is_refused(trial: object, fault: str) -> None:
    assert faults(sample_settings() | {"trial": trial}) == [fault]


@pytest.mark.parametrize(("trial", "printed"), [(REASON, f"{SENTENCE}\n"), (None, "")])
def test_the_synthesis_of_a_trial_says_that_no_gate_holds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trial: str | None, printed: str
) -> None:
    settings = shared(Dev="111111111111") | {"trial": trial} if trial else sample_settings()
    monkeypatch.setattr(entry_point, "load", lambda _: load_delivery(settings, release=RELEASE))
    monkeypatch.setattr(entry_point, "synthesize", lambda *_: None)
    monkeypatch.delenv("CDK_DEFAULT_ACCOUNT", raising=False)
    entry_point.main()
    assert capsys.readouterr().err == printed


def test_the_plan_of_a_trial_says_that_no_gate_holds() -> None:
    for trial in (REASON, None):
        plan = Plan(environment="Prod", release=RELEASE, stacks=(), trial=trial)
        for shown in (plan_text(plan), plan_page(plan)):
            assert (SENTENCE in shown) is bool(trial)
