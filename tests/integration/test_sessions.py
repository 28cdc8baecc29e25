"""The session table: a session is written, read, deleted and replicated to the DR region."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import Client
from tests.integration.deployed import Deployed
from tests.integration.polling import becomes_true

OWN = "verification-"
"""Prefix of the session ids of these tests; the verification role allows no others."""

REPLICATION_SECONDS = 60
"""Upper limit; replication usually takes one or two seconds."""


class Sessions:
    """The session table in one region."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def put(self, session: dict[str, Any]) -> None:
        self._client.put_item(TableName=self._table, Item=session)

    def get(self, session: dict[str, Any]) -> dict[str, Any] | None:
        """The session by a strongly consistent read."""
        answer = self._client.get_item(TableName=self._table, Key=_key(session), ConsistentRead=True)
        found: dict[str, Any] | None = answer.get("Item")
        return found

    def delete(self, session: dict[str, Any]) -> None:
        self._client.delete_item(TableName=self._table, Key=_key(session))


def _key(session: dict[str, Any]) -> dict[str, Any]:
    return {"sessionId": session["sessionId"]}


@pytest.fixture
def primary_table(client: Client, deployed: Deployed) -> Sessions:
    return Sessions(client("dynamodb"), deployed.session_table_name)


@pytest.fixture
def dr_table(client: Client, deployed: Deployed) -> Sessions:
    return Sessions(client("dynamodb", region=deployed.dr_region), deployed.session_table_name)


@pytest.fixture
def session(primary_table: Sessions, deployed: Deployed) -> Iterator[dict[str, Any]]:
    """A written session; the test deletes it, and otherwise it expires within an hour."""
    one = {
        "sessionId": {"S": f"{OWN}{uuid.uuid4()}"},
        "release": {"S": deployed.release},
        "ttl": {"N": str(int(time.time()) + 3600)},
    }
    primary_table.put(one)
    yield one
    primary_table.delete(one)


def test_a_session_is_written_read_and_deleted(session: dict[str, Any], primary_table: Sessions) -> None:
    assert primary_table.get(session) == session, "the session that is read differs from the written one"
    primary_table.delete(session)
    assert primary_table.get(session) is None, "the deleted session still exists"


def test_a_session_is_replicated_to_the_dr_region(
    session: dict[str, Any], dr_table: Sessions, deployed: Deployed
) -> None:
    assert becomes_true(lambda: dr_table.get(session) == session, seconds=REPLICATION_SECONDS), (
        f"a session written in {deployed.region} is not in {deployed.dr_region} after {REPLICATION_SECONDS} s: "
        "see docs/operations.md#sessions-replication"
    )
