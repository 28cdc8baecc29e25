"""CloudFormation resource types that ministack lacks, or implements only in part.

The handlers call the emulator's own public API over HTTP, in the account and region of the stack. The result is what
any client would have created, and no handler depends on how a service stores its data. They run on a worker thread,
because the server answers those calls on its event loop.
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

Properties = dict[str, Any]
Attributes = dict[str, Any]
Handlers = dict[str, Any]  # as ministack stores them for a type: "create", "update", "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """A type that ministack lacks.

    `create` receives the name to use where the template gives none, and the properties. `update` is called for
    mutable properties only, and returns the attributes that changed.
    """

    create: Callable[[str, Properties], tuple[str, Attributes]]
    delete: Callable[[str, Properties], None]
    update: Callable[[str, Properties, Properties], Attributes] | None = None
    note: str = ""

    def handlers(self) -> Handlers:
        """The handlers in the form that ministack calls."""
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
    """The part of a type that ministack leaves out.

    `apply` runs after ministack's create and update, with the properties before (none at creation) and after, and
    returns attributes to add. `delete` replaces ministack's delete; `after_delete` runs after it.
    """

    apply: Callable[[str, Properties, Properties], Attributes] = lambda _name, _old, _new: {}
    delete: Callable[[str, Properties], None] | None = None
    after_delete: Callable[[str, Properties], object] | None = None

    def handlers(self, native: Handlers) -> Handlers:
        """Ministack's handlers, completed; a failed create leaves no resource behind."""
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
    """The handler, with failures as messages that make sense as the reason of a stack event.

    The text of a KeyError is one quoted word, and a StopIteration never reaches the waiting stack: it would hang.
    """

    @wraps(handler)
    def report(*arguments: Any) -> Any:
        try:
            return handler(*arguments)
        except (LookupError, StopIteration, TypeError) as error:
            raise RuntimeError(f"The emulator's resource handler failed: {error!r}") from error

    return report


def generated_name(stack_name: str, logical_id: str) -> str:
    """A unique name in CloudFormation's form."""
    return f"{stack_name}-{logical_id}-{secrets.token_hex(6).upper()}"


def given(properties: Mapping[str, Any], *names: str, **renamed: str) -> dict[str, Any]:
    """The named properties that are present; `Old="New"` gives one the name that the API uses."""
    names_in_api = dict(zip(names, names, strict=True)) | renamed
    return {new: properties[old] for old, new in names_in_api.items() if old in properties}


def tag_changes(old: Properties, new: Properties) -> tuple[list[dict[str, str]], list[str]]:
    """The tags to set and the keys to remove."""
    before, after = ({tag["Key"]: tag["Value"] for tag in props.get("Tags", [])} for props in (old, new))
    return [{"Key": key, "Value": value} for key, value in after.items()], sorted(before.keys() - after.keys())


def boolean(value: object) -> bool:
    """A boolean of a template, which may be the text "true"."""
    return str(value).lower() == "true"


_SCHEMA_REGION = "us-east-1"  # the only region whose schemas cover every type
Table = dict[str, tuple[str, ...]]


def add_replacing_properties(types: Iterable[str], *, always: Table, conditionally: Table) -> None:
    """Add the properties that replace a resource, for each type that `always` lacks."""
    for resource_type in set(types) - always.keys():
        schema = schema_of(resource_type)
        if schema is not None:
            always[resource_type] = top_level(schema.get("createOnlyProperties"))
            conditionally[resource_type] = top_level(schema.get("conditionalCreateOnlyProperties"))


def schema_of(resource_type: str) -> dict[str, object] | None:
    """CloudFormation's schema of a resource type, or None where it publishes none."""
    try:
        found: dict[str, object] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_SCHEMA_REGION, resource_type).schema
    except ResourceNotFoundError:
        return None
    return found


def top_level(pointers: object) -> tuple[str, ...]:
    """The properties that JSON pointers name; pointers into a property are left out."""
    paths = [str(pointer).split("/") for pointer in pointers] if isinstance(pointers, list) else []
    return tuple(path[2] for path in paths if len(path) == len(["", "properties", "Name"]))


def api(service: str, *, account: str | None = None, region: str | None = None) -> Any:
    """A client of this server, by default in the account and region of the stack."""
    return _client(service, account or get_account_id(), region or get_region())


@cache
def _client(service: str, account: str, region: str) -> Any:
    endpoint = f"http://{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"
    client = access.client(service, endpoint=endpoint, account=account, region=region)
    client.meta.events.register("provide-client-params", _convert_arguments)
    return client


def _convert_arguments(params: Any, model: Any, **_: Any) -> Any:
    """A botocore hook: templates may write numbers and booleans as text, which botocore refuses."""
    return _convert(params, model.input_shape)


def _convert(value: Any, shape: Any) -> Any:
    kind = shape.type_name if shape is not None else ""
    if kind == "structure" and isinstance(value, dict):
        return {name: _convert(member, shape.members.get(name)) for name, member in value.items()}
    if kind == "map" and isinstance(value, dict):
        return {name: _convert(member, shape.value) for name, member in value.items()}
    if kind == "list" and isinstance(value, list):
        return [_convert(member, shape.member) for member in value]
    if kind in _SCALARS and isinstance(value, str | int | float):
        return _SCALARS[kind](value)
    return value


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_SCALARS: dict[str, Callable[[Any], object]] = {
    "string": _text, "integer": int, "long": int, "float": float, "double": float, "boolean": boolean,
}  # fmt: skip
