"""The inputs that a command line names: files, folders, patterns, URLs, and the lines of a file."""

from __future__ import annotations

import glob
import logging
import os
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence, Sized
from pathlib import Path

from cloudai.encodings import decoded
from cloudai.errors import InputError
from cloudai.media.stored import STORED
from cloudai.operations import Operation
from cloudai.reading import read_table, table_in, text_of
from cloudai.table import Table
from cloudai.text import lines_of

__all__ = ["AUDIO", "DOCUMENTS", "PICTURES", "VIDEOS", "are_several", "expand", "lines", "suffixes", "table"]

PICTURES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".png", ".apng", ".gif", ".bmp", ".dib", ".webp", ".tif", ".tiff"),
        *(".heic", ".heif", ".hif", ".avif", ".ico"),
    }
)
AUDIO = frozenset(
    {
        *(".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".webm", ".weba"),
        *(".aac", ".aif", ".aiff", ".amr", ".caf", ".wma", ".w64", ".mka"),
        *(".mp4", ".m4v", ".mov", ".mkv", ".avi", ".flv", ".3gp", ".ts"),
    }
)
VIDEOS = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".flv", ".3gp", ".ts", ".mts", ".m2ts", ".wmv", ".qt", ".ogv"}
)
DOCUMENTS = PICTURES | {".pdf"}
log = logging.getLogger("cloudai")
# Addresses are handed on as they are: a "?" in one is no pattern, and "//" is no path.
ADDRESS = re.compile(r"^((https?|gs|file)://|data:)", re.IGNORECASE)


def are_several(given: object) -> bool:
    """Return whether there are several inputs; of frames, whose number is not known before the run, there may be."""
    return not isinstance(given, Sized) or len(given) > 1


def suffixes(operation: Operation) -> frozenset[str]:
    """Return the endings of the files that an operation takes from a folder."""
    if operation.input == "audio":
        return AUDIO
    return DOCUMENTS if operation.documents else PICTURES


def expand(paths: Sequence[str], suffixes: frozenset[str], *, recursive: bool | None = False) -> list[str]:
    """Return the files that are named, the files in folders that have a suffix, and the files that fit a pattern.

    An address, and the name of a file that does not exist, are returned as they are. How many files of a folder were
    passed over, and why, is written to the log. Patterns are expanded here because the shell of Windows does not do
    that.

    Args:
        paths: Files, folders, patterns and addresses.
        suffixes: The endings of the files that are taken from folders.
        recursive: Whether the folders within folders are looked through, too. None is said by a command that has no
            such option: the folders are passed over without a word of it.

    Raises:
        InputError: A folder has no file with such a suffix or cannot be read, or no file fits a pattern.
    """
    return [name for path in paths for name in _expanded(path, suffixes, recursive=recursive)]


def _expanded(path: str, suffixes: frozenset[str], *, recursive: bool | None) -> list[str]:
    if ADDRESS.match(path) or STORED.match(path) or len(path) > LONGEST:
        return [path]
    # If the system does not allow a name, os.path.isdir returns False, while pathlib raises an error.
    if os.path.isdir(path):  # noqa: PTH112
        try:
            return _in_folder(Path(path), suffixes, recursive=recursive)
        except OSError as error:
            raise InputError(f"the folder {path} cannot be read ({error.strerror})", advice=MAY_READ) from error
    # A file whose name has brackets in it, such as "photo[1].jpg", is a file, and no pattern.
    if not os.path.exists(path) and glob.has_magic(path):  # noqa: PTH110
        return _some([name for name in glob.glob(path, recursive=True) if Path(name).is_file()], f"nothing fits {path}")
    return [path]  # a file that does not exist has a row in the table, with the reason


MAY_READ = "Check who may read it."
LONGEST = 4_000
"""Characters of the longest path that is looked for; a longer text is handed on, because it may be base64."""
MACOS = "._"
"""The beginning of the names of files in which macOS keeps what other systems have no place for."""


def _in_folder(folder: Path, suffixes: frozenset[str], *, recursive: bool | None) -> list[str]:
    files: list[str] = []
    passed: Counter[str] = Counter()
    for file in folder.rglob("*") if recursive else folder.iterdir():
        if file.is_dir():
            passed["folders (--recursive looks into them)"] += recursive is False
        elif file.name.startswith(MACOS):
            passed[f"of macOS ({MACOS}…)"] += 1
        elif file.suffix.lower() not in suffixes:
            passed[f"with the ending {file.suffix.lower()}" if file.suffix else "without an ending"] += 1
        # A pipe with the name of a picture would be waited for without end.
        elif file.is_file():
            files.append(str(file))
        else:
            passed["that are no regular files"] += 1
    if told := ", ".join(f"{n} {why}" for why, n in sorted(passed.items()) if n):
        log.warning("%s: passed over %s", folder, told)
    return _some(files, f"no {'/'.join(sorted(suffixes))} in the folder {folder}")


def _some(files: list[str], problem: str) -> list[str]:
    """Return the files sorted as people sort them, or raise InputError with the problem if there are none."""
    if not files:
        raise InputError(problem, advice="Check the path.")
    return sorted(files, key=_natural)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key by which "photo2" comes before "photo10"."""
    # macOS gives names in single letters of Hangul, which sort elsewhere than the same names in syllables.
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", name).lower())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def lines(path: str, encoding: str | None = None) -> list[str]:
    """Return the lines of a text file, or of standard input ("-"), that are not blank; both are decoded in one way.

    A line ends at CR, LF or CRLF only.

    Raises:
        InputError: The file cannot be read, or its encoding is not certain; see `decoded`.
    """
    text = standard_input(encoding) if path == "-" else text_of(path, encoding=encoding)
    return [line for line in lines_of(text) if line.strip()]


def standard_input(encoding: str | None = None) -> str:
    """Return the text of standard input.

    Raises:
        InputError: Its encoding is not certain; see `decoded`.
    """
    # Bytes are read, because Python would decode them by the locale, which on Windows is not UTF-8.
    return decoded(sys.stdin.buffer.read(), STANDARD_INPUT, encoding=encoding)


def table(path: str, encoding: str | None = None) -> Table:
    """Return the table in a file, or in standard input ("-"), whose relative paths begin at the current folder.

    Raises:
        InputError: It cannot be read, or is no table; see `read_table`.
    """
    if path != "-":
        return read_table(path, encoding=encoding)
    return table_in(standard_input(encoding), STANDARD_INPUT)


STANDARD_INPUT = "standard input"
"""The name by which errors call the standard input."""
