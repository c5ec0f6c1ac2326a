"""Understand what a user may give in place of a path: a ``file://`` address, a ``data:`` URI, or base64 text."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from cloudai.errors import InputError
from cloudai.text import encodable

__all__ = ["short", "understood"]

BEGINNINGS = ("/9j/", "iVBORw0KGgo", "R0lGOD", "UklGR", "Qk", "SUkqA", "TU0AK", "AAAA", "ZkxhQw", "SUQz", "T2dnU", "//")
"""How pictures and recordings begin in base64: JPEG, PNG, GIF, RIFF, BMP, TIFF, HEIC and AVIF, FLAC, MP3, Ogg."""
SHORTEST = 100
"""Characters of the shortest text that is taken for base64; a shorter one is a path."""
BASE64 = re.compile(r"[A-Za-z0-9+/_\-]+={0,2}")
SHOWN = 100
"""The most characters of a path that an error repeats."""


def understood(given: str) -> str | Path | bytes:
    """Return the path that a ``file://`` address names, the bytes of a ``data:`` URI or of base64, or the text itself.

    Raises:
        InputError: The address names a file of another computer, or the URI cannot be read.
    """
    head = given[:5].lower()
    if head == "file:":
        return _path_of(given)
    if head == "data:":
        return _bytes_of(given)
    # Programs write base64 in lines, whose ends are no part of it.
    text = given if len(given) < SHORTEST else "".join(given.split())
    begins = text[:12].replace("-", "+").replace("_", "/")
    if len(text) >= SHORTEST and begins.startswith(BEGINNINGS) and BASE64.fullmatch(text):
        data = _decoded(text)
        return given if data is None else data
    return given


def _path_of(address: str) -> Path:
    try:
        parts = urlsplit(address)
    except ValueError:
        raise InputError("the file:// address cannot be read", advice="Give the path.") from None
    if parts.netloc not in ("", "localhost"):
        raise InputError(
            f"a file:// address of the computer {short(parts.netloc)} cannot be read", advice="Give the path."
        )
    path = unquote(parts.path)
    return Path(path[1:] if re.match(r"/[A-Za-z]:", path) else path)  # file:///C:/photos/a.jpg


def _bytes_of(uri: str) -> bytes:
    head, comma, body = uri.partition(",")
    if head.lower().endswith(";base64"):
        data = _decoded("".join(unquote(body).split()))
    else:
        # Other characters than ASCII should be percent-encoded, and half of a surrogate pair cannot be.
        data = unquote_to_bytes(body) if encodable(body) == body else None
    if not comma or data is None:
        raise InputError("the data: URI cannot be read", advice="Give data:image/jpeg;base64,… or the bytes.")
    return data


def _decoded(text: str) -> bytes | None:
    """Return the bytes that a text in base64 stands for, with or without its last "="; None if it is not base64."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:  # binascii.Error is one, and a text that is not ASCII raises another
        return None


def short(text: str) -> str:
    """Return a path as errors show it: a long text, which is probably something else, is cut off."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text):,} characters)"
