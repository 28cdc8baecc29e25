"""The roles that CDK Pipelines generates: their names, what they may not write, and their acknowledged findings."""

from collections.abc import Mapping, Sequence

from aws_cdk import CfnResource, Stack, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from payment_constructs.acknowledgement import acknowledge
from pipeline.steps import SYNTH, own_plans
from stages.names import ASSETS_ROLE, IMAGE_ASSETS_ROLE, SELF_MUTATION_ROLE


def name_trusted_roles(pipeline: pipelines.CodePipeline, *, planners: Mapping[str, codebuild.IProject]) -> None:
    """Names the generated roles that roles of other accounts trust; they exist once the pipeline is built."""
    _name(pipeline.self_mutation_project.role, SELF_MUTATION_ROLE)
    for name, project in planners.items():
        _name(project.role, name)
    if assets := pipeline.node.try_find_child("Assets"):
        # CDK Pipelines creates each for the first asset of its kind.
        for construct_id, name in (("FileRole", ASSETS_ROLE), ("DockerRole", IMAGE_ASSETS_ROLE)):
            if role := assets.node.try_find_child(construct_id):
                _name(role, name)


def _name(role: IConstruct | None, name: str) -> None:
    resource = role.node.default_child if role else None
    assert isinstance(resource, iam.CfnRole)  # noqa: S101 - an L2 role's default child
    resource.role_name = name


READ_ARTIFACTS = ("s3:GetBucket*", "s3:GetObject*", "s3:List*", "kms:GenerateDataKey*", "kms:ReEncrypt*")
WRITE_ARTIFACTS = ("s3:Abort*", "s3:DeleteObject*")


def acknowledge_generated_roles(
    pipeline: pipelines.CodePipeline,
    *,
    name: str,
    buckets: Sequence[s3.IBucket],
    functions: Sequence[lambda_.IFunction],
    verifications: Sequence[codebuild.IProject],
    plans: Mapping[str, codebuild.IProject],
) -> None:
    """Acknowledges the findings of every role that CDK Pipelines generates; they exist once the pipeline is built.

    The first of the artifact buckets, one per region, is that of the pipeline's own region.
    """
    own = buckets[0]
    _acknowledge_pipeline(pipeline.pipeline, buckets=buckets, functions=functions)
    _acknowledge_project(pipeline.synth_project, bucket=own, writes_artifacts=True)
    _restrict_writes(pipeline.synth_project, step=SYNTH, pipeline=name, bucket=own)
    _acknowledge_project(pipeline.self_mutation_project, bucket=own, writes_artifacts=False)
    _acknowledge_self_mutation(pipeline.self_mutation_project)
    for project in (*verifications, *plans.values()):
        _acknowledge_project(project, bucket=own, writes_artifacts=False)
    for environment, project in plans.items():
        acknowledge_plans(_policy(project.role), bucket=own, plans=own_plans(environment))
    if assets := pipeline.node.try_find_child("Assets"):
        for child in assets.node.children:
            if isinstance(child, iam.Role):
                _restrict_publisher(child, bucket=own)
            elif isinstance(child, codebuild.Project):
                _acknowledge_source(child)
                _acknowledge_publishing(child)


def _acknowledge_pipeline(
    pipeline: codepipeline.Pipeline, *, buckets: Sequence[s3.IBucket], functions: Sequence[lambda_.IFunction]
) -> None:
    """The pipeline's own role, and the role that starts it on an event."""
    policy = _policy(pipeline.role)
    _acknowledge_inline(policy)
    # Only a CodeCommit source has one.
    if starter := pipeline.node.try_find_child("EventsRole"):
        _acknowledge_inline(_policy(starter))
    _acknowledge_artifacts(policy, actions=READ_ARTIFACTS + WRITE_ARTIFACTS, buckets=buckets)
    acknowledge(
        policy,
        *(f"AwsSolutions::AwsSolutions-IAM5[Resource::<{_logical_id(function)}.Arn>:*]" for function in functions),
        control="The versions of the functions that its actions invoke, each named.",
    )
    acknowledge(
        policy,
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        control="lambda:ListFunctions, a list of names, which cannot be narrowed; CodePipeline asks for it.",
    )


def _acknowledge_project(project: codebuild.IProject, *, bucket: s3.IBucket, writes_artifacts: bool) -> None:
    """A build project, and its role."""
    policy = _policy(project.role)
    logical_id = _logical_id(project)
    _acknowledge_inline(policy)
    _acknowledge_artifacts(
        policy, actions=READ_ARTIFACTS + (WRITE_ARTIFACTS if writes_artifacts else ()), buckets=[bucket]
    )
    stack = Stack.of(project)
    acknowledge(
        policy,
        f"AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:logs:{stack.region}:{stack.account}"
        f":log-group:/aws/codebuild/<{logical_id}>:*]",
        f"AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:codebuild:{stack.region}:{stack.account}"
        f":report-group/<{logical_id}>-*]",
        control="The streams and report groups of this one project; their names are known when it runs.",
    )
    _acknowledge_source(project)


def _restrict_writes(project: codebuild.IProject, *, step: str, pipeline: str, bucket: s3.IBucket) -> None:
    """A build that writes artifacts of its own only; CDK Pipelines allows it the whole bucket.

    The key of an artifact begins with the names of pipeline and artifact, of which CodePipeline takes 20 and 10
    characters. So a build may also write its artifacts of other executions, which the guard finds out.
    https://repost.aws/questions/QUI91tw7A9SUOMohJurNqmgA/code-pipeline-truncates-folder-names-in-output-artifact-s-3-bucket
    """
    assert project.role is not None  # noqa: S101 - every project here has a role of its own
    project.role.add_to_principal_policy(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=["s3:Abort*", "s3:DeleteObject*", "s3:PutObject*"],
            not_resources=[bucket.arn_for_objects(f"{pipeline[:20]}*/{step}_*")],
        )
    )


def _acknowledge_source(project: codebuild.IProject) -> None:
    acknowledge(
        project.node.default_child or project,
        "PCI.DSS.321::PCI.DSS.321-CodeBuildProjectSourceRepoUrl",
        control="Its source is the pipeline's artifact, fetched through a connection: no credentials in a URL.",
    )


def _restrict_publisher(role: iam.Role, *, bucket: s3.IBucket) -> None:
    """A role that publishes assets, before any gate: it can assume the publishing roles of the environments only.

    CDK Pipelines also allows it to start and stop every build of the account, which publishing does not need.
    """
    role.add_to_policy(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            # The role of CDK Pipelines ignores a statement with the very actions of its own, a denial too.
            actions=[
                "codebuild:BatchGetBuilds",
                "codebuild:RetryBuild",
                "codebuild:StartBuild",
                "codebuild:StartBuildBatch",
                "codebuild:StopBuild",
            ],
            resources=["*"],
        )
    )
    policy, stack = _policy(role), Stack.of(role)
    _acknowledge_inline(policy)
    _acknowledge_artifacts(policy, actions=("s3:GetBucket*", "s3:GetObject*", "s3:List*"), buckets=[bucket])
    acknowledge(
        policy,
        f"AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:logs:{stack.region}:{stack.account}"
        ":log-group:/aws/codebuild/*]",
        f"AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:codebuild:{stack.region}:{stack.account}:report-group/*]",
        control="Writes logs and test reports of builds in this account; CDK Pipelines names no project.",
    )
    acknowledge(
        policy,
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        control="codebuild:StartBuild and StopBuild, generated by CDK Pipelines; a deny statement refuses them.",
    )


def _acknowledge_publishing(project: codebuild.Project) -> None:
    """Building an image needs Docker, and Docker a privileged build."""
    resource = project.node.default_child
    assert isinstance(resource, codebuild.CfnProject)  # noqa: S101 - an L2 project's default child
    environment = Stack.of(project).resolve(resource.environment)
    if environment["privilegedMode"]:
        acknowledge(
            resource,
            "AwsSolutions::AwsSolutions-CB3",
            control="Docker needs it; the build's role can assume the publishing roles of the environments only.",
        )


def _acknowledge_self_mutation(project: codebuild.IProject) -> None:
    """The role of the self-mutation project, which can deploy PipelineStack only."""
    policy = _policy(project.role)
    acknowledge(
        policy,
        f"AwsSolutions::AwsSolutions-IAM5[Resource::arn:*:iam::{Stack.of(project).account}:role/*]",
        control="Conditioned on the tag of the bootstrap roles: only those of this account can be assumed.",
    )
    acknowledge(
        policy,
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        control="cloudformation:DescribeStacks and s3:ListBucket, both reads, to find the bootstrap resources.",
    )


def acknowledge_plans(policy: IConstruct, *, bucket: s3.IBucket, plans: str) -> None:
    """Acknowledges that a policy names the plans of all executions."""
    acknowledge(
        policy,
        f"AwsSolutions::AwsSolutions-IAM5[Resource::<{_logical_id(bucket)}.Arn>/{plans}]",
        control="Pages of plans only, below one prefix of the pipeline's own bucket.",
    )


def _acknowledge_inline(policy: IConstruct) -> None:
    acknowledge(
        policy,
        "NIST.800.53.R5::NIST.800.53.R5-IAMNoInlinePolicy",
        "PCI.DSS.321::PCI.DSS.321-IAMNoInlinePolicy",
        control="CDK Pipelines writes it from the pipeline's actions, for this one role; no other role can have it.",
    )


def _acknowledge_artifacts(policy: IConstruct, *, actions: tuple[str, ...], buckets: Sequence[s3.IBucket]) -> None:
    stack = Stack.of(policy)
    objects = [
        f"<{_logical_id(bucket)}.Arn>" if bucket.node.default_child else stack.resolve(bucket.bucket_arn)
        for bucket in buckets
    ]
    acknowledge(
        policy,
        *(f"AwsSolutions::AwsSolutions-IAM5[Action::{action}]" for action in actions),
        *(f"AwsSolutions::AwsSolutions-IAM5[Resource::{bucket}/*]" for bucket in objects),
        control="Families of one verb on the pipeline's own artifact buckets and keys, each named.",
    )


def _policy(role: IConstruct | None) -> IConstruct:
    assert role is not None  # noqa: S101 - every project here has a role of its own
    resource = role.node.find_child("DefaultPolicy").node.default_child
    assert resource is not None  # noqa: S101 - the policy's one resource
    return resource


def _logical_id(construct: IConstruct) -> str:
    resource = construct.node.default_child
    assert isinstance(resource, CfnResource)  # noqa: S101 - an L2 construct's default child
    return str(Stack.of(construct).resolve(resource.logical_id))
