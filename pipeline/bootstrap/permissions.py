"""What CloudFormation may do in an account of the delivery, derived from what the templates declare.

`python -m pipeline.bootstrap_permissions` writes bootstrap/permissions.json, which is deployed before `cdk bootstrap`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk.cx_api import CloudAssembly
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from pipeline.plan.permissions import statements
from stages.environments import DELIVERY_ORDER, DR_REGION, PRIMARY_REGION
from stages.variants import FALLBACK_REGION, SUFFIX

_REGION = "us-east-1"  # the only region whose schemas cover every type
_UNSPOKEN = {
    # Types whose schema names no actions, and what CloudFormation does beside any resource.
    "AWS::CodeBuild::Project": ("BatchGetProjects", "CreateProject", "DeleteProject", "UpdateProject"),
}
_BESIDES = (
    "iam:PassRole",
    "lambda:InvokeFunction",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "kms:CreateGrant",
    "cloudformation:DescribeStacks",  # Fn::GetStackOutput: decision 0001
    "codeconnections:PassConnection",  # the schema has its former name alone
)
UNUSED = frozenset(
    {
        *("amplify", "apigateway", "apprunner", "appsync", "bedrock-agentcore", "cognito-idp"),  # behind a firewall
        *("elasticfilesystem", "s3files"),  # mounted by a function
        *("firehose", "kinesis"),  # fed by logs and tables
        *("autoscaling", "payments", "s3tables", "vpc-lattice", "vpce"),
    }
)
"""Services that a schema speaks of because a resource can be joined to them: none of ours is."""


def actions(types: Iterable[str]) -> list[str]:
    """The actions that CloudFormation needs for resources of some types.

    Args:
        types: Such as ``AWS::SQS::Queue``.
    """
    found = {action for kind in types for action in _of(kind)} | set(_BESIDES)
    return sorted(action for action in found if action.split(":")[0] not in UNUSED)


def _of(kind: str) -> Iterator[str]:
    if kind in _UNSPOKEN:
        yield from (f"{kind.split('::')[1].lower()}:{action}" for action in _UNSPOKEN[kind])
    elif kind.startswith("AWS::") and kind != "AWS::CDK::Metadata":
        handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, kind).schema.get("handlers") or {}
        for handler in handlers.values():
            yield from handler.get("permissions", [])


BOUNDARY = "payment-delivery-boundary"
EXECUTION = "payment-delivery-execution"
_REGIONS = (PRIMARY_REGION, DR_REGION, FALLBACK_REGION)
_STACKS = (
    "payment-*",
    *(f"{environment}{suffix}-*" for environment in DELIVERY_ORDER for suffix in ("", SUFFIX)),
    "Sandbox-*",
    "PipelineStack-*",
    "PipelineArtifacts-*",
)
"""What names of roles and policies begin with: our own, and those that CloudFormation makes of a stack's name."""

_FORBIDDEN = (
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreateUser",
    "iam:DeleteRolePermissionsBoundary",
)


def regional(wanted: list[str]) -> dict[str, Any]:
    """Anywhere in the regions of the delivery, and in the one where a region's loss would bring it."""
    where = {"StringEquals": {"aws:RequestedRegion": list(_REGIONS)}}
    return {"Effect": "Allow", "Action": wanted, "Resource": "*", "Condition": where}


def on_roles(wanted: list[str]) -> list[dict[str, Any]]:
    """IAM on the names of our stacks only, and no role without the boundary."""
    bounded = {"iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"}
    roles, others = (
        [_arn(f"{kind}/{name}") for kind in kinds for name in _STACKS]
        for kinds in (("role",), ("policy", "instance-profile"))
    )
    within = {"StringEquals": {"iam:PermissionsBoundary": _arn(f"policy/{BOUNDARY}")}}
    free = [action for action in wanted if action not in bounded and action not in _FORBIDDEN]
    return [
        {"Effect": "Allow", "Action": free, "Resource": [*roles, *others]},
        {"Effect": "Allow", "Action": sorted(bounded & set(wanted)), "Resource": roles, "Condition": within},
        {"Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": _arn("role/aws-service-role/*")},
    ]


def on_budgets(wanted: list[str]) -> dict[str, Any]:
    """Budgets by our names: they are of no region, and AWS answers for them in us-east-1 alone."""
    ours = "arn:${AWS::Partition}:budgets::${AWS::AccountId}:budget/payment-*"
    views = "arn:${AWS::Partition}:billing::${AWS::AccountId}:billingview/*"
    return {"Effect": "Allow", "Action": wanted, "Resource": [{"Fn::Sub": ours}, {"Fn::Sub": views}]}


def on_neighbours(wanted: list[str]) -> dict[str, Any]:
    """The role by which a peering is accepted, and the outputs of a neighbour are read, also in another account."""
    return {
        "Effect": "Allow",
        "Action": wanted,
        "Resource": {"Fn::Sub": "arn:${AWS::Partition}:iam::*:role/payment-peering-*"},
    }


def boundary(services: list[str]) -> list[dict[str, Any]]:
    """Nothing outside the services of the platform, no new identities, and no way out of the boundary."""
    itself = [_arn(f"policy/{BOUNDARY}"), _arn(f"policy/{EXECUTION}-*")]
    changing = ["iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion"]
    return [
        {"Effect": "Allow", "Action": [f"{service}:*" for service in services], "Resource": "*"},
        {"Effect": "Deny", "Action": list(_FORBIDDEN), "Resource": "*"},
        {"Effect": "Deny", "Action": changing, "Resource": itself},
    ]


def _arn(resource: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:{resource}"}


FILE = Path(__file__).parents[2] / "bootstrap" / "permissions.json"
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
