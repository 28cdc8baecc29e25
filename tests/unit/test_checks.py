"""The secret scan, the dependency audit and the SBOM: they find planted faults and fail if they cannot run."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
import requests
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from pipeline import npm_packages
from pipeline.npm_lock import Package
from tests.conftest import CHECKOUT
from tests.templates import Assembly

AWS_KEY = "AKIA" + "IOSFODNN7" + "ABCDEFG"


def run(*command: str, cwd: Path = CHECKOUT, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(  # noqa: S603 - scripts of this checkout
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with the scripts and one empty module."""
    shutil.copytree(CHECKOUT / "scripts", tmp_path / "scripts")
    (tmp_path / "pipeline").mkdir()
    for file in ("__init__.py", "advisories.py", "advisories.toml", "npm_lock.py", "npm_packages.py"):
        shutil.copy(CHECKOUT / "pipeline" / file, tmp_path / "pipeline")
    (tmp_path / "app.py").write_text('"""Nothing."""\n')
    return tmp_path


def plant(file: Path) -> None:
    """Writes a file with a key in its first line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'key = "{AWS_KEY}"\n')


def test_the_secret_scan_passes_a_clean_tree(tree: Path) -> None:
    assert run("sh", "scripts/scan", cwd=tree).returncode == 0


@pytest.mark.parametrize("file", ["app.py", "cdk.json", "new/settings.yaml"])
def test_the_secret_scan_finds_a_planted_key(tree: Path, file: str) -> None:
    plant(tree / file)
    found = run("sh", "scripts/scan", cwd=tree)
    assert found.returncode != 0
    assert f"{file}:1" in found.stdout


@pytest.mark.parametrize(
    "file", ["payment_constructs/build/settings.py", "docs/cdk.out/notes.md", "a/__pycache__/b.py"]
)
def test_without_git_only_the_top_folders_that_make_creates_are_left_out(tree: Path, file: str) -> None:
    plant(tree / "build" / "report.txt")
    plant(tree / "node_modules" / "package" / "index.js")
    assert run("sh", "scripts/scan", cwd=tree).returncode == 0
    plant(tree / file)
    found = run("sh", "scripts/scan", cwd=tree)
    assert found.returncode != 0
    assert f"{file}:1" in found.stdout


@pytest.mark.parametrize("file", ["app.py", "payment_constructs/build/settings.py"])
def test_with_git_the_files_that_it_tracks_or_would_add_are_scanned(tree: Path, file: str) -> None:
    shutil.copy(CHECKOUT / ".gitignore", tree)
    assert run("git", "init", "--quiet", cwd=tree).returncode == 0
    for ignored in ("venv/lib/module.py", ".idea/workspace.xml", ".vscode/cache.json", "build/report.txt"):
        plant(tree / ignored)
    assert run("sh", "scripts/scan", cwd=tree).returncode == 0
    plant(tree / file)
    untracked = run("sh", "scripts/scan", cwd=tree)
    assert run("git", "add", "--all", cwd=tree).returncode == 0
    tracked = run("sh", "scripts/scan", cwd=tree)
    for found in (untracked, tracked):
        assert found.returncode != 0
        assert f"{file}:1" in found.stdout


def test_a_scan_that_cannot_list_the_files_fails(tree: Path) -> None:
    (tree / ".git").write_text("gitdir: /nowhere\n")
    found = run("sh", "scripts/scan", cwd=tree)
    assert found.returncode != 0
    assert "scan: git could not list the files" in found.stderr


@pytest.mark.parametrize("script", ["scan", "audit"])
def test_a_check_fails_when_its_tool_is_missing(tree: Path, script: str) -> None:
    (tree / "requirements.txt").write_text("")
    assert run("sh", f"scripts/{script}", cwd=tree, PATH="/usr/bin:/bin").returncode != 0


class Advisories(BaseHTTPRequestHandler):
    """An OSV server that knows one vulnerable package."""

    vulnerable = ""

    def do_POST(self) -> None:
        query: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = {"id": "PYSEC-0", "aliases": ["CVE-2026-0"]}
        advisory = name | {"summary": "planted", "affected": [], "modified": "2026-01-01T00:00:00Z"}
        known = query["package"]["name"] == self.vulnerable
        answer = json.dumps({"vulns": [advisory]} if known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Suppress the request log."""


@pytest.fixture
def osv() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()


@pytest.fixture
def locked(tree: Path) -> Path:
    """The same directory with one locked package of each kind."""
    lock = (CHECKOUT / "requirements.txt").read_text(encoding="utf-8")
    (entry,) = re.findall(r"^six==.*\n(?:    --hash.*\n)+", lock, flags=re.MULTILINE)
    (tree / "requirements.txt").write_text(entry)
    npm = {"": {}, "node_modules/@scope/left": {"version": "1.0.0", "integrity": "sha512-AAAA"}}
    (tree / "package-lock.json").write_text(json.dumps({"packages": npm}))
    return tree


def audit(tree: Path, osv: str) -> subprocess.CompletedProcess[str]:
    return run("sh", "scripts/audit", cwd=tree, PIP_AUDIT_OSV_URL=osv, XDG_CACHE_HOME=str(tree), PIP_NO_CACHE_DIR="1")


def test_the_audit_passes_packages_without_an_advisory(locked: Path, osv: str) -> None:
    assert audit(locked, osv).returncode == 0


def test_the_audit_fails_and_names_a_vulnerable_package(
    locked: Path, osv: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for vulnerable in ("six", "@scope/left"):
        monkeypatch.setattr(Advisories, "vulnerable", vulnerable)
        found = audit(locked, osv)
        assert found.returncode != 0
        assert "PYSEC-0" in found.stdout + found.stderr
        assert vulnerable in found.stdout + found.stderr


def accept(tree: Path, *, days: int, **changed: str) -> None:
    entry = {"id": "PYSEC-0", "package": "six", "reason": "Runs in the build only, on our own sources."} | changed
    expires = datetime.now(tz=UTC).date() + timedelta(days=days)
    lines = ["[[accepted]]", *(f'{key} = "{value}"' for key, value in entry.items()), f"expires = {expires}", ""]
    (tree / "pipeline" / "advisories.toml").write_text("\n".join(lines))


def test_an_accepted_advisory_does_not_fail_the_audit_until_its_date(
    locked: Path, osv: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Advisories, "vulnerable", "six")
    accept(locked, days=1)
    assert audit(locked, osv).returncode == 0
    accept(locked, days=1, id="PYSEC-1")
    found = audit(locked, osv)
    assert found.returncode != 0
    assert "PYSEC-0" in found.stdout


@pytest.mark.parametrize("name", ["PYSEC-0", "CVE-2026-0"])
def test_an_advisory_on_an_npm_package_is_accepted_by_each_of_its_names(
    locked: Path, osv: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(Advisories, "vulnerable", "@scope/left")
    accept(locked, days=1, id=name, package="@scope/left")
    assert audit(locked, osv).returncode == 0
    accept(locked, days=1, id="GHSA-other", package="@scope/left")
    found = audit(locked, osv)
    assert found.returncode != 0
    assert found.stderr.startswith("audit: @scope/left 1.0.0 has PYSEC-0: planted\n")


def test_every_page_of_advisories_is_read_and_withdrawn_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [
        {"vulns": [{"id": "GHSA-1", "withdrawn": "2026-01-01"}], "next_page_token": "second"},
        {"vulns": [{"id": "GHSA-2"}]},
    ]
    asked: list[str | None] = []

    def post(_: str, **sent: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.raw = 200, io.BytesIO(json.dumps(pages[len(asked)]).encode())
        asked.append(sent["json"].get("page_token"))
        return response

    monkeypatch.setattr(requests, "post", post)
    package = Package(name="left", version="1.0.0", integrity="sha512-AAAA", license=None)
    found = list(npm_packages.faults([package], accepted=set(), url="http://127.0.0.1:9/v1/query"))
    assert found == ["left 1.0.0 has GHSA-2: no summary"]
    assert asked == [None, "second"]


@pytest.mark.parametrize(
    ("days", "changed", "sentence"),
    [
        (0, {}, "PYSEC-0 on six has expired on "),
        (91, {}, "PYSEC-0: expires is "),
        (1, {"id": "all of them"}, "'all of them' is not the id of an advisory"),
        (1, {"package": "seven"}, "PYSEC-0: seven is neither in requirements.txt nor in package-lock"),
        (1, {"reason": "fine"}, "PYSEC-0: the reason must say why"),
        (1, {"until": "later"}, "PYSEC-0: give id, package and reason as "),
    ],
)
def test_an_expired_or_malformed_entry_fails_the_audit_with_a_sentence(
    locked: Path, days: int, changed: dict[str, str], sentence: str
) -> None:
    accept(locked, days=days, **changed)
    found = audit(locked, "http://127.0.0.1:9/v1/query")
    assert found.returncode != 0
    assert found.stderr.startswith(f"audit: pipeline/advisories.toml: {sentence}")
    assert len(found.stderr.splitlines()) == 1


def test_a_list_of_advisories_that_is_not_toml_fails_the_audit(locked: Path) -> None:
    (locked / "pipeline" / "advisories.toml").write_text("PYSEC-0")
    found = audit(locked, "http://127.0.0.1:9/v1/query")
    assert found.returncode != 0
    assert found.stderr.startswith("audit: pipeline/advisories.toml is not TOML: ")


def test_the_audit_fails_when_the_advisory_service_does_not_answer(locked: Path) -> None:
    found = audit(locked, "http://127.0.0.1:9/v1/query")
    assert found.returncode != 0
    assert "http://127.0.0.1:9/v1/query did not answer" in found.stderr
    assert "Traceback" not in found.stderr


def test_every_locked_package_is_pinned_by_hash() -> None:
    lock = (CHECKOUT / "requirements.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=\S)", lock, flags=re.MULTILINE)[1:]
    assert len(entries) > 30
    unpinned = [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry]
    assert unpinned == [], "run make lock and commit requirements.txt"
    npm: Mapping[str, Any] = json.loads((CHECKOUT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    packages = {name: package for name, package in npm.items() if name}
    assert packages
    unpinned = [name for name, package in packages.items() if "integrity" not in package]
    assert unpinned == [], "run make lock and commit package-lock.json"


def test_make_check_runs_every_check() -> None:
    planned = run("make", "--dry-run", "check").stdout
    for part in (
        "ruff check",
        "ruff format",
        "mypy",
        "scripts/scan",
        "scripts/audit",
        "cyclonedx-py",
        "--sbom",
        "tests/policy",
    ):
        assert part in planned, f"add {part} to the target check of the Makefile"


def test_the_build_publishes_the_sbom_as_an_artifact(assembly: Assembly) -> None:
    (build,) = (stage["Actions"][0] for stage in assembly.pipeline_stages() if stage["Name"] == "Build")
    (project,) = (
        project
        for project in assembly.resources("PipelineStack", "AWS::CodeBuild::Project").values()
        if "make check" in project["Source"]["BuildSpec"]
    )
    artifacts = json.loads(project["Source"]["BuildSpec"])["artifacts"]["secondary-artifacts"]
    assert {artifact["base-directory"] for artifact in artifacts.values()} == {
        "cdk.out",
        "build/packages",
        "build/sbom",
    }
    assert set(artifacts) == {artifact["Name"] for artifact in build["OutputArtifacts"]}


def test_the_sbom_is_valid_reproducible_and_complete(tmp_path: Path) -> None:
    documents = []
    for name in ("first.json", "second.json"):
        command = ("cyclonedx-py", "requirements", "requirements.txt", "--no-validate", "--output-reproducible", "-o")
        assert run(*command, str(tmp_path / name)).returncode == 0
        added = run(sys.executable, "-m", "pipeline.npm_packages", "--sbom", str(tmp_path / name))
        assert added.returncode == 0, added.stderr
        documents.append((tmp_path / name).read_text())
    assert documents[0] == documents[1]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(documents[0]) is None
    lock = (CHECKOUT / "requirements.txt").read_text(encoding="utf-8")
    locked_packages = set(re.findall(r"^([A-Za-z0-9._-]+)==", lock, flags=re.MULTILINE))
    components = json.loads(documents[0])["components"]
    assert {component["name"] for component in components} >= locked_packages
    npm = json.loads((CHECKOUT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    urls = {f"pkg:npm/{quote(name.rpartition('node_modules/')[2])}@{npm[name]['version']}" for name in npm if name}
    assert {component["purl"] for component in components} >= urls
