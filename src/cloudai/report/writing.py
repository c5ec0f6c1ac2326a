"""Write a file as a whole: where there is no room for it, an earlier file stays, and no half of one is left."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file as a whole or not at all, and return its path. A device or a pipe is written to directly.

    Raises:
        OSError: It cannot be written; the error names the file.
    """
    target = Path(path)
    part = (
        target.with_name(f".{os.getpid()}-{target.name[:60]}.part")
        if target.is_file() or not target.exists()
        else target
    )
    try:
        part.write_bytes(content)
        if part != target:
            part.replace(os.path.realpath(target))  # a link stays a link
    except OSError as error:
        if part != target:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        raise type(error)(error.errno, error.strerror, str(target)) from error
    return target
