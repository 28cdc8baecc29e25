"""Artifacts between actions: zips in the pipeline's own buckets, so buckets and keys that do not fit show here.

An action reads and writes the store of its own region; what it needs from another region is replicated first, as
CodePipeline does.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from rehearsal.emulator import Emulator
from rehearsal.errors import DeliveryError
from rehearsal.pipeline import Pipeline, Store


class Artifacts:
    """The artifacts of one execution."""

    def __init__(self, *, emulator: Emulator, account: str, pipeline: Pipeline) -> None:
        self._emulator = emulator
        self._account = account
        self._pipeline = pipeline
        self._keys: dict[str, dict[str, str]] = {}  # artifact -> region -> key

    def save(self, name: str, data: bytes, *, region: str) -> None:
        """Put an output artifact into the store of the action's region."""
        key = f"{self._pipeline.name[:20]}/{name[:10]}/{secrets.token_hex(4)}"
        store = self._store(region)
        encryption = {} if store.key is None else {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": store.key}
        self._client(region).put_object(Bucket=store.bucket, Key=key, Body=data, **encryption)
        self._keys.setdefault(name, {})[region] = key

    def load(self, name: str, *, region: str) -> bytes:
        """Get an input artifact from the store of the action's region."""
        if name not in self._keys:
            raise DeliveryError(f"No action before put out the artifact '{name}'.")
        if region not in self._keys[name]:
            origin = next(iter(self._keys[name]))
            self.save(name, self.load(name, region=origin), region=region)
        answer = self._client(region).get_object(Bucket=self._store(region).bucket, Key=self._keys[name][region])
        data: bytes = answer["Body"].read()
        return data

    def location(self, name: str, *, region: str) -> str:
        """The object's ARN, which CodeBuild tells as its source version."""
        keys: Mapping[str, str] = self._keys[name]
        return f"arn:aws:s3:::{self._store(region).bucket}/{keys[region]}"

    def _store(self, region: str) -> Store:
        if region not in self._pipeline.stores:
            raise DeliveryError(
                f"The pipeline has no artifact store in {region}, where one of its actions runs: add a bucket of that "
                "region to its cross_region_replication_buckets."
            )
        return self._pipeline.stores[region]

    def _client(self, region: str) -> Any:
        return self._emulator.client("s3", account=self._account, region=region)
