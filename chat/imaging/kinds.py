"""What a file is, by its first bytes. Its name and what a browser says of it are never asked."""

from __future__ import annotations

# What evoweb takes, as Pillow names the formats.
JPEG, PNG, WEBP, GIF = "JPEG", "PNG", "WEBP", "GIF"
TAKEN = (JPEG, PNG, WEBP, GIF)
# What is recognised so that it can be refused with words that help.
HEIC, AVIF, SVG, PDF, BMP, TIFF = "HEIC", "AVIF", "SVG", "PDF", "BMP", "TIFF"

# What is kept, by the format in which it is written.
CONTENT_TYPES = {JPEG: "image/jpeg", PNG: "image/png", WEBP: "image/webp"}
SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"%PDF-", PDF),
    (b"BM", BMP),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
)


def kind_of(beginning: bytes) -> str:
    """The format that these first bytes (64 are enough) begin; empty for what is unknown."""
    for start, kind in _BEGINNINGS:
        if beginning.startswith(start):
            return kind
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return WEBP
    if beginning[4:8] == b"ftyp":
        brands = beginning[8:64]
        if b"avif" in brands or b"avis" in brands:
            return AVIF
        return HEIC if any(brand in brands for brand in _HEIF_BRANDS) else ""
    words = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return SVG if words.startswith((b"<svg", b"<?xml", b"<!doctype svg")) else ""
