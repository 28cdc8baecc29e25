"""File assets: versions that read each other, packages with a stable hash, and publishing with the least privilege."""

import os
import subprocess

import pytest

from tests.conftest import CHECKOUT
from tests.templates import Assembly

PROGRAMS = CHECKOUT / "node_modules" / ".bin"


def run(program: str, *arguments: str) -> str:
    """The output of a program of package-lock.json."""
    environment = {**os.environ, "PATH": f"{CHECKOUT / '.venv' / 'bin'}:{os.environ['PATH']}"}
    command = [str(PROGRAMS / program), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, f"{program} does not read the assembly that aws-cdk-lib writes:\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    ("program", "arguments"),
    [("cdk-assets", ("--path", "{}/PipelineStack.assets.json", "ls")), ("cdk", ("ls", "-a", "{}"))],
)
def test_the_locked_tools_read_the_assembly(assembly: Assembly, program: str, arguments: tuple[str, ...]) -> None:
    """Versions: https://docs.aws.amazon.com/cdk/v2/guide/versioning.html#cdk-toolkit-versioning."""
    assert "PipelineStack" in run(program, *(each.format(assembly.directory) for each in arguments))
