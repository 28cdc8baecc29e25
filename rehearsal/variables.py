"""Pipeline variables: `#{namespace.name}` in an action's configuration is what an earlier action put out.

A variable that nobody set fails the action, as it does on AWS; it never becomes an empty text.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from rehearsal.errors import DeliveryError

Namespaces = Mapping[str, Mapping[str, str]]

_REFERENCE = re.compile(r"#\{(?P<namespace>[A-Za-z0-9@_-]+)\.(?P<name>[^}]+)\}")


def resolve(text: str, namespaces: Namespaces) -> str:
    """The text with every reference replaced."""

    def value(reference: re.Match[str]) -> str:
        try:
            return namespaces[reference["namespace"]][reference["name"]]
        except KeyError:
            known = ", ".join(sorted(namespaces.get(reference["namespace"], {}))) or "nothing"
            raise DeliveryError(
                f"The variable {reference[0]} has no value: no earlier action of namespace "
                f"'{reference['namespace']}' put it out (it knows {known})."
            ) from None

    return _REFERENCE.sub(value, text)


def resolve_all(configuration: Mapping[str, str], namespaces: Namespaces) -> dict[str, str]:
    """A whole configuration; a value that is JSON stays JSON, whatever quotes a commit message brings in."""
    return {key: _resolve_value(value, namespaces) for key, value in configuration.items()}


def _resolve_value(value: str, namespaces: Namespaces) -> str:
    if value.startswith(("[", "{")):
        try:
            return json.dumps(_resolve_document(json.loads(value), namespaces))
        except json.JSONDecodeError:
            pass  # a text that only looks like JSON
    return resolve(value, namespaces)


def _resolve_document(document: Any, namespaces: Namespaces) -> Any:
    if isinstance(document, dict):
        return {key: _resolve_document(value, namespaces) for key, value in document.items()}
    if isinstance(document, list):
        return [_resolve_document(value, namespaces) for value in document]
    return resolve(document, namespaces) if isinstance(document, str) else document
