"""The pictures: SVG templates with `${fields}`, whose `data-shows` attributes name the facts that their shapes draw."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from string import Template

from tools.pictures.delivery import delivery
from tools.pictures.platform import platform

PICTURES = {"delivery": delivery, "platform": platform}
TEMPLATES = {name: Template(Path(__file__).with_name(f"{name}.svg").read_text("utf-8")) for name in PICTURES}


def faults(name: str, fields: Mapping[str, str], facts: list[str]) -> Iterator[str]:
    """Where a picture and the assembly disagree, each with what to do."""
    path, template = f"tools/pictures/{name}.svg", TEMPLATES[name]
    shown, drawn = (
        set(template.get_identifiers()),
        " ".join(re.findall('data-shows="(.*?)"', template.template)).split(),
    )
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
