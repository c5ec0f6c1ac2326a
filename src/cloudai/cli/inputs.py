"""The inputs that a command line names: files, folders, patterns, URLs, and the lines of a file."""

from __future__ import annotations

import glob
import re
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from cloudai.encodings import decoded
from cloudai.errors import InputError
from cloudai.reading import text_of
from cloudai.text import lines_of

__all__ = ["AUDIO", "PICTURES", "SUFFIXES", "expand", "lines"]

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif"})
AUDIO = frozenset(
    {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".webm", ".aac", ".aif", ".aiff", ".amr", ".caf", ".wma", ".w64"}
)
SUFFIXES = {"image": PICTURES, "audio": AUDIO}
"""The files that are taken from a folder, by the kind of input that an operation has."""
ADDRESS = re.compile(r"^(https?|gs)://", re.IGNORECASE)


def expand(paths: Sequence[str], suffixes: frozenset[str]) -> list[str]:
    """Return the files that are named, the files in folders that have a suffix, and the files that fit a pattern.

    An address, and the name of a file that does not exist, are returned as they are.
    Patterns are expanded here because the shell of Windows does not do that.

    Raises:
        InputError: A folder has no file with such a suffix, or no file fits a pattern.
    """
    return [name for path in paths for name in _expanded(path, suffixes)]


def _expanded(path: str, suffixes: frozenset[str]) -> list[str]:
    if ADDRESS.match(path):
        return [path]
    here = Path(path)
    if here.is_dir():
        files = [str(file) for file in here.iterdir() if file.is_file() and file.suffix.lower() in suffixes]
        return _some(files, f"no {'/'.join(sorted(suffixes))} in the folder {path}")
    if not here.exists() and glob.has_magic(path):
        return _some([name for name in glob.glob(path, recursive=True) if Path(name).is_file()], f"nothing fits {path}")
    return [path]  # a file that does not exist has a row in the table, with the reason


def _some(files: list[str], problem: str) -> list[str]:
    """Return the files sorted as people sort them, or raise InputError with the problem if there are none."""
    if not files:
        raise InputError(problem, advice="Check the path.")
    return sorted(files, key=_natural)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key by which "photo2" comes before "photo10"."""
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", name).lower())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def lines(path: str, encoding: str | None = None) -> list[str]:
    """Return the lines of a text file, or of standard input ("-"), that are not blank; both are decoded in one way.

    A line ends at CR, LF or CRLF only.

    Raises:
        InputError: The file cannot be read, or its encoding is not certain; see `decoded`.
    """
    if path == "-":
        text = decoded(sys.stdin.buffer.read(), "standard input", encoding=encoding)
    else:
        text = text_of(path, encoding=encoding)
    return [line for line in lines_of(text) if line.strip()]
