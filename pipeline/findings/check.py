"""The action behind Build that checks the scans of a release's images."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs import image_name
from payment_constructs.acknowledgement import acknowledge
from payment_constructs.monitoring.alarm import AlarmTopic
from pipeline.digests.recorder import AFTER_SYNTH, build_stage
from pipeline.findings import scan
from pipeline.findings.allowed import AllowedFinding
from pipeline.function import JOB, job_function
from pipeline.self_mutation import ASSEMBLY
from stages.names import FINDINGS_READER, FINDINGS_ROLE

CODE = Path(__file__).with_name("handler.py")
_REGISTRY = f"arn:aws:iam::*:role/{FINDINGS_READER}"


class FindingsCheck(Construct):
    """A function that reads the scan of every image of a release right after Synth, before any environment.

    It reads the images in the cloud assembly, so the pipeline is the same for every image; and the scan in a role of
    the image's registry, in any account: the first release with another registry passes here before the pipeline has
    updated itself. To be created once the pipeline is built.
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
            imports=[Path(image_name.__file__), Path(scan.__file__), JOB],
            timeout=Duration.minutes(1),
            statements=[iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[_REGISTRY])],
            invoked_by="Only the pipeline invokes it, once in an execution.",
            log_key=log_key,
            topic=topic,
            role_name=FINDINGS_ROLE,
        )
        acknowledge(
            self.node.find_child("Policy"),
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{_REGISTRY}]",
            control="One role by its name, which reads scans only; each registry's account decides to have it.",
        )
        build_stage(pipeline).add_action(
            actions.LambdaInvokeAction(
                action_name="Findings",
                run_order=AFTER_SYNTH,
                lambda_=self.function,
                inputs=[codepipeline.Artifact.artifact(ASSEMBLY)],
                user_parameters_string=json.dumps({"role": FINDINGS_READER}),
            )
        )


def allow_findings(stack: Stack, findings: Sequence[AllowedFinding]) -> None:
    """Writes the allowed findings into the template, where the check reads them, as `allow_changes` does."""
    if findings:
        stack.add_metadata(scan.ALLOWED_FINDINGS, [asdict(finding) for finding in findings])
