"""Writes the generated parts of docs/compliance.md: ``python -m tests.policy.compliance``, or ``make compliance``."""

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.policy.plugin import RULES
from pipeline.policy.rule import Rule
from pipeline.settings import Delivery
from tests.conftest import CHECKOUT
from tests.policy.controls import CONTROLS, REQUIREMENTS, Control
from tests.policy.register import BUDGET, PACKS, PIPELINE, counts, groups, register
from tests.synthesized import synthesize
from tests.templates import Assembly

PAGE = CHECKOUT / "docs" / "compliance.md"
PART = re.compile(r"(?<=<!-- generated: )(?P<name>\w+) -->\n.*?(?=<!-- end -->)", re.DOTALL)


def current(page: str, assembly: Assembly, delivery: Delivery) -> str:
    """The page as it should be: what stands between its markers, made from an assembly."""
    parts = {
        "requirements": requirements(),
        "rules": rules(assembly, delivery),
        "counts": acknowledged(assembly, delivery),
        "register": entries(assembly, delivery),
    }
    return PART.sub(lambda found: "\n".join((f"{found['name']} -->", *parts[found["name"]], "")), page)


def requirements() -> Iterator[str]:
    """For each requirement, a table row for each thing that keeps it: a resource, and what watches over that."""
    yield "| Requirement | Resource | Enforced by |"
    yield "|---|---|---|"
    for number in sorted(REQUIREMENTS, key=lambda number: [int(part) for part in number.split(".")]):
        rows = [(_types(rule), f"our rule `{rule.id}`") for rule in RULES if number in rule.requirements]
        rows += [(control.keeps, _watch(control)) for control in CONTROLS if control.requirement == number]
        for index, (keeps, watch) in enumerate(rows):
            yield f"| {'' if index else f'**{number}** {REQUIREMENTS[number]}'} | {keeps} | {watch} |"


def _types(rule: Rule) -> str:
    return ", ".join(f"`{kind.removeprefix('AWS::')}`" for kind in rule.types)


def _watch(control: Control) -> str:
    tests = (test.split("::") for test in control.tests)
    return ", ".join(
        [*(f"`{rule}`" for rule in control.packs), *(f"[{name}](../tests/{path})" for path, name in tests)]
    )


def rules(assembly: Assembly, delivery: Delivery) -> Iterator[str]:
    """A table row for each rule of our own, with how much it judges where data is retained."""
    names = [f"{delivery.environments[-1].name}-{stack}" for stack in ("DisasterRecovery", "Payment")]
    types = [resource["Type"] for name in names for resource in assembly.template(name)["Resources"].values()]
    yield f"| Rule | Asks | Resources judged in {delivery.environments[-1].name} |"
    yield "|---|---|---:|"
    for rule in RULES:
        yield f"| `{rule.id}` | {rule.description} | {sum(kind in rule.types for kind in types)} |"


def acknowledged(assembly: Assembly, delivery: Delivery) -> Iterator[str]:
    """A table row for each environment: its acknowledged findings by pack."""
    yield f"| | {' | '.join(PACKS)} | Together | At most |"
    yield f"|---|{'---:|' * (len(PACKS) + 2)}"
    for name, found in counts(assembly, delivery).items():
        most = "" if name == PIPELINE else str(BUDGET)
        yield f"| {name} | {' | '.join(str(found[pack]) for pack in PACKS)} | {found.total()} | {most} |"


def entries(assembly: Assembly, delivery: Delivery) -> Iterator[str]:
    """Every acknowledgement: its control, and under that the rules and the constructs."""
    for environments, found in groups(register(assembly, delivery)):
        yield from ("", f"### {', '.join(environments)}", "")
        for entry in found:
            yield f"- {entry.control}"
            yield f"  - Rules: {', '.join(f'`{rule}`' for rule in entry.rules)}"
            yield f"  - At: {', '.join(f'`{place}`' for place in entry.places)}"


def main() -> None:
    """Brings the page up to date."""
    context = json.loads((CHECKOUT / "cdk.json").read_text(encoding="utf-8"))["context"]
    with tempfile.TemporaryDirectory() as directory:
        delivery, assembly = synthesize(Path(directory), context=context)
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(current(page, assembly, delivery), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(CHECKOUT)} is up to date\n")


if __name__ == "__main__":
    main()
