"""`make destroy` takes down what may go, once somebody has typed its name, and touches nothing else."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline import destroy
from pipeline.settings import Delivery
from tests.conftest import CHECKOUT


@dataclass
class Ran:
    """The commands that were run."""

    commands: list[list[str]] = field(default_factory=list)

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        self.commands.append(command)
        return subprocess.CompletedProcess(command, 7)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    commands = Ran()
    monkeypatch.setattr(subprocess, "run", commands)
    monkeypatch.chdir(CHECKOUT)
    return commands


def test_a_confirmed_environment_is_handed_to_the_cdk_with_both_stacks(ran: Ran) -> None:
    assert destroy.main(["Dev", "--confirm", "Dev"]) == 7
    assert ran.commands == [["cdk", "--app", "cdk.out", "destroy", "PipelineStack/Dev/*", "--force"]]


@pytest.mark.parametrize("answer", [[], ["--confirm", "dev"], ["--confirm", "Staging"], ["--confirm", "yes"]])
def test_without_its_own_name_nothing_is_destroyed(
    ran: Ran, answer: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert destroy.main(["Dev", *answer]) == 1
    assert ran.commands == []
    assert "nothing was touched" in capsys.readouterr().err


def test_what_retains_data_is_refused_whatever_is_confirmed(
    ran: Ran, delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    (retained,) = (environment.name for environment in delivery.environments if environment.retains_data)
    assert destroy.main([retained, "--confirm", retained]) == 1
    assert ran.commands == []
    said = capsys.readouterr().err
    for protection in ("termination protection", "deletion protection", "locks expire"):
        assert protection in said


def test_an_unknown_environment_is_named_with_those_there_are(ran: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    assert destroy.main(["", "--confirm", ""]) == 1
    assert ran.commands == []
    assert "There is no environment '': give ENV, one of Dev, Staging, Prod." in capsys.readouterr().err


def test_whoever_peers_with_it_is_named(ran: Ran, delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    destroy.main(["Dev", "--confirm", "Dev"])
    said = capsys.readouterr().out
    for environment in delivery.environments:
        assert (f"{environment.name} peers with it" in said) == (environment.peers_with == "Dev")
    assert ran.commands


def test_the_refusal_points_to_a_heading_that_is_there() -> None:
    page, _, anchor = destroy.PAGE.partition("#")
    headings = [
        line for line in Path(CHECKOUT, page).read_text(encoding="utf-8").splitlines() if line.startswith("## ")
    ]
    assert anchor in {heading.removeprefix("## ").lower().replace(" ", "-") for heading in headings}
