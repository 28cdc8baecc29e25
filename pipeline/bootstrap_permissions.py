"""What CloudFormation may do in an account of the delivery, derived from what the templates declare.

`python -m pipeline.bootstrap_permissions` writes bootstrap/permissions.json, which is deployed before `cdk bootstrap`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk.cx_api import CloudAssembly

from pipeline.bootstrap_statements import BOUNDARY, EXECUTION, boundary, on_budgets, on_neighbours, on_roles, regional
from pipeline.changes.statements import statements
from pipeline.resource_actions import actions

FILE = Path(__file__).parents[1] / "bootstrap" / "permissions.json"
LONGEST = 6144
"""Characters of a managed policy, without white space:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

_IAM = {"iam"}
_STS = {"sts"}
_BILLING = {"billing", "budgets"}


def template(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The permissions boundary and the execution policies, as a CloudFormation template.

    Args:
        documents: The templates of the delivery.
    """
    wanted = actions(declared(documents))
    services = {action.split(":")[0] for action in wanted}
    plain, iam, billing, roles = (
        _of_services(wanted, some) for some in (services - _IAM - _BILLING - _STS, _IAM, _BILLING, _STS)
    )
    parts = [[regional(part)] for part in _in_parts(plain)]
    parts += [[*on_roles(iam), on_budgets(billing), on_neighbours(roles)]]
    resources = {
        f"Execution{place}": _policy(f"{EXECUTION}-{place}", statements)
        for place, statements in enumerate(parts, start=1)
    }
    services |= {action.split(":")[0] for action in _granted(documents)}
    return {
        "Description": "What CloudFormation, and any role that it makes, may do for the payment delivery.",
        "Resources": {"Boundary": _policy(BOUNDARY, boundary(sorted(services))), **resources},
    }


def _of_services(wanted: list[str], services: set[str]) -> list[str]:
    return [action for action in wanted if action.split(":")[0] in services]


def _in_parts(wanted: list[str]) -> Iterator[list[str]]:
    """As many actions in a policy as it has room for."""
    part: list[str] = []
    for action in wanted:
        if len(json.dumps([regional([*part, action])], separators=(",", ":"))) > LONGEST - 200:
            yield part
            part = []
        part.append(action)
    yield part


def _policy(name: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": statements}
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"ManagedPolicyName": name, "PolicyDocument": document}}


def _granted(documents: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The actions that the roles of the templates are given: the boundary holds those roles too."""
    for document in documents:
        for name, resource in document["Resources"].items():
            if resource["Type"].startswith("AWS::IAM::"):
                yield from (each.action for each in statements(name, resource) if ":" in each.action)


def declared(documents: Sequence[Mapping[str, Any]]) -> set[str]:
    """The types of every resource of some templates."""
    return {resource["Type"] for document in documents for resource in document["Resources"].values()}


def text(documents: Sequence[Mapping[str, Any]]) -> str:
    """The file's content."""
    return json.dumps(template(documents), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text([stack.template for stack in CloudAssembly("cdk.out").stacks_recursively]), encoding="utf-8")
    print(f"{FILE.parent.name}/{FILE.name} is up to date")
