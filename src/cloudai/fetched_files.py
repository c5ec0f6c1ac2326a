"""Keep files that were fetched from addresses in a folder, each under its digest, and find them there.

A journal holds no pictures, and what is at an address may change. A user who wants to show the pictures of a batch
later names a folder that keeps them; without one nothing is kept.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from cloudai.errors import OutputError

__all__ = ["file_of", "keep"]

ENDINGS = (
    (b"\xff\xd8\xff", 0, ".jpg"),
    (b"\x89PNG", 0, ".png"),
    (b"GIF8", 0, ".gif"),
    (b"WEBP", 8, ".webp"),
    (b"WAVE", 8, ".wav"),
    (b"BM", 0, ".bmp"),
    (b"II*\0", 0, ".tif"),
    (b"MM\0*", 0, ".tif"),
    (b"ftyphei", 4, ".heic"),
    (b"ftypavif", 4, ".avif"),
    (b"fLaC", 0, ".flac"),
    (b"OggS", 0, ".ogg"),
    (b"ID3", 0, ".mp3"),
    (b"%PDF-", 0, ".pdf"),
)
"""How files begin, at which byte, and the ending that each gets: a server must not choose what a file runs as."""
OTHER = ".bin"


def keep(folder: str | os.PathLike[str], data: bytes) -> Path:
    """Write a file under its digest into a folder, for the user alone (mode 0600), and return its path.

    The folder is made if it does not exist. A file that is there already is left as it is.

    Raises:
        OutputError: The file cannot be written; no half of it is left.
    """
    ending = next((ending for mark, at, ending in ENDINGS if data[at : at + len(mark)] == mark), OTHER)
    target = Path(folder) / f"{sha256(data).hexdigest()}{ending}"
    # The file gets its name only when it is whole, because another process may look for it, or write the same one.
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if target.is_file():
            return target
        # The mode is given at once: after a ``chmod`` others would have had a moment to open the file.
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        part.replace(target)
    except (OSError, ValueError) as error:
        with suppress(OSError, ValueError):
            part.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or error
        raise OutputError(
            f"a file that was fetched cannot be kept in {folder} ({reason})",
            advice="Make room, or name another folder.",
        ) from error
    return target


def file_of(folder: str | os.PathLike[str], digest: str) -> Path | None:
    """Return the file with a digest (sha256, hex) that is kept in a folder; None if there is none."""
    paths = (Path(folder) / f"{digest}{ending}" for ending in dict.fromkeys([*(each[-1] for each in ENDINGS), OTHER]))
    return next((path for path in paths if path.is_file()), None)
