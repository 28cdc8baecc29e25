"""`make destroy` deletes an environment that does not retain data, after a confirmation with its name."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline import destroy
from pipeline.settings import Delivery
from tests.conftest import CHECKOUT
from tests.sample import sample_settings


@dataclass
class RecordedCommands:
    """Records commands instead of running them."""

    commands: list[list[str]] = field(default_factory=list)

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        self.commands.append(command)
        return subprocess.CompletedProcess(command, 7)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RecordedCommands:
    commands = RecordedCommands()
    monkeypatch.setattr(subprocess, "run", commands)
    (tmp_path / "cdk.json").write_text(json.dumps({"context": {"delivery": sample_settings()}}), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return commands


def test_destroy_deletes_both_stacks_of_a_confirmed_environment(ran: RecordedCommands) -> None:
    assert destroy.main(["Dev", "--confirm", "Dev"]) == 7
    (command,) = ran.commands
    assert command[2:] == ["--app", "cdk.out", "destroy", "PipelineStack/Dev/*", "--force"]


def test_destroy_runs_the_tools_beside_its_python(ran: RecordedCommands) -> None:
    destroy.main(["Dev", "--confirm", "Dev"])
    (command,) = ran.commands
    assert command[:2] == [str(Path(sys.executable).parent / tool) for tool in ("node", "cdk")]


@pytest.mark.parametrize("answer", [[], ["--confirm", "dev"], ["--confirm", "Staging"], ["--confirm", "yes"]])
def test_destroy_requires_the_environment_name_as_confirmation(
    ran: RecordedCommands, answer: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert destroy.main(["Dev", *answer]) == 1
    assert ran.commands == []
    assert "nothing was touched" in capsys.readouterr().err


def test_destroy_refuses_an_environment_that_retains_data(
    ran: RecordedCommands, delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    (retained,) = (environment.name for environment in delivery.environments if environment.retains_data)
    assert destroy.main([retained, "--confirm", retained]) == 1
    assert ran.commands == []
    message = capsys.readouterr().err
    for protection in ("termination protection", "deletion protection", "locks expire"):
        assert protection in message


def test_destroy_refuses_an_unknown_environment_and_lists_the_known_ones(
    ran: RecordedCommands, capsys: pytest.CaptureFixture[str]
) -> None:
    assert destroy.main(["", "--confirm", ""]) == 1
    assert ran.commands == []
    assert "There is no environment '': give ENV, one of Dev, Staging, Prod." in capsys.readouterr().err


def test_destroy_names_the_environments_that_peer_with_it(
    ran: RecordedCommands, delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    destroy.main(["Dev", "--confirm", "Dev"])
    message = capsys.readouterr().out
    for environment in delivery.environments:
        assert (f"{environment.name} peers with it" in message) == (environment.peers_with == "Dev")
    assert ran.commands


def test_the_refusal_links_to_an_existing_heading() -> None:
    page, _, anchor = destroy.PAGE.partition("#")
    headings = [
        line for line in Path(CHECKOUT, page).read_text(encoding="utf-8").splitlines() if line.startswith("## ")
    ]
    anchors = {heading.removeprefix("## ").lower().replace(" ", "-") for heading in headings}
    assert anchor in anchors, f"add the heading to {page}, or correct PAGE in pipeline/destroy.py: {destroy.PAGE}"
