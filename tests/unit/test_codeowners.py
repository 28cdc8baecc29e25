"""CODEOWNERS: changes of everything that controls the pipeline need a review by two teams."""

from tests.conftest import CHECKOUT

GUARDS = {
    "/.github/",
    "/app.py",
    "/bootstrap/",
    "/cdk.json",
    "/payment_constructs/monitoring/gate.py",
    "/payment_constructs/roles.py",
    "/pipeline/",
    "/stages/environment.py",
    "/stages/layers.py",
    "/tests/integration/",
    "/tests/invariants.py",
    "/tests/policy/",
    # Tests of the gates.
    "/tests/unit/test_bootstrap.py",
    "/tests/unit/test_broadening.py",
    "/tests/unit/test_conditions.py",
    "/tests/unit/test_digests.py",
    "/tests/unit/test_guard.py",
    "/tests/unit/test_guard_handler.py",
    "/tests/unit/test_pipeline.py",
    # What `make check` and `make synth` run.
    "/Makefile",
    "/package-lock.json",
    "/pyproject.toml",
    "/requirements.txt",
    "/scripts/",
}


def owners() -> dict[str, list[str]]:
    lines = (CHECKOUT / ".github" / "CODEOWNERS").read_text(encoding="utf-8").splitlines()
    entries = [line.split() for line in lines if line and not line.startswith("#")]
    return {path: teams for path, *teams in entries}


def test_two_teams_own_every_file_that_controls_the_pipeline() -> None:
    teams = {path: set(owners().get(path, [])) for path in GUARDS}
    missing = sorted(path for path in GUARDS if len(teams[path]) != 2)
    assert missing == [], f"give each of these paths two teams in .github/CODEOWNERS: {missing}"


def test_every_path_in_codeowners_exists() -> None:
    paths = [path for path in owners() if path != "*"]
    missing = [path for path in paths if not (CHECKOUT / path.strip("/")).exists()]
    assert missing == [], f"correct or remove these paths in .github/CODEOWNERS: {missing}"
