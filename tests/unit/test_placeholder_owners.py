"""A deployment is refused with the CODEOWNERS of a fresh checkout, and from a subfolder of a repository."""

from pathlib import Path

import pytest

from pipeline.codeowners import placeholder_owners, subfolder
from pipeline.settings import Delivery
from stages.environment import SettingsError

FAULT = ".github/CODEOWNERS has the placeholder '@example/security': put your own team in before you deploy."


@pytest.fixture
def codeowners(tmp_path: Path) -> Path:
    return tmp_path / "CODEOWNERS"


def test_each_placeholder_team_is_reported_once(codeowners: Path) -> None:
    codeowners.write_text("# @example/comment\n* @acme/payments\n/a @acme/b @example/security\n/b @example/security\n")
    assert list(placeholder_owners(codeowners)) == [FAULT]


def test_own_teams_and_a_missing_file_are_no_faults(codeowners: Path) -> None:
    assert list(placeholder_owners(codeowners)) == []
    codeowners.write_text("* @acme/payments ana@example.org\n")
    assert list(placeholder_owners(codeowners)) == []


def test_placeholder_teams_are_refused_with_credentials_only(delivery: Delivery) -> None:
    delivery.refuse_placeholders(caller_account=None, further=[FAULT])
    delivery.refuse_placeholders(caller_account="111111111111", further=[FAULT])
    with pytest.raises(SettingsError) as refused:
        delivery.refuse_placeholders(caller_account="123456789012", further=[FAULT])
    assert FAULT in refused.value.faults


def test_a_subfolder_of_a_repository_is_refused_in_one_sentence(tmp_path: Path) -> None:
    project = tmp_path / "infrastructure" / "payments"
    project.mkdir(parents=True)
    assert list(subfolder(project)) == []  # an archive without a repository, as in a build
    (tmp_path / ".git").mkdir()
    (fault,) = subfolder(project)
    assert f"the folder infrastructure/payments of the repository {tmp_path}: give it a repository of its own" in fault
    (project / ".git").write_text("gitdir: elsewhere")  # a worktree or a submodule
    assert list(subfolder(project)) == []
