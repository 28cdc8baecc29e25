"""The separation of duties at the pipeline, and the acknowledged findings of its generated roles."""

from collections.abc import Mapping, Sequence

from aws_cdk import CfnResource, DefaultStackSynthesizer, Stack, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from payment_constructs.acknowledgement import acknowledge
from pipeline.artifacts import ArtifactStore
from pipeline.steps import SYNTH, own_plans
from stages.names import ASSETS_ROLE, GUARD_ROLE, IMAGE_ASSETS_ROLE, PIPELINE_ROLE, SELF_MUTATION_ROLE

APPROVER = "payment-delivery-approver"
NO_OVERRIDE = "payment-delivery-no-override"


WATCHER = "payment-delivery-watcher"
"""The name of each resource of the watcher (pipeline/bootstrap/watcher.py), or how it begins."""


def watcher_arns(account: str) -> list[str]:
    """The watcher and the stack that creates it, which neither the delivery nor its people change."""
    return [
        f"arn:aws:cloudformation:*:{account}:stack/payment-delivery-permissions/*",
        f"arn:aws:events:*:{account}:rule/{WATCHER}*",
        f"arn:aws:iam::{account}:role/{WATCHER}",
        f"arn:aws:lambda:*:{account}:function:{WATCHER}*",
        f"arn:aws:logs:*:{account}:log-group:/aws/lambda/{WATCHER}*",
        f"arn:aws:sns:*:{account}:{WATCHER}*",  # its subscriptions too
    ]


class SeparationOfDuties(Construct):
    """Two managed policies, to attach to the roles of an identity provider (PCI DSS 6.5.1, 7.2.5).

    Approvers can only approve, and read the plan that they approve. Every other role in the account gets the denial:
    it answers no approval. Neither can lead a release past a gate: override a stage condition, change the pipeline or
    what it runs, report the result of its jobs, write its artifacts, use its roles and those of `cdk bootstrap`, or
    change the watcher.
    On-call may still stop an execution and, each with a notification, disable and enable a transition, retry, and roll
    back a stage.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline_arn: str,
        approvals: Sequence[str],
        plans: ArtifactStore,
        projects: Sequence[codebuild.IProject],
        functions: Sequence[lambda_.IFunction],
        buckets: Sequence[s3.IBucket],
    ) -> None:
        super().__init__(scope, construct_id)
        denials = [
            _changes_of_the_delivery(
                self, pipeline_arn=pipeline_arn, projects=projects, functions=functions, buckets=buckets
            ),
            _denial(self, ["codepipeline:PutJob*", "codepipeline:PutThirdPartyJob*"], ["*"]),
            _uses_of_its_roles(self),
        ]
        # A new description replaces a managed policy, and fails while its name is in use.
        approver = iam.ManagedPolicy(
            self,
            "Approver",
            managed_policy_name=APPROVER,
            description="Answers the approvals of the payment delivery, and does nothing else.",
            statements=[
                iam.PolicyStatement(
                    actions=["codepipeline:PutApprovalResult"],
                    resources=[f"{pipeline_arn}/{name}/{name}" for name in approvals],
                ),
                iam.PolicyStatement(actions=["s3:GetObject"], resources=[plans.bucket.arn_for_objects("plans/*")]),
                iam.PolicyStatement(actions=["kms:Decrypt"], resources=[plans.key.key_arn]),
                *denials,
            ],
        )
        _acknowledge_plans(approver, bucket=plans.bucket, plans="plans/*")
        iam.ManagedPolicy(
            self,
            "NoOverride",
            managed_policy_name=NO_OVERRIDE,
            description="Keeps everybody but the pipeline from leading a release past a gate.",
            statements=[*denials, _denial(self, ["codepipeline:PutApprovalResult"], [f"{pipeline_arn}/*"])],
        )


def _changes_of_the_delivery(
    scope: Construct,
    *,
    pipeline_arn: str,
    projects: Sequence[codebuild.IProject],
    functions: Sequence[lambda_.IFunction],
    buckets: Sequence[s3.IBucket],
) -> iam.PolicyStatement:
    """Denies changes of the pipeline, its builds, functions, artifacts and stacks, and of the watcher.

    A build started by a person may run other commands than the project's. CloudFormation uses the role of a stack
    without `iam:PassRole`:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
    """
    stack = Stack.of(scope)
    stacks = [
        f"arn:aws:cloudformation:*:{stack.account}:stack/{name}/*" for name in (stack.stack_name, "PipelineArtifacts-*")
    ]
    return _denial(
        scope,
        [
            *(f"cloudformation:{call}" for call in ("CreateChangeSet", "DeleteStack", "ExecuteChangeSet")),
            *(f"cloudformation:{call}" for call in ("RollbackStack", "SetStackPolicy", "UpdateStack")),
            *(f"codebuild:{verb}*" for verb in ("Create", "Delete", "Retry", "Start", "Update")),
            *(f"codepipeline:{call}" for call in ("CreatePipeline", "DeletePipeline")),
            *(f"codepipeline:{call}" for call in ("OverrideStageCondition", "UpdatePipeline")),
            *(f"events:{verb}*" for verb in ("Delete", "Disable", "Put", "Remove")),
            *(f"lambda:{verb}*" for verb in ("Add", "Create", "Delete", "Invoke", "Put", "Remove", "Update")),
            *(f"logs:{verb}*" for verb in ("Delete", "Put")),
            *(f"s3:{verb}*" for verb in ("Delete", "Put", "Replicate")),
            *(f"sns:{verb}*" for verb in ("Add", "Delete", "Publish", "Remove", "Set", "Unsubscribe")),
        ],
        [
            *(pipeline_arn, f"{pipeline_arn}/*"),
            *(project.project_arn for project in projects),
            *(arn for each in functions for arn in (each.function_arn, f"{each.function_arn}:*")),
            *(arn for bucket in buckets for arn in (bucket.bucket_arn, bucket.arn_for_objects("*"))),
            *stacks,
            *watcher_arns(stack.account),
        ],
    )


def _uses_of_its_roles(scope: Construct) -> iam.PolicyStatement:
    """Denies assuming, passing and changing the delivery's roles, those of `cdk bootstrap`, and its policies."""
    stack = Stack.of(scope)
    ours = [f"role/{stack.stack_name}-*", "role/payment-delivery-*", "policy/payment-delivery-*"]
    return _denial(
        scope,
        [
            *(
                f"iam:{verb}*"
                for verb in ("Attach", "Create", "Delete", "Detach", "Pass", "Put", "SetDefault", "Update")
            ),
            "sts:AssumeRole",
        ],
        [
            *(f"arn:aws:iam::{stack.account}:{name}" for name in ours),
            f"arn:aws:iam::*:role/cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-*",
        ],
    )


def _denial(scope: Construct, actions: Sequence[str], resources: Sequence[str]) -> iam.PolicyStatement:
    """Denies actions to everybody but the roles of the delivery itself."""
    stack = Stack.of(scope)
    names = (PIPELINE_ROLE, SELF_MUTATION_ROLE, ASSETS_ROLE, IMAGE_ASSETS_ROLE, GUARD_ROLE, "payment-delivery-plan-*")
    own = [f"arn:aws:iam::{stack.account}:role/{name}" for name in (*names, f"{stack.stack_name}-*")]
    return iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=list(actions),
        resources=list(resources),
        conditions={"ArnNotLike": {"aws:PrincipalArn": [deployment_role_arn(scope), *own]}},
    )


def deployment_role_arn(scope: Construct) -> str:
    """The role of `cdk bootstrap` in which CloudFormation deploys a stack, such as the pipeline's update of itself."""
    stack = Stack.of(scope)
    role = f"cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-cfn-exec-role-{stack.account}-{stack.region}"
    return f"arn:aws:iam::{stack.account}:role/{role}"


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
        _acknowledge_plans(_policy(project.role), bucket=own, plans=own_plans(environment))
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


def _acknowledge_plans(policy: IConstruct, *, bucket: s3.IBucket, plans: str) -> None:
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
