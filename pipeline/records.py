"""Typed records from the JSON values of the settings; every fault is a sentence with the path, value and remedy."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import EnumMeta
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from stages.environment import SettingsError

Record = TypeVar("Record")
WORDS = {str: "text in quotes", bool: "true or false", int: "a whole number", float: "a number"}


def read(
    record: type[Record],
    settings: object,
    *,
    path: str,
    faults: list[str],
    prefix: str = "",
    examples: Mapping[str, Any] | None = None,
) -> Record | None:
    """The record of a JSON object; None when it does not fit, with each fault appended to the list.

    A null is a value that is not given, because the CDK CLI drops it from the context. Numbers and true or false are
    accepted as such only, not in quotes. The prefix is that of the faults that the record itself finds; an example is
    a value that the remedy of a missing field names.
    """
    known = {field.name: field for field in fields(record)}  # type: ignore[arg-type]
    if not isinstance(settings, Mapping):
        faults.append(f"{path} is {settings!r}: give an object with {', '.join(known)}.")
        return None
    found = list(unknown_keys(path, settings, known))
    hints, values = get_type_hints(record), dict[str, Any]()
    for name, field in known.items():
        if settings.get(name) is not None:
            values[name] = _value(hints[name], settings[name], path=f"{path}.{name}", faults=found)
        elif field.default is MISSING:
            example = f", such as {examples[name]!r}" if examples and name in examples else ""
            found.append(f"{path}.{name} is missing: give {_words(hints[name])}{example}.")
    faults.extend(found)
    if found:
        return None
    try:
        return record(**values)
    except SettingsError as error:
        faults.extend(f"{prefix}{fault}" for fault in error.faults)
        return None


def unknown_keys(path: str, settings: Mapping[str, Any], known: Iterable[str]) -> Iterator[str]:
    """Yields a sentence for each key that no setting has."""
    for key in settings:
        if key not in known:
            yield f"{path}.{key} is unknown: the settings there are {', '.join(sorted(known))}."


def _value(hint: Any, value: Any, *, path: str, faults: list[str]) -> Any:
    kind, parts = _kind(hint), get_args(_kind(hint))
    if is_dataclass(kind):
        return read(kind, value, path=path, faults=faults)  # type: ignore[arg-type]
    if isinstance(kind, EnumMeta) and value in _values(kind):
        return kind(value)
    if get_origin(kind) is tuple and isinstance(value, list | tuple) and (len(value) == len(parts) or ... in parts):
        parts = parts[:1] * len(value) if ... in parts else parts
        each = zip(parts, value, strict=True)
        return tuple(
            _value(part, one, path=f"{path}[{index}]", faults=faults) for index, (part, one) in enumerate(each)
        )
    # Python counts true as 1: compare the types themselves.
    if type(value) is kind or (kind is float and type(value) is int):
        return value
    faults.append(f"{path} is {value!r}: give {_words(hint)}.")
    return None


def _kind(hint: Any) -> Any:
    """The type of a field, without the None of an optional one."""
    return next(kind for kind in get_args(hint) if kind is not NoneType) if isinstance(hint, UnionType) else hint


def _values(kind: EnumMeta) -> list[Any]:
    return [member.value for member in list[Any](kind)]


def _words(hint: Any) -> str:
    kind = _kind(hint)
    if isinstance(kind, EnumMeta):
        return " or ".join(repr(value) for value in _values(kind))
    if is_dataclass(kind):
        return f"an object with {', '.join(field.name for field in fields(kind))}"
    parts = get_args(kind)
    return WORDS.get(kind) or f"a list{'' if ... in parts else f' of {len(parts)}'}, each {WORDS[parts[0]]}"
