"""Artifacts between actions: zips in the pipeline's own buckets, so wrong buckets and keys fail here as on AWS.

An action reads and writes the store of its own region; what it needs from another region is replicated first, as
CodePipeline does.
"""

import io
import secrets
import shutil
import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.pipeline import Pipeline, Store

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest date a zip can hold: the same content gives the same bytes


def pack(entries: Iterable[tuple[str, int, bytes]]) -> bytes:
    """A zip of (name, mode, content); the content of a link is its target."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, mode, content in entries:
            info = zipfile.ZipInfo(name, date_time=_EPOCH)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return buffer.getvalue()


def entry(name: str, path: Path) -> tuple[str, int, bytes]:
    """A file of the disk as `pack` takes it."""
    mode = path.lstat().st_mode
    content = str(path.readlink()).encode() if stat.S_ISLNK(mode) else path.read_bytes()
    return name, mode, content


def unpack(data: bytes, directory: Path) -> None:
    """Lay the zip out below the directory, modes and links included."""
    directory.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            if stat.S_ISLNK(mode):
                link = directory / info.filename
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(archive.read(info).decode())
            else:
                written = Path(archive.extract(info, directory))
                if mode and not info.is_dir():
                    written.chmod(stat.S_IMODE(mode))


def without_modes(data: bytes) -> bytes:
    """The zip with its links and without file modes, which CodePipeline may not keep in a source artifact.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/troubleshooting.html
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [(info, info.external_attr >> 16) for info in archive.infolist() if not info.is_dir()]
        return pack((info.filename, mode if stat.S_ISLNK(mode) else 0, archive.read(info)) for info, mode in entries)


def read(data: bytes, name: str) -> bytes:
    """One file of the zip; KeyError when it is not there."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)


def restore(*, checkout: Path, tree: Path, patterns: Iterable[str], key: Iterable[str]) -> list[str]:
    """Link the cached directories of the checkout into the tree where the key files are the same; returns those."""
    if not _same(checkout, tree, key=key):
        return []
    restored = []
    for directory in dict.fromkeys(map(_directory, patterns)):
        cached, wanted = checkout / directory, tree / directory
        if directory and cached.is_dir() and not wanted.exists():
            wanted.parent.mkdir(parents=True, exist_ok=True)
            wanted.symlink_to(cached, target_is_directory=True)
            restored.append(directory)
    return restored


def keep(*, checkout: Path, tree: Path, patterns: Iterable[str], key: Iterable[str]) -> None:
    """Move cached directories that the build made into the checkout, unless it has them."""
    if not _same(checkout, tree, key=key):
        return
    for directory in dict.fromkeys(map(_directory, patterns)):
        made, kept = tree / directory, checkout / directory
        if directory and made.is_dir() and not made.is_symlink() and not kept.exists():
            shutil.move(made, kept)


def _same(checkout: Path, tree: Path, *, key: Iterable[str]) -> bool:
    """Whether the key files are the same; without any there is no cache, and the checkout stays as it is."""
    files = tuple(key)
    return bool(files) and all(_content(checkout / name) == _content(tree / name) for name in files)


def _directory(pattern: str) -> str:
    """The part of the pattern before its first wildcard; nothing for a path outside the sources."""
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts:
        return ""
    fixed: list[str] = []
    for part in path.parts:
        if any(character in part for character in "*?["):
            break
        fixed.append(part)
    return "/".join(fixed)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


class Artifacts:
    """The artifacts of one execution."""

    def __init__(self, *, emulator: Emulator, account: str, key: str = "", pipeline: Pipeline) -> None:
        self._emulator = emulator
        self._account = account
        self._key = key  # the access key of the pipeline's role, which copies to other regions
        self._pipeline = pipeline
        self._keys: dict[str, dict[str, str]] = {}  # artifact -> region -> key

    def save(self, name: str, data: bytes, *, region: str, key: str = "") -> None:
        """Put an output artifact into the store of the action's region, by default with the pipeline's role."""
        stored = f"{self._pipeline.name[:20]}/{name[:10]}/{secrets.token_hex(4)}"
        store = self._store(region)
        encryption = {} if store.key is None else {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": store.key}
        self._client(region).put_object(Bucket=store.bucket, Key=stored, Body=data, **encryption)
        self._keys.setdefault(name, {})[region] = stored
        self._record("s3:PutObject", name, region=region, key=key)

    def load(self, name: str, *, region: str, key: str = "") -> bytes:
        """Get an input artifact from the store of the action's region, by default with the pipeline's role."""
        if name not in self._keys:
            raise DeliveryError(f"No earlier action has the output artifact '{name}'.")
        if region not in self._keys[name]:
            origin = next(iter(self._keys[name]))
            self.save(name, self.load(name, region=origin), region=region)
        self._record("s3:GetObject", name, region=region, key=key)
        answer = self._client(region).get_object(Bucket=self._store(region).bucket, Key=self._keys[name][region])
        data: bytes = answer["Body"].read()
        return data

    def location(self, name: str, *, region: str) -> str:
        """The object's ARN, which CodeBuild gives as its source version."""
        return f"arn:aws:s3:::{'/'.join(self.stored(name, region=region))}"

    def stored(self, name: str, *, region: str) -> tuple[str, str]:
        """The bucket and the key of a loaded artifact."""
        return self._store(region).bucket, self._keys[name][region]

    def _store(self, region: str) -> Store:
        if region not in self._pipeline.stores:
            raise DeliveryError(
                f"The pipeline has no artifact store in {region}, where one of its actions runs: add a bucket of that "
                "region to its cross_region_replication_buckets."
            )
        return self._pipeline.stores[region]

    def _record(self, action: str, name: str, *, region: str, key: str) -> None:
        """The emulator refuses roles of other accounts: the transfer itself is that of the pipeline's account."""
        self._emulator.record(
            key or self._key, action=action, resource=self.location(name, region=region), region=region
        )

    def _client(self, region: str) -> Any:
        return self._emulator.client("s3", account=self._account, region=region)
