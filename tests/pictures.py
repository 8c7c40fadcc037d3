"""Pictures for tests, and files that only pretend to be some."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image


def picture(
    format_: str = "JPEG", *, size: tuple[int, int] = (64, 48), colour: Any = "teal", **options: Any
) -> bytes:
    image = Image.new(options.pop("mode", "RGB"), size, colour)
    return written(image, format_, **options)


def moving(format_: str) -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    return written(frames[0], format_, save_all=True, append_images=frames[1:])


def with_place() -> bytes:
    """A photo that was taken with the phone turned, and says where."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Xylophone cameras"
    exif.get_ifd(0x8825)[1] = "N"
    return picture(size=(40, 20), exif=exif)


def enormous_png(width: int, height: int) -> bytes:
    """It says that it has so many pixels, in a few bytes."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(b"\x00" * 1000))
        + _chunk(b"IEND", b"")
    )


def written(image: Image.Image, format_: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, format_, **options)
    return content.getvalue()


def seen(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
