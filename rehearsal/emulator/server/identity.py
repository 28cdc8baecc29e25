"""Roles: their permissions boundary."""

from rehearsal.emulator.server.api import api
from rehearsal.emulator.server.bridge import Attributes, Completion, Properties


def _apply(role: str, old: Properties, new: Properties) -> Attributes:
    before, after = old.get("PermissionsBoundary"), new.get("PermissionsBoundary")
    if after and after != before:
        api("iam").put_role_permissions_boundary(RoleName=role, PermissionsBoundary=after)
    if before and not after:
        api("iam").delete_role_permissions_boundary(RoleName=role)
    return {}


COMPLETIONS = {"AWS::IAM::Role": Completion(apply=_apply)}
