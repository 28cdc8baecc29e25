"""The roles in which guard and plan read the stacks of an environment, a part of bootstrap/permissions.json.

They are in no template of the delivery: the pipeline updates itself before any approval.
"""

from typing import Any

from aws_cdk import DefaultStackSynthesizer

from pipeline.settings import Delivery
from stages.environment import Environment
from stages.names import GUARD_ROLE, plan_role_name, planner_name


def conditions(delivery: Delivery) -> dict[str, Any]:
    """A condition for each environment: the file is deployed in every account."""
    return {
        f"{each.name}Account": {"Fn::Equals": [{"Ref": "AWS::AccountId"}, each.account]}
        for each in delivery.environments
    }


def resources(delivery: Delivery) -> dict[str, Any]:
    """The role of each environment, which only the guard and the plan of that environment can assume."""
    return {
        f"Plan{environment.name}": {
            "Type": "AWS::IAM::Role",
            "Condition": f"{environment.name}Account",
            "Properties": {
                "RoleName": plan_role_name(environment),
                "AssumeRolePolicyDocument": _document([_trust(environment, tooling=delivery.account)]),
                "Policies": [{"PolicyName": "Read", "PolicyDocument": _document(_reads(environment))}],
            },
        }
        for environment in delivery.environments
    }


def _trust(environment: Environment, *, tooling: str) -> dict[str, Any]:
    names = (GUARD_ROLE, planner_name(environment))
    return {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{tooling}:root"},
        "Action": "sts:AssumeRole",
        # They need not exist yet; by name, as in toolkit.py.
        "Condition": {"ArnEquals": {"aws:PrincipalArn": [f"arn:aws:iam::{tooling}:role/{name}" for name in names]}},
    }


def _reads(environment: Environment) -> list[dict[str, Any]]:
    """The calls of guard and plan: no data, and no logs."""
    assets = f"arn:aws:s3:::cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-assets-{environment.account}-*"
    return [
        {
            "Effect": "Allow",
            "Action": [f"cloudformation:{call}" for call in ("DescribeChangeSet", "DescribeStacks", "GetTemplate")],
            "Resource": f"arn:aws:cloudformation:*:{environment.account}:stack/{environment.name}-*/*",
        },
        # The content of assets, which is code of the repository, and how often each was uploaded.
        {"Effect": "Allow", "Action": "s3:ListBucketVersions", "Resource": assets},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{assets}/*"},
        {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": f"arn:aws:kms:*:{environment.account}:key/*",
            # For S3 only, and so for the objects above only.
            "Condition": {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}},
        },
        # The alarm of the deployment. With any other resource CloudWatch returns no composite alarms:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
        {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"},
    ]


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}
