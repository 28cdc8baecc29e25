"""`python -m pipeline.packages`: the Python packages of the builds after Synth, copied to build/packages.

Those builds install nothing, so that a deployment or a rollback does not depend on a package registry. `make setup`
installed the packages of requirements.txt with their hashes.
"""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

from payment_constructs.packages import copy_packages

DIRECTORY = "build/packages"
PACKAGES = ("boto3", "pytest")
"""What tests/integration and the plan import; the plan also reads cfn-lint's resource schemas."""

SERVICES = (
    "cloudformation", "cloudwatch", "codepipeline", "dynamodb", "ecs", "rds", "s3", "secretsmanager",
    "sqs", "ssm", "sts",
)  # fmt: skip
"""Those that they call. botocore describes 400 others in 25 MB, which every build would unpack."""

REPLACING = ("createOnlyProperties", "conditionalCreateOnlyProperties")
"""What the plan reads of a resource schema."""


def main() -> None:
    """Copies them, in place of those of an earlier run."""
    directory = Path(DIRECTORY)
    shutil.rmtree(directory, ignore_errors=True)
    copy_packages(PACKAGES, directory)
    for service in (directory / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)
    cfnlint = find_spec("cfnlint")
    assert cfnlint is not None  # noqa: S101 - requirements.txt pins it
    for found in cfnlint.submodule_search_locations or ():
        schemas, copies = (Path(top) / "data" / "schemas" for top in (found, directory / "cfnlint"))
        shutil.copytree(
            schemas / "providers", copies / "providers", ignore=shutil.ignore_patterns("*.py", "__pycache__")
        )
        (copies / "resources").mkdir()
        for file in (schemas / "resources").glob("*.json"):
            schema = json.loads(file.read_text(encoding="utf-8"))
            kept = {key: schema[key] for key in REPLACING if key in schema}
            (copies / "resources" / file.name).write_text(json.dumps(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
