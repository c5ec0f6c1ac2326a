"""What the command line names: files, folders, patterns, URLs, lines."""

from __future__ import annotations

import glob
import re
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from cloudai.errors import InputError
from cloudai.reading import text_of

__all__ = ["AUDIO", "PICTURES", "expand", "lines"]

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif"})
AUDIO = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus"})
ADDRESS = re.compile(r"^(https?|gs)://", re.IGNORECASE)


def expand(paths: Sequence[str], kinds: frozenset[str]) -> list[str]:
    """Files as named, folders by the kinds of files in them, patterns (the shell of Windows leaves them to us)."""
    return [name for path in paths for name in _expanded(path, kinds)]


def _expanded(path: str, kinds: frozenset[str]) -> list[str]:
    if ADDRESS.match(path):
        return [path]
    here = Path(path)
    if here.is_dir():
        found = [str(file) for file in here.iterdir() if file.is_file() and file.suffix.lower() in kinds]
        return _some(found, f"no {'/'.join(sorted(kinds))} in the folder {path}")
    if not here.exists() and glob.has_magic(path):
        return _some([name for name in glob.glob(path, recursive=True) if Path(name).is_file()], f"nothing fits {path}")
    return [path]  # also one that is not there: it keeps its row, with the reason


def _some(found: list[str], problem: str) -> list[str]:
    if not found:
        raise InputError(problem, advice="Check the path.")
    return sorted(found, key=_natural)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key by which "photo2" comes before "photo10"."""
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", name).lower())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def lines(path: str) -> list[str]:
    """The lines of a text file, or of standard input ("-"), that are not blank."""
    text = sys.stdin.buffer.read().decode("utf-8-sig", "replace") if path == "-" else text_of(path)
    return [line for line in text.splitlines() if line.strip()]
