"""Replication between regions as it is on AWS: it waits for a region that fails, and hands the lock of an object on.

The emulator replicates at once, whatever becomes of a region, and leaves a replica without its source's retention.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope

from rehearsal.emulator.server import outage

Replicate = Callable[..., None]


def items(replicate: Replicate, *, tables: Any) -> Replicate:
    """DynamoDB's replication of one write. While regions are apart the last write to an item wins, as on AWS.

    Of a table with more than two regions, none gets a write before all are well.
    """
    waiting: dict[tuple[str, str, str], tuple[str, str, Any, Any]] = {}

    def write(table: Any, event_name: str, old_item: Any, new_item: Any) -> None:
        if not outage.cut_off(*table.get("_global_regions", [])):
            replicate(table, event_name, old_item, new_item)
            return
        written = new_item if new_item is not None else old_item
        key = repr([written.get(name) for name in (table["pk_name"], table["sk_name"]) if name])
        waiting[get_account_id(), table["TableName"], key] = (get_region(), event_name, old_item, deepcopy(new_item))

    def arrive() -> None:
        for (account, name, _), (region, *change) in waiting.items():
            with request_scope(account, region):
                if table := tables.get(name):
                    replicate(table, *change)
        waiting.clear()

    outage.arriving(arrive)
    return write


class Objects:
    """S3's replication of objects and of delete markers.

    Args:
        s3: The emulator's service.
    """

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self._replicate, self._replicate_marker = s3._maybe_replicate, s3._maybe_replicate_delete_marker
        self._apply_lock = s3._apply_object_lock_from_headers
        self._waiting: list[tuple[str, str, Replicate, tuple[Any, ...]]] = []
        outage.arriving(self._arrive)

    def install(self) -> None:
        """Take the place of the emulator's own functions."""
        self._s3._maybe_replicate, self._s3._maybe_replicate_delete_marker = self.replicate, self.replicate_marker
        self._s3._apply_object_lock_from_headers = self.apply_lock

    def replicate(self, bucket_name: str, key: str, obj: Any, data: Any, tags: Any = None) -> None:
        """An object that was written; the version is cut, and its lock set, after this."""
        if self._cut_off(bucket_name):
            obj["replication_status"] = "PENDING"
            self._wait(self._replicate, bucket_name, key, obj, data, tags)
        else:
            self._replicate(bucket_name, key, obj, data, tags)

    def replicate_marker(self, bucket_name: str, key: str) -> None:
        """An object that was deleted, with its versions kept."""
        if self._cut_off(bucket_name):
            self._wait(self._replicate_marker, bucket_name, key)
        else:
            self._replicate_marker(bucket_name, key)

    def apply_lock(self, bucket_name: str, key: str, headers: Any, version_id: Any) -> None:
        """The lock of an object that was written, and of its replica."""
        self._apply_lock(bucket_name, key, headers, version_id)
        self._hand_on_lock(bucket_name, key, self._s3._buckets[bucket_name]["objects"][key])

    def _hand_on_lock(self, bucket: str, key: str, record: Any) -> None:
        if "_replica" not in record:
            return
        replica_bucket, replica_version, account = record["_replica"]
        retention = self._s3._object_retention.get((bucket, key, record.get("version_id")))
        if retention and self._s3._bucket_object_lock.get(replica_bucket):
            with request_scope(account, get_region()):
                self._s3._object_retention[replica_bucket, key, replica_version] = deepcopy(retention)

    def _cut_off(self, bucket: str) -> bool:
        rules = (self._s3._bucket_replication.get(bucket) or {}).get("Rules", [])
        names = [bucket, *(rule["Destination"]["Bucket"].rpartition(":")[2] for rule in rules)]
        return bool(rules) and outage.cut_off(*filter(None, map(self._s3.bucket_region, names)))

    def _wait(self, replicate: Replicate, *arguments: Any) -> None:
        self._waiting.append((get_account_id(), get_region(), replicate, arguments))

    def _arrive(self) -> None:
        waiting, self._waiting = self._waiting, []
        for account, region, replicate, (bucket, key, *rest) in waiting:
            with request_scope(account, region):
                replicate(bucket, key, *rest)
                if rest:
                    self._hand_on_lock(bucket, key, rest[0])
