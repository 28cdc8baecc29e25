"""A developer's own environment: Dev's record under another name, in Dev's account, outside the pipeline."""

import hashlib
import re
from dataclasses import replace
from ipaddress import IPv4Network

from stages.environment import Environment
from stages.settings_error import SettingsError

NAME = re.compile(r"[a-z][a-z0-9]{0,6}")
"""As long as a bucket's name leaves room for it: 63 characters, the account and the region among them."""

NETWORKS, DR_NETWORKS = IPv4Network("10.64.0.0/11"), IPv4Network("10.96.0.0/11")
"""Kept free of the environments of the delivery, which a test holds."""

_PREFIX = 20


def sandbox(name: object, *, dev: Environment) -> Environment:
    """The record of a sandbox.

    Two sandboxes are never connected, so that equal networks of two of them, one case in 512, would harm nobody.

    Args:
        name: The developer's or the ticket's, such as ``alice``.
        dev: What it is like.

    Raises:
        SettingsError: When the name is none that resources can carry.
    """
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        raise SettingsError(
            [f"sandbox is {name!r}: give 1 to 7 small letters and digits, a letter first, as in -c sandbox=alice."]
        )
    place = int(hashlib.sha256(name.encode()).hexdigest(), 16)
    return replace(
        dev,
        name=f"Sandbox-{name}",
        vpc_cidr=_network(NETWORKS, place),
        dr_vpc_cidr=_network(DR_NETWORKS, place),
        peers_with=None,
    )


def _network(among: IPv4Network, place: int) -> str:
    size = 2 ** (among.max_prefixlen - _PREFIX)
    networks = among.num_addresses // size
    return f"{among.network_address + place % networks * size}/{_PREFIX}"
