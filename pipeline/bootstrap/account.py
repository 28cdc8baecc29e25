"""Prepares an account for the platform: service-linked roles, and AWS Backup's settings in each of the given regions.

`python pipeline/bootstrap/account.py REGION...`, with the account's credentials. It can be repeated. It fails where no
CloudTrail trail logs the calls that notifications are about.
"""

import sys
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError

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


def unwatched(regions: list[str]) -> list[str]:
    """The regions in which no trail logs every management event: EventBridge gets no event of a call there."""
    return [region for region in regions if not _is_watched(boto3.client("cloudtrail", region_name=region))]


def _is_watched(cloudtrail: Any) -> bool:
    return any(_is_complete(cloudtrail, trail) for trail in cloudtrail.describe_trails()["trailList"])


def _is_complete(cloudtrail: Any, trail: Mapping[str, Any]) -> bool:
    """Whether a trail is on and logs management events, reads too: AssumeRole is one."""
    arn = trail["TrailARN"]
    if not cloudtrail.get_trail_status(Name=arn)["IsLogging"]:
        return False
    if not trail.get("HasCustomEventSelectors"):
        return True
    try:
        selectors = cloudtrail.get_event_selectors(TrailName=arn)
    except ClientError as error:  # perhaps that of an organization, whose management account configures it
        print(f"{arn}: make sure that it logs all management events. {error}")
        return True
    basic, advanced = (selectors.get(kind, []) for kind in ("EventSelectors", "AdvancedEventSelectors"))
    return any(each.get("IncludeManagementEvents") and each.get("ReadWriteType") == "All" for each in basic) or any(
        {"Field": "eventCategory", "Equals": ["Management"]} in each["FieldSelectors"]
        and all(field["Field"] != "readOnly" for field in each["FieldSelectors"])
        for each in advanced
    )


if __name__ == "__main__":
    prepare(sys.argv[1:])
    if blind := unwatched(sys.argv[1:]):
        sys.exit(
            f"No CloudTrail trail of this account logs all management events, read and write, in {', '.join(blind)}: "
            "calls that lead past a gate would send no notification. Create one, and repeat this command."
        )
