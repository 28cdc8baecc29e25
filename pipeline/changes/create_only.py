"""The properties whose change makes CloudFormation replace a resource, as its own resource schemas say.

cfn-lint ships the schemas. `createOnlyProperties` always force a replacement, `conditionalCreateOnlyProperties` do so
for some values: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOnly:
    """The paths of such properties of a resource type.

    Args:
        always: Those that force a replacement.
        conditionally: Those that may.
    """

    always: tuple[Path, ...]
    conditionally: tuple[Path, ...]

    @classmethod
    @cache
    def of(cls, resource_type: str, *, region: str) -> Self:
        """Those of a type; any property of a type that no schema is known of may force a replacement."""
        try:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, resource_type).schema
        except ResourceNotFoundError:
            return cls(always=(), conditionally=(("*",),))
        return cls(
            always=_paths(schema.get("createOnlyProperties")),
            conditionally=_paths(schema.get("conditionalCreateOnlyProperties")),
        )


def _paths(pointers: list[str] | None) -> tuple[Path, ...]:
    return tuple(tuple(pointer.removeprefix("/properties/").split("/")) for pointer in pointers or ())


def at(value: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """What stands at a path of some properties, each with the top-level property that it is in.

    ``*`` is every item. An intrinsic function in the way stands for all that is behind it.
    """
    for name in value if path[0] == "*" else [path[0]]:
        if name in value:
            yield from ((name, found) for found in _below(value[name], path[1:]))


def _below(value: Any, path: Path) -> Iterator[Any]:
    if not path or not isinstance(value, (Mapping, list)) or _is_intrinsic(value):
        yield value
    elif path[0] == "*":
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _below(item, path[1:])
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _below(value[path[0]], path[1:])


def _is_intrinsic(value: Any) -> bool:
    return isinstance(value, Mapping) and len(value) == 1 and all(key == "Ref" or "Fn::" in key for key in value)
