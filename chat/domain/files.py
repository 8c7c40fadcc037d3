"""Where the bytes of pictures are: files that have the name of what is in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Protocol, cast

from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import storages

# Seconds after which what somebody began to write will not be finished any more.
LEFT_BEHIND = 24 * 3600


# How long the model's service may fetch a file by its address: as long as requests may wait.
LINK_LASTS = timedelta(hours=1)
_signer = signing.TimestampSigner(salt="chat.domain.files")


class Store(Protocol):
    """What `evoweb.files` gives beside what Django's storages have."""

    location: str

    def kept(self) -> AbstractContextManager[None]: ...
    def alone(self) -> AbstractContextManager[bool]: ...
    def path(self, name: str) -> str: ...
    def save(self, name: str, content: ContentFile[bytes]) -> str: ...
    def delete(self, name: str) -> None: ...


def store() -> Store:
    return cast(Store, storages["pictures"])


def name_of(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


def path_of(sha256: str) -> Path:
    return Path(store().path(name_of(sha256)))


def write(content: bytes) -> str:
    """Onto the disk; gives its name. Until a row names it, whoever calls has to hold `kept`."""
    sha256 = hashlib.sha256(content).hexdigest()
    store().save(name_of(sha256), ContentFile(content))
    return sha256


def read(sha256: str) -> bytes:
    """Raises OSError where it is not there."""
    return path_of(sha256).read_bytes()


def token_of(sha256: str) -> str:
    """What opens this file and no other, without signing in, until it ends."""
    return _signer.sign(sha256)


def opened_by(token: str) -> str | None:
    try:
        return _signer.unsign(token, max_age=LINK_LASTS)
    except signing.BadSignature:
        return None


def folders() -> Iterator[Path]:
    """In each are files whose names begin alike."""
    where = Path(store().location)
    if where.is_dir():
        yield from sorted(path for path in where.iterdir() if path.is_dir() and len(path.name) == 2)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if not path.name.startswith(".")]


def remove(folder: Path, names: Collection[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """What a process that died was writing."""
    for path in folder.glob(".*"):
        if os.stat(path).st_mtime < time() - LEFT_BEHIND:
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """A new name is on the disk when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
