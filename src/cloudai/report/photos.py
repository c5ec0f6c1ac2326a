"""Find the picture of a subject: as it was given, by its path, below a folder by name or digest, or at its address."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import PIL.Image

from cloudai.core.lazy import lazy
from cloudai.errors import FetchError, InputError
from cloudai.media import ImageInput, as_image
from cloudai.media.source import Source, spelled_otherwise
from cloudai.media.video import Frame, Reel, fragment_of
from cloudai.report.fetching import Asked, FetchURLs, fetched_pictures, with_folder
from cloudai.report.subjects import Reading, Subject

__all__ = ["Photos", "photos_of", "warn_of_missing"]

log = logging.getLogger("cloudai")


@contextmanager
def photos_of(
    read: Reading,
    below: str | os.PathLike[str] | None = None,
    given: Sequence[ImageInput | None] | None = None,
    fetch_urls: FetchURLs = False,
) -> Iterator[Photos]:
    """Yield the pictures of what was read, for the time of the block; see `Photos` for the arguments.

    Args:
        read: The subjects.
        below: A folder.
        given: The pictures that are at hand.
        fetch_urls: Whether pictures whose inputs were addresses are fetched, and by which rules.

    Raises:
        InputError: ``below`` is no folder.
        OutputError: What is fetched cannot be written.
    """
    # The pictures are looked for on the disk first, and only what is not there is fetched.
    photos = Photos(read.folders, below, given)
    with with_folder(fetch_urls) as rules:
        if rules is not None:
            photos.fetched = fetched_pictures(photos.at_addresses(read.subjects), rules)
        yield photos


def warn_of_missing(errors: Sequence[InputError], count: int) -> None:
    """Write to the log how many pictures of a report are not shown, and what may be done.

    Args:
        errors: What `Photos.why_not` has returned for each of them.
        count: The number of all pictures.
    """
    at_addresses = sum(isinstance(error, UnfetchedError) for error in errors)
    failed = sum(isinstance(error, FetchError) for error in errors)
    if at_addresses:
        log.warning("%d of %d pictures are at addresses; fetch_urls=True fetches them", at_addresses, count)
    if failed:
        log.warning("%d of %d pictures could not be fetched; their tiles say why", failed, count)
    if others := len(errors) - at_addresses - failed:
        log.warning("%d of %d pictures cannot be found; photos= names the folder that they are below", others, count)


class UnfetchedError(InputError):
    """The picture is at an address, and was not fetched, because that was not asked for."""


class Photos:
    """The folders in which pictures are looked for.

    Args:
        folders: Folders that paths may begin at, beside the current one.
        below: A folder, with all folders in it, whose files are recognised by their digest. It is read only if a path
            leads nowhere, because every file in it has to be read for that.
        given: The pictures by the number of the input, where they are at hand; nothing is looked for then. One that is
            None is looked for, and an address has to be fetched first.

    Raises:
        InputError: ``below`` is no folder.
    """

    def __init__(
        self,
        folders: Sequence[str | os.PathLike[str]] = (),
        below: str | os.PathLike[str] | None = None,
        given: Sequence[ImageInput | None] | None = None,
    ) -> None:
        self._given = given
        self.fetched: Mapping[Asked, Path | InputError] = {}
        """The files of the pictures that were fetched, or the errors that say why there are none."""
        self._found: dict[Asked, Path | None] = {}
        # Paths that were given relative to the current folder are looked for there first.
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
            InputError: It cannot be found or fetched, or it is no picture, is damaged or too large.
        """
        given = self.of(subject)
        if given is None:
            raise self.why_not(subject)
        return as_image(given).open(max_side)

    def of(self, subject: Subject) -> ImageInput | None:
        """Return the picture of a subject, as a rule its path; None if it cannot be found."""
        if (given := self._given_for(subject)) is not None and not _is_web(given):
            return given
        # The frame of a video has an address like film.mp4#t=12.5, which is no file.
        if fragment := fragment_of(subject.address):
            return self._frame(subject, *fragment)
        asked = self._asked(subject)
        there = self._found_file(*asked) or self.fetched.get(asked)
        return there if isinstance(there, Path) else None

    def why_not(self, subject: Subject) -> InputError:
        """Return the error that says why there is no picture of a subject; a FetchError where it was to be fetched."""
        asked = self._asked(subject)
        error = self.fetched.get(asked)
        if isinstance(error, InputError):
            return error
        if _is_web(asked[0]):
            return UnfetchedError(
                f"the picture of {subject.name} is at an address, and was not fetched",
                advice="Say with fetch_urls=True that it is to be.",
            )
        return InputError(
            f"the picture of {subject.name} cannot be found", advice="Say with photos= below which folder it is."
        )

    def at_addresses(self, subjects: Sequence[Subject]) -> Iterator[Asked]:
        """Yield the addresses of the pictures that have to be fetched, with their digests.

        A picture that could not be fetched for its analysis is not asked for again: its subject says why.
        """
        for subject in subjects:
            asked = self._asked(subject)
            is_lost = isinstance(subject.error, FetchError) and not subject.results
            if _is_web(asked[0]) and not is_lost and self.of(subject) is None:
                yield asked

    def _given_for(self, subject: Subject) -> ImageInput | None:
        if self._given is None or subject.item >= len(self._given):
            return None
        return self._given[subject.item]

    def _asked(self, subject: Subject) -> Asked:
        given = self._given_for(subject)
        return (str(given) if _is_web(given) else subject.address), subject.digest

    def _found_file(self, address: str, digest: str | None) -> Path | None:
        if (address, digest) not in self._found:
            self._found[address, digest] = self._looked_for(address, digest)
        return self._found[address, digest]

    def _looked_for(self, address: str, digest: str | None) -> Path | None:
        by_path = [path for path in self._paths(address) if _is_file(path)]
        # With one candidate and no folder to search, nothing is gained by reading the file for its digest.
        if self._below is None and len(by_path) <= 1:
            return by_path[0] if by_path else None
        by_name = self._names.get(_key(Path(address).name), [])
        if digest is None:
            return by_path[0] if by_path else by_name[0] if len(by_name) == 1 else None
        # Cameras give many pictures the same name, so the digest decides.
        same = next((path for path in (*by_path, *by_name) if _digest(path) == digest), None)
        # A file at the right path counts even if its digest is another: it may have been edited, and is still the one
        # that is meant.
        return same or self._digests.get(digest) or (by_path[0] if by_path else None)

    def video_of(self, address: str) -> Path | None:
        """Return the path of a video, which is looked for by its name; None if it cannot be found."""
        return self._found_file(address, None) if self._given is None else None

    def _frame(self, subject: Subject, address: str, seconds: float) -> Frame | None:
        """Return the frame of a video at a time, if the video is there and the frame is the same as it was."""
        video = self.video_of(address)
        if video is None:
            return None
        # A reel keeps its place in the film, because frames are mostly asked for in order.
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


def _is_web(given: object) -> bool:
    """Return whether a picture is given by an address that a browser could open, too."""
    return isinstance(given, str) and Source(given).is_web


def _key(name: str) -> str:
    # The name was written down on another system, which may spell Hangul and case otherwise.
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
