"""Requests of the check of image scans and its role in the registry: only they read scans, and nothing else."""

from pipeline.duties import NO_OVERRIDE
from pipeline.settings import load_delivery
from stages.names import FINDINGS_READER, FINDINGS_ROLE, plan_role_name, role_arn
from tests.policy.callers import (
    CLOUDFORMATION,
    COMMIT,
    DEV,
    FREE,
    GUARD,
    PERSON,
    PIPELINE,
    PLAN,
    PROD,
    RECORDER,
    RECOVERY,
    REGION,
    SYNTH,
    TOOLING,
    TOOLING_COMMIT,
    Caller,
    Case,
)
from tests.sample import sample_settings

_IMAGE = load_delivery(sample_settings(), release="unreleased").image
_REPOSITORY = _IMAGE.repository_arn
_READER = f"arn:aws:iam::{_IMAGE.account}:role/{FINDINGS_READER}"
CHECK = Caller(
    name="the check of image scans",
    principal=lambda policies: policies.with_duties(policies.role("PipelineStack", FINDINGS_ROLE), NO_OVERRIDE),
)
IN_THE_REGISTRY = Caller(
    name="the image check in the registry",
    principal=lambda policies: policies.plan_role(FINDINGS_READER, _IMAGE.account),
)

READING_SCANS = [
    *(
        Case(caller=caller, action="sts:AssumeRole", resource=_READER)
        for caller in (FREE, PERSON, TOOLING_COMMIT, COMMIT, GUARD, RECORDER, SYNTH, PLAN, PIPELINE)
    ),
    # Neither role leads a release past a gate, or pulls or changes an image.
    *(
        Case(caller=CHECK, action=action, resource=resource)
        for action, resource in (
            ("sts:AssumeRole", role_arn(plan_role_name(PROD), PROD)),
            ("sts:AssumeRole", f"arn:aws:iam::{PROD.account}:role/cdk-hnb659fds-lookup-role-{PROD.account}-{REGION}"),
            ("ecr:DescribeImageScanFindings", _REPOSITORY),
            ("s3:GetObject", f"arn:aws:s3:::payment-delivery-artifacts-{TOOLING}-{RECOVERY}/object"),
            (
                "codepipeline:PutApprovalResult",
                f"arn:aws:codepipeline:{REGION}:{TOOLING}:payment-delivery/Approve/Approve",
            ),
            ("lambda:InvokeFunction", "Payment.Guard"),
        )
    ),
    *(
        Case(caller=IN_THE_REGISTRY, action=f"ecr:{call}", resource=_REPOSITORY)
        for call in ("GetDownloadUrlForLayer", "PutImage", "BatchDeleteImage", "StartImageScan", "SetRepositoryPolicy")
    ),
    Case(caller=IN_THE_REGISTRY, action="ecr:BatchGetImage", resource=f"{_REPOSITORY}-of-others"),
    Case(
        caller=CLOUDFORMATION,
        action="iam:UpdateAssumeRolePolicy",
        resource=f"arn:aws:iam::{DEV.account}:role/{FINDINGS_READER}",
    ),
]

READING_ALLOWED = [
    Case(caller=CHECK, action="sts:AssumeRole", resource=_READER),
    *(
        Case(caller=CHECK, action=f"codepipeline:PutJob{result}Result", resource="*")
        for result in ("Success", "Failure")
    ),
    *(
        Case(caller=IN_THE_REGISTRY, action=f"ecr:{call}", resource=_REPOSITORY)
        for call in ("BatchGetImage", "DescribeImageScanFindings")
    ),
    *(
        Case(caller=IN_THE_REGISTRY, action=f"inspector2:{call}", resource="*")
        for call in ("ListCoverage", "ListFindings")
    ),
]
