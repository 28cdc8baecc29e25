"""What the policies of the bootstrap say: who may do what, where, and to which names."""

from typing import Any

from stages.environments import DELIVERY_ORDER, DR_REGION, PRIMARY_REGION
from stages.recovery import FALLBACK_REGION, SUFFIX

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
