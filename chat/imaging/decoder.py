"""The program that reads a picture of somebody and writes it anew. It runs as a process of its own,
by its path, with nothing in its environment, little memory and little time: whatever a hostile file
does to a decoder, it does it here.

    python -I decoder.py KIND LONGEST_SIDE LARGEST_FILE MOST_PIXELS < file > answer

The answer is one line of JSON, and after it the picture and its small version. Nothing is left of
what came but its pixels: no metadata, no place, nothing behind its end.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from typing import Any

MEMORY = 1024 * 1024 * 1024
SECONDS = 20
LONGEST_SIDE_AT_ALL = 20_000
SMALL_SIDE = 640
# In this order, until one is small enough.
QUALITIES = (88, 75, 60, 40)


class Refused(Exception):
    """The message is the code by which it is told."""


def main(kind: str, longest: int, largest: int, pixels: int) -> None:
    _limit()
    data = sys.stdin.buffer.read()
    try:
        answer, parts = redraw(data, kind, longest=longest, largest=largest, pixels=pixels)
    except Refused as refusal:
        answer, parts = {"refused": str(refusal)}, []
    except MemoryError:
        answer, parts = {"refused": "too_many_pixels"}, []
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    for part in parts:
        sys.stdout.buffer.write(part)


def redraw(
    data: bytes, kind: str, *, longest: int, largest: int, pixels: int
) -> tuple[dict[str, Any], list[bytes]]:
    """The facts and the two pictures. Raises Refused."""
    image = _opened(data, kind, longest=longest, pixels=pixels)
    whole = _scaled(_plain(image), longest)
    content, content_type = _written(whole, kind, largest)
    small = _small(whole)
    facts = {
        "content_type": content_type,
        "width": whole.width,
        "height": whole.height,
        "sizes": [len(content), len(small)],
    }
    return facts, [content, small]


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # It writes no file at all.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _opened(data: bytes, kind: str, *, longest: int, pixels: int) -> Any:
    """Its size is known from the head, before anything is decoded."""
    from PIL import Image  # noqa: PLC0415 (within the limits)

    # Ours is the stricter rule, and has words of its own.
    Image.MAX_IMAGE_PIXELS = None
    try:
        image = Image.open(io.BytesIO(data), formats=[kind])
    except Exception as problem:  # noqa: BLE001 (whatever a decoder may raise)
        raise Refused("broken") from problem
    if max(image.size) > LONGEST_SIDE_AT_ALL or image.width * image.height > pixels:
        raise Refused("too_many_pixels")
    if getattr(image, "n_frames", 1) > 1:
        raise Refused("moves")
    try:
        # A JPEG is decoded at a half, a quarter or an eighth where that is still large enough.
        image.draft(None, (longest, longest))
        image.load()
    except MemoryError:
        raise
    except Exception as problem:  # noqa: BLE001
        raise Refused("broken") from problem
    return image


def _plain(image: Any) -> Any:
    """Upright, in the colours of sRGB, as RGB or RGBA, without anything else."""
    from PIL import Image, ImageOps  # noqa: PLC0415

    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        # Sixteen bits of grey, as some scanners write it: the upper half is what is seen.
        image = image.point(lambda value: value / 256).convert("L")
    has_alpha = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    if profile and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        image = _in_srgb(image, profile)
    image = image.convert("RGBA" if has_alpha else "RGB")
    plain = Image.new(image.mode, image.size)
    plain.paste(image)
    return plain


def _in_srgb(image: Any, profile: bytes) -> Any:
    from PIL import ImageCms  # noqa: PLC0415

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode=mode
        )
    except Exception:  # noqa: BLE001 (a profile that cannot be used is no profile)
        return image


def _scaled(image: Any, longest: int) -> Any:
    from PIL import Image  # noqa: PLC0415

    if max(image.size) <= longest:
        return image
    share = longest / max(image.size)
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _written(image: Any, kind: str, largest: int) -> tuple[bytes, str]:
    """A PNG stays one where it is small enough, so that screens and drawings keep their edges."""
    if kind in ("PNG", "GIF"):
        content = _bytes(image, "PNG", optimize=False)
        if len(content) <= largest:
            return content, "image/png"
    format_ = "WEBP" if image.mode == "RGBA" or kind == "WEBP" else "JPEG"
    for quality in QUALITIES:
        content = _bytes(image, format_, quality=quality)
        if len(content) <= largest:
            return content, f"image/{format_.lower()}"
    raise Refused("too_large")


def _small(image: Any) -> bytes:
    return _bytes(_scaled(image, SMALL_SIDE), "WEBP", quality=75)


def _bytes(image: Any, format_: str, **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, format_, **options)
    return written.getvalue()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
