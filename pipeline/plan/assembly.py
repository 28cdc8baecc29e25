"""The stacks of a cloud assembly, read from its manifests: `aws_cdk` would start a Node process for that."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from pipeline.digests.content import release_digests

SETTINGS = Path("cdk.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssemblyStack:
    """A synthesized stack."""

    path: str  # of its construct, such as PipelineStack/Prod/Payment
    name: str  # such as Prod-Payment
    account: str
    region: str
    protected: bool  # from deletion, as a stack whose data is retained
    template: Mapping[str, Any]

    @property
    def environment(self) -> str | None:
        """The name of its Stage; None for a stack of the delivery itself."""
        return self.path.split("/")[1] if "/" in self.path else None


def assembly_stacks(directory: Path) -> Iterator[AssemblyStack]:
    """The stacks of an assembly and of those nested in it, each after the stacks that it depends on."""
    artifacts = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    order = TopologicalSorter({name: each.get("dependencies", ()) for name, each in artifacts.items()})
    for name in order.static_order():
        artifact = artifacts[name]
        properties = artifact.get("properties", {})
        if artifact["type"] == "cdk:cloud-assembly":
            yield from assembly_stacks(directory / properties["directoryName"])
        elif artifact["type"] == "aws:cloudformation:stack":
            account, region = artifact["environment"].removeprefix("aws://").split("/")
            yield AssemblyStack(
                path=artifact.get("displayName", name),
                name=properties.get("stackName", name),
                account=account,
                region=region,
                protected=properties.get("terminationProtection", False),
                template=json.loads((directory / properties["templateFile"]).read_text(encoding="utf-8")),
            )


def assembly_digests(directory: Path) -> Mapping[str, str]:
    """The digests of the stacks and environments in an assembly, as the pipeline records them behind Build."""
    names = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}
    return release_digests(names, lambda name: (directory / name).read_bytes())


def delivery_settings(checkout: Path = Path()) -> Mapping[str, Any]:
    """The settings of the delivery as `cdk.json` has them; the synthesis has checked them."""
    settings: Mapping[str, Any] = json.loads((checkout / SETTINGS).read_text(encoding="utf-8"))["context"]["delivery"]
    return settings
