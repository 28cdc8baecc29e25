"""What the emulator leaves out when it describes an Aurora cluster: its key, and that one member alone writes.

Neither can be set through the API of RDS, so this reaches into the emulator's own records.
"""

from collections.abc import MutableMapping
from typing import Any

from rehearsal.emulator.server.bridge import Attributes, Completion, Handlers, Properties

CLUSTER, INSTANCE = "AWS::RDS::DBCluster", "AWS::RDS::DBInstance"
Clusters = MutableMapping[str, dict[str, Any]]


def complete(*, handlers: dict[str, Handlers], clusters: Clusters) -> None:
    """Complete the handlers of both types, for the clusters that the emulator knows."""

    def encrypt(cluster: str, _old: Properties, new: Properties) -> Attributes:
        clusters[cluster]["KmsKeyId"] = new.get("KmsKeyId", "")
        return {}

    def join(_instance: str, _old: Properties, new: Properties) -> Attributes:
        return _leave_one_writer(new)

    def leave(_instance: str, properties: Properties) -> None:
        _leave_one_writer(properties)

    def _leave_one_writer(properties: Properties) -> Attributes:
        members = clusters.get(properties.get("DBClusterIdentifier", ""), {}).get("DBClusterMembers", [])
        writer = next((one for one in members if one["IsClusterWriter"]), members[0] if members else None)
        for member in members:
            member["IsClusterWriter"] = member is writer
        return {}

    completions = {CLUSTER: Completion(apply=encrypt), INSTANCE: Completion(apply=join, after_delete=leave)}
    for name, completion in completions.items():
        handlers[name] = completion.handlers(handlers[name])
