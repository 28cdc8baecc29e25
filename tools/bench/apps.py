"""`python -m tools.bench.apps (whole|floor) OUTPUT [ENVIRONMENTS|ASSEMBLY]`: the CDK apps that the bench times."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import cloudformation_include
from constructs import Construct

import app as entry_point
from pipeline.policy.plugin import enforce_policy


def whole(output: str, wanted: str = "3") -> None:
    """Synthesizes cdk.json with more environments: copies of the second, after the first and without peering."""
    context = json.loads(Path("cdk.json").read_bytes())["context"]
    first, *others = context["delivery"]["environments"].items()
    copies = []
    for number in range(1, int(wanted) - len(others)):
        account, (_, second) = f"{600000000000 + number}", others[0]
        text = json.dumps(second).replace(second["account"], account)
        cidrs = {"vpc_cidr": f"10.{10 + number}.0.0/16", "dr_vpc_cidr": f"10.{140 + number}.0.0/16"}
        copies.append((f"Extra{number}", json.loads(text) | cidrs | {"peers_with": False}))
    if copies:
        others[0] = (others[0][0], others[0][1] | {"peers_with": False})
    context["delivery"]["environments"] = dict([first, *copies, *others])
    app = cdk.App(analytics_reporting=False, context=context, outdir=output)
    entry_point.synthesize(app, entry_point.load(app))


def floor(output: str, assembly: str = "cdk.out") -> None:
    """Includes the finished templates of an assembly under the same packs and validator."""
    context = json.loads(Path("cdk.json").read_bytes())["context"]
    app = cdk.App(analytics_reporting=False, context=context, outdir=output)
    enforce_policy(app, environments=entry_point.load(app).environments)
    report = json.loads(Path(assembly, "validation-report.json").read_bytes())["pluginReports"]
    rules = {each["acknowledgedId"] for plugin in report for each in plugin.get("suppressedViolations", [])}
    for path, file in sorted(_stacks(Path(assembly))):
        *parents, name = path.split("/")  # our policy rules read the environment from the path of a stack
        scope: Construct = app
        for parent in parents:
            scope = cast("Construct | None", scope.node.try_find_child(parent)) or Construct(scope, parent)
        stack = cdk.Stack(scope, name, synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False))
        copy = Path(output, f"{stack.stack_name}.json")
        copy.write_text(json.dumps(json.loads(file.read_bytes(), object_hook=_importing)))
        cloudformation_include.CfnInclude(stack, "Template", template_file=str(copy))
        cdk.Validations.of(stack).acknowledge(*(cdk.Acknowledgment(id=rule, reason="bench") for rule in rules))
    app.synth()


def _importing(each: dict[str, Any]) -> dict[str, Any]:
    return {"Fn::ImportValue": "Any"} if "Fn::GetStackOutput" in each else each


def _stacks(assembly: Path) -> Iterator[tuple[str, Path]]:
    for manifest in assembly.rglob("manifest.json"):
        for artifact in json.loads(manifest.read_bytes())["artifacts"].values():
            if artifact["type"] == "aws:cloudformation:stack":
                yield artifact["displayName"].split(" ")[0], manifest.parent / artifact["properties"]["templateFile"]


if __name__ == "__main__":
    {"whole": whole, "floor": floor}[sys.argv[1]](*sys.argv[2:])
