"""CloudFormation: outputs of stacks in any account and region, a change set's parameters, conditions on the account.

CloudFormation resolves an output when it creates or updates the stack that uses it, and fails the operation when the
other stack or its output does not exist. Ministack only looks in the account and region of the stack that uses it.
"""

from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region

from cdk_rehearsal.emulator.server import outage

Find = Callable[..., tuple[str | None, dict[str, Any] | None]]


def named_parameters(find: Find) -> Find:
    """Finds change sets whose SSM parameters have their names as values; ministack has what they resolve to.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Parameter.html
    """

    def found(*arguments: str) -> tuple[str | None, dict[str, Any] | None]:
        key, change_set = find(*arguments)
        for each in change_set["Parameters"] if change_set else []:
            resolved = change_set["_resolved_params"][each["ParameterKey"]]  # type: ignore[index]
            each["ParameterValue"] = resolved.get("SsmName", each["ParameterValue"])
        return key, change_set

    return found


def conditions(*, otherwise: Callable[..., dict[str, bool]]) -> Callable[..., dict[str, bool]]:
    """Evaluates conditions on the account and the region of the stack, which ministack takes for their names."""

    def evaluated(template: dict[str, Any], params: dict[str, Any]) -> dict[str, bool]:
        own = {"AWS::AccountId": {"Value": get_account_id()}, "AWS::Region": {"Value": get_region()}}
        return otherwise(template, own | params)

    return evaluated


INTRINSIC = "Fn::GetStackOutput"
Resolve = Callable[..., Any]


def resolver(*, otherwise: Resolve, stacks: Any) -> Resolve:
    """The template engine's resolver with this intrinsic in front; the engine resolves the result further."""

    def resolve(value: Any, *context: Any) -> Any:
        if isinstance(value, dict) and INTRINSIC in value:
            reference = otherwise(value[INTRINSIC], *context)
            return _output(reference, stacks=stacks)
        return otherwise(value, *context)

    return resolve


def _output(reference: dict[str, str], *, stacks: Any) -> str:
    name, output = reference.get("StackName"), reference.get("OutputName")
    if not name or not output:
        raise ValueError(f"Template error: {INTRINSIC} requires StackName and OutputName")
    region = reference.get("Region") or get_region()
    if outage.lost(region):
        raise ValueError(f"Template error: {INTRINSIC}: {region} does not answer")
    role = reference.get("RoleArn")
    account = role.split(":")[4] if role else get_account_id()
    stack = stacks.get_scoped(account, region, name)
    if stack is None or stack["StackStatus"] in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
        raise ValueError(f"Template error: {INTRINSIC}: there is no stack {name} in {region} of account {account}")
    for found in stack.get("Outputs", []):
        if found["OutputKey"] == output:
            return str(found["OutputValue"])
    raise ValueError(f"Template error: {INTRINSIC}: stack {name} in {region} has no output {output}")
