"""Regions that fail: what is still reached of them, and what waits until they are back.

A region is first cut off, then lost. Cut off, it answers, and nothing written there leaves it any more: a failover that
follows has lost exactly that. Lost, it refuses every request that is signed for it with 503, whoever asks, handlers of
this server included. When it is well again, what waited arrives.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from ministack.core.router import extract_signed_region

WELL, CUT_OFF, LOST = STATES = ("well", "cut-off", "lost")
Application = Callable[..., Awaitable[None]]
Arrival = Callable[[], None]

_regions: dict[str, str] = {}
_arrivals: list[Arrival] = []


def arriving(arrival: Arrival) -> None:
    """Has this called each time that regions are well again: it delivers what waited."""
    _arrivals.append(arrival)


def change(region: str, state: str) -> dict[str, str]:
    """Put a region into one of the states; returns those that are not well."""
    if state not in STATES:
        raise ValueError(f"{state}: a region is {', '.join(STATES)}")
    _regions.pop(region, None)
    if state != WELL:
        _regions[region] = state
    if not _regions:
        for arrival in _arrivals:
            arrival()
    return dict(_regions)


def lost(region: str | None) -> bool:
    """Whether nothing of the region answers."""
    return _regions.get(region or "") == LOST


def cut_off(*regions: str) -> bool:
    """Whether one of the regions exchanges nothing with the others."""
    return any(region in _regions for region in regions)


async def read_request(receive: Any) -> None:
    """Read a request to its end before it is answered.

    Hypercorn closes a connection whose answer is sent before the request is complete, without announcing it in the
    answer. A client that keeps the connection gets "Remote end closed connection without response" next.
    """
    while (await receive()).get("more_body", False):
        pass


def refusing(*, beside: Application) -> Application:
    """The application `beside`, unless the request is for a region that is lost.

    A request without a signature is for none: such requests are the server's own reading of a template by its address.
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
