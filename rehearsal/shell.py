"""The commands of a build, one after the other, each where the one before it left off.

Like CodeBuild: every command is a script of its own that finds the directory and the variables of the one before.
So `exit` ends one command and not the build, and the log says which command failed.
"""

import json
import re
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from rehearsal.buildspec import Buildspec, Phase
from rehearsal.processes import Processes, Watcher

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCRIPT = """\
. {state}/variables
cd "$(cat {state}/directory)" || exit
trap 'status=$?; export -p > {state}/variables; pwd > {state}/directory; exit $status' EXIT
set -a
. {state}/command
"""


class Shell:
    """The state that one command hands to the next."""

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
        """Carry out the phases as CodeBuild goes through them; returns what failed first."""
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
            self.note(f"{phase.name}: wants {name} {version}, and gets what this machine has")
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
