"""Values of CloudFormation templates: as text, as lists, and the resources that they refer to."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]


def release_in(template: Json) -> str | None:
    """The release that a template deploys, the value of its parameter /payment/ENVIRONMENT/release; None without it."""
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::SSM::Parameter" and str(properties.get("Name")).endswith("/release"):
            return str(properties["Value"])
    return None


def as_list(value: Any) -> list[Any]:
    """A property that may be one value or a list of values, as a list."""
    return value if isinstance(value, list) else [value]


def as_text(value: Any) -> str:
    """A value in one line."""
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(map(as_text, parts))
        case _:
            return json.dumps(value, sort_keys=True)


def properties_as_text(properties: Json) -> str:
    """Properties in one line, without description and tags."""
    shown = {key: value for key, value in sorted(properties.items()) if key not in {"Description", "Tags"}}
    return ", ".join(f"{key} {value if isinstance(value, int) else as_text(value)}" for key, value in shown.items())


def target(value: Any) -> str:
    """The logical id that a value refers to; the value as text if it is no reference."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return name
        case _:
            return as_text(value)


def references(value: Any) -> Iterator[str]:
    """Every logical id that a value refers to."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case list():
            for item in value:
                yield from references(item)
        case dict():
            for item in value.values():
                yield from references(item)


def still_exists(protected: str, *, holder: str, old: Json, new: Json) -> bool:
    """Whether a resource that lost a protection still exists, so that the loss matters.

    A resource outside the template is assumed to exist. A deleted resource with a retain policy exists without what was
    attached to it, but keeps its own properties: it is then its own holder.
    """
    if protected in new or protected not in old:
        return True
    return protected != holder and old[protected].get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")
