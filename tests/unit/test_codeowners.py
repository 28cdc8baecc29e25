"""CODEOWNERS: every change needs a review by two teams, since every module can remove a gate at synthesis."""

from tests.conftest import CHECKOUT


def owners() -> dict[str, list[str]]:
    lines = (CHECKOUT / ".github" / "CODEOWNERS").read_text(encoding="utf-8").splitlines()
    entries = [line.split() for line in lines if line and not line.startswith("#")]
    return {path: teams for path, *teams in entries}


def test_two_teams_own_every_file() -> None:
    assert "*" in owners(), "give all files owners: a line that begins with * in .github/CODEOWNERS"
    # A later line takes files away from the owners of *.
    missing = sorted(path for path, teams in owners().items() if len(set(teams)) < 2)
    assert missing == [], f"give each of these paths two teams in .github/CODEOWNERS: {missing}"


def test_every_path_in_codeowners_exists() -> None:
    paths = [path for path in owners() if path != "*"]
    missing = [path for path in paths if not (CHECKOUT / path.strip("/")).exists()]
    assert missing == [], f"correct or remove these paths in .github/CODEOWNERS: {missing}"
