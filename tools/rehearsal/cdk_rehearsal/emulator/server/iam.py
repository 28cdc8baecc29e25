"""IAM: the permissions boundary of a role, which ministack's CloudFormation ignores, and service-linked roles.

Ministack names a service-linked role after the first word of its service, so that two of them have one name.
"""

from collections.abc import Callable, MutableMapping
from typing import Any

from cdk_rehearsal.emulator.server.resource_types import Attributes, Completion, Properties, api


def _apply_boundary(role: str, old: Properties, new: Properties) -> Attributes:
    before, after = old.get("PermissionsBoundary"), new.get("PermissionsBoundary")
    if after and after != before:
        api("iam").put_role_permissions_boundary(RoleName=role, PermissionsBoundary=after)
    if before and not after:
        api("iam").delete_role_permissions_boundary(RoleName=role)
    return {}


COMPLETIONS = {"AWS::IAM::Role": Completion(apply=_apply_boundary)}

CREATE_LINKED = "CreateServiceLinkedRole"
Answer = tuple[int, dict[str, str], bytes]
Action = Callable[[dict[str, Any]], Answer]
_LINKED = {
    "backup.amazonaws.com": "Backup",
    "ecs.amazonaws.com": "ECS",
    "ecs.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_ECSService",
    "elasticloadbalancing.amazonaws.com": "ElasticLoadBalancing",
    "rds.amazonaws.com": "RDS",
    "replication.dynamodb.amazonaws.com": "DynamoDBReplication",
    "wafv2.amazonaws.com": "WAFV2Logging",
}


def linked_role(*, otherwise: Action, roles: MutableMapping[str, Any]) -> Action:
    """Ministack's action, with AWS's name of the role, and AWS's answer where it exists."""

    def create(parameters: dict[str, Any]) -> Answer:
        service = parameters["AWSServiceName"][0]
        given = f"AWSServiceRoleFor{service.split('.')[0].capitalize()}"
        name = f"AWSServiceRoleFor{_LINKED[service]}" if service in _LINKED else given
        if name in roles:
            message = f"Service role name {name} has been taken in this account, please try a different suffix."
            error = f"<Error><Type>Sender</Type><Code>InvalidInput</Code><Message>{message}</Message></Error>"
            return 400, {"Content-Type": "application/xml"}, f"<ErrorResponse>{error}</ErrorResponse>".encode()
        status, headers, body = otherwise(parameters)
        role = roles.pop(given)
        roles[name] = role | {"RoleName": name, "Arn": role["Arn"].replace(given, name)}
        return status, headers, body.replace(given.encode(), name.encode())

    return create
