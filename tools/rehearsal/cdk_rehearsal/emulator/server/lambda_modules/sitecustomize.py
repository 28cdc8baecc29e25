"""The network of emulated Lambda functions in Python, which Python imports before their code.

The endpoint of an emulated cluster leads to its PostgreSQL server on this machine, and where a function has loaded the
authority of RDS in its region, the authority of these servers is loaded too. The rest is the function's own: the name
that it verifies is that of the endpoint.
"""

import json
import os
import socket
import ssl
from pathlib import Path
from typing import Any

DATABASES = Path(os.environ["EMULATED_DATABASES"])
RDS = f"Amazon RDS {os.environ.get('AWS_REGION')} Root CA RSA2048 G1"  # of a new instance, by default
_find, _load = socket.getaddrinfo, ssl.SSLContext.load_verify_locations


def find(host: Any, port: Any, *arguments: Any, **named: Any) -> Any:
    """`socket.getaddrinfo`."""
    file = DATABASES / "addresses.json"
    addresses = json.loads(file.read_text()) if file.exists() else {}
    if local := addresses.get(f"{host}:{port}"):
        host, port = "127.0.0.1", local
    return _find(host, port, *arguments, **named)


def load(context: ssl.SSLContext, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
    """`ssl.SSLContext.load_verify_locations`."""
    _load(context, cafile, capath, cadata)
    file = DATABASES / "authority.pem"
    if file.exists() and any(RDS in str(each["subject"]) for each in context.get_ca_certs()):
        _load(context, file)


socket.getaddrinfo = find
ssl.SSLContext.load_verify_locations = load  # type: ignore[assignment,method-assign]
