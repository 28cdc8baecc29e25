"""The pictures: SVG templates with `${fields}`, whose `data-shows` attributes name the facts that their shapes draw."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from string import Template

from tools.pictures.assembly import Stack
from tools.pictures.delivery import delivery
from tools.pictures.platform import platform

PICTURES = {"delivery": delivery, "platform": platform}
TEMPLATES = {name: Template(Path(__file__).with_name(f"{name}.svg").read_text("utf-8")) for name in PICTURES}


def read(name: str, stacks: Mapping[str, Stack]) -> tuple[dict[str, str], list[str]]:
    """The fields and facts of a picture; a resource that the platform's picture does not draw is in its last line."""
    fields, facts = PICTURES[name](stacks)
    if name == "platform":
        undrawn = {fact for fact in facts if ":" not in fact} - set(_drawn(name))
        fields["others"] = ", ".join(sorted(undrawn)) or "nothing"
        facts = [fact for fact in facts if fact.rpartition(":")[2] not in undrawn]
    return fields, facts


def _drawn(name: str) -> list[str]:
    return " ".join(re.findall('data-shows="(.*?)"', TEMPLATES[name].template)).split()


def faults(name: str, fields: Mapping[str, str], facts: list[str]) -> Iterator[str]:
    """Where a picture and the assembly disagree, each with what to do."""
    path, template = f"tools/pictures/{name}.svg", TEMPLATES[name]
    shown, drawn = set(template.get_identifiers()), _drawn(name)
    for field in sorted(shown - fields.keys()):
        yield f"{path}: nothing fills ${{{field}}}: remove it, or fill it in tools/pictures/{name}.py"
    for field in sorted(fields.keys() - shown):
        yield f"{path}: nothing shows the field {field} ({fields[field]}): add ${{{field}}}"
    for fact in sorted(set(drawn) - set(facts)):
        yield f"{path}: draws {fact}, which is not in the synthesized templates: remove what shows it"
    for fact in sorted(set(facts) - set(drawn)):
        yield f"{path}: does not draw {fact}: draw it, and name it in data-shows"


def svg(name: str, fields: Mapping[str, str]) -> str:
    """A filled picture."""
    return TEMPLATES[name].substitute({field: escape(text) for field, text in fields.items()})
