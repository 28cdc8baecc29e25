"""The pages of the server that are about the emulator itself: what it covers, what it only recorded, what has failed.

GET /_rehearsal/coverage and GET /_rehearsal/recorded, as JSON; POST /_rehearsal/advisories, the answer of OSV about a
package of which no vulnerability is known; PUT /_rehearsal/regions/REGION/STATE, see `outage`. They stand in front of
ministack's application, so that no routing of its own has to be touched.
"""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from rehearsal.emulator.server import coverage, outage, recorded

REGIONS = "/_rehearsal/regions/"
Application = Callable[..., Awaitable[None]]


def serve(*, beside: Application, native: frozenset[str]) -> Application:
    """The application `beside`, with the pages in front of it."""
    pages: dict[str, Callable[[], Any]] = {
        "/_rehearsal/coverage": lambda: coverage.report(native=native),
        "/_rehearsal/recorded": recorded.listing,
        "/_rehearsal/advisories": lambda: {"vulns": []},
    }

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path", "") if scope["type"] == "http" else ""
        page = pages.get(path)
        if path.startswith(REGIONS) and scope["method"] == "PUT":
            page = partial(outage.change, *path.removeprefix(REGIONS).split("/"))
        if page is None:
            await beside(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(page()).encode()})

    return application
