"""The three switches that differ most from the sample settings, and what the switchboard says before a push."""

import pytest

from tests.switchboard import SWITCHES, everything, main, one_more_after_the_first, one_removed, run


@pytest.mark.parametrize("switch", [one_removed, one_more_after_the_first, everything], ids=lambda each: each.__name__)
def test_a_documented_change_keeps_every_invariant(switch: object) -> None:
    result = run(getattr(switch, "__name__", ""))
    assert result.failures == ()
    assert result.tests > 20
    bootstraps = [step for step in result.preparation if step.startswith("before the push: cdk bootstrap aws://")]
    assert len(bootstraps) == (0 if switch is one_removed else 1)


def test_every_switch_has_a_name_of_its_own() -> None:
    names = [switch.__name__ for switch in SWITCHES]
    assert len(set(names)) == len(names)


def test_an_unknown_switch_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sorce"]) == 1
    assert "There is no switch sorce; the switches are codecommit_source" in capsys.readouterr().out
