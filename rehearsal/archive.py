"""Zip files as the pipeline's artifacts are: file modes and links survive, so scripts stay executable."""

import io
import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path

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


def read(data: bytes, name: str) -> bytes:
    """One file of the zip; KeyError when it is not there."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)
