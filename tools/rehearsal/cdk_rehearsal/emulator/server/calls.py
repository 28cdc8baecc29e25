"""The requests of roles, as IAM sees them: who asked for which action on which resource, with its condition keys.

A request belongs to a role when it is signed with the key of a session of that role. Which action and resource it is,
ministack knows: it enforces policies with `AUTH=true`. Nothing is enforced here; `cdk_rehearsal.permissions` judges.
"""

import json
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import parse_qs

from ministack.core.responses import get_account_id, get_region

from cdk_rehearsal.implied import BY_THE_SERVICE, FUNCTION

OWN = {"codepipeline"}
"""Services of this package, which ministack does not know."""
RESOURCES = {
    "cloudformation:": ("StackName", "arn:aws:cloudformation:{region}:{account}:stack/{name}/id"),
    "cloudwatch:DescribeAlarms": ("AlarmNames", "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"),
    "codepipeline:Get": ("name", "arn:aws:codepipeline:{region}:{account}:{name}"),
    "codepipeline:List": ("pipelineName", "arn:aws:codepipeline:{region}:{account}:{name}"),
    "ec2:ModifyVpcPeeringConnection": (
        "VpcPeeringConnectionId",
        "arn:aws:ec2:{region}:{account}:vpc-peering-connection/{name}",
    ),
    "ecs:DescribeServices": ("services", "arn:aws:ecs:{region}:{account}:service/cluster/{name}"),
    "ecs:DescribeTaskDefinition": ("taskDefinition", "*"),
    "ecs:UpdateService": ("service", "arn:aws:ecs:{region}:{account}:service/cluster/{name}"),
}
"""By action: the parameter that names resources, by their ARNs or as in this form, where ministack's is not exact."""
PASSED = {"cloudformation": ("RoleARN", "cloudformation.amazonaws.com")}
"""By service: the parameter that passes a role, and the service that gets it."""

_SIDES = ("AccepterVpc", "RequesterVpc")  # of a peering

Answer = tuple[int, dict[str, str], bytes]
Dispatch = Callable[..., Awaitable[Answer]]
Credentials = Callable[[Mapping[str, Any]], dict[str, str]]

_recorded: dict[str, dict[str, Any]] = {}
_numbers = count(1)


def listing() -> list[dict[str, Any]]:
    """Every different request of a role so far, with the number of its latest time."""
    return list(_recorded.values())


def _record(call: dict[str, Any]) -> None:
    _recorded[json.dumps(call, sort_keys=True, default=str)] = call | {"number": next(_numbers)}


class Sessions:
    """The sessions of roles, and the calls that services make in them."""

    def __init__(
        self, known: Mapping[str, Mapping[str, Any]], *, register: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self._known, self._register = known, register

    def role(self, key: str) -> str:
        """The ARN of the role of an access key, without its path; empty for any other key."""
        arn = str(self._known.get(key, {}).get("Arn", ""))
        if ":assumed-role/" not in arn:
            return ""
        account, role = arn.split(":")[4], arn.split("/")[1]
        return f"arn:aws:iam::{account}:role/{role}"

    def add(self, *, key: str, action: str, resource: str, region: str) -> None:
        """Record a call that a service makes with the role of an access key."""
        call = {"role": self.role(key), "action": action, "resource": resource, "region": region}
        if call["role"]:
            _record({**call, "operation": BY_THE_SERVICE, "context": {}})

    def of_functions(self, own: Credentials) -> Credentials:
        """Ministack's credentials of a function, with the key of a session of the function's role."""

        def credentials(config: Mapping[str, Any]) -> dict[str, str]:
            _, _, _, region, account, *_ = config["FunctionArn"].split(":")
            key, name = f"ASIA{secrets.token_hex(8).upper()}", config["FunctionName"]
            role = f"{config['Role'].rpartition('/')[2]}/{name}"
            session = {"Arn": f"arn:aws:sts::{account}:assumed-role/{role}", "UserId": role, "AccountId": account}
            self._register(key, session)
            group = config.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}")
            for action, form in FUNCTION.items():
                resource = form.format(region=region, account=account, group=group)
                self.add(key=key, action=action, resource=resource, region=region)
            return own(config) | {"AWS_ACCESS_KEY_ID": key}

        return credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as ministack dispatches it; `parameters` are the query and the form of the body."""

    service: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    parameters: Mapping[str, Any]

    @property
    def operation(self) -> str:
        """The name of the operation, or what else finds the request again."""
        name = self.headers.get("x-amz-target", "").rpartition(".")[2] or self.parameter("Action")
        return name or f"{self.method} {self.path}"

    def parameter(self, name: str) -> str:
        """A parameter of the query or the body; empty if there is none."""
        return next(iter(self.values(name)), "")

    def values(self, name: str) -> list[str]:
        """All values of a parameter, which may be a list."""
        found = json.loads(self.body).get(name, []) if self.body[:1] == b"{" else self.parameters.get(name, [])
        members = [value for key, value in self.parameters.items() if re.fullmatch(rf"{name}\.member\.\d+", key)]
        listed = [*(found if isinstance(found, list) else [found]), *(each for value in members for each in value)]
        return [str(each) for each in listed]


def recording(
    otherwise: Dispatch,
    *,
    mapping: Any,
    service_of: Callable[..., str],
    key_of: Callable[..., str],
    sessions: Sessions,
    peerings: Any,
) -> Dispatch:
    """Ministack's dispatch of a request, which first records it if a role signed it; `mapping` is its `iam_actions`."""

    async def dispatch(*arguments: Any) -> Answer:
        method, path, headers, body, query, _ = arguments
        role = sessions.role(key_of(headers, query))
        if role:
            parameters = _parameters(headers, body, query)
            request = Request(
                service=service_of(method, path, headers, parameters),
                method=method,
                path=path,
                headers=headers,
                body=body,
                parameters=parameters,
            )
            operation, region = f"{request.service} {request.operation}", get_region()
            for action, resource, context in _checks(request, mapping=mapping, peerings=peerings):
                call = {"role": role, "action": action, "resource": resource, "region": region}
                _record({**call, "operation": operation, "context": context})
        return await otherwise(*arguments)

    return dispatch


def _parameters(headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]) -> dict[str, Any]:
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return {**(parse_qs(body.decode(errors="replace"), keep_blank_values=True) if form else {}), **query}


def _checks(request: Request, *, mapping: Any, peerings: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The actions that IAM checks, their resources and condition keys; an unknown operation has no action."""
    where = (get_region(), get_account_id())
    service, body, parameters = request.service, request.body, request.parameters
    asked = (service, request.method, request.path, request.headers, body, parameters)
    action = f"{service}:{request.operation}" if service in OWN else mapping.extract_iam_action(*asked)
    resources = _named(action or "", request) or [mapping.extract_resource_arn(*asked, *where)]
    if service in PASSED and request.parameter(PASSED[service][0]):
        name, receiver = PASSED[service]
        yield "iam:PassRole", request.parameter(name), {"iam:PassedToService": receiver}
    if action is None:
        yield "", "*", {}
    elif service == "s3":
        yield action, *resources, mapping.s3_service_context(action, parameters, request.path, request.headers)
        for further, of in mapping.s3_additional_checks(*asked[1:]):
            yield further, of, {}
    elif service == "dynamodb":
        context = mapping.dynamodb_service_context(body)
        tables = mapping.dynamodb_resource_arns(body, *where) or resources
        for each, table in mapping.dynamodb_transaction_checks(action, body, *where) or [(action, t) for t in tables]:
            yield each, table, context
    else:
        context = mapping.request_tag_context(service, action, body, parameters)
        for resource in resources:
            yield action, resource, {**context, **_networks(request.parameter("VpcPeeringConnectionId"), peerings)}


def _networks(peering: str, peerings: Any) -> dict[str, str]:
    """The VPCs of a peering, which IAM knows by these keys."""
    found = peerings.get_scoped(get_account_id(), get_region(), peering)
    if found is None:
        return {}
    arn = "arn:aws:ec2:{Region}:{OwnerId}:vpc/{VpcId}"
    return {f"ec2:{side}": arn.format(**{"Region": get_region(), **found[f"{side}Info"]}) for side in _SIDES}


def _named(action: str, request: Request) -> list[str]:
    """The resources of an action in the table."""
    where = {"region": get_region(), "account": get_account_id()}
    found = ((parameter, form) for prefix, (parameter, form) in RESOURCES.items() if action.startswith(prefix))
    return [
        name if name.startswith("arn:") and form != "*" else form.format(name=name, **where)
        for parameter, form in found
        for name in request.values(parameter)
    ]
