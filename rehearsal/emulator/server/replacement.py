"""Which property changes replace a resource, for the types of which the emulator does not know it.

A change set that says "Conditional" for every change cannot guard anything, and an update that keeps a resource that
AWS would replace rehearses the wrong thing. CloudFormation publishes the answer in its resource schemas; cfn-lint
carries them. Where the emulator has measured an answer of its own, that one stays.
"""

from collections.abc import Iterable

from cfnlint.schema import ResourceNotFoundError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

_REGION = "us-east-1"  # the only region whose schemas cover every type
Table = dict[str, tuple[str, ...]]


def complete(*, types: Iterable[str], always: Table, conditionally: Table) -> None:
    """Fill in, for each type that `always` lacks, the properties that replace the resource always or sometimes."""
    for resource_type in set(types) - always.keys():
        schema = schema_of(resource_type)
        if schema is not None:
            always[resource_type] = top_level(schema.get("createOnlyProperties"))
            conditionally[resource_type] = top_level(schema.get("conditionalCreateOnlyProperties"))


def schema_of(resource_type: str) -> dict[str, object] | None:
    """CloudFormation's schema of a resource type, or None where it publishes none."""
    try:
        found: dict[str, object] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, resource_type).schema
    except ResourceNotFoundError:
        return None
    return found


def top_level(pointers: object) -> tuple[str, ...]:
    """The properties that JSON pointers name, leaving out those that reach inside a property."""
    paths = [str(pointer).split("/") for pointer in pointers] if isinstance(pointers, list) else []
    return tuple(path[2] for path in paths if len(path) == len(["", "properties", "Name"]))
