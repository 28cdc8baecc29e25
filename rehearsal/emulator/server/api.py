"""The emulator's own public API, for the handlers that run inside it."""

import os
from functools import cache
from typing import Any

from ministack.core.responses import get_account_id, get_region

from rehearsal.emulator import access
from rehearsal.emulator.server import shapes


def api(service: str, *, account: str | None = None, region: str | None = None) -> Any:
    """A client of this same server, in the account and region of the stack unless told otherwise."""
    return _client(service, account or get_account_id(), region or get_region())


@cache
def _client(service: str, account: str, region: str) -> Any:
    endpoint = f"http://{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"
    client = access.client(service, endpoint=endpoint, account=account, region=region)
    client.meta.events.register("provide-client-params", shapes.conform)
    return client
