"""`python -m tools.bench.apps (whole|floor) OUTPUT [ENVIRONMENTS|ASSEMBLY]`: the CDK apps that the bench times."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import cloudformation_include
from constructs import Construct

import app as entry_point
from pipeline import settings
from pipeline.policy.plugin import enforce_policy
from stages import environments
from stages.environment import Environment


def _staging(number: int, **wiring: str) -> Environment:
    """Staging without peering, or a copy of it with a number above 0."""
    staging = replace(environments.staging(**wiring), peers_with=None)
    cidrs = f"10.{10 + number}.0.0/16", f"10.{140 + number}.0.0/16"
    return replace(staging, name=f"Extra{number}", vpc_cidr=cidrs[0], dr_vpc_cidr=cidrs[1]) if number else staging


def whole(output: str, wanted: str = "3") -> None:
    """Synthesizes cdk.json; environments above three are copies of Staging, delivered before it, without peering."""
    context, order = json.loads(Path("cdk.json").read_bytes())["context"], environments.DELIVERY_ORDER
    if extra := {f"Extra{number}": partial(_staging, number) for number in range(1, int(wanted) - len(order) + 1)}:
        staging = {"Staging": partial(_staging, 0)}
        vars(settings)["DELIVERY_ORDER"] = {"Dev": order["Dev"]} | extra | staging | {"Prod": order["Prod"]}
        known = context["delivery"]["environments"]
        for number, name in enumerate(extra):
            account = f"{600000000000 + number}"
            known[name] = {key: value.replace(known["Dev"]["account"], account) for key, value in known["Dev"].items()}
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
