"""The pages of the server that are about the emulator itself: what it covers, and what it only recorded.

GET /_rehearsal/coverage and GET /_rehearsal/recorded, as JSON; and POST /_rehearsal/advisories, the answer of OSV about
a package of which no vulnerability is known. They stand in front of ministack's application, so
that no routing of its own has to be touched.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from rehearsal.emulator.server import coverage, recorded

Application = Callable[..., Awaitable[None]]


def serve(*, beside: Application, native: frozenset[str]) -> Application:
    """The application `beside`, with the pages in front of it."""
    pages: dict[str, Callable[[], Any]] = {
        "/_rehearsal/coverage": lambda: coverage.report(native=native),
        "/_rehearsal/recorded": recorded.listing,
        "/_rehearsal/advisories": lambda: {"vulns": []},
    }

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        page = pages.get(scope.get("path", "")) if scope["type"] == "http" else None
        if page is None:
            await beside(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(page()).encode()})

    return application
