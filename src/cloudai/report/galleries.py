"""Make a gallery of pictures or faces from results, outcomes, a batch, a journal, or a file of results."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import PIL.Image

from cloudai.errors import CloudAIError, FetchError, InputError
from cloudai.media import ImageInput
from cloudai.models.face import Face
from cloudai.report.facts import ending_of, faces_in, facts_of_face, facts_of_picture, marks_in, own_columns
from cloudai.report.fetching import FetchURLs
from cloudai.report.marks import Mark
from cloudai.report.page import Shape, Tile, save_page
from cloudai.report.photos import Photos, photos_of, warn_of_missing
from cloudai.report.subjects import Source, Subject, reading, reason_for, reason_of, without_clashes
from cloudai.report.words import Language, in_language, words_in

__all__ = ["gallery"]

PathLike = str | os.PathLike[str]

Tiles: TypeAlias = Literal["pictures", "portraits", "faces"]

SIDE = 1600
"""Longer side in px of the picture for the large view, out of which a face is cut too where that is sharp enough."""
MARGIN, ASPECT = 0.4, 4 / 5
"""The margin and the shape of a face in a tile."""
ENOUGH = 200
"""Longer side in px of a face's box in the shrunken picture, from which on the tile is cut out of that."""


def gallery(
    rows: Source | Sequence[Tile],
    path: PathLike,
    *,
    title: str | None = None,
    tiles: Tiles = "pictures",
    name: str | None = None,
    columns: Sequence[str] | None = None,
    link: str | None = None,
    photos: PathLike | None = None,
    pictures: Sequence[ImageInput | None] | None = None,
    fetch_urls: FetchURLs = False,
    language: Language = "en",
    footer: str | None = None,
) -> Path:
    """Write a gallery as one HTML file with the pictures in it, and return its path; nothing is sent.

    The page sorts by any column, filters by values and ranges, searches (in Korean also by initial consonants), and
    enlarges a picture with the boxes of what was found over it. Its address holds the view. Pictures in which nothing
    was found, and those that failed, are shown too, with the reason.

    Args:
        rows: A batch, outcomes, results, a table of results, the path of a journal or of a file of results, or tiles.
        path: The file to write, for example ``gallery.html``.
        title: The page's heading; None is the word for a gallery in the language of the page.
        tiles: "pictures" has a tile for each picture, "portraits" one for the largest face of each picture, and "faces"
            one for each face.
        name: The user's column with the names; see `cloudai.report.subjects.subjects_of`.
        columns: The columns that are shown, in this order; None shows the user's own and all that was found.
        link: The user's column with an address (http or https) that a tile leads to.
        photos: A folder below which the pictures are looked for, by path, by file name or by digest.
        pictures: The pictures by the number of the input, where they are at hand; None in place of one looks for it.
        fetch_urls: Fetch the pictures whose inputs were addresses once more, by the rules of a client. A file that is
            fetched is shown only if it is the picture that was analysed. `cloudai.FetchRules` may name a folder that
            keeps it.
        language: Language of the page's own words.
        footer: A line of yours at the bottom, above the notice about what the machine does not know.

    Raises:
        InputError: The language is not one of the page's, there are no such tiles, there is no such column, or the rows
            hold no results.
        JournalError: The file is no journal, or cannot be read.
        OutputError: The file cannot be written.
        MissingExtraError: Jinja2 is not installed.
    """
    words = words_in(language)
    # Any other word would give a tile for each face, and look as if it had been meant.
    if tiles not in get_args(Tiles):
        raise InputError(f"there are no tiles {tiles!r}", advice=f"Give one of: {', '.join(get_args(Tiles))}.")
    shape: Shape = "pictures" if tiles == "pictures" else "faces"
    options: dict[str, Any] = {
        "title": title or words["gallery"],
        "columns": columns,
        "language": language,
        "footer": footer,
    }
    if isinstance(rows, Sequence) and not isinstance(rows, str):
        ready = [row for row in rows if isinstance(row, Tile)]
        if len(ready) == len(rows):
            return save_page(ready, path, count=len(ready), shape=shape, **options)
    # Nothing is written before it is known that there is something to show.
    read = reading(rows, name)  # type: ignore[arg-type]  # they are no tiles
    if link is not None and not any(link in subject.row for subject in read.subjects):
        raise InputError(f"no column {link} for the links", advice="Give one of your own columns.")
    # A user's column "faces" must not hide ours, nor ours the user's.
    subjects, names = without_clashes(read.subjects, _ours(read.subjects, words, tiles))
    shown_link = None if link is None else names[link]
    # A picture without a face has a tile, too.
    count = sum(len(faces_in(subject) or "x") if tiles == "faces" else 1 for subject in subjects)
    with photos_of(read, photos, pictures, fetch_urls) as where:
        maker = _Maker(words, language, where, link=shown_link, columns=columns or (), tiles=tiles)
        make = maker.picture if tiles == "pictures" else maker.faces
        made = (tile for subject in subjects for tile in make(subject))
        file = save_page(made, path, count=count, shape=shape, **options)
    # There is one warning for all pictures: a thousand lines would hide what to do about it.
    warn_of_missing(maker.missing, len(subjects))
    return file


def _ours(subjects: Sequence[Subject], words: Mapping[str, str], tiles: Tiles) -> set[str]:
    """Return the names of the columns of what was found, and of the status if it is not the same for all."""
    known = {name for subject in subjects for name in facts_of_picture(replace(subject, row={}), words)}
    of_faces = tiles != "pictures"
    if any(ending_of(subject, of_faces=of_faces) != "ok" for subject in subjects):
        known.add(words["status"])
    return known


class _Maker:
    """Makes the tiles of subjects.

    Args:
        words: The words of the page.
        language: The language of the page.
        photos: Where the pictures are looked for.
        link: The user's column with the addresses of the tiles.
        columns: The columns that are wanted.
        tiles: What there is a tile for.
    """

    def __init__(
        self,
        words: Mapping[str, str],
        language: Language,
        photos: Photos,
        *,
        link: str | None,
        columns: Sequence[str],
        tiles: Tiles,
    ) -> None:
        self._words, self._photos, self._link, self._columns = words, photos, link, columns
        self._tiles = tiles
        self._language = language
        self.missing: list[InputError] = []
        """The errors of the pictures that could not be found or fetched."""

    def picture(self, subject: Subject) -> Iterator[Tile]:
        """Yield one tile with the whole picture, and all that is known of it."""
        image, why = self._open(subject)
        marks = marks_in(subject)
        facts = {**self._own(subject), **facts_of_picture(replace(subject, row={}), self._words)}
        yield self._tile(subject, image, facts, why, marks=marks)

    def faces(self, subject: Subject) -> Iterator[Tile]:
        """Yield a tile for each face in a picture, or for its largest; one with the whole picture if there is none."""
        faces = faces_in(subject)
        if not faces:
            yield from self.picture(subject)
            return
        whole, why = self._open(subject)
        # In the large view of a face the other things of the picture would be in the way.
        marks = marks_in(subject, ["face"])
        for number, face in enumerate(faces[:1] if self._tiles == "portraits" else faces):
            facts = {**self._own(subject), **self._about(subject, face)}
            if len(faces) > 1 and self._tiles == "faces":
                facts[self._words["faces"]] = len(faces)
            cut = None
            if whole is not None:
                cut, why = self._cut(subject, face, whole)
            title = (
                subject.name
                if len(faces) == 1 or self._tiles == "portraits"
                else f"{subject.name} · {self._words['face'].format(n=number + 1)}"
            )
            key = id(subject)  # its number may be that of a picture of another batch
            yield self._tile(subject, cut, facts, why, marks=marks, whole=whole, name=title, key=key, is_face=True)

    def _cut(self, subject: Subject, face: Any, whole: PIL.Image.Image) -> tuple[PIL.Image.Image, str]:
        """Return a face as a tile shows it, or the whole picture and the reason if the face is not inside it."""
        size = face.box.image_size
        scale = max(whole.size) / max(size) if size else 1.0
        # To open a large photo once more takes much longer than to cut the face out of its small copy.
        enough = size is not None and (scale >= 1 or max(face.box.width, face.box.height) * scale >= ENOUGH)
        given: Any = whole if enough else self._photos.of(subject)
        box = _scaled(face.box, scale) if enough else face.box
        try:
            return face.model_copy(update={"box": box}).crop(given, margin=MARGIN, aspect=ASPECT), ""
        except CloudAIError as error:
            return whole, reason_of(error)

    def _about(self, subject: Subject, face: Face) -> dict[str, Any]:
        """Return what is known of a face, and in a gallery of portraits of its picture too."""
        if self._tiles == "portraits":
            return facts_of_picture(replace(subject, row={}), self._words)
        return facts_of_face(subject, face, self._words)

    def _own(self, subject: Subject) -> dict[str, Any]:
        """Return the user's own columns, without the one of the links unless it is wanted."""
        own = own_columns(subject, self._columns)
        return {name: value for name, value in own.items() if name != self._link or name in self._columns}

    def _open(self, subject: Subject) -> tuple[PIL.Image.Image | None, str]:
        """Return the picture of a subject, or None and the reason."""
        if self._photos.of(subject) is None:
            self.missing.append(error := self._photos.why_not(subject))
            # Readers are told why a picture could not be fetched, but not where its maker might look for it.
            return None, reason_for(subject, error) if isinstance(error, FetchError) else ""
        try:
            return self._photos.open(subject, SIDE), ""
        except CloudAIError as error:
            return None, reason_of(error)

    def _tile(
        self,
        subject: Subject,
        image: PIL.Image.Image | None,
        facts: dict[str, Any],
        why: str,
        *,
        marks: Sequence[Mark] = (),
        whole: PIL.Image.Image | None = None,
        name: str | None = None,
        key: Any = None,
        is_face: bool = False,
    ) -> Tile:
        status = "ok" if is_face else ending_of(subject, of_faces=self._tiles != "pictures")
        badge = self._words[status] if status != "ok" else ""
        note = in_language(reason_for(subject, subject.error) or why, self._language)
        address = str(subject.row.get(self._link) or "") if self._link else ""
        nothing = self._words["no picture"]
        title = name or subject.name
        return Tile(title, image, facts, note, badge, whole, marks, address, nothing, key)


def _scaled(box: Any, scale: float) -> Any:
    """Return a box for a picture that was shrunk."""
    across, down = box.image_size
    changed = {name: getattr(box, name) * scale for name in ("x", "y", "width", "height")}
    return box.model_copy(update={**changed, "image_size": (round(across * scale), round(down * scale))})
