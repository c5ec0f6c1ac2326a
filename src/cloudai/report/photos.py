"""Find the picture of a subject: the one that was given, by its path, or below a folder by its name or its digest."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import PIL.Image

from cloudai.core.lazy import lazy
from cloudai.errors import InputError
from cloudai.media import ImageInput, as_image
from cloudai.media.source import spelled_otherwise
from cloudai.media.video import Frame, Reel, fragment_of
from cloudai.report.subjects import Subject

__all__ = ["Photos"]


class Photos:
    """The folders in which pictures are looked for.

    Args:
        folders: Folders that paths may begin at, beside the current one.
        below: A folder, with all folders in it, whose files are recognised by their digest. It is read only if a path
            leads nowhere, because every file in it has to be read for that.
        given: The pictures by the number of the input, where they are at hand; nothing is looked for then.

    Raises:
        InputError: ``below`` is no folder.
    """

    def __init__(
        self,
        folders: Sequence[str | os.PathLike[str]] = (),
        below: str | os.PathLike[str] | None = None,
        given: Sequence[ImageInput] | None = None,
    ) -> None:
        self._given = given
        self._found: dict[tuple[str, str | None], Path | None] = {}
        self._folders = [Path(), *map(Path, folders), *([Path(below)] if below is not None else [])]
        self._below = None if below is None else Path(below)
        self._reels: dict[Path, Reel] = {}
        if self._below is not None and not self._below.is_dir():
            raise InputError(
                f"there is no folder {below} to look for pictures in",
                advice="Name the folder in which the pictures are now.",
            )

    def open(self, subject: Subject, max_side: int | None = None) -> PIL.Image.Image:
        """Return the picture of a subject, upright and in RGB, and no larger than a side (px).

        Raises:
            InputError: It cannot be found, or it is no picture, is damaged or too large.
        """
        given = self.of(subject)
        if given is None:
            raise InputError(
                f"the picture of {subject.name} cannot be found", advice="Say with photos= below which folder it is."
            )
        return as_image(given).open(max_side)

    def of(self, subject: Subject) -> ImageInput | None:
        """Return the picture of a subject, as a rule its path; None if it cannot be found."""
        if self._given is not None:
            return self._given[subject.item] if subject.item < len(self._given) else None
        if fragment := fragment_of(subject.address):
            return self._frame(subject, *fragment)
        return self._found_file(subject.address, subject.digest)

    def _found_file(self, address: str, digest: str | None) -> Path | None:
        if (address, digest) not in self._found:
            self._found[address, digest] = self._looked_for(address, digest)
        return self._found[address, digest]

    def _looked_for(self, address: str, digest: str | None) -> Path | None:
        by_path = [path for path in self._paths(address) if _is_file(path)]
        if self._below is None and len(by_path) <= 1:
            return by_path[0] if by_path else None
        by_name = self._names.get(_key(Path(address).name), [])
        if digest is None:
            return by_path[0] if by_path else by_name[0] if len(by_name) == 1 else None
        # Cameras give many pictures the same name, so that the digest decides.
        same = next((path for path in (*by_path, *by_name) if _digest(path) == digest), None)
        return same or self._digests.get(digest) or (by_path[0] if by_path else None)

    def video_of(self, address: str) -> Path | None:
        """Return the path of a video, which is looked for by its name; None if it cannot be found."""
        return self._found_file(address, None) if self._given is None else None

    def _frame(self, subject: Subject, address: str, seconds: float) -> Frame | None:
        """Return the frame of a video at a time, if the video is there and the frame is the same as it was."""
        video = self.video_of(address)
        if video is None:
            return None
        frame = self._reels.setdefault(video, Reel(video)).frame(seconds)
        return frame if frame is not None and subject.digest in (None, frame.key) else None

    def _paths(self, address: str) -> Iterator[Path]:
        if address:
            yield from (folder / address for folder in self._folders)
            # The name of a file is written down as NFC; on a disk of macOS it may be NFD.
            yield from filter(None, (spelled_otherwise(folder / address) for folder in self._folders))

    @lazy
    def _names(self) -> dict[str, list[Path]]:
        """The files below the folder, by their names."""
        files: dict[str, list[Path]] = {}
        for path in sorted(self._below.rglob("*")) if self._below is not None else ():
            if _is_file(path):
                files.setdefault(_key(path.name), []).append(path)
        return files

    @lazy
    def _digests(self) -> dict[str, Path]:
        """The files below the folder, by their digests."""
        return {digest: path for paths in self._names.values() for path in paths if (digest := _digest(path))}


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long or holds a NUL
        return False


def _digest(path: Path) -> str | None:
    """Return the sha256 (hex) of a file; None if it cannot be read."""
    digest = sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    except OSError:
        return None
    return digest.hexdigest()
