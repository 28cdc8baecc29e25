"""A resource as a template declares it, and what a rule finds on it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
"""The way to a value inside a resource's properties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A value that breaks a rule, or that the template leaves open where the rule needs to know it.

    Args:
        logical_id: The resource.
        location: Where in the resource the value stands, such as ``Properties.SslPolicy``.
        value: The value; None where nothing stands there.
    """

    logical_id: str
    location: str
    value: object

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.location} is not set."
        shown = json.dumps(self.value, sort_keys=True)
        open_ended = ", which cannot be judged before a deployment" if is_intrinsic(self.value) else ""
        return f"{self.location} is {shown}{open_ended}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of a template.

    Args:
        logical_id: Its key in the template.
        type: Such as ``AWS::S3::Bucket``.
        definition: All that the template says about it.
    """

    logical_id: str
    type: str
    definition: dict[str, Any]

    def at(self, *path: str | int) -> object:
        """The property at a path; the intrinsic function that stands in its way, if one does; None if nothing does."""
        return self._walk(path)[0]

    def each(self, *path: str | int) -> Iterator[Path]:
        """The paths of a list's entries; the list's own path where the template does not spell its entries out."""
        value = self.at(*path)
        if isinstance(value, list):
            yield from ((*path, index) for index in range(len(value)))
        elif value is not None:
            yield path

    def finding(self, *path: str | int) -> Finding:
        """A finding about the property at a path, or about the intrinsic function in its way."""
        value, reached = self._walk(path)
        return Finding(
            logical_id=self.logical_id, location=".".join(map(str, ("Properties", *path[:reached]))), value=value
        )

    def _walk(self, path: Path) -> tuple[object, int]:
        """What stands at a path, and how many of its steps lead there."""
        value: object = self.definition.get("Properties", {})
        for step, key in enumerate(path):
            if is_intrinsic(value):
                return value, step
            match value, key:
                case dict(), _ if key in value:
                    value = value[key]
                case list(), int() if key < len(value):
                    value = value[key]
                case _:
                    return None, len(path)
        return value, len(path)


def is_intrinsic(value: object) -> bool:
    """Whether a value is an intrinsic function, which CloudFormation replaces at deployment."""
    return isinstance(value, dict) and len(value) == 1 and all(key == "Ref" or key.startswith("Fn::") for key in value)
