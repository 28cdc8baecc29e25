"""Failing regions: the requests that they refuse, and the replication that waits for their return.

A region is first cut off, then lost. A region that is cut off answers, but replicates nothing: a failover loses exactly
what was written there since. A lost region refuses every request that is signed for it with 503, including those of
this server's own handlers. When all regions are well again, the waiting replication is delivered.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from ministack.core.router import extract_signed_region

WELL, CUT_OFF, LOST = STATES = ("well", "cut-off", "lost")
Application = Callable[..., Awaitable[None]]
Delivery = Callable[[], None]

_regions: dict[str, str] = {}
_deliveries: list[Delivery] = []


def when_restored(deliver: Delivery) -> None:
    """Register a function that delivers waiting replication; it runs each time that all regions are well again."""
    _deliveries.append(deliver)


def change(region: str, state: str) -> dict[str, str]:
    """Set the state of a region; returns the regions that are not well."""
    if state not in STATES:
        raise ValueError(f"{state}: a region is {', '.join(STATES)}")
    _regions.pop(region, None)
    if state != WELL:
        _regions[region] = state
    if not _regions:
        for deliver in _deliveries:
            deliver()
    return dict(_regions)


def lost(region: str | None) -> bool:
    """Whether the region refuses every request."""
    return _regions.get(region or "") == LOST


def cut_off(*regions: str) -> bool:
    """Whether one of the regions replicates nothing."""
    return any(region in _regions for region in regions)


async def read_request(receive: Any) -> bytes:
    """The body of a request, read to its end before it is answered.

    Hypercorn closes a connection whose answer is sent before the request is complete, without announcing it in the
    answer. A client that keeps the connection gets "Remote end closed connection without response" next.
    """
    content, more = b"", True
    while more:
        part = await receive()
        content, more = content + part.get("body", b""), part.get("more_body", False)
    return content


def refusing(*, beside: Application) -> Application:
    """The application, which refuses requests for a lost region.

    A request without a signature has no region: the server itself fetches a template by its URL that way.
    """

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if _regions and scope["type"] == "http" and lost(_region(scope)):
            await read_request(receive)
            headers = [(b"content-type", b"text/plain"), (b"x-amzn-errortype", b"ServiceUnavailable")]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        await beside(scope, receive, send)

    return application


def _region(scope: dict[str, Any]) -> str | None:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    region: str | None = extract_signed_region(headers, parse_qs(scope.get("query_string", b"").decode("latin-1")))
    return region
