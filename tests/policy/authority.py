"""The IAM policies of a delivery, resolved for a policy engine: those of its templates and of its bootstrap.

The engine is @cloud-copilot/iam-simulate, in one Node process for all requests.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cdk_rehearsal.permissions import engine
from pipeline.bootstrap import toolkit
from pipeline.bootstrap.permissions import BOUNDARY, EXECUTION
from pipeline.settings import Delivery
from tests.conftest import CHECKOUT
from tests.templates import Assembly, Template

_FALSE = frozenset({"HasCustomFileAssetsBucketName", "ShouldApplyPermissionsBoundaryToAllRoles", "UseAwsManagedKey"})
"""The conditions of the bootstrap template that the README's command leaves false; the others are true."""
_TYPES = {
    "AWS::CodeBuild::Project": "project/",
    "AWS::IAM::ManagedPolicy": "policy/",
    "AWS::IAM::Role": "role/",
    "AWS::KMS::Key": "key/",
    "AWS::Lambda::Function": "function:",
}
_NAMES = ("RoleName", "ManagedPolicyName", "FunctionName", "BucketName", "Name")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A role with the policies that apply to its requests."""

    arn: str
    policies: Sequence[Document]
    boundary: Document | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to judge: who calls which action on what."""

    principal: Principal
    action: str
    resource: str
    context: Mapping[str, str | list[str]]


class ResolvedTemplate:
    """A template whose references to parameters and to its own resources are resolved, as after a deployment."""

    def __init__(self, template: Template, *, stack: str, account: str, region: str, **parameters: object) -> None:
        self.account, self.region, self._stack, self._template = account, region, stack, template
        pseudo = {"AccountId": account, "Region": region, "Partition": "aws", "StackName": stack}
        self._parameters = {f"AWS::{name}": value for name, value in pseudo.items()} | parameters

    @cached_property
    def resources(self) -> dict[str, Document]:
        """The resources by logical id."""
        resources: dict[str, Document] = self._resolved(self._template["Resources"])
        return resources

    def arn(self, logical_id: str) -> str:
        """The ARN of a resource of the template."""
        resource = self._template["Resources"][logical_id]
        service, name = resource["Type"].split("::")[1].lower(), self._name(logical_id)
        if service == "s3":
            return f"arn:aws:s3:::{name}"
        region = "" if service == "iam" else self.region
        return f"arn:aws:{service}:{region}:{self.account}:{_TYPES.get(resource['Type'], '')}{name}"

    def of_type(self, resource_type: str) -> Iterator[tuple[str, Document]]:
        """The logical ids and properties of the resources of a type."""
        for logical_id, resource in self.resources.items():
            if resource["Type"] == resource_type:
                yield logical_id, resource.get("Properties", {})

    def _name(self, logical_id: str) -> str:
        properties = self._template["Resources"][logical_id].get("Properties", {})
        given = next((properties[name] for name in _NAMES if name in properties), None)
        return str(self._resolved(given)) if given else f"{self._stack}-{logical_id}"

    def _resolved(self, value: Any) -> Any:  # noqa: PLR0911 - one for each function of CloudFormation
        match value:
            case {"Ref": str(name)}:
                return self._parameters.get(name) or (
                    self._name(name) if name in self._template["Resources"] else f"{{{name}}}"
                )
            case {"Fn::GetAtt": [str(name), _]}:  # other attributes than the ARN decide nothing here
                return self.arn(name)
            case {"Fn::Join": [str(separator), parts]}:
                return separator.join(map(str, self._resolved(parts)))
            case {"Fn::Sub": [str(text), dict(further)]}:
                return self._substituted(text, **self._resolved(further))
            case {"Fn::Sub": str(text)}:
                return self._substituted(text)
            case {"Fn::If": [str(condition), yes, no]}:
                return self._resolved(no if condition in _FALSE else yes)
            case dict():
                inner = {key: self._resolved(each) for key, each in value.items() if each != {"Ref": "AWS::NoValue"}}
                return {key: each for key, each in inner.items() if each is not None}
            case list():
                return [each for each in map(self._resolved, value) if each is not None]
        return value

    def _substituted(self, text: str, **further: object) -> str:
        for name, value in (self._parameters | further).items():
            text = text.replace(f"${{{name}}}", str(value))
        for name in self._template["Resources"]:
            text = text.replace(f"${{{name}.Arn}}", self.arn(name) if f"${{{name}.Arn}}" in text else "")
        return text


class Authority:
    """Principals and resource policies of a delivery, in the accounts of its assembly."""

    def __init__(self, assembly: Assembly, *, permissions: Template, delivery: Delivery) -> None:
        self._assembly, self._permissions, self._tooling = assembly, permissions, delivery.account
        self._toolkit = toolkit.template(toolkit.original(), delivery)
        self._stacks = {
            name: ResolvedTemplate(
                assembly.template(name), stack=name, account=stack.environment.account, region=stack.environment.region
            )
            for name, stack in assembly.stacks.items()
        }

    def role(self, stack: str, name: str) -> Principal:
        """A role of a stack by its name, or by its logical id where it has none."""
        template = self._stacks[stack]
        (logical_id,) = (
            logical_id
            for logical_id, role in template.of_type("AWS::IAM::Role")
            if name in (logical_id, role.get("RoleName"))
        )
        named = template.arn(logical_id).rpartition("/")[2]
        attached = [
            policy["PolicyDocument"]
            for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
            for _, policy in template.of_type(kind)
            if named in policy.get("Roles", [])
        ]
        return Principal(
            arn=template.arn(logical_id), policies=attached, boundary=self.bootstrap_policy(BOUNDARY, template.account)
        )

    def role_of_action(self, stage: str, action: str) -> Principal:
        """The role of a build project of the pipeline."""
        (found,) = (
            each["Configuration"]["ProjectName"]["Ref"]
            for each_stage in self._assembly.pipeline_stages()
            for each in each_stage["Actions"]
            if (each_stage["Name"], each["Name"]) == (stage, action)
        )
        project = self._assembly.resources("PipelineStack", "AWS::CodeBuild::Project")[found]
        return self.role("PipelineStack", project["ServiceRole"]["Fn::GetAtt"][0])

    def function_of_action(self, name: str) -> str:
        """The ARN of the function that an action of the pipeline invokes."""
        (function,) = {
            action["Configuration"]["FunctionName"]["Ref"]
            for stage in self._assembly.pipeline_stages()
            for action in stage["Actions"]
            if action["Name"] == name
        }
        return self._stacks["PipelineStack"].arn(function)

    def role_of_function(self, action: str) -> Principal:
        """The role of the function that an action of the pipeline invokes."""
        name = self.function_of_action(action).rpartition("-")[2]
        function = self._assembly.resources("PipelineStack", "AWS::Lambda::Function")[name]
        return self.role("PipelineStack", function["Role"]["Fn::GetAtt"][0])

    def created_by_a_commit(self, account: str) -> Principal:
        """The most that a role of a commit can be: it allows itself everything, and has the boundary that it must."""
        return self._everything(account, "payment-made-by-a-commit", boundary=self.bootstrap_policy(BOUNDARY, account))

    def cloudformation(self, account: str, region: str) -> Principal:
        """The execution role of `cdk bootstrap`, with the policies and the boundary of the README's command."""
        names = [each["Properties"].get("ManagedPolicyName", "") for each in self._permissions["Resources"].values()]
        return Principal(
            arn=f"arn:aws:iam::{account}:role/cdk-hnb659fds-cfn-exec-role-{account}-{region}",
            policies=[self.bootstrap_policy(name, account) for name in names if name.startswith(EXECUTION)],
            boundary=self.bootstrap_policy(BOUNDARY, account),
        )

    def bootstrapped(self, name: str, account: str, region: str) -> Principal:
        """A role of `cdk bootstrap` by its logical id, with the inline policies that the template attaches to it."""
        template = ResolvedTemplate(
            self._toolkit, stack="CDKToolkit", account=account, region=region, Qualifier="hnb659fds"
        )
        policies = [
            policy["PolicyDocument"]
            for _, policy in template.of_type("AWS::IAM::Policy")
            if template.arn(name).rpartition("/")[2] in policy["Roles"]
        ]
        return Principal(arn=template.arn(name), policies=policies)

    def plan_role(self, name: str, account: str) -> Principal:
        """A role of bootstrap/permissions.json for guard and plan in an environment, or for image scans."""
        (role,) = (role for _, role in self._bootstrap(account).of_type("AWS::IAM::Role") if role["RoleName"] == name)
        policies = [policy["PolicyDocument"] for policy in role["Policies"]]
        return Principal(arn=f"arn:aws:iam::{account}:role/{name}", policies=policies)

    def administrator(self, account: str, name: str) -> Principal:
        """A role that may do everything in its account."""
        return self._everything(account, name)

    def person(self, *duties: str) -> Principal:
        """An administrator of the tooling account, with managed policies of the pipeline stack."""
        stack = self._stacks["PipelineStack"]
        found = {policy.get("ManagedPolicyName"): policy for _, policy in stack.of_type("AWS::IAM::ManagedPolicy")}
        return self._everything(self._tooling, "Administrator", *(found[name]["PolicyDocument"] for name in duties))

    def with_duties(self, principal: Principal, *duties: str) -> Principal:
        """A principal to which managed policies of the pipeline stack are attached too."""
        further = self.person(*duties).policies[1:]
        return Principal(arn=principal.arn, policies=[*principal.policies, *further], boundary=principal.boundary)

    def with_policy(self, principal: Principal, *, stack: str, name: str) -> Principal:
        """A principal to which a managed policy of a stack is attached too."""
        (found,) = (
            policy["PolicyDocument"]
            for _, policy in self._stacks[stack].of_type("AWS::IAM::ManagedPolicy")
            if policy.get("ManagedPolicyName") == name
        )
        return Principal(arn=principal.arn, policies=[*principal.policies, found], boundary=principal.boundary)

    def resource_policy(self, resource: str) -> Document | None:
        """The trust policy of a role, or the policy of a bucket."""
        if ":role/" in resource:
            return next((trust for arn, trust in self._trust if arn == resource), None)
        bucket = resource.removeprefix("arn:aws:s3:::").partition("/")[0]
        found = (
            policy["PolicyDocument"]
            for template in self._stacks.values()
            for _, policy in template.of_type("AWS::S3::BucketPolicy")
            if policy["Bucket"] == bucket
        )
        return next(found, None)

    def bootstrap_policy(self, name: str, account: str) -> Document:
        """A policy of bootstrap/permissions.json in an account."""
        (found,) = (
            policy["PolicyDocument"]
            for _, policy in self._bootstrap(account).of_type("AWS::IAM::ManagedPolicy")
            if policy["ManagedPolicyName"] == name
        )
        return dict(found)

    def _bootstrap(self, account: str) -> ResolvedTemplate:
        return ResolvedTemplate(self._permissions, stack="payment-delivery-permissions", account=account, region="")

    @cached_property
    def _trust(self) -> list[tuple[str, Document]]:
        environments = {(each.account, each.region) for each in self._stacks.values()}
        bootstrapped = [
            ResolvedTemplate(
                self._toolkit,
                stack="CDKToolkit",
                account=account,
                region=region,
                Qualifier="hnb659fds",
                TrustedAccounts=[self._tooling],
            )
            for account, region in sorted(environments)
        ]
        permissions = [self._bootstrap(account) for account in {account for account, _ in environments}]
        return [
            (template.arn(logical_id), {"Version": "2012-10-17", **role["AssumeRolePolicyDocument"]})
            for template in (*self._stacks.values(), *bootstrapped, *permissions)
            for logical_id, role in template.of_type("AWS::IAM::Role")
        ]

    def _everything(self, account: str, name: str, *further: Document, boundary: Document | None = None) -> Principal:
        everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        return Principal(arn=f"arn:aws:iam::{account}:role/{name}", policies=[everything, *further], boundary=boundary)


def judge(authority: Authority, requests: Sequence[Request]) -> list[str]:
    """What IAM answers to each request: `Allowed`, `ImplicitlyDenied` or `ExplicitlyDenied`."""
    simulations = [_simulation(authority, request) for request in requests]
    verdicts = engine.simulate(simulations, app=CHECKOUT, node=CHECKOUT / ".venv" / "bin" / "node")
    for request, verdict in zip(requests, verdicts, strict=True):
        subject = f"{request.action} on {request.resource}"
        assert verdict["result"] != "error", f"{subject}: correct the case; the engine says {verdict['error']}"
        assert not verdict["ignored"], f"{subject}: it has no condition keys {verdict['ignored']}; correct the case"
    return [verdict["result"] for verdict in verdicts]


def _simulation(authority: Authority, request: Request) -> dict[str, Any]:
    principal, (*_, account, role) = request.principal, request.principal.arn.split(":")
    owner = request.resource.split(":")[4] if request.resource != "*" else account
    caller = {"aws:PrincipalArn": principal.arn, "aws:PrincipalAccount": account, "aws:SecureTransport": "true"}
    simulation = {
        "request": {
            "principal": f"arn:aws:sts::{account}:assumed-role/{role.removeprefix('role/')}/session",
            "action": request.action,
            "resource": {"resource": request.resource, "accountId": owner or account},
            "contextVariables": {"aws:RequestedRegion": "ap-southeast-1", **caller, **request.context},
        },
        "identityPolicies": _named(principal.policies),
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
        "resourcePolicy": authority.resource_policy(request.resource),
        "permissionBoundaryPolicies": _named([principal.boundary]) if principal.boundary else None,
    }
    return {name: value for name, value in simulation.items() if value is not None}


def _named(policies: Sequence[Document]) -> list[dict[str, Any]]:
    return [{"name": f"policy-{number}", "policy": policy} for number, policy in enumerate(policies)]
