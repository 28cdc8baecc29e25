"""Writes the generated parts of docs/compliance.md: ``python -m tests.policy.compliance``, or ``make compliance``."""

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.guard.losses import STATEFUL
from pipeline.policy.plugin import RULES
from pipeline.policy.rule import Rule
from pipeline.settings import Delivery
from tests.conftest import CHECKOUT
from tests.policy.controls import CONTROLS, IN_PART, REQUIREMENTS, Control
from tests.policy.register import LIMIT, PACKS, PIPELINE, counts, groups, register
from tests.synthesized import synthesize
from tests.templates import Assembly

PAGE = CHECKOUT / "docs" / "compliance.md"
PART = re.compile(r"(?<=<!-- generated: )(?P<name>\w+) -->\n.*?(?=<!-- end -->)", re.DOTALL)


def current(page: str, assembly: Assembly, delivery: Delivery) -> str:
    """The page with its generated parts made from an assembly."""
    parts = {
        "requirements": _requirements(),
        "rules": _rules(assembly, delivery),
        "counts": _counts(assembly, delivery),
        "register": _register(assembly, delivery),
    }
    return PART.sub(lambda found: "\n".join((f"{found['name']} -->", *parts[found["name"]], "")), page)


def _requirements() -> Iterator[str]:
    """The table of requirements, with a row for each rule and each control."""
    yield "| Requirement | Resource | Enforced by |"
    yield "|---|---|---|"
    for number in sorted(REQUIREMENTS, key=lambda number: [int(part) for part in number.split(".")]):
        rows = [(_types(rule), f"our rule `{rule.id}`") for rule in RULES if number in rule.requirements]
        rows += [(each.implementation, _enforcement(each)) for each in CONTROLS if each.requirement == number]
        missing = f"; in part: {IN_PART[number]}" if number in IN_PART else ""
        title = f"**{number}** {REQUIREMENTS[number]}{missing}"
        for index, (implementation, enforcement) in enumerate(rows):
            yield f"| {'' if index else title} | {implementation} | {enforcement} |"


def _types(rule: Rule) -> str:
    stateful = set(rule.types) >= STATEFUL
    named = [f"`{kind.removeprefix('AWS::')}`" for kind in rule.types if not (stateful and kind in STATEFUL)]
    return ", ".join([*(["every stateful type"] if stateful else []), *named])


def _enforcement(control: Control) -> str:
    tests = (test.split("::") for test in control.tests)
    return ", ".join(
        [*(f"`{rule}`" for rule in control.packs), *(f"[{name}](../tests/{path})" for path, name in tests)]
    )


def _rules(assembly: Assembly, delivery: Delivery) -> Iterator[str]:
    """The table of rules, with the number of resources that each checks in the last environment."""
    last = delivery.environments[-1].name
    names = [f"{last}-DisasterRecovery", f"{last}-Payment"]
    types = [resource["Type"] for name in names for resource in assembly.template(name)["Resources"].values()]
    yield f"| Rule | Requires | Resources in {last} |"
    yield "|---|---|---:|"
    for rule in RULES:
        yield f"| `{rule.id}` | {rule.description} | {sum(kind in rule.types for kind in types)} |"


def _counts(assembly: Assembly, delivery: Delivery) -> Iterator[str]:
    """The table of acknowledged findings by environment and pack."""
    yield f"| | {' | '.join(PACKS)} | Total | Limit |"
    yield f"|---|{'---:|' * (len(PACKS) + 2)}"
    for name, found in counts(assembly, delivery).items():
        limit = "" if name == PIPELINE else str(LIMIT)
        yield f"| {name} | {' | '.join(str(found[pack]) for pack in PACKS)} | {found.total()} | {limit} |"


def _register(assembly: Assembly, delivery: Delivery) -> Iterator[str]:
    """The list of acknowledgements: each control with its rules and resources."""
    for environments, found in groups(register(assembly, delivery)):
        yield from ("", f"### {', '.join(environments)}", "")
        for entry in found:
            yield f"- {entry.control}"
            yield f"  - Rules: {', '.join(f'`{rule}`' for rule in entry.rules)}"
            yield f"  - Resources: {', '.join(f'`{path}`' for path in entry.resources)}"


def main() -> None:
    """Updates the page."""
    context = json.loads((CHECKOUT / "cdk.json").read_text(encoding="utf-8"))["context"]
    with tempfile.TemporaryDirectory() as directory:
        delivery, assembly = synthesize(Path(directory), context=context)
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(current(page, assembly, delivery), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(CHECKOUT)} is up to date\n")


if __name__ == "__main__":
    main()
