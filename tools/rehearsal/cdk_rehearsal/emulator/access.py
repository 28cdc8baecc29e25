"""Clients and environment variables for the emulated accounts, which never reach AWS.

The emulator takes the account from the access key id, so an account number is the only credential. Endpoint,
credentials and configuration are always explicit: the developer's AWS profile is never read, and a call that misses
the emulator fails instead of reaching a real account.
"""

import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

# The emulator checks no signature, but the SDKs need a secret.
SECRET = "rehearsal"  # noqa: S105  # pragma: allowlist secret
_NO_CONFIGURATION = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 1},
    connect_timeout=5,
    read_timeout=120,
    proxies={},
    s3={"addressing_style": "path"},
    parameter_validation=True,
)
_client_lock = threading.Lock()  # creating clients is not thread-safe, using them is


@cache
def _session() -> Any:
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=_NO_CONFIGURATION))


def client(service: str, *, endpoint: str, account: str, region: str) -> Any:
    """A boto3 client of an emulated account, without retries: an error of the emulator must show."""
    make: Callable[..., Any] = _session().client
    with _client_lock:
        return make(
            service,
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key=SECRET,
            config=_CONFIG,
        )


def clean_environment() -> dict[str, str]:
    """This process's environment without variables that configure AWS or the CDK.

    The CDK CLI turns every CDK_ variable into an option, and AWS_PROFILE would override the emulator's credentials.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}


def environment(*, endpoint: str, account: str, region: str) -> dict[str, str]:
    """The environment of a child process (CDK CLI, AWS CLI, tests) that works in an emulated account."""
    kept = clean_environment()
    direct = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1"]))
    return kept | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": direct,
        "no_proxy": direct,
    }
