"""The settings of an environment that a release changes, from the manifests in the old and the new template."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.plan.template import Json

_SHORT_DIGEST = len("sha256:") + 12
NOT_SET = "not set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting with another value, under the name that the environment's record gives it."""

    name: str  # such as alarms.cpu_percent
    old: str
    new: str


def changed_settings(*, before: Json, after: Json) -> Iterator[Setting]:
    """The changed settings; none without a manifest in both templates, as in a stack of the DR region."""
    old, new = _configuration(before), _configuration(after)
    if old is None or new is None:
        return
    # In the order of the record.
    for name in dict.fromkeys((*new, *old)):
        if old.get(name) != new.get(name):
            yield Setting(name=name, old=_text(old.get(name)), new=_text(new.get(name)))


def _configuration(template: Json) -> dict[str, Any] | None:
    for resource in template.get("Resources", {}).values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::SSM::Parameter" and str(properties.get("Name")).endswith("/manifest"):
            return dict(_flat(json.loads(_document(properties["Value"]))["configuration"]))
    return None


def _document(value: Any) -> str:
    """The document, in which the values that only the deployment knows are empty."""
    match value:
        case {"Fn::Join": ["", list(parts)]}:
            return "".join(part for part in parts if isinstance(part, str))
        case _:
            return str(value)


def _flat(values: Json, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _text(value: Any) -> str:
    """A value as text, with the digest of an image as short as container tools print it."""
    match value:
        case None:
            return NOT_SET
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
        case str() if "@sha256:" in value:
            image, _, digest = value.rpartition("@")
            return f"{image.rpartition('/')[2]}@{digest[:_SHORT_DIGEST]}"
        case _:
            return str(value)
