"""The processing queue and its dead-letter queue."""

import json
from typing import Any

import pytest

from tests.integration.conftest import Client
from tests.integration.deployed import Deployed


@pytest.fixture(scope="module")
def queue(client: Client, deployed: Deployed) -> dict[str, str]:
    return attributes(client, deployed.queue_url)


@pytest.fixture(scope="module")
def dead_letters(client: Client, primary: dict[str, str]) -> dict[str, str]:
    return attributes(client, primary["dead_letter_queue"])


def attributes(client: Client, url: str) -> dict[str, str]:
    found: dict[str, str] = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def denies_plain_http(statement: dict[str, Any]) -> bool:
    return (
        statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        and statement["Action"] == "sqs:*"
        and statement["Principal"] in ("*", {"AWS": "*"})
    )


def test_the_queue_moves_messages_to_the_dlq_after_three_receives(
    queue: dict[str, str], dead_letters: dict[str, str]
) -> None:
    redrive = json.loads(queue["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == dead_letters["QueueArn"], "failed payments go to another queue"
    assert int(redrive["maxReceiveCount"]) == 3


def test_the_dead_letter_queue_keeps_messages_for_14_days(dead_letters: dict[str, str]) -> None:
    assert int(dead_letters["MessageRetentionPeriod"]) == 14 * 24 * 3600


@pytest.mark.parametrize("which", ["queue", "dead_letters"])
def test_each_queue_is_encrypted_with_the_queue_key(
    which: str, primary: dict[str, str], request: pytest.FixtureRequest
) -> None:
    key = request.getfixturevalue(which).get("KmsMasterKeyId")
    assert key == primary["queue_key"], f"the queue uses the key {key}: see payment_constructs/queue.py"


@pytest.mark.parametrize("which", ["queue", "dead_letters"])
def test_each_queue_refuses_plain_http(which: str, request: pytest.FixtureRequest) -> None:
    policy = json.loads(request.getfixturevalue(which)["Policy"])
    assert any(denies_plain_http(statement) for statement in policy["Statement"]), policy
