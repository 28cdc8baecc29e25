"""The role that reads scans in the account of the image's registry, a part of bootstrap/permissions.json.

It is in no template of the delivery: the registry's account need not be one of the delivery's.
"""

from typing import Any

from pipeline.settings import Delivery
from stages.names import FINDINGS_READER, FINDINGS_ROLE

_CONDITION = "RegistryAccount"


def conditions(delivery: Delivery) -> dict[str, Any]:
    """The condition that the file is deployed in the registry's account."""
    return {_CONDITION: {"Fn::Equals": [{"Ref": "AWS::AccountId"}, delivery.image.account]}}


def resources(delivery: Delivery) -> dict[str, Any]:
    """The role, which only the check behind Build can assume."""
    root, checking = (f"arn:aws:iam::{delivery.account}:{name}" for name in ("root", f"role/{FINDINGS_ROLE}"))
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": root},
        "Action": "sts:AssumeRole",
        # It need not exist yet; by name, as in toolkit.py.
        "Condition": {"ArnEquals": {"aws:PrincipalArn": [checking]}},
    }
    reads = [
        {
            "Effect": "Allow",
            # The manifest of an image for several architectures names those that are scanned; it has no layers.
            "Action": ["ecr:BatchGetImage", "ecr:DescribeImageScanFindings"],
            "Resource": delivery.image.repository_arn,
        },
        # ECR asks for these where Inspector scans, and they have no resources:
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-iam.html
        {"Effect": "Allow", "Action": ["inspector2:ListCoverage", "inspector2:ListFindings"], "Resource": "*"},
    ]
    return {
        "ImageFindings": {
            "Type": "AWS::IAM::Role",
            "Condition": _CONDITION,
            "Properties": {
                "RoleName": FINDINGS_READER,
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                "Policies": [{"PolicyName": "Read", "PolicyDocument": {"Version": "2012-10-17", "Statement": reads}}],
            },
        }
    }
