"""What is taken of a file that somebody uploads, and why others are refused."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from chat.imaging import kinds, redrawing
from chat.imaging.redrawing import Unusable
from tests.pictures import enormous_png, moving, picture, seen, with_place

SCRIPT = b"<script>alert(1)</script>"
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + b"\x00" * 100


@pytest.mark.parametrize(
    ("format_", "content_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("GIF", "image/png"),
    ],
)
def test_what_is_kept_is_of_a_kind_that_models_take(format_: str, content_type: str) -> None:
    redrawn = redrawing.redraw(picture(format_), longest=512)

    assert (redrawn.content_type, redrawn.width, redrawn.height) == (content_type, 64, 48)
    assert kinds.CONTENT_TYPES[kinds.kind_of(redrawn.content)] == content_type
    assert seen(redrawn.small).size == (64, 48)


def test_a_photo_is_upright_and_says_nothing_of_where_it_was_taken() -> None:
    redrawn = redrawing.redraw(with_place(), longest=512)

    assert (redrawn.width, redrawn.height) == (20, 40)
    assert not seen(redrawn.content).getexif()
    assert b"Xylophone" not in redrawn.content + redrawn.small


def test_a_large_picture_is_made_as_large_as_is_asked_for() -> None:
    redrawn = redrawing.redraw(picture(size=(3000, 1000)), longest=600)

    assert seen(redrawn.content).size == (redrawn.width, redrawn.height) == (600, 200)


@pytest.mark.parametrize("mode", ["L", "1", "CMYK", "RGBA", "LA", "P", "I;16"])
def test_whatever_its_colours_are_kept_in_it_is_taken(mode: str) -> None:
    format_ = "JPEG" if mode == "CMYK" else "PNG"

    redrawn = redrawing.redraw(picture(format_, mode=mode, colour=None), longest=512)

    assert seen(redrawn.content).mode == ("RGBA" if "A" in mode else "RGB")


def test_what_is_behind_a_picture_is_left_behind() -> None:
    """A file may be a picture to one program and a script to another."""
    for format_ in ("JPEG", "PNG", "GIF", "WEBP"):
        redrawn = redrawing.redraw(picture(format_) + SCRIPT, longest=512)

        assert SCRIPT not in redrawn.content + redrawn.small


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"Dear sir or madam", "unknown"),
        (SCRIPT, "unknown"),
        (b"MZ\x90\x00" + b"\x00" * 100, "unknown"),
        (HEIC, "HEIC"),
        (HEIC.replace(b"heic", b"avif"), "AVIF"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"%PDF-1.7\n", "PDF"),
        (picture("BMP"), "BMP"),
        (picture("TIFF"), "TIFF"),
        (moving("GIF"), "moves"),
        (moving("WEBP"), "moves"),
        (moving("PNG"), "moves"),
        (picture(size=(600, 600))[:700], "broken"),
        (picture("PNG")[:60], "broken"),
        (picture("WEBP")[:40], "broken"),
        (b"\xff\xd8\xff" + SCRIPT, "broken"),
        (b"\x89PNG\r\n\x1a\n" + SCRIPT, "broken"),
        (b"RIFF\x00\x00\x00\x00WEBP" + SCRIPT, "broken"),
        (enormous_png(60_000, 60_000), "too_many_pixels"),
        (enormous_png(60_000, 1), "too_many_pixels"),
        (enormous_png(9_000, 9_000), "too_many_pixels"),
        (b"\xff\xd8\xff" + b"\x00" * redrawing.LARGEST_UPLOAD, "too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_taken_says_why(data: bytes, code: str) -> None:
    with pytest.raises(Unusable) as refusal:
        redrawing.redraw(data, longest=512)

    assert refusal.value.code == code


def test_a_picture_of_forty_megapixels_is_within_the_limits() -> None:
    redrawn = redrawing.redraw(picture(size=(8000, 5000)), longest=2048)

    assert (redrawn.width, redrawn.height) == (2048, 1280)


def test_a_decoder_that_hangs_or_dies_refuses_the_file_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hangs(*_words: Any, **options: Any) -> None:
        raise subprocess.TimeoutExpired("decoder", options["timeout"])

    monkeypatch.setattr(subprocess, "run", hangs)
    with pytest.raises(Unusable, match="broken"):
        redrawing.redraw(picture(), longest=512)
    monkeypatch.undo()

    assert redrawing.redraw(picture(), longest=512).width == 64


def test_a_decoder_has_bounds_and_no_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    program = tmp_path / "decoder.py"
    program.write_text(
        "import json, os, sys\n"
        f"sys.path.insert(0, {str(redrawing.PROGRAM.parent)!r})\n"
        "import decoder, resource\n"
        "def told(*_words, **_limits):\n"
        "    told = [sorted(set(os.environ) - {'LC_CTYPE'})]\n"
        "    told += resource.getrlimit(resource.RLIMIT_AS)\n"
        "    try:\n        bytes(2 * decoder.MEMORY)\n"
        "    except MemoryError:\n        told.append('no memory')\n"
        "    raise decoder.Refused(json.dumps(told))\n"
        "decoder.redraw = told\n"
        "decoder.main('JPEG', 1, 1, 1)\n"
    )
    monkeypatch.setattr(redrawing, "PROGRAM", program)
    monkeypatch.setenv("EVOLINK_API_KEY", "sk-secret")

    with pytest.raises(Unusable) as told:
        redrawing.redraw(picture(), longest=512)

    assert told.value.code == '[[], 1073741824, 1073741824, "no memory"]'


def test_whoever_comes_when_too_many_are_decoded_is_told_and_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redrawing, "PATIENCE", 0.01)
    for _ in range(redrawing.AT_ONCE):
        redrawing._free.acquire()

    with pytest.raises(Unusable, match="busy"):
        redrawing.redraw(picture(), longest=512)
    for _ in range(redrawing.AT_ONCE):
        redrawing._free.release()
    monkeypatch.undo()

    assert redrawing.redraw(picture(), longest=512).width == 64
