"""Copies of installed Python packages, for Lambda functions and builds; without the CDK, whose import takes seconds."""

import shutil
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

_WRITTEN_BY_PIP = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})


def copy_packages(packages: Sequence[str], directory: Path) -> None:
    """Copies installed pure-Python packages and the packages that they require, without bytecode."""
    for package in sorted(_required(packages)):
        for file in metadata.files(package) or ():
            inside = ".." not in file.parts and "__pycache__" not in file.parts
            if not inside or file.name in _WRITTEN_BY_PIP:
                continue
            if file.suffix in {".so", ".pyd"}:
                raise ValueError(f"{package} is not pure Python ({file}): a copy of it fits this machine only")
            (directory / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), directory / file)


def _required(packages: Sequence[str]) -> set[str]:
    """The packages and, recursively, those that they require here, without an extra."""
    found: set[str] = set()
    missing = list(packages)
    while missing:
        package = missing.pop().lower()
        if package not in found:
            found.add(package)
            required = map(Requirement, metadata.requires(package) or ())
            missing += [each.name for each in required if not each.marker or each.marker.evaluate({"extra": ""})]
    return found
