"""The IAM policies for CloudFormation in an account of the delivery, derived from the resource types in the templates.

`make bootstrap` writes bootstrap/permissions.json, which is deployed before `cdk bootstrap`:
a permissions boundary for every role, the execution policies of CloudFormation, the roles that read for guard, plan and
image check, and the watcher.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import DefaultStackSynthesizer
from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from pipeline.bootstrap import findings_role, plan_role, watcher
from pipeline.plan.permissions import statements
from pipeline.plan.template import as_list
from pipeline.settings import Delivery
from pipeline.source import SOURCE_SERVICES
from stages.environment import SUFFIX
from stages.names import DATABASE_ACCESS, PIPELINE_ROLE
from stages.variants import fallback_region

FILE = Path(__file__).parents[2] / "bootstrap" / "permissions.json"
LONGEST = 6144
"""Characters of a managed policy, without white space:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""
LARGEST = 51_200
"""Bytes of a template without a bucket, which an account has only after `cdk bootstrap`:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""
BOUNDARY = "payment-delivery-boundary"
EXECUTION = "payment-delivery-execution"

_SCHEMA_REGION = "us-east-1"  # the only region whose schemas cover every type
_NOT_IN_SCHEMA = {
    "AWS::CodeBuild::Project": ("BatchGetProjects", "CreateProject", "DeleteProject", "UpdateProject"),
}
_ALWAYS = (
    "iam:PassRole",
    "lambda:InvokeFunction",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "kms:CreateGrant",
    "cloudformation:DescribeStacks",  # Fn::GetStackOutput: decision 0001
    "codeconnections:PassConnection",  # the schema has only its former name
)
_DEPENDENT = {"ec2:CreateVpcEndpoint": ("route53:AssociateVPCWithHostedZone",)}
"""Actions that AWS asks for beside another one; the schemas do not list them. Private DNS of an interface endpoint is a
hosted zone: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""
UNUSED = frozenset(
    {
        *("amplify", "apigateway", "apprunner", "appsync", "bedrock-agentcore", "cognito-idp"),  # behind a firewall
        *("elasticfilesystem", "s3files"),  # mounted by a function
        *("firehose", "kinesis"),  # targets of logs and tables
        *("autoscaling", "payments", "route53-recovery-control-config", "s3tables", "vpc-lattice", "vpce"),
    }
)
"""Services in a schema because a resource can be connected to them; no resource of ours is."""

_GLOBAL = frozenset({"chatbot", "route53"})
"""Services with one endpoint for all regions, which is the requested region."""

_AUTOSCALING_ROLE = (
    "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"
)
"""The service-linked role that a scalable target names; naming a role is passing it:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html
"""

_FORBIDDEN = (
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreateUser",
    "iam:DeleteRolePermissionsBoundary",
)
_DEPLOYING = (
    *(f"cloudformation:{verb}*" for verb in ("Cancel", "Create", "Delete", "Execute", "Rollback", "Set", "Update")),
    "codebuild:*Project",
    *(f"codepipeline:{verb}Pipeline" for verb in ("Create", "Delete", "Update")),
    *(f"lambda:{verb}*" for verb in ("Add", "Create", "Delete", "Put", "Remove", "Update")),
)
"""The calls that only CloudFormation's execution roles make."""
_WITH_BOUNDARY = frozenset(
    f"iam:{verb}"
    for kind in ("Role", "User")
    for verb in (f"Attach{kind}Policy", f"Create{kind}", f"Put{kind}PermissionsBoundary", f"Put{kind}Policy")
)
"""What gives an identity permissions: only if it has the permissions boundary."""


def text(documents: Sequence[Mapping[str, Any]], delivery: Delivery) -> str:
    """The content of the file, for the templates of the delivery.

    Strings share a line, also with an object of nothing else: more white space would make it too large to deploy.
    """
    content = json.dumps(template(documents, delivery), indent=0, separators=(",", ":"))
    content = content.replace('",\n"', '","')
    return re.sub(r"([\[{])\n([^\n]*)\n(?=[\]}])", r"\1\2", content) + "\n"


def template(documents: Sequence[Mapping[str, Any]], delivery: Delivery) -> dict[str, Any]:
    """The policies and the reading roles, as a CloudFormation template."""
    return {
        "Description": "Execution policies, permissions boundary and reading roles of the payment delivery.",
        "Conditions": plan_role.conditions(delivery) | findings_role.conditions(delivery),
        "Resources": managed_policies(documents, delivery)
        | plan_role.resources(delivery)
        | findings_role.resources(delivery),
    }


def managed_policies(documents: Sequence[Mapping[str, Any]], delivery: Delivery) -> dict[str, Any]:
    """The permissions boundary and the execution policies, as CloudFormation resources."""
    regions = (delivery.primary_region, delivery.dr_region, fallback_region(delivery.environments[0]))
    wanted = _actions(declared(documents))
    services = {action.split(":")[0] for action in wanted}
    apart = _GLOBAL | {"iam", "billing", "budgets", "sts"}
    plain, everywhere, iam, billing, roles = (
        [action for action in wanted if action.split(":")[0] in some]
        for some in (services - apart, _GLOBAL, {"iam"}, {"billing", "budgets"}, {"sts"})
    )
    policies = [[_regional(part, regions)] for part in _in_parts(plain, regions)]
    passing = _pass_roles(documents, delivery)
    if size([*policies[-1], passing]) > LONGEST - 100:
        policies.append([])
    policies[-1].append(passing)
    unbound = {"Effect": "Allow", "Action": everywhere, "Resource": "*"}
    given, given_policies = (_given_names(documents, delivery, key) for key in ("RoleName", "ManagedPolicyName"))
    on_roles = _on_roles(iam, given, given_policies, _derived_names(delivery))
    others = [*on_roles, _on_budgets(billing), _on_neighbours(roles), unbound]
    policies.append([statement for statement in others if statement["Action"]])  # IAM refuses one without an action
    resources = {
        f"Execution{number}": _policy(f"{EXECUTION}-{number}", policy)
        for number, policy in enumerate(policies, start=1)
    }
    services |= {action.split(":")[0] for action in _granted(documents)} | SOURCE_SERVICES
    boundary = [*_boundary(sorted(services), iam, regions), *_of_the_pipeline(delivery), *watcher.denials(delivery)]
    return {"Boundary": _policy(BOUNDARY, boundary), **resources}


def deployment_steps(before: Mapping[str, Any], after: Mapping[str, Any], delivery: Delivery) -> Iterator[str]:
    """Yields when a changed file is deployed in which accounts: granted before a push, withdrawn after it."""
    old, new = set(_texts(before)), set(_texts(after))
    environments = (each.account for each in delivery.environments)
    accounts = dict.fromkeys((delivery.account, *environments, delivery.image.account))
    deploy = f"deploy {FILE.parent.name}/{FILE.name} (README, Deploy to AWS, step 3) in {', '.join(accounts)}"
    if new - old:
        yield f"before the push: {deploy}"
    if withdrawn := old - new:
        kept = ", ".join(sorted(withdrawn)[:5])
        yield f"after the delivery: {deploy}; until then keep in it what a deletion still needs, such as {kept}"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)
    else:
        yield str(value)


def declared(documents: Sequence[Mapping[str, Any]]) -> set[str]:
    """The types of all resources in the templates."""
    return {resource["Type"] for document in documents for resource in document["Resources"].values()}


def _actions(types: set[str]) -> list[str]:
    """The actions that CloudFormation needs for resources of these types."""
    found = {action for resource_type in types for action in _actions_of(resource_type)} | set(_ALWAYS)
    found |= {dependent for action in found for dependent in _DEPENDENT.get(action, ())}
    unused = UNUSED - {resource_type.split("::")[1].lower() for resource_type in types}
    return sorted(action for action in found if action.split(":")[0] not in unused and is_action(action))


_KNOWN = load_resource(AdditionalSpecs, "Policies.json")  # cfn-lint's list, of its rule W3037


def is_action(action: str) -> bool:
    """Whether IAM has the action; the schemas also list operations such as `s3:REST.PUT.OBJECT`, which are none."""
    service, name = action.lower().split(":")
    return "*" in name or name in _KNOWN.get(service, {"Actions": {}})["Actions"]


def _actions_of(resource_type: str) -> Iterator[str]:
    if resource_type in _NOT_IN_SCHEMA:
        yield from (f"{resource_type.split('::')[1].lower()}:{action}" for action in _NOT_IN_SCHEMA[resource_type])
    elif resource_type.startswith("AWS::") and resource_type != "AWS::CDK::Metadata":
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_SCHEMA_REGION, resource_type).schema
        for handler in (schema.get("handlers") or {}).values():
            yield from handler.get("permissions", [])


def _granted(documents: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The actions that the templates grant to roles: the boundary applies to those roles too."""
    for document in documents:
        for name, resource in document["Resources"].items():
            if resource["Type"].startswith("AWS::IAM::"):
                yield from (
                    each.action for each in statements(name, resource) if each.effect == "Allow" and ":" in each.action
                )


def _regional(wanted: list[str], allowed: Sequence[str]) -> dict[str, Any]:
    """Any resource in the regions of the delivery, and in the DR region of a recovered environment."""
    regions = {"StringEquals": {"aws:RequestedRegion": list(allowed)}}
    return {"Effect": "Allow", "Action": wanted, "Resource": "*", "Condition": regions}


def _in_parts(wanted: list[str], regions: Sequence[str]) -> Iterator[list[str]]:
    """The actions in parts that each fit into a policy."""
    part: list[str] = []
    for action in wanted:
        if len(json.dumps([_regional([*part, action], regions)], separators=(",", ":"))) > LONGEST - 200:
            yield part
            part = []
        part.append(action)
    yield part


def _derived_names(delivery: Delivery) -> list[str]:
    """Names of roles and policies that CloudFormation derives from a stack's name."""
    environments = [f"{each.name}{suffix}" for each in delivery.environments for suffix in ("", f"{SUFFIX}*")]
    return [f"{name}-*" for name in (*environments, "Sandbox", delivery.stack_name, "PipelineArtifacts")]


def _given_names(documents: Sequence[Mapping[str, Any]], delivery: Delivery, key: str) -> list[str]:
    """Names that the templates give, of every environment, also of a sandbox and a recovered one.

    A team's own role, such as `payment-reports`, is not among them. Each environment by name would not fit in a policy.
    """
    given = {each[key] for each in _of_iam(documents) if key in each}
    slugs = "|".join(environment.slug for environment in delivery.environments)
    return sorted({re.sub(rf"-({slugs})$", "-*", name) for name in given})


def _of_iam(documents: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The properties of every role and managed policy."""
    for document in documents:
        for resource in document["Resources"].values():
            if resource["Type"] in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
                yield resource["Properties"]


def _pass_roles(documents: Sequence[Mapping[str, Any]], delivery: Delivery) -> dict[str, Any]:
    """Passes the roles that services assume, by their exact names, and only to these services.

    A service that does not say to whom it passes a role has no such key:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    names, services = set(_derived_names(delivery)), set[str]()
    slugs = [environment.slug for environment in delivery.environments]
    for role in _of_iam(documents):
        trusted = {
            service
            for statement in role.get("AssumeRolePolicyDocument", {}).get("Statement", ())
            for service in as_list(statement["Principal"].get("Service", []))
        }
        services |= trusted
        if trusted and (name := role.get("RoleName")):
            kind, _, slug = name.rpartition("-")
            names.add(name)
            if slug in slugs and not name.startswith("payment-delivery-"):  # those are in the tooling account only
                names |= {f"{name}{SUFFIX.lower()}*", f"{kind}-sandbox-*"}
    return {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": [_arn(f"role/{name}") for name in sorted(names)],
        "Condition": {"StringEqualsIfExists": {"iam:PassedToService": sorted(services)}},
    }


def _on_roles(
    wanted: list[str], role_names: Sequence[str], policy_names: Sequence[str], derived: Sequence[str]
) -> list[dict[str, Any]]:
    """IAM, limited to the names of our stacks, and to roles with the permissions boundary."""
    roles = [_arn(f"role/{name}") for name in (*role_names, *derived)]
    policies = [_arn(f"policy/{name}") for name in (*policy_names, *derived)]
    with_boundary = {"StringEquals": {"iam:PermissionsBoundary": _arn(f"policy/{BOUNDARY}")}}
    bounded = [action for action in wanted if action in _WITH_BOUNDARY]
    free = [action for action in wanted if action not in {*bounded, *_FORBIDDEN, "iam:PassRole"}]
    return [
        {"Effect": "Allow", "Action": free, "Resource": [*roles, *policies]},
        {"Effect": "Allow", "Action": bounded, "Resource": roles, "Condition": with_boundary},
        {"Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": _arn("role/aws-service-role/*")},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": _arn(_AUTOSCALING_ROLE)},
    ]


def _on_budgets(wanted: list[str]) -> dict[str, Any]:
    """Budgets of our names; without a region, since budgets are global and their API is in us-east-1."""
    ours = "arn:aws:budgets::${AWS::AccountId}:budget/payment-*"
    views = "arn:aws:billing::${AWS::AccountId}:billingview/*"
    return {"Effect": "Allow", "Action": wanted, "Resource": [{"Fn::Sub": ours}, {"Fn::Sub": views}]}


def _on_neighbours(wanted: list[str]) -> dict[str, Any]:
    """The role that accepts a peering and reads a neighbour's outputs, in another account too."""
    return {"Effect": "Allow", "Action": wanted, "Resource": "arn:aws:iam::*:role/payment-peering-*"}


def _boundary(services: list[str], iam: list[str], regions: Sequence[str]) -> list[dict[str, Any]]:
    """The services of the platform only, without new users or keys, changes of the boundary itself, or people's work.

    Only CloudFormation's execution roles write to IAM: another role would create one without the boundary, and use it.
    """
    itself = [_arn(f"policy/{BOUNDARY}"), _arn(f"policy/{EXECUTION}-*")]
    changing = ["iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion"]
    by_cloudformation = {"ArnEquals": {"aws:PrincipalArn": [_execution_role(region) for region in regions]}}
    by_others = {"ArnNotEquals": by_cloudformation["ArnEquals"]}
    without = {"StringNotEquals": {"iam:PermissionsBoundary": _arn(f"policy/{BOUNDARY}")}}
    people = {"Fn::Sub": f"arn:aws:lambda:*:${{AWS::AccountId}}:function:payment-{DATABASE_ACCESS}-*"}
    gates = ["codepipeline:OverrideStageCondition", "codepipeline:PutApprovalResult"]
    return [
        {"Effect": "Allow", "Action": [f"{service}:*" for service in services if service != "iam"], "Resource": "*"},
        {"Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*"},
        {"Effect": "Allow", "Action": iam, "Resource": "*", "Condition": by_cloudformation},
        {"Effect": "Deny", "Action": list(_FORBIDDEN), "Resource": "*"},
        {"Effect": "Deny", "Action": sorted(_WITH_BOUNDARY), "Resource": "*", "Condition": without},
        {"Effect": "Deny", "Action": changing, "Resource": itself},
        {"Effect": "Deny", "Action": gates, "Resource": "*"},
        {"Effect": "Deny", "Action": "lambda:InvokeFunction*", "Resource": people},
        # A commit's role changes neither the guard nor a stack, and starts no build with commands of its own.
        {"Effect": "Deny", "Action": list(_DEPLOYING), "Resource": "*", "Condition": by_others},
        {
            "Effect": "Deny",
            "Action": ["codebuild:Retry*", "codebuild:Start*"],
            "Resource": "*",
            "Condition": {"ArnNotEquals": {"aws:PrincipalArn": _arn(f"role/{PIPELINE_ROLE}")}},
        },
        # Other roles trust these by name, so a commit must not decide who assumes them: decision 0016. CloudFormation
        # creates a role with its trust, and updates the trust only if it changes.
        {"Effect": "Deny", "Action": "iam:UpdateAssumeRolePolicy", "Resource": _arn("role/payment-delivery-*")},
        # One commit would delete it, the next create it with another trust.
        {"Effect": "Deny", "Action": "iam:DeleteRole", "Resource": _arn(f"role/{PIPELINE_ROLE}")},
    ]


def _of_the_pipeline(delivery: Delivery) -> Iterator[dict[str, Any]]:
    """Only where the watcher sees it, CloudFormation changes the pipeline's roles: a stack of any region could."""
    by_others = {"ArnNotEquals": {"aws:PrincipalArn": _execution_role(delivery.primary_region)}}
    roles = [_arn("role/payment-delivery-*"), _arn(f"role/{delivery.stack_name}-*")]
    changing = [f"iam:{verb}*" for verb in ("Attach", "Create", "Delete", "Detach", "Put", "Update")]
    yield {"Effect": "Deny", "Action": changing, "Resource": roles, "Condition": by_others}


def _execution_role(region: str) -> dict[str, str]:
    """The role of `cdk bootstrap` in which CloudFormation deploys to a region."""
    return _arn(f"role/cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-cfn-exec-role-${{AWS::AccountId}}-{region}")


def size(statements: Sequence[Mapping[str, Any]]) -> int:
    """The characters of a policy's statements as IAM counts them, after CloudFormation has substituted the account."""
    rendered = re.sub(r'\{"Fn::Sub":("[^"]*")\}', r"\1", json.dumps(statements, separators=(",", ":")))
    return len(rendered.replace("${AWS::AccountId}", "1" * 12))


def _policy(name: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": statements}
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"ManagedPolicyName": name, "PolicyDocument": document}}


def _arn(resource: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:aws:iam::${{AWS::AccountId}}:{resource}"}
