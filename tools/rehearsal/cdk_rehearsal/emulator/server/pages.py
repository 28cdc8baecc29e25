"""The emulator's own pages under /_rehearsal/: coverage, recorded resources, databases, regions, and an OSV stub."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cdk_rehearsal.emulator.server import coverage, outage, recorded
from cdk_rehearsal.emulator.server.outage import Application
from cdk_rehearsal.emulator.server.postgresql import Servers

REGIONS = "/_rehearsal/regions/"


def serve(*, beside: Application, emulated: Mapping[str, str], databases: Servers) -> Application:
    """The application, with these pages in front; `emulated` are the types with their notes."""
    pages: dict[str, Callable[[], Any]] = {
        "/_rehearsal/coverage": lambda: coverage.report(emulated, no_database=databases.missing),
        "/_rehearsal/recorded": recorded.listing,
        "/_rehearsal/databases": databases.page,
        # OSV stub: the API of https://api.osv.dev/v1/query, which knows no vulnerability.
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
        await outage.read_request(receive)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(page()).encode()})

    return application
