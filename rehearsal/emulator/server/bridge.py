"""What a bridged resource type is made of.

A bridge adds a CloudFormation resource type (or the parts of one that the emulator drops) in the terms of the
emulator's own public API: it calls that API over HTTP, for the account and region of the stack. So what stands
afterwards is what any client would have made, and nothing here depends on how a service keeps its records.

The handlers run on a thread of their own, because the server answers those calls on its event loop.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from ministack.core.responses import get_account_id, get_region

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
