"""A session is taken, kept and forgotten, and the DR region knows it."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import Client
from tests.integration.deployed import Deployed
from tests.integration.patience import becomes

OWN = "verification-"
"""What the id of a session of ours begins with. The role reaches no others."""

REPLICATION_SECONDS = 60
"""Ordinarily a second or two."""


class Sessions:
    """The session table in one region."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def put(self, session: dict[str, Any]) -> None:
        self._client.put_item(TableName=self._table, Item=session)

    def get(self, session: dict[str, Any]) -> dict[str, Any] | None:
        """As it is now, not as it was a moment ago."""
        answer = self._client.get_item(TableName=self._table, Key=_key(session), ConsistentRead=True)
        found: dict[str, Any] | None = answer.get("Item")
        return found

    def delete(self, session: dict[str, Any]) -> None:
        self._client.delete_item(TableName=self._table, Key=_key(session))


def _key(session: dict[str, Any]) -> dict[str, Any]:
    return {"sessionId": session["sessionId"]}


@pytest.fixture
def here(client: Client, deployed: Deployed) -> Sessions:
    return Sessions(client("dynamodb"), deployed.session_table_name)


@pytest.fixture
def there(client: Client, deployed: Deployed) -> Sessions:
    return Sessions(client("dynamodb", region=deployed.dr_region), deployed.session_table_name)


@pytest.fixture
def session(here: Sessions, deployed: Deployed) -> Iterator[dict[str, Any]]:
    """A session that says what it is, and is gone afterwards: deleted, or else expired within the hour."""
    one = {
        "sessionId": {"S": f"{OWN}{uuid.uuid4()}"},
        "release": {"S": deployed.release},
        "ttl": {"N": str(int(time.time()) + 3600)},
    }
    here.put(one)
    yield one
    here.delete(one)


def test_a_session_is_written_read_and_deleted(session: dict[str, Any], here: Sessions) -> None:
    assert here.get(session) == session, "the session that was written is not the one that is read"
    here.delete(session)
    assert here.get(session) is None, "a deleted session is still there"


def test_a_session_is_replicated_to_the_dr_region(session: dict[str, Any], there: Sessions, deployed: Deployed) -> None:
    assert becomes(lambda: there.get(session) == session, seconds=REPLICATION_SECONDS), (
        f"a session written in {deployed.region} was not in {deployed.dr_region} after {REPLICATION_SECONDS} s: "
        "see ReplicationLatency of the table"
    )
