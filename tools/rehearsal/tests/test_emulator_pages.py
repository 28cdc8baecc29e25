"""The emulator's own pages, and requests that arrive in parts as they do under load."""

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from cdk_rehearsal.emulator import Emulator

QUERY = json.dumps({"package": {"name": "example", "ecosystem": "PyPI"}, "version": "1"}).encode()
LOST = "eu-north-1"
SIGNED = f"AWS4-HMAC-SHA256 Credential=222222222222/20260101/{LOST}/dynamodb/aws4_request"


@pytest.fixture
def connection(emulator: Emulator) -> Iterator[HTTPConnection]:
    """One connection, which a client keeps for its next request."""
    opened = HTTPConnection(emulator.endpoint.removeprefix("http://"), timeout=10)
    yield opened
    opened.close()


def post_slowly(connection: HTTPConnection, path: str, **headers: str) -> tuple[int, bytes]:
    """A request whose body arrives after its headers."""
    connection.putrequest("POST", path)
    for name, value in {"Content-Length": str(len(QUERY)), **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    time.sleep(0.2)
    connection.send(QUERY)
    with connection.getresponse() as response:
        return response.status, response.read()


def test_a_connection_to_the_osv_stub_serves_several_requests(connection: HTTPConnection) -> None:
    for _ in range(3):
        status, answer = post_slowly(connection, "/_rehearsal/advisories")
        assert (status, json.loads(answer)) == (200, {"vulns": []})


def test_a_connection_to_a_lost_region_serves_several_refusals(emulator: Emulator, connection: HTTPConnection) -> None:
    emulator.fail(LOST, state="lost")
    try:
        assert [post_slowly(connection, "/", Authorization=SIGNED)[0] for _ in range(3)] == [503, 503, 503]
    finally:
        emulator.fail(LOST, state="well")
