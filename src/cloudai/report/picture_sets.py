"""Write a folder of drawings or of faces, or one picture of all of them, from whatever is kept."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import PIL.Image

from cloudai.errors import CloudAIError, InputError, NeedsImageError
from cloudai.media import ImageInput
from cloudai.models.face import Face
from cloudai.report.drawing import CutShape, contact_sheet, crop, draw, require_room, require_side, strip
from cloudai.report.facts import faces_in, marks_in
from cloudai.report.fetching import FetchURLs
from cloudai.report.fonts import Font
from cloudai.report.marks import MarkKind
from cloudai.report.named_files import NamedFiles
from cloudai.report.photos import photos_of
from cloudai.report.subjects import Source, Subject, reading, reason_of
from cloudai.report.writing import write_whole

__all__ = ["ENDINGS_OF_SHEETS", "opened_subjects", "save_drawings", "save_faces", "save_sheet"]

PathLike = str | os.PathLike[str]
Layout: TypeAlias = Literal["sheet", "strip"]
Shown: TypeAlias = Literal["faces", "pictures"]

ENDINGS_OF_SHEETS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff")
# libjpeg writes at most 65,500 px a side; WebP has 14 bits for a side, and GIF has 16.
LONGEST_SIDE = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383, ".gif": 65_535}
"""The most pixels that a side of a picture in a format may have."""

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
    pictures: Sequence[ImageInput | None] | None = None,
    fetch_urls: FetchURLs = False,
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
        pictures: The pictures by the number of the input, where they are at hand; None in place of one looks for it.
        fetch_urls: Fetch the pictures whose inputs were addresses once more, by the rules of a client. A file that is
            fetched is shown only if it is the picture that was analysed. `cloudai.FetchRules` may name a folder that
            keeps it.
        font: Path of a font file; see `find_font`.

    Raises:
        InputError: There is no such kind or column, the rows hold no results, or somebody else has written an
            ``index.csv`` into the folder.
        JournalError: The file is no journal, or cannot be read.
        MissingFontError: The file that ``font`` names is no font.
        OutputError: A file cannot be written.
    """
    with NamedFiles(folder) as out:
        for subject, picture in opened_subjects(rows, name, photos, pictures, fetch_urls):
            marks = marks_in(subject, kinds, landmarks=landmarks)
            # Without the size of the picture nobody can tell where a box is in it.
            known = [mark for mark in marks if mark.box.image_size is not None]
            shown = draw(picture, known, labels=labels, font=font)
            out.save(shown, subject.item, subject.name, {"input": subject.address, "things": len(known)})
    return out.index


def save_faces(
    rows: Source,
    folder: PathLike,
    *,
    margin: float = 0.4,
    aspect: float | None = 3 / 4,
    shape: CutShape = "rectangle",
    name: str | None = None,
    photos: PathLike | None = None,
    pictures: Sequence[ImageInput | None] | None = None,
    fetch_urls: FetchURLs = False,
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
        fetch_urls: See `save_drawings`.

    Raises:
        InputError: There is no such shape or column, the rows hold no results, or somebody else has written an
            ``index.csv`` into the folder.
        JournalError: The file is no journal, or cannot be read.
        OutputError: A file cannot be written.
        SettingsError: ``margin`` or ``aspect`` is no number in its range.
    """
    suffix = ".jpg" if shape == "rectangle" else ".png"
    with NamedFiles(folder) as out:
        opened = opened_subjects(rows, name, photos, pictures, fetch_urls)
        for subject, face, called, cut in _faces(opened, margin, aspect, shape):
            box = {side: round(getattr(face.box, side), 1) for side in ("x", "y", "width", "height")}
            out.save(cut, subject.item, called, {"input": subject.address, **box}, suffix)
    return out.index


def save_sheet(
    rows: Source,
    path: PathLike,
    *,
    layout: Layout = "sheet",
    of: Shown = "faces",
    columns: int | None = None,
    side: int = 240,
    name: str | None = None,
    photos: PathLike | None = None,
    pictures: Sequence[ImageInput | None] | None = None,
    fetch_urls: FetchURLs = False,
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
        fetch_urls: See `save_drawings`.
        font: Path of a font file; see `find_font`.

    Raises:
        InputError: There is nothing to show, there is no such layout or column, the rows hold no results, the side or
            the number of columns cannot be used, the sheet would be too large, or the file has an ending of no picture,
            or of one that cannot be so large.
        JournalError: The file is no journal, or cannot be read.
        MissingFontError: The file that ``font`` names is no font.
        OutputError: The file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() not in ENDINGS_OF_SHEETS:
        raise InputError(
            f"{target.name} has no ending of a picture", advice=f"Let it end in {' or '.join(ENDINGS_OF_SHEETS)}."
        )
    for given, words in ((layout, get_args(Layout)), (of, get_args(Shown))):
        if given not in words:
            raise InputError(f"a sheet has no {given!r}", advice=f"Give one of: {', '.join(words)}.")
    require_side(side)
    opened = opened_subjects(rows, name, photos, pictures, fetch_urls)
    if of == "faces":
        each = ((called, cut) for _, _, called, cut in _faces(opened, 0.4, 3 / 4, "rectangle"))
    else:
        each = ((subject.name, picture) for subject, picture in opened)
    shown: list[PIL.Image.Image] = []
    names: list[str] = []
    for called, picture in each:
        # The pictures are all in memory until the sheet is drawn, so each is shrunk at once.
        picture.thumbnail((4 * side, side))
        shown.append(picture)
        names.append(called)
        # A sheet of too many pictures is given up before thousands more are opened.
        require_room(len(shown) * side * side if layout == "sheet" else sum(one.width for one in shown) * side)
    if not shown:
        raise InputError(f"there are no {of} to show", advice="Look at the status of the pictures in a gallery.")
    made = strip(shown, names, height=side, font=font) if layout == "strip" else None
    made = made or contact_sheet(shown, names, columns=columns, side=side, font=font)
    _require_size(made, target)
    out = io.BytesIO()
    made.save(out, PIL.Image.registered_extensions()[target.suffix.lower()])
    return write_whole(target, out.getvalue())


def _require_size(picture: PIL.Image.Image, target: Path) -> None:
    """Raise InputError if the format of a file does not hold so large a picture."""
    most = LONGEST_SIDE.get(target.suffix.lower())
    if most is not None and max(picture.size) > most:
        raise InputError(
            f"a {target.suffix} has at most {most:,} px a side, and this needs {max(picture.size):,}",
            advice="Give a .png, or fewer pictures.",
        )


def opened_subjects(
    rows: Source,
    name: str | None,
    photos: PathLike | None,
    pictures: Sequence[ImageInput | None] | None,
    fetch_urls: FetchURLs,
) -> Iterator[tuple[Subject, PIL.Image.Image]]:
    """Yield each subject that has results with its picture; the others are named in the log."""
    read = reading(rows, name)
    with photos_of(read, photos, pictures, fetch_urls) as where:
        for subject in read.subjects:
            try:
                if not subject.results:
                    raise InputError(reason_of(subject.error) or "nothing is known of it")
                picture = where.open(subject)
            except CloudAIError as error:
                log.warning("%s is left out: %s", subject.name, error)
            else:
                yield subject, picture


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
