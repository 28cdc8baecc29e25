"""IAM: the permissions boundary of a role, which ministack's CloudFormation ignores."""

from cdk_rehearsal.emulator.server.resource_types import Attributes, Completion, Properties, api


def _apply_boundary(role: str, old: Properties, new: Properties) -> Attributes:
    before, after = old.get("PermissionsBoundary"), new.get("PermissionsBoundary")
    if after and after != before:
        api("iam").put_role_permissions_boundary(RoleName=role, PermissionsBoundary=after)
    if before and not after:
        api("iam").delete_role_permissions_boundary(RoleName=role)
    return {}


COMPLETIONS = {"AWS::IAM::Role": Completion(apply=_apply_boundary)}
