"""A Lambda function of the tooling account, with its log, its role and the role's policy."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.logs import LogGroup
from payment_constructs.monitoring.alarm import AlarmTopic
from payment_constructs.python_function import PythonFunction, inline_code

JOB = Path(__file__).with_name("job.py")
"""The module that the functions that read a job's input contain."""


def pipeline_arn(scope: Construct, name: str) -> str:
    """The ARN of the delivery's pipeline, by its name: the functions that it invokes cannot refer to it."""
    return Stack.of(scope).format_arn(service="codepipeline", resource=name)


def job_function(
    scope: Construct,
    *,
    code: Path,
    timeout: Duration,
    statements: Sequence[iam.PolicyStatement],
    invoked_by: str,
    log_key: kms.IKey,
    topic: AlarmTopic,
    imports: Sequence[Path] = (),
    role_name: str | None = None,
) -> PythonFunction:
    """Creates a function that is an action of the pipeline, and reports the result of its job."""
    answer = iam.PolicyStatement(
        actions=["codepipeline:PutJobSuccessResult", "codepipeline:PutJobFailureResult"], resources=["*"]
    )
    return tooling_function(
        scope,
        code=code,
        timeout=timeout,
        statements=[*statements, answer],
        any_resource="Job results have no resource-level permissions; a caller must know the id of the job.",
        invoked_by=invoked_by,
        log_key=log_key,
        topic=topic,
        imports=imports,
        role_name=role_name,
    )


def tooling_function(
    scope: Construct,
    *,
    code: Path,
    timeout: Duration,
    statements: Sequence[iam.PolicyStatement],
    any_resource: str | None,
    invoked_by: str,
    log_key: kms.IKey,
    topic: AlarmTopic,
    imports: Sequence[Path] = (),
    role_name: str | None = None,
) -> PythonFunction:
    """Creates the function.

    Args:
        scope: The construct that it is the only function of.
        code: A file with a ``handler`` that needs nothing but the Lambda runtime.
        timeout: Of one call.
        statements: The permissions of the function, besides its log and its topic.
        any_resource: The control for the statement that names no resources; None without one.
        invoked_by: The control for its concurrency, which is not reserved.
        log_key: Encrypts the log; its policy allows log groups.
        topic: Receives asynchronous events that the function failed to process.
        imports: Files that the code imports names from; they need nothing else either.
        role_name: The name of the role, where another account trusts it.
    """
    log_group = LogGroup(scope, "Log", key=log_key, retain=True)
    role = iam.Role(scope, "Role", role_name=role_name, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    policy = iam.ManagedPolicy(
        scope,
        "Policy",
        roles=[role],
        statements=[
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
            ),
            *statements,
        ],
    )
    topic.allow_failed_events(policy)
    function = PythonFunction(
        scope,
        "Function",
        code=inline_code(code, imports=imports),
        timeout=timeout,
        role=role.without_policy_updates(),
        log_group=log_group,
        topic=topic,
    )
    function.node.add_dependency(policy)
    if any_resource:
        acknowledge(policy, "AwsSolutions::AwsSolutions-IAM5[Resource::*]", control=any_resource)
    acknowledge(function, "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency", control=invoked_by)
    acknowledge(
        function,
        "NIST.800.53.R5::NIST.800.53.R5-LambdaInsideVPC",
        "PCI.DSS.321::PCI.DSS.321-LambdaInsideVPC",
        control="It calls AWS's control plane over TLS; the tooling account has no VPC.",
    )
    return function
