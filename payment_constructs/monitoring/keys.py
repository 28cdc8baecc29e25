"""Notification of calls that destroy encryption keys."""

from typing import Any

from aws_cdk import aws_events as events
from constructs import Construct

from payment_constructs.keys import DESTRUCTION
from payment_constructs.monitoring.alarm import AlarmTopic
from payment_constructs.monitoring.notification import API_CALL, Notification


class KeyMonitoring(Construct):
    """EventBridge rule on the calls that destroy any key of the account and region, also those that KMS refused.

    A key policy that a delivery changes sends no notification, since the plan shows it.
    """

    def __init__(self, scope: Construct, construct_id: str, *, topic: AlarmTopic, deployment_role_arn: str) -> None:
        super().__init__(scope, construct_id)
        field = events.EventField.from_path
        names = [action.removeprefix("kms:") for action in DESTRUCTION]
        Notification(
            self,
            "Destruction",
            topic=topic,
            sources=["aws.kms"],
            detail_types=[API_CALL],
            detail={
                "eventSource": ["kms.amazonaws.com"],
                "$or": [
                    {"eventName": [name for name in names if name != "PutKeyPolicy"]},
                    {"eventName": ["PutKeyPolicy"], **_issuer([{"anything-but": [deployment_role_arn]}])},
                    {"eventName": ["PutKeyPolicy"], **_issuer([{"exists": False}])},  # a user, or root
                ],
            },
            text=(
                f"{field('$.detail.userIdentity.arn')} called {field('$.detail.eventName')} on the key "
                f"{field('$.detail.requestParameters.keyId')} (error: {field('$.detail.errorCode')}). What the "
                "key encrypts is lost with it: docs/operations.md#key-disabled"
            ),
        )


def _issuer(arn: list[Any]) -> dict[str, Any]:
    return {"userIdentity": {"sessionContext": {"sessionIssuer": {"arn": arn}}}}
