"""A template's values in the types of an API: CloudFormation takes "5" for 5 and 5 for "5", the APIs do not."""

from collections.abc import Callable
from typing import Any


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
