"""`python -m pipeline.packages`: the Python packages of the builds after Synth, copied to build/packages.

Those builds install nothing, so that a deployment or a rollback does not depend on a package registry. `make setup`
installed the packages of requirements.txt with their hashes.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

from payment_constructs.python_function import copy_packages

DIRECTORY = "build/packages"
PACKAGES = ("boto3", "pytest")
"""What tests/integration and the plan import; the plan also reads cfn-lint's resource schemas."""

_CODE = shutil.ignore_patterns("__pycache__", "*.py")


def main() -> None:
    """Copies them, in place of those of an earlier run."""
    directory = Path(DIRECTORY)
    shutil.rmtree(directory, ignore_errors=True)
    copy_packages(PACKAGES, directory)
    cfnlint = find_spec("cfnlint")
    assert cfnlint is not None  # noqa: S101 - requirements.txt pins it
    for found in cfnlint.submodule_search_locations or ():
        for schemas in ("providers", "resources"):
            part = Path("data", "schemas", schemas)
            shutil.copytree(Path(found) / part, directory / "cfnlint" / part, ignore=_CODE)


if __name__ == "__main__":
    main()
