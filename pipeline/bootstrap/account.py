"""Prepares an account for the platform: service-linked roles, and AWS Backup's settings in each of the given regions.

`python pipeline/bootstrap/account.py REGION...`, with the account's credentials. It can be repeated.
"""

import sys

import boto3

SERVICES = (
    "backup.amazonaws.com",
    "ecs.amazonaws.com",
    "ecs.application-autoscaling.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "rds.amazonaws.com",
    "replication.dynamodb.amazonaws.com",
    "wafv2.amazonaws.com",
)
"""Services that act through a role of their own. Each creates its role at its first use and assumes it at once, before
IAM knows it everywhere; ECS then refuses the cluster: https://github.com/aws/containers-roadmap/issues/2614
"""

OPT_IN = {"Aurora": True, "DynamoDB": True}
MANAGEMENT = {"DynamoDB": True}
"""What AWS Backup backs up, and where it has its advanced features: without them, no backup of a table is copied to
another region: https://docs.aws.amazon.com/aws-backup/latest/devguide/advanced-ddb-backup.html
"""


def prepare(regions: list[str]) -> None:
    """Creates the roles that do not exist, and opts in."""
    iam = boto3.client("iam", region_name=regions[0])
    for service in SERVICES:
        try:
            iam.create_service_linked_role(AWSServiceName=service)
        except iam.exceptions.InvalidInputException as error:
            # The role exists, or only the service itself may create it; the message says which.
            print(f"{service}: {error}")
    for region in regions:
        boto3.client("backup", region_name=region).update_region_settings(
            ResourceTypeOptInPreference=OPT_IN, ResourceTypeManagementPreference=MANAGEMENT
        )


if __name__ == "__main__":
    prepare(sys.argv[1:])
