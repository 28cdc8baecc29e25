"""Judges the recorded calls of roles against the deployed policies, and finds the permissions that no call used."""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from cdk_rehearsal.implied import BY_THE_SERVICE, FUNCTION_IN_A_VPC, KEYS
from cdk_rehearsal.permissions.deployed import Deployed, Service

Simulate = Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]]
Reasons = Mapping[str, Iterable[str]]
Statement = tuple[str, str, int]  # role, policy, number

ALLOWED = "Allowed"
NO_ORGANIZATION = "Not judged: service control policies and resource control policies, which the organization owns."
_NEEDS_NO_PERMISSION = {"sts:GetCallerIdentity"}
"""https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a role, or of a service that assumes one."""

    caller: str
    action: str
    resource: str
    region: str
    operation: str
    context: Mapping[str, Any] = field(default_factory=dict)
    number: float = math.inf  # of the recording; what follows from the templates is always new
    by_its_code: bool = False  # sent by what runs in the role, not by a service for it

    @property
    def by_a_role(self) -> bool:
        """Whether a role is the caller, not a service."""
        return self.caller.startswith("arn:")

    def __str__(self) -> str:
        return f"{self.caller} calls {self.action} on {self.resource} ({self.operation})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """An action that a statement of a role allows and no call used; the reason says why the role has it."""

    role: str
    action: str
    policy: str
    resources: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        return f"{self.role} {self.action} on {', '.join(self.resources)} ({self.policy})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """The outcome; nothing is judged where the engine is missing."""

    calls: int = 0
    allowed: int = 0
    roles: int = 0
    seconds: float = 0.0
    missing: tuple[str, ...] = ()
    unused: tuple[Unused, ...] = ()
    stale: tuple[str, ...] = ()  # reasons why a permission is not used, although it is
    not_judged: str = ""

    @property
    def surplus(self) -> tuple[Unused, ...]:
        """The unused permissions that have no reason."""
        return tuple(each for each in self.unused if not each.reason)

    @property
    def summary(self) -> str:
        """One line of figures."""
        if self.not_judged:
            return self.not_judged
        explained, surplus = len(self.unused) - len(self.surplus), len(self.surplus)
        return (
            f"{self.calls} calls of {self.roles} roles judged in {self.seconds:.1f} s, {self.allowed} allowed; "
            f"{explained} permissions unused for a reason, {surplus} without one"
        )

    def faults(self, *, complete: bool) -> list[str]:
        """What fails a rehearsal: a denied call, and after a complete delivery a permission that nothing needs."""
        surplus = [
            f"{each}: no call used it; remove it, or add its reason to `unused` in the configuration"
            for each in self.surplus
        ]
        stale = [
            f"{each}: calls used it; remove it from `unused` in the configuration, or move it to `sometimes-unused`"
            for each in self.stale
        ]
        return [*self.missing, *((*surplus, *stale) if complete else ())]

    def lines(self) -> list[str]:
        """Everything in lines of text."""
        return [
            self.summary,
            *(f"Denied: {each}" for each in self.missing),
            *(f"Unused: {each}: {each.reason or 'NO REASON'}" for each in self.unused),
            *(f"Used, with a reason why not: {each}" for each in self.stale),
            NO_ORGANIZATION,
        ]


def judge(
    recorded: Iterable[Mapping[str, Any]],
    *,
    deployed: Deployed,
    simulate: Simulate,
    unused: Reasons,
    sometimes_unused: Reasons,
    since: int = 0,
) -> Permissions:
    """Judge the calls after a number; earlier ones were made under policies that may have changed, and only use them.

    `unused` has by reason the permissions that no call uses, `sometimes_unused` those that calls may use: a role and
    actions, with wildcards.
    """
    started = time.monotonic()
    calls = [call for call in _calls(recorded, deployed=deployed) if call.action not in _NEEDS_NO_PERMISSION]
    calls += [call for service in deployed.services for call in _of_a_service(service)]
    known = [call for call in calls if call.action]
    missing = [
        f"{call.caller} calls {call.operation}, of which no IAM action is known"
        for call in calls
        if not call.action and call.number > since
    ]
    used: dict[Statement, set[str]] = {}
    allowed: list[Call] = []
    for call, verdict in zip(known, simulate([_simulation(call, deployed=deployed) for call in known]), strict=True):
        if verdict["result"] == ALLOWED:
            allowed.append(call)
            for policy, number in verdict["used"]:
                used.setdefault((call.caller, policy, number), set()).add(call.action)
        elif call.number > since:
            missing.append(f"{call}: {_reason(call, verdict)}")
    granted = list(_granted(deployed, used=used))
    return Permissions(
        calls=len(allowed) + len(missing),
        allowed=len(allowed),
        roles=len({call.caller for call in known if call.by_a_role}),
        seconds=time.monotonic() - started,
        missing=tuple(missing),
        unused=tuple(
            replace(each, reason=_reason_of(each, {**unused, **sometimes_unused}))
            for each, is_used in granted
            if not is_used
        ),
        stale=tuple(_stale(granted, unused)),
    )


def _calls(recorded: Iterable[Mapping[str, Any]], *, deployed: Deployed) -> Iterator[Call]:
    """The calls of roles that exist, and what services call with keys for them."""
    for each in recorded:
        # What allowed a call can be gone: a role with its policies, or a bucket with its own.
        if deployed.role(each["role"]) is None or deployed.is_deleted(each["resource"]):
            continue
        call = Call(
            caller=each["role"],
            action=each["action"],
            resource=each["resource"],
            region=each["region"],
            operation=each["operation"],
            context=each["context"],
            number=each["number"],
            by_its_code=each["operation"] != BY_THE_SERVICE,
        )
        yield call
        key = deployed.key(call.resource, region=call.region) if call.action in KEYS else ""
        for action in KEYS[call.action] if key else ():
            via = f"{call.action.partition(':')[0]}.{key.split(':')[3]}.amazonaws.com"
            yield Call(
                caller=call.caller,
                action=action,
                resource=key,
                region=call.region,
                operation=f"{call.action} on {call.resource}",
                context={"kms:ViaService": via, "kms:CallerAccount": call.caller.split(":")[4]},
                number=call.number,
            )


def _of_a_service(service: Service) -> Iterator[Call]:
    """A service assumes a role; Lambda then uses that of a function in a VPC."""
    account, operation = service.role.split(":")[4], f"for {service.resource}"
    source = {"aws:SourceArn": service.resource} if service.resource.startswith("arn:") else {}
    yield Call(
        caller=service.name,
        action="sts:AssumeRole",
        resource=service.role,
        region=service.region,
        operation=operation,
        context={"aws:SourceAccount": account, **source},
    )
    if service.name == "lambda.amazonaws.com" and service.in_a_vpc:
        for action, form in FUNCTION_IN_A_VPC.items():
            resource = form.format(region=service.region, account=account)
            yield Call(
                caller=service.role, action=action, resource=resource, region=service.region, operation=operation
            )


def _simulation(call: Call, *, deployed: Deployed) -> dict[str, Any]:
    role = deployed.role(call.caller) if call.by_a_role else None
    account = call.caller.split(":")[4] if role else call.resource.split(":")[4]
    owner = deployed.owner(call.resource, caller=account)
    context: dict[str, Any] = {
        "aws:RequestedRegion": call.region,
        "aws:ResourceAccount": owner,
        "aws:SecureTransport": "true",
    }
    if role:
        context |= {"aws:PrincipalArn": role.arn, "aws:PrincipalAccount": account}
    else:
        context |= {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": call.caller}
    on_a_role = deployed.role(call.resource) if ":role/" in call.resource else None
    for name, value in deployed.tags(call.resource, region=call.region).items():
        context |= {f"aws:ResourceTag/{name}": value} | ({f"iam:ResourceTag/{name}": value} if on_a_role else {})
    session = f"arn:aws:sts::{account}:assumed-role/{role.arn.rpartition('/')[2]}/session" if role else call.caller
    simulation = {
        "request": {
            "principal": session,
            "action": call.action,
            "resource": {"resource": call.resource, "accountId": owner},
            "contextVariables": {**context, **call.context},
        },
        "identityPolicies": _named(role.policies) if role else [],
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
    }
    if on_a_role is None or call.action.startswith("sts:"):  # a trust policy decides who assumes the role, no more
        policy = deployed.resource_policy(call.resource, region=call.region)
        simulation |= {"resourcePolicy": policy} if policy else {}
    boundary = deployed.boundary(call.caller) if role else None
    if boundary:
        simulation["permissionBoundaryPolicies"] = _named({"permissions boundary": boundary})
    endpoints = (
        deployed.endpoint_policies(call.caller, service=call.action.partition(":")[0]) if call.by_its_code else []
    )
    if endpoints:
        simulation["vpcEndpointPolicies"] = [{"name": "VPC endpoint", "policy": each} for each in endpoints]
    return simulation


def _named(policies: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "policy": policy} for name, policy in policies.items()]


def _reason(call: Call, verdict: Mapping[str, Any]) -> str:
    """What denies a call, or the statement that it lacks."""
    if verdict["result"] == "error":
        return f"the policy engine cannot judge it: {verdict['error']}"
    if verdict["denied"]:
        policy, number = verdict["denied"][0]
        return f"statement {number + 1} of {policy} denies it"
    if "pb" in verdict["blocked"]:
        return "its permissions boundary does not allow it"
    if "vpce" in verdict["blocked"]:
        return "the policy of the VPC endpoint does not allow it"
    statement = {"Effect": "Allow", "Action": call.action, "Resource": call.resource}
    if call.by_a_role and verdict.get("identity") != ALLOWED:
        return f"its policies lack {json.dumps(statement)}"
    kind = "AWS" if call.by_a_role else "Service"
    principal = {"Effect": "Allow", "Principal": {kind: call.caller}, "Action": call.action}
    return f"the policy of {call.resource} lacks {json.dumps(principal)}"


def _granted(deployed: Deployed, *, used: Mapping[Statement, set[str]]) -> Iterator[tuple[Unused, bool]]:
    """The allowed actions of the roles of the stacks, and whether a call used each."""
    for arn in deployed.own_roles:
        role = deployed.role(arn)
        for policy, document in role.policies.items() if role else ():
            for number, statement in enumerate(_listed(document.get("Statement", []))):
                calls = used.get((arn, policy, number), set())
                for action in _listed(statement.get("Action", [])) if statement["Effect"] == "Allow" else ():
                    permission = Unused(
                        role=arn.rpartition("/")[2],
                        action=action,
                        policy=policy,
                        resources=tuple(_listed(statement.get("Resource", "*"))),
                        reason="",
                    )
                    yield permission, any(fnmatchcase(call.lower(), action.lower()) for call in calls)


def _reason_of(permission: Unused, reasons: Reasons) -> str:
    found = (reason for reason, roles, action in _entries(reasons) if _matches(permission, roles, action))
    return next(found, "")


def _stale(granted: Sequence[tuple[Unused, bool]], reasons: Reasons) -> Iterator[str]:
    """The entries of permissions that calls used; one that matches none fits an app with other settings."""
    for _, roles, action in _entries(reasons):
        found = [is_used for permission, is_used in granted if _matches(permission, roles, action)]
        if found and all(found):
            yield f"{roles} {action}"


def _entries(reasons: Reasons) -> Iterator[tuple[str, str, str]]:
    """The reason, the role and each action."""
    for reason, permissions in reasons.items():
        for roles, *actions in map(str.split, permissions):
            yield from ((reason, roles, action) for action in actions)


def _matches(permission: Unused, roles: str, action: str) -> bool:
    return fnmatchcase(permission.role, roles) and fnmatchcase(permission.action, action)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
