"""Every resource type and service that this project adds to the emulator, by the module that adds it."""

from typing import Any, NamedTuple

from rehearsal.emulator.server import (
    backups,
    codepipeline,
    databases,
    firewall,
    identity,
    keys,
    messaging,
    monitoring,
    network,
    network_acls,
    parts,
    recorded,
    recovery_points,
    secret_values,
    security_groups,
    storage,
    table_settings,
    tables,
    trails,
)
from rehearsal.emulator.server.bridge import Completion, Handlers, ResourceType

BRIDGED: dict[str, ResourceType] = {
    **network.RESOURCE_TYPES,
    **network_acls.RESOURCE_TYPES,
    **security_groups.RESOURCE_TYPES,
    **tables.RESOURCE_TYPES,
    **monitoring.RESOURCE_TYPES,
    **firewall.RESOURCE_TYPES,
    **backups.RESOURCE_TYPES,
    **keys.RESOURCE_TYPES,
    **secret_values.RESOURCE_TYPES,
    **databases.RESOURCE_TYPES,
    **trails.RESOURCE_TYPES,
}
COMPLETED: dict[str, Completion] = {
    **databases.COMPLETIONS,
    **identity.COMPLETIONS,
    **messaging.COMPLETIONS,
    **network.COMPLETIONS,
    **recovery_points.COMPLETIONS,
    **storage.COMPLETIONS,
    **table_settings.COMPLETIONS,
}


class Service(NamedTuple):
    """A whole service: how its requests are recognised, and what answers them."""

    target: str
    handle_request: Any


SERVICES = {"codepipeline": Service("CodePipeline_20150709", codepipeline.handle_request)}


def handlers(*, native: dict[str, Handlers]) -> dict[str, Handlers]:
    """The handlers of all these types; a type that the emulator has too is completed, or replaced on purpose."""
    whole = {
        **{name: resource_type.handlers() for name, resource_type in BRIDGED.items()},
        **{name: completion.handlers(native[name]) for name, completion in COMPLETED.items()},
        **{name: recorded.resource_type(name).handlers() for name in recorded.TYPES},
        **monitoring.alarm_handlers(native=native),
        **secret_values.secret_handlers(native=native),
        **codepipeline.RESOURCE_TYPES,
    }
    return whole | {name: parts.keeper(name).handlers(whole.get(name) or native[name]) for name in parts.DROPPED}
