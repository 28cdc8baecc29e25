"""What CloudFormation calls to make, read, change and delete a type of resource, as its own schema says.

cfn-lint ships the schemas.
"""

from collections.abc import Iterable, Iterator

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

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
