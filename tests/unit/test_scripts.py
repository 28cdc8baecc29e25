"""The Makefile and the scripts on other people's machines: macOS's make, odd variables, lost file modes, CRLF."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

SCRIPTS = [".ci/run", *(f"scripts/{file.name}" for file in sorted((CHECKOUT / "scripts").iterdir()))]
MAKEFILE = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)
SYSTEM_COMMANDS = {"awk", "mkdir", "rm", "sh"}
"""What a recipe may name without a directory: utilities of POSIX."""


def run(*command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - scripts of this checkout
        command, cwd=cwd, env=os.environ | variables, capture_output=True, text=True, check=False
    )


def write_program(file: Path, *lines: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    file.chmod(0o755)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The scripts, as an archive without file modes leaves them."""
    tree = tmp_path / "project"
    for script in SCRIPTS:
        (tree / script).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / script, tree / script)
    for read in ("requirements.txt", "package-lock.json", "tools/rehearsal/pyproject.toml"):
        (tree / read).parent.mkdir(parents=True, exist_ok=True)
        (tree / read).write_text("locked\n")
    return tree


def programs_of(recipe: str) -> Iterator[str]:
    """The first word of each simple command, also of those inside $(...)."""
    for inner in re.findall(r"\$\(([^()]*)\)", recipe):
        yield from programs_of(inner)
    lexer = shlex.shlex(recipe.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    first = True
    for word in lexer:
        if word and set(word) <= set("();<>|&"):
            first = True
        elif first and not re.match(r"\w+=", word):
            first = False
            yield word


@pytest.mark.parametrize("target", TARGETS)
def test_no_recipe_needs_a_path_that_only_the_makefile_exports(target: str) -> None:
    planned = run("make", "--dry-run", "--no-print-directory", target, cwd=CHECKOUT).stdout
    recipes = [line for line in planned.replace("\\\n", " ").splitlines() if not line.startswith("#")]
    programs = [program for recipe in recipes for program in programs_of(recipe)]
    assert programs
    elsewhere = {each for each in programs if not each.startswith((".venv/bin/", "build/lock/bin/"))} - SYSTEM_COMMANDS
    assert elsewhere == set(), f"make {target}: name .venv/bin/..., or write `sh scripts/...`"


def test_the_programs_of_a_recipe_are_found_wherever_they_are() -> None:
    recipe = 'A="${A:-$(git log)}" .venv/bin/x "a;b" && mypy . | tee log'
    assert list(programs_of(recipe)) == ["git", ".venv/bin/x", "mypy", "tee"]


def test_a_script_is_called_by_sh_wherever_it_is_called() -> None:
    callers = [CHECKOUT / "Makefile", *(CHECKOUT / script for script in SCRIPTS)]
    callers += [*(CHECKOUT / ".github").rglob("*.yml"), *(CHECKOUT / "pipeline").rglob("*.py")]
    called = re.compile(r"(?<!sh )(?<!sh\", \")(?:\./)?\b(?:scripts/(?:audit|release|scan|setup|synth)|\.ci/run)\b")
    found = [
        f"{caller.relative_to(CHECKOUT)}: {line.strip()}"
        for caller in callers
        for line in caller.read_text(encoding="utf-8").splitlines()
        if called.search(re.sub(r"(^| )# .*|cat .*\| cksum", "", line))
    ]
    assert found == [], "write `sh scripts/...`: an archive of the sources may have no file modes"


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_exported_cdpath_sends_no_script_to_another_project(tree: Path, tmp_path: Path, script: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    for folder in ("scripts", ".ci"):
        (elsewhere / folder).mkdir(parents=True)
    (elsewhere / ".venv").mkdir()
    log = tmp_path / "directories"
    for tool in ("python3", "git", "make", "cdk", "pip-audit", "detect-secrets-hook"):
        write_program(tmp_path / "bin" / tool, f"pwd >>'{log}'")
    path = f"{tmp_path}/bin:/usr/bin:/bin"
    run(
        "sh", script, cwd=tree, CDPATH=str(elsewhere), PATH=path, PYTHON="python3", CODEBUILD_RESOLVED_SOURCE_VERSION=""
    )
    assert set(log.read_text().splitlines()) == {str(tree)}
    assert (elsewhere / ".venv").is_dir()


def test_a_synthesis_takes_no_account_and_no_profile_from_the_shell(tree: Path, tmp_path: Path) -> None:
    write_program(tmp_path / "bin" / "cdk", "env")
    exported = {"CDK_DEFAULT_ACCOUNT": "222222222222", "CDK_DEFAULT_REGION": "eu-west-1", "AWS_DEFAULT_PROFILE": "own"}
    made = run("sh", "scripts/synth", cwd=tree, PATH=f"{tmp_path}/bin:{os.environ['PATH']}", **exported)
    assert made.returncode == 0
    assert [line for line in made.stdout.splitlines() if line.startswith(tuple(exported))] == []


def test_a_checkout_with_windows_line_ends_gets_none(tmp_path: Path) -> None:
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    files = [*SCRIPTS, "Makefile", ".gitattributes", "app.py", "requirements.txt", "package-lock.json"]
    for file in files:
        (origin / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / file, origin / file)
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "core.autocrlf=false")
    for arguments in (["init", "--quiet"], ["add", "--all", "--force"], ["commit", "--quiet", "--message=Files"]):
        assert run("git", *identity, *arguments, cwd=origin).returncode == 0
    windows = ("-c", "core.autocrlf=true", "-c", "core.eol=crlf")
    assert run("git", *windows, "clone", "--quiet", str(origin), str(clone), cwd=tmp_path).returncode == 0
    assert [file for file in files if b"\r" in (clone / file).read_bytes()] == []
