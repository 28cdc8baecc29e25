"""The pages under /_rehearsal/: coverage, recorded resources and calls, databases, failing regions, findings, OSV."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cdk_rehearsal.emulator.server import calls, coverage, ecr, outage, recorded
from cdk_rehearsal.emulator.server.outage import Application
from cdk_rehearsal.emulator.server.postgresql import Servers

REGIONS = "/_rehearsal/regions/"
CALLS = "/_rehearsal/calls"
FINDINGS = "/_rehearsal/findings"


def serve(
    *, beside: Application, emulated: Mapping[str, str], databases: Servers, sessions: calls.Sessions
) -> Application:
    """The application, with these pages in front; `emulated` are the types with their notes."""
    pages: dict[str, Callable[[], Any]] = {
        "/_rehearsal/coverage": lambda: coverage.report(emulated, no_database=databases.missing),
        "/_rehearsal/recorded": recorded.listing,
        "/_rehearsal/databases": databases.page,
        CALLS: calls.listing,
        FINDINGS: ecr.planted,
        # OSV stub: the API of https://api.osv.dev/v1/query, which knows no vulnerability.
        "/_rehearsal/advisories": lambda: {"vulns": []},
    }

    changes: dict[str, Callable[..., Any]] = {CALLS: sessions.add, FINDINGS: ecr.plant}

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path", "") if scope["type"] == "http" else ""
        page = pages.get(path)
        if path.startswith(REGIONS) and scope["method"] == "PUT":
            page = partial(outage.change, *path.removeprefix(REGIONS).split("/"))
        if page is None:
            await beside(scope, receive, send)
            return
        content = await outage.read_request(receive)
        if path in changes and content:
            page = partial(changes[path], **json.loads(content))
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(page()).encode()})

    return application
