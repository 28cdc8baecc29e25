"""Determinism: two syntheses of one commit are byte-identical on any machine and for any user."""

import os
from pathlib import Path
from typing import Any

from tests.synthesized import synthesize_as_a_user
from tests.templates import Assembly


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*.json")
        # The construct tree and the report contain local paths; CloudFormation does not deploy them.
        if path.name not in ("tree.json", "validation-report.json") and not path.name.endswith(".metadata.json")
    }


def test_two_syntheses_are_byte_identical(assembly: Assembly, context: dict[str, Any], tmp_path: Path) -> None:
    other_machine = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],  # the CDK unpacks its runtime there once
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "USER": "other",
        "PYTHONHASHSEED": "42",
    }
    synthesize_as_a_user(tmp_path / "out", context=context, environment=other_machine, validate=False)
    first, second = files(assembly.directory), files(tmp_path / "out")
    assert len(first) > 20
    assert first.keys() == second.keys()
    different = [name for name in first if first[name] != second[name]]
    assert different == [], f"remove what depends on time, user, locale or set order from {different}"
