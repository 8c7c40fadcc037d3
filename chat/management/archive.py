"""What a backup is: a compressed tar of what it says of itself, the database, and the files that
rows of that name."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FORMAT = 2
# Those that can be read. The first had no files.
FORMATS = (1, 2)
MANIFEST = "manifest.json"
# By the engine's name in Django.
DATABASES = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}
# Each has the name of its SHA-256.
_FILE = re.compile(r"files/([0-9a-f]{64})")

_KINDS: dict[str, type] = {
    "evoweb": str,
    "engine": str,
    "made_at": str,
    "migrations": list,
    "rows": dict,
    "size": int,
    "sha256": str,
    "files": int,
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
    files: int = 0

    @property
    def summary(self) -> str:
        counts = self.rows | ({"files": self.files} if self.files else {})
        return ", ".join(f"{name}: {count:,}" for name, count in counts.items())

    def to_json(self) -> bytes:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Manifest:
        """Raises ValueError for what was not written by `to_json`."""
        data = json.loads(text)
        if not isinstance(data, dict) or (format_ := data.pop("format", None)) not in FORMATS:
            raise ValueError("another format")
        if format_ == 1:
            data["files"] = 0
        kinds = {name: type(value) for name, value in data.items()}
        if kinds != _KINDS or data["engine"] not in DATABASES:
            raise ValueError("not what a manifest says")
        return cls(**{**data, "migrations": tuple(data["migrations"])})


def write(path: Path, manifest: Manifest, database: Path, files: Iterable[Path] = ()) -> None:
    """Write a new file, readable by this user alone, and onto the disk."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            text = manifest.to_json()
            archive.addfile(_member(MANIFEST, len(text)), io.BytesIO(text))
            with database.open("rb") as content:
                archive.addfile(_member(DATABASES[manifest.engine], manifest.size), content)
            for kept in files:
                with kept.open("rb") as content:
                    size = os.fstat(content.fileno()).st_size
                    archive.addfile(_member(f"files/{kept.name}", size), content)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, *, database: Path, files: Path) -> Manifest:
    """Check a backup to its last byte, with its database put into a new file, and its files into a
    new folder. Raises BadArchive.

    No name in it says where anything is written but those that are made of what is in the file, and
    any other member is refused.
    """
    with _understood(path), gzip.open(path) as stream:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            manifest = Manifest.from_json(_next(archive, MANIFEST).read(_LARGEST_MANIFEST))
            content = _next(archive, DATABASES[manifest.engine])
            with database.open("xb") as file:
                shutil.copyfileobj(content, file, _CHUNK)
            files.mkdir(mode=0o700)
            count = 0
            while (member := archive.next()) is not None:
                _read_file(archive, member, files)
                count += 1
            if count != manifest.files:
                raise ValueError("not the files that it speaks of")
        while stream.read(_CHUNK):
            """To the end, where the checksum of the whole is."""
        if digest(database) != (manifest.size, manifest.sha256):
            raise ValueError("not the database that it speaks of")
    return manifest


def _read_file(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = _FILE.fullmatch(member.name)
    content = archive.extractfile(member) if member.isreg() else None
    if name is None or content is None:
        raise ValueError("more than belongs in it")
    with (folder / name[1]).open("xb") as file:
        shutil.copyfileobj(content, file, _CHUNK)
    if digest(folder / name[1])[1] != name[1]:
        raise ValueError(f"{member.name} is not what its name says")


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
