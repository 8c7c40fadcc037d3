"""Files that people send, under names that are made of what is in them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.core.files import File
from django.core.files.storage import FileSystemStorage

from chat.domain.files import sync_folder

LOCK = ".lock"


class KeptFiles(FileSystemStorage):
    """On the disk when `save` returns, readable by this user alone. What has its name already is
    the same, and is left as it is.

    `kept` and `alone` are for all processes that have this folder: who writes a file and then the
    row that names it holds the one, and who removes what no row names the other.
    """

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: File[bytes]) -> str:
        target = Path(self.path(name))
        if target.exists():
            return name
        _make(target.parent, up_to=Path(self.location))
        with NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as file:
            try:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, target)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(file.name)
                raise
        sync_folder(target.parent)
        return name

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Nothing is removed meanwhile."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody writes or copies, and so nothing is on its way to be named by a row."""
        try:
            with self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
                yield True
        except BlockingIOError:
            yield False

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        _make(Path(self.location))
        handle = os.open(Path(self.location) / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, how)
            yield
        finally:
            os.close(handle)


def _make(folder: Path, *, up_to: Path | None = None) -> None:
    """A new folder is on the disk when the one that it is in is."""
    if folder.is_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in (folder.parent, up_to or folder.parent):
        sync_folder(each)
