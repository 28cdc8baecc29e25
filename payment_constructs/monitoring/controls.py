"""Notification of calls that switch a security control off or loosen it (PCI DSS 10.7.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_events as events
from constructs import Construct

from payment_constructs.monitoring.alarm import AlarmTopic
from payment_constructs.monitoring.notification import API_CALL, Notification

NOTICES: Mapping[str, Sequence[str]] = {
    "events": ("DeleteRule", "DisableRule", "PutRule", "PutTargets", "RemoveTargets"),
    "monitoring": ("DeleteAlarms", "DisableAlarmActions", "PutAlarmMuteRule", "PutCompositeAlarm", "PutMetricAlarm"),
    "sns": (
        *("AddPermission", "DeleteTopic", "RemovePermission", "SetSubscriptionAttributes"),
        *("SetTopicAttributes", "Unsubscribe"),
    ),
}
"""The calls that change what notifies, by service. The watcher of the account notifies of them too, and these rules of
a change of the watcher: neither can be removed unnoticed."""

CALLS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "Data": {
        "backup": (
            *("DeleteBackupPlan", "DeleteBackupSelection", "DeleteBackupVault", "DeleteBackupVaultAccessPolicy"),
            *("DeleteBackupVaultLockConfiguration", "DeleteRecoveryPoint", "DisassociateRecoveryPoint"),
            *("PutBackupVaultAccessPolicy", "UpdateBackupPlan", "UpdateRecoveryPointLifecycle", "UpdateRegionSettings"),
        ),
        "kms": ("DisableKeyRotation",),
        # CloudTrail adds "Bucket" to the names of some calls, of the lock and the public access block; AWS does not
        # list of which.
        "s3": (
            *("DeleteBucketEncryption", "DeleteBucketLifecycle", "DeleteBucketPolicy", "DeleteBucketPublicAccessBlock"),
            *("DeleteBucketReplication", "DeletePublicAccessBlock", "PutBucketAcl", "PutBucketEncryption"),
            *("PutBucketLifecycle", "PutBucketLifecycleConfiguration", "PutBucketLogging"),
            *("PutBucketObjectLockConfiguration", "PutBucketPolicy", "PutBucketPublicAccessBlock"),
            *("PutBucketReplication", "PutBucketVersioning", "PutObjectLockConfiguration", "PutPublicAccessBlock"),
        ),
    },
    "Logs": {
        "cloudtrail": ("DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail"),
        "ec2": ("DeleteFlowLogs",),
        "elasticloadbalancing": ("ModifyLoadBalancerAttributes",),
        "logs": (
            "DeleteLogGroup",
            "DeleteLogStream",
            "DeleteRetentionPolicy",
            "DisassociateKmsKey",
            "PutRetentionPolicy",
        ),
        "rds": ("ModifyDBCluster", "ModifyDBClusterParameterGroup", "ResetDBClusterParameterGroup"),
        "wafv2": ("DeleteLoggingConfiguration", "PutLoggingConfiguration"),
    },
    "Network": {
        "ec2": ("AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules"),
        "route53resolver": (
            *("BatchCreateFirewallRule", "BatchDeleteFirewallRule", "BatchUpdateFirewallRule", "CreateFirewallRule"),
            *("DeleteFirewallRule", "DisassociateFirewallRuleGroup", "ImportFirewallDomains", "UpdateFirewallConfig"),
            *("UpdateFirewallDomains", "UpdateFirewallRule", "UpdateFirewallRuleGroupAssociation"),
        ),
        "wafv2": ("AssociateWebACL", "DeleteWebACL", "DisassociateWebACL", "UpdateWebACL"),
    },
    "Notices": NOTICES,
}
"""The calls of each rule, by service; a pattern has at most 2,048 characters:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"""


class ControlMonitoring(Construct):
    """EventBridge rules on calls that change the controls of the account and region, also those that were refused.

    Not by the roles of a delivery, whose changes the plan shows, nor by the roles of AWS services. On every resource,
    since the parameters of a call name it differently in each service, and a missed one is worse than one too many.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, topic: AlarmTopic, delivery_roles: Sequence[str]
    ) -> None:
        super().__init__(scope, construct_id)
        field = events.EventField.from_path
        by = by_others(delivery_roles, services=f"arn:aws:iam::{Stack.of(self).account}:role/aws-service-role/")
        for name, calls in CALLS.items():
            Notification(
                self,
                name,
                topic=topic,
                sources=events.Match.prefix("aws."),  # of any: AWS does not list by which name each service is one
                detail_types=[API_CALL],
                detail=detail_of(calls) | by,
                text=(
                    f"{field('$.detail.userIdentity.arn')} called {field('$.detail.eventName')} of "
                    f"{field('$.detail.eventSource')} in account {field('$.account')}, region {field('$.region')} "
                    f"(error: {field('$.detail.errorCode')}; event {field('$.detail.eventID')}). A security control "
                    "may be off: docs/operations.md#security-control-changed"
                ),
            )


def detail_of(calls: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The services and names of an event pattern."""
    return {
        "eventSource": [f"{service}.amazonaws.com" for service in calls],
        "eventName": sorted({name for names in calls.values() for name in names}),
    }


def by_others(roles: Sequence[object], *, services: object) -> dict[str, Any]:
    """The callers of an event pattern: in another role than these and those of AWS services, or in none.

    Two fields, because anything-but is documented with one prefix:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
    """
    issuer = {"userName": [{"anything-but": list(roles)}], "arn": [{"anything-but": {"prefix": services}}]}
    return {
        "userIdentity": {
            "$or": [
                {"type": [{"anything-but": ["AssumedRole", "AWSService"]}]},  # a user, or root
                {"type": ["AssumedRole"], "sessionContext": {"sessionIssuer": issuer}},
            ]
        }
    }
