"""Write a file as a whole: where there is no room for it, an earlier file stays, and no half of one is left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["whole_file", "write_whole"]


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the path of a part that the block writes, and put it in the place of the file after the block.

    After an error an earlier file stays, and the part is removed. A device or a pipe is written to directly.

    Raises:
        OSError: It cannot be written; the error names the file.
    """
    target, part = Path(path), part_of(Path(path))
    try:
        yield part
        if part != target:
            part.replace(os.path.realpath(target))  # a link stays a link
    except BaseException as error:
        if part != target:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(part), str(target)):
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise


def part_of(target: Path) -> Path:
    """Return the path at which a file is written before it is put in its place; that of a device is its own."""
    if target.is_file() or not target.exists():
        return target.with_name(f".{os.getpid()}-{target.name[:60]}.part")
    return target


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file as a whole or not at all, and return its path; see `whole_file`."""
    with whole_file(path) as part:
        part.write_bytes(content)
    return Path(path)
