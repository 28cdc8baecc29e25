"""The action behind Build that keeps the digests of a release in the pipeline's state."""

from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs.monitoring.alarm import AlarmTopic
from pipeline.digests import CONTENT
from pipeline.function import JOB, job_function
from pipeline.self_mutation import ASSEMBLY

CODE = Path(__file__).with_name("handler.py")
ACTION = "Digests"
"""Name and namespace of the action."""
AFTER_SYNTH = 2
"""The run order of what follows Synth, to which CDK Pipelines gives 1."""
_STAGE = "Build"  # as CDK Pipelines names it


def recorded(name: str) -> str:
    """The variable with the digests of a stack, or the digest of an environment."""
    return f"#{{{ACTION}.{name}}}"


def build_stage(pipeline: codepipeline.Pipeline) -> codepipeline.IStage:
    """The stage of Synth, to add actions to."""
    (stage,) = (stage for stage in pipeline.stages if stage.stage_name == _STAGE)
    return stage


class DigestRecorder(Construct):
    """A function that reads the cloud assembly right after Synth made it (docs/decisions/0015).

    Its role can write a log, answer its job, and nothing else: it reads the artifact with the job's own credentials. To
    be created once the pipeline is built.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: codepipeline.Pipeline,
        log_key: kms.IKey,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = job_function(
            self,
            code=CODE,
            imports=[CONTENT, JOB],
            timeout=Duration.minutes(1),
            statements=[],
            invoked_by="Only the pipeline invokes it, once in an execution.",
            log_key=log_key,
            topic=topic,
        )
        build_stage(pipeline).add_action(
            actions.LambdaInvokeAction(
                action_name=ACTION,
                run_order=AFTER_SYNTH,
                lambda_=self.function,
                inputs=[codepipeline.Artifact.artifact(ASSEMBLY)],
                variables_namespace=ACTION,
            )
        )
