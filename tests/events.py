"""Events of EventBridge, and whether patterns match them."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cdk_rehearsal.emulator import Emulator

Event = dict[str, Any]


def role(name: str, account: str, *, path: str = "") -> Event:
    """The identity of a call in a role, as CloudTrail writes it in the role's own account."""
    arn = f"arn:aws:iam::{account}:role/{path}{name}"
    issuer = {"type": "Role", "arn": arn, "accountId": account, "userName": name}
    return {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::{account}:assumed-role/{name}/session",
        "accountId": account,
        "sessionContext": {"sessionIssuer": issuer},
    }


def root(account: str) -> Event:
    """The identity of a call of the root user."""
    return {"type": "Root", "arn": f"arn:aws:iam::{account}:root", "accountId": account}


def api_call(service: str, name: str, identity: Event, *, account: str, region: str, **detail: Any) -> Event:
    """The event that EventBridge receives of a call."""
    return {
        "id": "1",
        "source": f"aws.{service}",
        "detail-type": "AWS API Call via CloudTrail",
        "account": account,
        "region": region,
        "time": "2026-11-27T03:00:00Z",
        "resources": [],
        "detail": {
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "userIdentity": identity,
            "requestParameters": {},
            **detail,
        },
    }


@contextmanager
def matching(patterns: Sequence[Event], *, account: str, region: str, log: Path) -> Iterator[Callable[[Event], int]]:
    """Counts the patterns that match an event, by EventBridge's own operation."""
    with Emulator.start(log=log) as running:
        client = running.client("events", account=account, region=region)
        yield lambda event: sum(
            client.test_event_pattern(EventPattern=json.dumps(each), Event=json.dumps(event))["Result"]
            for each in patterns
        )
