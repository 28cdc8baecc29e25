"""The plan of an environment: what the release would change there, before somebody is asked."""

from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import pipelines

from pipeline.build_spec import build_spec
from stages.environment import Environment
from stages.names import lookup_role_arn

EXECUTION = "#{codepipeline.PipelineExecutionId}"


class PlanStep(pipelines.CodeBuildStep):
    """Compares the release with what stands in an environment, as the role that may look there.

    Args:
        environment: The environment.
        source: The commit, whose code compares.
        assembly: The cloud assembly of the commit.
        bucket: Where its page is kept, below ``plans/``.
        key: Encrypts the bucket.
        region: The region of the bucket.

    Attributes:
        page: The address of its page in the console.
        question: The plan in one line, for an approval after it.
        broadens: ``yes`` or ``no``, for a condition after it.
    """

    def __init__(
        self,
        *,
        environment: Environment,
        source: pipelines.IFileSetProducer,
        assembly: pipelines.IFileSetProducer,
        bucket: s3.IBucket,
        key: kms.IKey,
        region: str,
    ) -> None:
        name = f"plans/{EXECUTION}/{environment.name}.html"
        looking = [lookup_role_arn(environment, place) for place in (environment.primary_region, environment.dr_region)]
        super().__init__(
            f"Plan{environment.name}",
            input=source,
            additional_inputs={"cdk.out": assembly},
            env={"PAGE": f"s3://{bucket.bucket_name}/{name}"},
            commands=[f'make plan ENV={environment.name} PAGE="$PAGE"', ". build/plan/variables"],
            cache=codebuild.Cache.local(codebuild.LocalCacheMode.CUSTOM),
            partial_build_spec=build_spec(),
            role_policy_statements=[
                iam.PolicyStatement(actions=["sts:AssumeRole"], resources=looking),
                iam.PolicyStatement(actions=["s3:PutObject"], resources=[bucket.arn_for_objects("plans/*")]),
                iam.PolicyStatement(actions=["kms:GenerateDataKey"], resources=[key.key_arn]),
            ],
        )
        console = f"https://{region}.console.aws.amazon.com/s3/object"
        self.page = f"{console}/{bucket.bucket_name}?region={region}&prefix={name}"
        # Asked for before the pipeline is built, or never; and a variable that no step's text mentions has no name.
        self.broadens = self.exported_variable("PLAN_BROADENS")
        self.question = f"{self.exported_variable('PLAN_SUMMARY')} (broader permissions or network: {self.broadens})"
