"""Write a file as a whole: where there is no room for it, an earlier file stays, and no half of one is left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cloudai.errors import OutputError, unwritable
from cloudai.table import Table

__all__ = ["making_folder", "write_table", "write_whole", "written_whole"]


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file as a whole or not at all, and return its path. A device or a pipe is written to directly.

    Raises:
        OutputError: It cannot be written; the error names the file.
    """
    with written_whole(path) as part:
        part.write_bytes(content)
    return Path(path)


def write_table(table: Table, path: str | os.PathLike[str]) -> Path:
    """Write a table as a CSV file for Excel, as a whole or not at all, and return its path.

    Raises:
        OutputError: It cannot be written.
    """
    # Excel takes a CSV without this mark for the encoding of the system.
    return write_whole(path, table.to_csv(excel=True).encode("utf-8-sig"))


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the path of a file beside the target, which takes the place of the target once the block has ended well.

    For a device or a pipe, the path itself is yielded.

    Raises:
        OutputError: It cannot be written; the error names the target.
    """
    target = Path(path)
    try:
        # A name that is too long for the disk fails here, and so does a folder that may not be looked into.
        is_replaced = target.is_file() or not target.exists()
        # The number of the process keeps two of them apart that write the same file.
        part = target.with_name(f".{os.getpid()}-{target.name[:60]}.part") if is_replaced else target
    except (OSError, ValueError) as error:
        raise unwritable(target, error) from error
    try:
        yield part
        if part != target:
            part.replace(os.path.realpath(target))  # a link stays a link
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise unwritable(target, error) from error
    finally:
        if part != target:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def making_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder with the folders that it is in, unless it is there, and return its path.

    Raises:
        OutputError: It cannot be made.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"the folder {folder} cannot be made ({reason})", advice="Give another.") from error
    return folder
