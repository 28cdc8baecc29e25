"""`python -m pipeline.dr_outage NAME`: the payment template of an environment, deployable while the DR region is lost.

The template reads outputs of the DR stack, and CloudFormation asks the DR region for them at each deployment.
Parameters of the payment stack keep what they were: this command puts those values in their place, and writes the
template to build/dr-outage.json. docs/operations.md, Deliver without the DR region, has the commands.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from aws_cdk.cx_api import CloudAssembly

OUTPUT = "Fn::GetStackOutput"
FILE = Path("build", "dr-outage.json")
PARAMETER = "AWS::SSM::Parameter"


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the template from cdk.out and the parameters from the primary region, and writes the file."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.dr_outage", description=__doc__)
    parser.add_argument("name", help="the environment")
    name = f"{parser.parse_args(arguments).name}-Payment"
    stacks = {stack.stack_name: stack for stack in CloudAssembly("cdk.out").stacks_recursively}
    if name not in stacks:
        print(f"cdk.out has no stack {name}: run `make synth` and give the name of an environment.", file=sys.stderr)
        return 1
    stack = stacks[name]
    ssm = boto3.client("ssm", region_name=stack.environment.region)
    template: dict[str, Any] = stack.template
    wanted = foreign_outputs(template, region=stack.environment.region)
    kept = parameters(template)
    if missing := wanted - kept.keys():
        names = ", ".join(sorted(output for *_, output in missing))
        print(f"{name}: no parameter keeps {names}: wait for the DR region.", file=sys.stderr)
        return 1
    values = {output: ssm.get_parameter(Name=kept[output])["Parameter"]["Value"] for output in wanted}
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(resolved(template, values)), encoding="utf-8")
    print(f"{FILE}: {name} with {len(values)} values of the DR stack as last deployed")
    return 0


Output = tuple[str, str, str]
"""An output of a stack: region, stack, name."""


def foreign_outputs(template: Mapping[str, Any], *, region: str) -> set[Output]:
    """The outputs of stacks in another region that a template reads."""
    return {_named(each) for each in _outputs(template) if each["Region"] != region}


def parameters(template: Mapping[str, Any]) -> dict[Output, str]:
    """The names of the template's parameters that keep an output, by the output."""
    found = (one["Properties"] for one in template["Resources"].values() if one["Type"] == PARAMETER)
    return {
        _named(each["Value"][OUTPUT]): each["Name"]
        for each in found
        if isinstance(each["Value"], Mapping) and OUTPUT in each["Value"]
    }


def resolved(value: Any, values: Mapping[Output, str]) -> Any:
    """The template with these outputs replaced by their values."""
    if isinstance(value, Mapping):
        if OUTPUT in value and _named(value[OUTPUT]) in values:
            return values[_named(value[OUTPUT])]
        return {key: resolved(each, values) for key, each in value.items()}
    return [resolved(each, values) for each in value] if isinstance(value, list) else value


def _named(reference: Mapping[str, str]) -> Output:
    return reference["Region"], reference["StackName"], reference["OutputName"]


def _outputs(value: Any) -> Iterator[Mapping[str, str]]:
    if isinstance(value, Mapping):
        if OUTPUT in value:
            yield value[OUTPUT]
        for each in value.values():
            yield from _outputs(each)
    elif isinstance(value, list):
        for each in value:
            yield from _outputs(each)


if __name__ == "__main__":
    sys.exit(main())
