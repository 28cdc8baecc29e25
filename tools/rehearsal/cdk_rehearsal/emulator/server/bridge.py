"""What a bridged resource type is made of.

A bridge adds a CloudFormation resource type (or the parts of one that the emulator drops) in the terms of the
emulator's own public API: it calls that API over HTTP, for the account and region of the stack. So what stands
afterwards is what any client would have made, and nothing here depends on how a service keeps its records.

The handlers run on a thread of their own, because the server answers those calls on its event loop.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any

from cfnlint.schema import ResourceNotFoundError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from ministack.core.responses import get_account_id, get_region

from cdk_rehearsal.emulator import access


def conform(params: Any, model: Any, **_: Any) -> Any:
    """A botocore hook (provide-client-params): the arguments of a call, each in the type of its shape."""
    return _conform(params, model.input_shape)


def _conform(value: Any, shape: Any) -> Any:
    kind = shape.type_name if shape is not None else ""
    if kind == "structure" and isinstance(value, dict):
        return {name: _conform(member, shape.members.get(name)) for name, member in value.items()}
    if kind == "map" and isinstance(value, dict):
        return {name: _conform(member, shape.value) for name, member in value.items()}
    if kind == "list" and isinstance(value, list):
        return [_conform(member, shape.member) for member in value]
    if kind in _SCALARS and isinstance(value, str | int | float):
        return _SCALARS[kind](value)
    return value


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _boolean(value: str | float) -> bool:
    return _text(value).lower() == "true"


_SCALARS: dict[str, Callable[[Any], object]] = {
    "string": _text, "integer": int, "long": int, "float": float, "double": float, "boolean": _boolean,
}  # fmt: skip


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


Properties = dict[str, Any]
Attributes = dict[str, Any]
Handlers = dict[str, Any]  # what ministack keeps for a type: "create", "update", "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """A type that the emulator lacks.

    `create` gets the name to use where the template gives none, and the properties. A change of a property that
    replaces the resource never reaches `update`, so that has only the mutable ones to look at; it returns the
    attributes that changed.
    """

    create: Callable[[str, Properties], tuple[str, Attributes]]
    delete: Callable[[str, Properties], None]
    update: Callable[[str, Properties, Properties], Attributes] | None = None
    note: str = ""

    def handlers(self) -> Handlers:
        """As ministack wants them."""
        known: dict[tuple[str, str, str], Attributes] = {}

        def remember(physical_id: str, attributes: Attributes) -> tuple[str, Attributes]:
            resource = known.setdefault((get_account_id(), get_region(), physical_id), {})
            resource |= attributes
            return physical_id, dict(resource)

        def create(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, Attributes]:
            return remember(*self.create(generated_name(stack_name, logical_id), properties))

        def update(physical_id: str, old: Properties, new: Properties, _stack_name: str) -> tuple[str, Attributes]:
            return remember(physical_id, self.update(physical_id, old, new) if self.update else {})

        return {"create": reported(create), "update": reported(update), "delete": reported(self.delete)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What the emulator leaves out of a type that it has.

    `apply` runs after its own create and update, with the properties before (none at creation) and after, and
    returns attributes to add. `delete`, where given, takes the place of its own; `after_delete` clears up behind it.
    """

    apply: Callable[[str, Properties, Properties], Attributes]
    delete: Callable[[str, Properties], None] | None = None
    after_delete: Callable[[str, Properties], None] | None = None

    def handlers(self, native: Handlers) -> Handlers:
        """The emulator's own handlers, completed; a create that cannot be completed leaves nothing behind."""
        own_delete = self.delete or native["delete"]

        def delete(physical_id: str, properties: Properties) -> None:
            own_delete(physical_id, properties)
            if self.after_delete:
                self.after_delete(physical_id, properties)

        def create(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, Attributes]:
            physical_id, attributes = native["create"](logical_id, properties, stack_name)
            try:
                return physical_id, attributes | self.apply(physical_id, {}, properties)
            except Exception:
                native["delete"](physical_id, properties)
                raise

        def update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> tuple[str, Attributes]:
            updated_id, attributes = native["update"](physical_id, old, new, *rest)
            before = old if updated_id == physical_id else {}
            return updated_id, attributes | self.apply(updated_id, before, new)

        return native | {"create": reported(create), "update": reported(update), "delete": reported(delete)}


def reported(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler, with every failure in a form that becomes the reason in the stack's events.

    A bare KeyError would be a reason of one quoted word, and a StopIteration never reaches the waiting stack at
    all: the operation would hang.
    """

    @wraps(handler)
    def report(*arguments: Any) -> Any:
        try:
            return handler(*arguments)
        except (LookupError, StopIteration, TypeError) as error:
            raise RuntimeError(f"The emulator's bridge failed: {error!r}") from error

    return report


def generated_name(stack_name: str, logical_id: str) -> str:
    """A name as CloudFormation makes one; the stack's record keeps it, so it need not be repeatable."""
    return f"{stack_name}-{logical_id}-{secrets.token_hex(6).upper()}"


def given(properties: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The named properties that the template has; CloudFormation's names are the API's names more often than not."""
    return {name: properties[name] for name in names if name in properties}


def tag_changes(old: Properties, new: Properties) -> tuple[list[dict[str, str]], list[str]]:
    """The tags to set and the keys to take away."""
    before, after = ({tag["Key"]: tag["Value"] for tag in props.get("Tags", [])} for props in (old, new))
    return [{"Key": key, "Value": value} for key, value in after.items()], sorted(before.keys() - after.keys())


def boolean(value: object) -> bool:
    """A template's boolean, which may be the text "true"."""
    return str(value).lower() == "true"


def api(service: str, *, account: str | None = None, region: str | None = None) -> Any:
    """A client of this same server, in the account and region of the stack unless told otherwise."""
    return _client(service, account or get_account_id(), region or get_region())


@cache
def _client(service: str, account: str, region: str) -> Any:
    endpoint = f"http://{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"
    client = access.client(service, endpoint=endpoint, account=account, region=region)
    client.meta.events.register("provide-client-params", conform)
    return client
