"""Buildspecs run as in CodeBuild, and unsupported ones are refused."""

from pathlib import Path

import pytest

from cdk_rehearsal.buildspec import Buildspec, Shell, parse
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.processes import Processes

DOCUMENT = """
version: 0.2
env:
  shell: bash
  variables: {REGION: here, COUNT: 3}
  exported-variables: [RESULT]
phases:
  install:
    runtime-versions: {nodejs: 24}
    commands: [one]
  build:
    commands:
      - two
      - three
    finally: [four]
artifacts:
  base-directory: cdk.out
  files: "**/*"
  exclude-paths: ["**/*.map"]
  secondary-artifacts:
    Plans: {files: ["plans/*.txt"], discard-paths: yes}
cache:
  paths: [".venv/**/*", "/var/cache/npm/**/*"]
reports:
  checks: {files: ["*.xml"], base-directory: build, file-format: JUNITXML}
"""


def phases(**commands: str) -> Buildspec:
    lines = [f"  {name}: {{{text}}}" for name, text in commands.items()]
    return parse("\n".join(["version: 0.2", "phases:", *lines]))


class Build:
    """A buildspec carried out in a directory of its own."""

    def __init__(self, spec: Buildspec, directory: Path, *, minutes: float = 1) -> None:
        sources = directory / "sources"
        sources.mkdir(exist_ok=True)
        self.log = directory / "build.log"
        self.shell = Shell(
            interpreter="sh",
            directory=sources,
            state=directory / "state",
            environment={"PATH": "/usr/bin:/bin", "GIVEN": 'it\'s "given"\nin two lines'},
            processes=Processes(),
            log=self.log,
            minutes=minutes,
            watch=lambda _line: None,
        )
        self.failure = self.shell.build(spec)

    def said(self) -> list[str]:
        lines = self.log.read_text().splitlines()
        return [line for line in lines if not line.startswith("[rehearsal]")]


def test_all_supported_keys_are_read() -> None:
    spec = parse(DOCUMENT)
    assert (spec.shell, spec.variables, spec.exported) == ("bash", {"REGION": "here", "COUNT": "3"}, ("RESULT",))
    assert [(phase.name, phase.commands) for phase in spec.phases if phase.commands] == [
        ("install", ("one",)),
        ("build", ("two", "three")),
    ]
    assert spec.phases[2].finally_commands == ("four",)
    assert spec.cache_paths == (".venv/**/*", "/var/cache/npm/**/*")
    assert list(spec.reports) == ["checks"]


def test_artifacts_are_the_files_that_the_patterns_name() -> None:
    spec = parse(DOCUMENT)
    assert spec.artifact is not None
    assert spec.artifact.name_of("deep/down/file.json") == "deep/down/file.json"
    assert spec.artifact.name_of("top") == "top"
    assert spec.artifact.name_of("deep/file.map") is None
    plans = spec.secondary_artifacts["Plans"]
    assert plans.name_of("plans/dev.txt") == "dev.txt"
    assert plans.name_of("plans/deep/dev.txt") is None


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ("version: 0.1\nphases: {}", "version 0.1"),
        ("version: 0.2\nphases: {}\nbatch: {}", "batch"),
        ("version: 0.2\nphases: {deploy: {}}", "deploy"),
        ("version: 0.2\nphases: {build: {steps: []}}", "steps"),
        ("version: 0.2\nphases: {build: {on-failure: CONTINUE}}", "CONTINUE"),
        ("version: 0.2\nenv: {git-credential-helper: yes}\nphases: {}", "git-credential-helper"),
        ("version: [", "not YAML"),
    ],
)
def test_an_unsupported_key_is_refused_by_name(document: str, named: str) -> None:
    with pytest.raises(DeliveryError, match=named):
        parse(document)


def test_a_command_starts_with_the_directory_and_variables_of_the_last(tmp_path: Path) -> None:
    spec = phases(install="commands: ['mkdir deep', 'cd deep && plain=1']", build="commands: ['pwd', 'echo $plain']")
    build = Build(spec, tmp_path)
    assert build.failure is None
    assert build.said() == [str(tmp_path / "sources" / "deep"), "1"]


def test_variables_keep_quotes_and_newlines(tmp_path: Path) -> None:
    build = Build(phases(build="commands: ['echo \"$GIVEN\"', 'RESULT=$GIVEN']"), tmp_path)
    assert build.said() == ['it\'s "given"', "in two lines"]
    assert build.shell.variables()["RESULT"] == 'it\'s "given"\nin two lines'


def test_the_first_failing_command_fails_the_build_and_is_named(tmp_path: Path) -> None:
    build = Build(
        phases(pre_build="commands: ['false', 'echo not this']", build="commands: ['echo nor this']"), tmp_path
    )
    assert build.failure == "phase pre_build: `false` exited with 1"
    assert build.said() == []


def test_exit_ends_one_command_and_not_its_phase(tmp_path: Path) -> None:
    build = Build(phases(build="commands: ['exit 7'], finally: ['echo at last']"), tmp_path)
    assert build.failure == "phase build: `exit 7` exited with 7"
    assert build.said() == ["at last"]


def test_post_build_runs_after_a_failed_build_and_can_see_that(tmp_path: Path) -> None:
    spec = phases(build="commands: ['false']", post_build="commands: ['echo $CODEBUILD_BUILD_SUCCEEDING']")
    assert Build(spec, tmp_path).said() == ["0"]


def test_abort_skips_post_build(tmp_path: Path) -> None:
    spec = phases(build="commands: ['false'], on-failure: ABORT", post_build="commands: ['echo no']")
    assert Build(spec, tmp_path).said() == []


def test_a_build_ends_at_its_timeout(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        Build(phases(build="commands: ['sleep 60']"), tmp_path, minutes=0.01)
