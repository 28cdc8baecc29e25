"""The templates of an assembly, parsed once, each with the environment that it belongs to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pipeline.rules.resource import Resource
from stages.environment import Environment


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Template:
    """A stack's template; there is one of it, so it equals itself only.

    Args:
        stack: The stack's construct path, such as ``PipelineStack/Dev/Payment``.
        environments: Every environment, in the order of their delivery.
        document: The template.
        assembly: Every template of the assembly, this one included, by construct path.
    """

    stack: str
    environments: tuple[Environment, ...]
    document: Mapping[str, Any]
    assembly: Mapping[str, "Template"]
    resources: Mapping[str, Resource] = field(init=False)

    def __post_init__(self) -> None:
        resources = {
            logical_id: Resource(logical_id=logical_id, type=definition["Type"], definition=definition)
            for logical_id, definition in self.document.get("Resources", {}).items()
        }
        object.__setattr__(self, "resources", resources)

    @classmethod
    def load_all(cls: type[Self], paths: Mapping[str, Path], *, environments: Sequence[Environment]) -> list[Self]:
        """Reads the templates of an assembly.

        Args:
            paths: The template files, by the construct path of their stack.
            environments: Every environment, in the order of their delivery.
        """
        assembly: dict[str, Template] = {}
        templates = [
            cls(
                stack=stack,
                environments=tuple(environments),
                document=json.loads(path.read_text(encoding="utf-8")),
                assembly=assembly,
            )
            for stack, path in paths.items()
        ]
        assembly.update((template.stack, template) for template in templates)
        return templates

    @property
    def environment(self) -> Environment | None:
        """The environment whose Stage the stack is in; None for a stack of the delivery itself.

        A Stage is called like its environment, and a construct path cannot be changed from below.
        """
        around = self.stack.split("/")[:-1]
        return next((environment for environment in self.environments if environment.name in around), None)

    @property
    def retains_data(self) -> bool:
        """Whether data outlives the stack: where its environment says so, and where it has none."""
        return self.environment is None or self.environment.retains_data

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of some types."""
        return (resource for resource in self.resources.values() if resource.type in types)
