"""What a backup is: a compressed tar of two members, what it says of itself and the database."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FORMAT = 1
MANIFEST = "manifest.json"
# By the engine's name in Django.
DATABASES = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}

_KINDS: dict[str, type] = {
    "evoweb": str,
    "engine": str,
    "made_at": str,
    "migrations": list,
    "rows": dict,
    "size": int,
    "sha256": str,
}
_LARGEST_MANIFEST = 1_000_000
_CHUNK = 1024 * 1024


class BadArchive(Exception):
    """A file that is no whole backup. The message says so to people, the file's name first."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `made_at` is in UTC, as ISO 8601 writes it."""

    evoweb: str
    engine: str
    made_at: str
    migrations: tuple[str, ...]
    rows: dict[str, int]
    size: int
    sha256: str

    @property
    def summary(self) -> str:
        return ", ".join(f"{name}: {count:,}" for name, count in self.rows.items())

    def to_json(self) -> bytes:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Manifest:
        """Raises ValueError for what was not written by `to_json`."""
        data = json.loads(text)
        if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
            raise ValueError("another format")
        kinds = {name: type(value) for name, value in data.items()}
        if kinds != _KINDS or data["engine"] not in DATABASES:
            raise ValueError("not what a manifest says")
        return cls(**{**data, "migrations": tuple(data["migrations"])})


def write(path: Path, manifest: Manifest, database: Path) -> None:
    """Write a new file, readable by this user alone, and onto the disk."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            text = manifest.to_json()
            archive.addfile(_member(MANIFEST, len(text)), io.BytesIO(text))
            with database.open("rb") as content:
                archive.addfile(_member(DATABASES[manifest.engine], manifest.size), content)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, *, database: Path) -> Manifest:
    """Check a backup to its last byte, with its database put into a new file. Raises BadArchive.

    No name in it says where anything is written, and anything but the two members is refused.
    """
    with _understood(path), gzip.open(path) as stream:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            manifest = Manifest.from_json(_next(archive, MANIFEST).read(_LARGEST_MANIFEST))
            content = _next(archive, DATABASES[manifest.engine])
            with database.open("xb") as file:
                shutil.copyfileobj(content, file, _CHUNK)
            if archive.next() is not None:
                raise ValueError("more than belongs in it")
        while stream.read(_CHUNK):
            """To the end, where the checksum of the whole is."""
        if digest(database) != (manifest.size, manifest.sha256):
            raise ValueError("not the database that it speaks of")
    return manifest


def digest(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


def _next(archive: tarfile.TarFile, name: str) -> Any:
    member = archive.next()
    if member is None or member.name != name or not member.isreg():
        raise ValueError(f"{name} is not where it belongs")
    return archive.extractfile(member)


@contextmanager
def _understood(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise BadArchive(f"{path} is not there.") from None
    except (EOFError, zlib.error, tarfile.TarError, gzip.BadGzipFile, ValueError, TypeError) as why:
        raise BadArchive(
            f"{path} is no whole backup of this kind of evoweb ({why}). Take another one."
        ) from why
    except OSError as problem:
        raise BadArchive(f"{path} cannot be read ({problem.strerror}).") from problem
