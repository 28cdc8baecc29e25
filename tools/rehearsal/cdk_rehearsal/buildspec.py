"""A buildspec, and the shell that runs its commands.

As in CodeBuild, every command is a script of its own that starts with the directory and the variables of the one
before. So `exit` ends one command and not the build, and the log says which command failed.
"""

import json
import re
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cdk_rehearsal.errors import DeliveryError, check_known
from cdk_rehearsal.processes import Processes, Watcher

PHASES = ("install", "pre_build", "build", "post_build")
_KNOWN = {"version", "env", "phases", "artifacts", "cache", "reports"}
_KNOWN_OF_ENV = {"shell", "variables", "parameter-store", "secrets-manager", "exported-variables"}
_KNOWN_OF_PHASE = {"commands", "finally", "runtime-versions", "on-failure"}
_KNOWN_OF_ARTIFACTS = {"files", "base-directory", "discard-paths", "exclude-paths", "name"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The commands of a phase, and its `finally` commands."""

    name: str
    commands: tuple[str, ...] = ()
    finally_commands: tuple[str, ...] = ()
    abort: bool = False  # a failed build phase with this does not go on to post_build
    runtimes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The files of an artifact or a report."""

    directory: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    flat: bool

    def name_of(self, path: str) -> str | None:
        """The name in the artifact of a file below the directory; None when it is not included."""
        included = any(_matches(pattern, path) for pattern in self.include)
        if not included or any(_matches(pattern, path) for pattern in self.exclude):
            return None
        return path.rpartition("/")[2] if self.flat else path


@dataclass(frozen=True, slots=True, kw_only=True)
class Buildspec:
    """A whole buildspec."""

    shell: str
    variables: Mapping[str, str]
    parameters: Mapping[str, str]
    secrets: Mapping[str, str]
    exported: tuple[str, ...]
    phases: tuple[Phase, ...]
    artifact: Output | None
    secondary_artifacts: Mapping[str, Output]
    cache_paths: tuple[str, ...]
    reports: Mapping[str, Output]


def parse(text: str) -> Buildspec:
    """Read a buildspec, YAML or JSON."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DeliveryError(f"The buildspec is not YAML: {error}") from error
    check_known(document, _KNOWN, "in the buildspec")
    if str(document.get("version")) != "0.2":
        raise DeliveryError(f"The buildspec has version {document.get('version')}: write 'version: 0.2'.")
    env, artifacts = document.get("env") or {}, document.get("artifacts") or {}
    check_known(env, _KNOWN_OF_ENV, "in its env")
    check_known(document.get("phases") or {}, set(PHASES), "in its phases")
    return Buildspec(
        shell=env.get("shell", "sh"),
        variables=_texts(env.get("variables")),
        parameters=_texts(env.get("parameter-store")),
        secrets=_texts(env.get("secrets-manager")),
        exported=tuple(env.get("exported-variables") or ()),
        phases=tuple(_phase(name, document["phases"].get(name) or {}) for name in PHASES),
        artifact=_output(artifacts, "its artifacts") if "files" in artifacts else None,
        secondary_artifacts={
            name: _output(output, f"its artifact {name}")
            for name, output in (artifacts.get("secondary-artifacts") or {}).items()
        },
        cache_paths=tuple((document.get("cache") or {}).get("paths") or ()),
        reports={
            name: _output({k: v for k, v in report.items() if k != "file-format"}, f"its report {name}")
            for name, report in (document.get("reports") or {}).items()
        },
    )


def _phase(name: str, phase: Mapping[str, Any]) -> Phase:
    check_known(phase, _KNOWN_OF_PHASE, f"in its phase {name}")
    if phase.get("on-failure", "ABORT") != "ABORT":
        raise DeliveryError(f"Phase {name} has on-failure {phase['on-failure']}: a rehearsal knows only ABORT.")
    return Phase(
        name=name,
        commands=_list(phase.get("commands")),
        finally_commands=_list(phase.get("finally")),
        abort="on-failure" in phase,
        runtimes=_texts(phase.get("runtime-versions")),
    )


def _output(output: Mapping[str, Any], where: str) -> Output:
    check_known(output, _KNOWN_OF_ARTIFACTS | {"secondary-artifacts"}, f"in {where}")
    return Output(
        directory=output.get("base-directory", "."),
        include=_list(output.get("files")),
        exclude=_list(output.get("exclude-paths")),
        flat=str(output.get("discard-paths", "no")).lower() in {"yes", "true"},
    )


def _list(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _texts(value: Mapping[str, object] | None) -> dict[str, str]:
    return {name: str(text) for name, text in (value or {}).items()}


def _matches(pattern: str, path: str) -> bool:
    expression = ""
    for part in re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", pattern.removeprefix("./")):
        wildcards = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        expression += wildcards.get(part) or re.escape(part)
    return re.fullmatch(expression, path) is not None


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCRIPT = """\
. {state}/variables
cd "$(cat {state}/directory)" || exit
trap 'status=$?; export -p > {state}/variables; pwd > {state}/directory; exit $status' EXIT
set -a
. {state}/command
"""


class Shell:
    """A shell whose commands share their directory and variables."""

    def __init__(
        self,
        *,
        interpreter: str,
        directory: Path,
        state: Path,
        environment: Mapping[str, str],
        processes: Processes,
        log: Path,
        minutes: float,
        watch: Watcher,
    ) -> None:
        state.mkdir(parents=True)
        exports = [
            f"export {name}={shlex.quote(value)}" for name, value in environment.items() if _NAME.fullmatch(name)
        ]
        (state / "variables").write_text("\n".join(exports) + "\n")
        (state / "directory").write_text(str(directory))
        (state / "script").write_text(_SCRIPT.format(state=shlex.quote(str(state))))
        self._interpreter, self._directory, self._state = interpreter, directory, state
        self._path = environment["PATH"]
        self._processes, self._log, self._watch = processes, log, watch
        self._deadline = time.monotonic() + 60 * minutes

    def build(self, spec: Buildspec) -> str | None:
        """Run the phases in the order of CodeBuild; returns the first failure."""
        failure: str | None = None
        for phase in spec.phases:
            if failure is None:
                failure = self._phase(phase, succeeding=True)
                post_build_runs = phase.name == "build" and not phase.abort
            elif phase.name == "post_build" and post_build_runs:
                self._phase(phase, succeeding=False)
        return failure

    def variables(self) -> dict[str, str]:
        """The variables as the last command left them."""
        file = self._state / "exported.json"
        program = f"import json, os, pathlib; pathlib.Path({str(file)!r}).write_text(json.dumps(dict(os.environ)))"
        self._run(f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}")
        values: dict[str, str] = json.loads(file.read_text())
        return values

    def note(self, text: str) -> None:
        """A line of the log that is not a command's."""
        with self._log.open("a") as log:
            log.write(f"[rehearsal] {text}\n")

    def _phase(self, phase: Phase, *, succeeding: bool) -> str | None:
        for name, version in phase.runtimes.items():
            self.note(f"{phase.name}: requests {name} {version}, and gets the version of this machine")
        failure: str | None = None
        for command in phase.commands:
            failure = self._command(phase, command, succeeding=succeeding)
            if failure is not None:
                break
        for command in phase.finally_commands:
            failed = self._command(phase, command, succeeding=succeeding and failure is None)
            failure = failure or failed
            if failed is not None:
                break
        return failure

    def _command(self, phase: Phase, command: str, *, succeeding: bool) -> str | None:
        self.note(f"{phase.name}: {command}")
        status = self._run(f"CODEBUILD_BUILD_SUCCEEDING={int(succeeding)}\n{command}\n")
        return None if status == 0 else f"phase {phase.name}: `{command}` exited with {status}"

    def _run(self, command: str) -> int:
        (self._state / "command").write_text(command)
        return self._processes.run(
            [self._interpreter, str(self._state / "script")],
            cwd=self._directory,
            environment={"PATH": self._path},
            log=self._log,
            timeout=max(0.0, self._deadline - time.monotonic()),
            watch=self._watch,
        )
