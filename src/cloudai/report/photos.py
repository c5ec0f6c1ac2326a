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
    """

    def __init__(
        self,
        folders: Sequence[str | os.PathLike[str]] = (),
        below: str | os.PathLike[str] | None = None,
        given: Sequence[ImageInput] | None = None,
    ) -> None:
        self._given = given
        self._folders = [Path(), *map(Path, folders), *([Path(below)] if below is not None else [])]
        self._below = None if below is None else Path(below)
        self._reels: dict[Path, Reel] = {}

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
        for path in self._paths(subject.address):
            if _is_file(path):
                return path
        if self._below is None:
            return None
        by_name = self._names.get(_key(Path(subject.address).name), [])
        if subject.digest is None:
            return by_name[0] if len(by_name) == 1 else None
        same = next((path for path in by_name if _digest(path) == subject.digest), None)
        return same or self._digests.get(subject.digest)

    def video_of(self, address: str) -> Path | None:
        """Return the path of a video, which is looked for by its name; None if it cannot be found."""
        given = self.of(Subject(-1, "", address)) if self._given is None else None
        return given if isinstance(given, Path) else None

    def _frame(self, subject: Subject, address: str, seconds: float) -> Frame | None:
        """Return the frame of a video at a time, if the video is there and the frame is the same as it was."""
        video = self.video_of(address)
        if video is None:
            return None
        frame = self._reels.setdefault(video, Reel(video)).frame(seconds)
        return frame if frame is not None and subject.digest in (None, frame.key) else None

    def _paths(self, address: str) -> Iterator[Path]:
        # The name of a file is written down as NFC; on a disk of macOS it may be NFD.
        for spelled in dict.fromkeys((address, unicodedata.normalize("NFD", address))):
            if spelled:
                yield from (folder / spelled for folder in self._folders)

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
