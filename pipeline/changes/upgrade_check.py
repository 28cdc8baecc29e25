"""`python -m pipeline.changes.upgrade_check`: what would become of stored data between two commits, without an account.

Exit status: 0 nothing is lost, 1 something would be lost, 2 the commits could not be compared.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk.cx_api import CloudAssembly

from pipeline.changes.change import Change, Replacement
from pipeline.changes.commits import ComparisonError, export, last_release, synthesize
from pipeline.changes.plan_text import why
from pipeline.changes.stateful import stateful_faults
from pipeline.changes.template_changes import template_changes

CLEAN, LOSES_DATA, NOT_COMPARED = 0, 1, 2

Stacks = Mapping[str, tuple[str, Mapping[str, Any]]]
"""The region and the template of each stack."""


def main() -> int:
    """Synthesizes both commits and compares every stack."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.changes.upgrade_check", description=__doc__)
    parser.add_argument("--base", default="", help="the commit that stands; the last release by default")
    parser.add_argument("--head", default="HEAD", help="the commit that comes")
    arguments = parser.parse_args()
    checkout = Path.cwd()
    try:
        base = arguments.base or last_release(checkout)
        with tempfile.TemporaryDirectory(prefix="upgrade-check-") as directory:
            before, _ = _synthesized(checkout, name=base, tree=Path(directory, "base"))
            after, allowed = _synthesized(checkout, name=arguments.head, tree=Path(directory, "head"))
    except ComparisonError as error:
        print(f"upgrade-check: {error}", file=sys.stderr)
        return NOT_COMPARED
    print(f"From {base} to {arguments.head}, {len(before.keys() | after.keys())} stacks")
    changes = compare(before, after)
    for change in changes:
        if change.replacement is not Replacement.NEVER:
            print(f"  {change.stack}: {change.logical_id} ({change.resource_type}) is replaced{why(change)}")
    faults = stateful_faults(changes, allowed=allowed)
    for fault in faults:
        print(f"LOSES DATA  {fault}")
    print(
        f"{len(changes)} resources change; " + ("stored data would be lost." if faults else "no stored data is lost.")
    )
    return LOSES_DATA if faults else CLEAN


def compare(before: Stacks, after: Stacks) -> list[Change]:
    """What changes in all stacks, those included that come or go."""
    return [
        change
        for name in sorted(before.keys() | after.keys())
        for change in template_changes(
            stack=name,
            region=(after.get(name) or before[name])[0],
            before=before[name][1] if name in before else None,
            after=after[name][1] if name in after else None,
        )
    ]


def _synthesized(checkout: Path, *, name: str, tree: Path) -> tuple[Stacks, list[str]]:
    """The stacks of a commit, and the losses that its settings allow."""
    export(checkout, name=name, to=tree)
    assembly = CloudAssembly(str(synthesize(tree)))
    stacks = {each.stack_name: (each.environment.region, each.template) for each in assembly.stacks_recursively}
    settings = json.loads((tree / "cdk.json").read_text(encoding="utf-8"))["context"]["delivery"]
    return stacks, settings.get("allowed_changes", [])


if __name__ == "__main__":
    sys.exit(main())
