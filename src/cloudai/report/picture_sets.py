"""Write a folder of drawings or of faces, or one picture of all of them, from whatever is kept."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import PIL.Image

from cloudai.errors import CloudAIError, InputError, NeedsImageError
from cloudai.media import ImageInput
from cloudai.models.face import Face
from cloudai.report.drawing import CutShape, contact_sheet, crop, draw, strip
from cloudai.report.facts import faces_in
from cloudai.report.fonts import Font
from cloudai.report.marks import MarkKind, marks_of
from cloudai.report.named_files import NamedFiles
from cloudai.report.photos import Photos
from cloudai.report.subjects import Source, Subject, reading, reason_of

__all__ = ["opened_subjects", "save_drawings", "save_faces", "save_sheet"]

PathLike = str | os.PathLike[str]
Layout: TypeAlias = Literal["sheet", "strip"]

log = logging.getLogger("cloudai")


def save_drawings(
    rows: Source,
    folder: PathLike,
    *,
    kinds: Sequence[MarkKind] | None = None,
    labels: bool = True,
    landmarks: bool = True,
    name: str | None = None,
    photos: PathLike | None = None,
    pictures: Sequence[ImageInput] | None = None,
    font: Font = None,
) -> Path:
    """Write a copy of each picture with what was found drawn over it, and ``index.csv``; return the index's path.

    The files are ``0001-name.jpg`` …. A picture that cannot be found or read is named in the log.

    Args:
        rows: A batch, outcomes, results, a table of results, or the path of a journal or of a file of results.
        folder: The folder to write to; it is made if it does not exist.
        kinds: The kinds of things that are drawn; see `marks_of`.
        labels: Whether the labels are drawn.
        landmarks: Whether the landmarks of faces are drawn.
        name: The user's column with the names; see `cloudai.report.subjects.subjects_of`.
        photos: A folder below which the pictures are looked for, by path, by file name or by digest.
        pictures: The pictures by the number of the input, where they are at hand.
        font: Path of a font file; see `find_font`.

    Raises:
        InputError: There is no such kind or column, or the rows hold no results.
    """
    out = NamedFiles(folder)
    for subject, picture in opened_subjects(rows, name, photos, pictures):
        marks = [mark for result in subject.results for mark in marks_of(result, kinds, landmarks=landmarks)]
        known = [mark for mark in marks if mark.box.image_size is not None]
        shown = draw(picture, known, labels=labels, font=font)
        out.save(shown, subject.item, subject.name, {"input": subject.address, "things": len(known)})
    return out.close()


def save_faces(
    rows: Source,
    folder: PathLike,
    *,
    margin: float = 0.4,
    aspect: float | None = 3 / 4,
    shape: CutShape = "rectangle",
    name: str | None = None,
    photos: PathLike | None = None,
    pictures: Sequence[ImageInput] | None = None,
) -> Path:
    """Write each face as a picture of its own, and ``index.csv`` with where it was; return the index's path.

    The files are ``0001-name.jpg`` …, PNG for the shapes with transparent corners. Where a picture has several faces,
    the number of the face follows the name.

    Args:
        rows: See `save_drawings`.
        folder: The folder to write to; it is made if it does not exist.
        margin: The margin on each side; see `crop`.
        aspect: Width over height; see `crop`.
        shape: "rectangle", "rounded" or "circle".
        name: See `save_drawings`.
        photos: See `save_drawings`.
        pictures: See `save_drawings`.

    Raises:
        InputError: There is no such shape or column, or the rows hold no results.
        SettingsError: ``margin`` or ``aspect`` is no number in its range.
    """
    out = NamedFiles(folder)
    for subject, face, called, cut in _faces(opened_subjects(rows, name, photos, pictures), margin, aspect, shape):
        box = {side: round(getattr(face.box, side), 1) for side in ("x", "y", "width", "height")}
        suffix = ".jpg" if shape == "rectangle" else ".png"
        out.save(cut, subject.item, called, {"input": subject.address, **box}, suffix)
    return out.close()


def save_sheet(
    rows: Source,
    path: PathLike,
    *,
    layout: Layout = "sheet",
    of: Literal["faces", "pictures"] = "faces",
    columns: int | None = None,
    side: int = 240,
    name: str | None = None,
    photos: PathLike | None = None,
    pictures: Sequence[ImageInput] | None = None,
    font: Font = None,
) -> Path:
    """Write one picture of all faces, or of all pictures, with their names below, and return its path.

    Args:
        rows: See `save_drawings`.
        path: The file to write, for example ``sheet.png``.
        layout: "sheet" has rows and columns, "strip" one row.
        of: "faces" shows the faces, "pictures" the whole pictures.
        columns: The columns of a sheet; see `contact_sheet`.
        side: Width and height of a picture on a sheet, or its height on a strip, in px.
        name: See `save_drawings`.
        photos: See `save_drawings`.
        pictures: See `save_drawings`.
        font: Path of a font file; see `find_font`.

    Raises:
        InputError: There is nothing to show, there is no such column, or the rows hold no results.
    """
    shown, names = [], []
    if of == "faces":
        for _, _, called, cut in _faces(opened_subjects(rows, name, photos, pictures), 0.4, 3 / 4, "rectangle"):
            cut.thumbnail((2 * side, side))
            shown.append(cut)
            names.append(called)
    else:
        for subject, picture in opened_subjects(rows, name, photos, pictures):
            picture.thumbnail((4 * side, 2 * side))
            shown.append(picture)
            names.append(subject.name)
    if not shown:
        raise InputError(f"there are no {of} to show", advice="Look at the status of the pictures in a gallery.")
    made = strip(shown, names, height=side, font=font) if layout == "strip" else None
    made = made or contact_sheet(shown, names, columns=columns, side=side, font=font)
    target = Path(path)
    made.save(target)
    return target


def opened_subjects(
    rows: Source, name: str | None, photos: PathLike | None, pictures: Sequence[ImageInput] | None
) -> Iterator[tuple[Subject, PIL.Image.Image]]:
    """Yield each subject that has results with its picture; the others are named in the log."""
    read = reading(rows, name)
    where = Photos(read.folders, photos, pictures)
    for subject in read.subjects:
        try:
            if not subject.results:
                raise InputError(reason_of(subject.error) or "nothing is known of it")
            yield subject, where.open(subject)
        except CloudAIError as error:
            log.warning("%s is left out: %s", subject.name, error)


def _faces(
    opened: Iterator[tuple[Subject, PIL.Image.Image]], margin: float, aspect: float | None, shape: CutShape
) -> Iterator[tuple[Subject, Face, str, PIL.Image.Image]]:
    """Yield each face with its subject, with what it is called, and with its picture."""
    for subject, picture in opened:
        faces = faces_in(subject) or ()
        for number, face in enumerate(faces, start=1):
            called = subject.name if len(faces) == 1 else f"{subject.name} {number}"
            try:
                yield subject, face, called, crop(picture, face, margin=margin, aspect=aspect, shape=shape)
            except (InputError, NeedsImageError) as error:
                log.warning("a face of %s is left out: %s", subject.name, error)
