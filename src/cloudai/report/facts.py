"""Say in a few columns what is known of a picture or of a face: what a tile, a card and a workbook show of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar

from cloudai.models.base import Result
from cloudai.models.face import Age, Ages, Face, Faces
from cloudai.models.image import ImageAnalysis, Text
from cloudai.report.subjects import Subject
from cloudai.report.words import words_in

__all__ = ["ending_of", "faces_in", "facts_of_face", "facts_of_picture", "own_columns", "part_of"]

R = TypeVar("R", bound=Result)

MOST_WORDS = 8
"""Tags and objects of a picture that are shown at most."""
LONGEST_TEXT = 300
"""Characters of the text in a picture that are shown at most."""


def part_of(subject: Subject, kind: type[R]) -> R | None:
    """Return the result of a kind; faces and text may also be parts of an `ImageAnalysis`."""
    for result in subject.results:
        if isinstance(result, kind):
            return result
        if isinstance(result, ImageAnalysis):
            for part in (result.faces, result.text):
                if isinstance(part, kind):
                    return part
    return None


def faces_in(subject: Subject) -> tuple[Face, ...] | None:
    """Return the faces in a picture, largest first; None if no result says anything of faces."""
    if faces := part_of(subject, Faces):
        return faces.faces
    if ages := part_of(subject, Ages):
        # An age that stands by itself is one with a box more.
        return tuple(Face(box=age.box, age=Age(**age.model_dump(exclude={"box"}))) for age in ages.ages)
    return None


def own_columns(subject: Subject, keep: Collection[str] = ()) -> dict[str, Any]:
    """Return the user's own columns, without empty ones, and without the name and the path that are shown otherwise.

    Args:
        subject: The subject.
        keep: Columns that are wanted all the same.
    """
    shown = {subject.name, subject.address}
    return {
        name: value
        for name, value in subject.row.items()
        if value not in (None, "")
        and (name in keep or not (isinstance(value, str) and (value in shown or subject.address.endswith(f"/{value}"))))
    }


def facts_of_picture(subject: Subject, words: Mapping[str, str], keep: Collection[str] = ()) -> dict[str, Any]:
    """Return what is known of a picture, by the names of columns in the reader's language; None is left out.

    The user's own columns come first. Numbers stay numbers, and tags and objects are tuples of words.

    Args:
        subject: The subject.
        words: The words of the reader's language.
        keep: See `own_columns`.
    """
    facts = {
        **own_columns(subject, keep),
        **{words[name]: value for name, value in _of_picture(subject, words)},
    }
    return {name: value for name, value in facts.items() if value not in (None, "", ())}


def _of_picture(subject: Subject, words: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    analysis = part_of(subject, ImageAnalysis)
    if analysis is not None and analysis.caption is not None:
        yield "caption", analysis.caption.text
    faces = faces_in(subject)
    if faces is not None:
        yield "faces", len(faces)
    if faces:
        yield from _of_face(subject, faces[0], words)
    if analysis is not None:
        yield "tags", tuple(dict.fromkeys(tag.name for tag in analysis.tags or ()))[:MOST_WORDS]
        yield "objects", tuple(dict.fromkeys(thing.name for thing in analysis.objects or ()))[:MOST_WORDS]
    if text := part_of(subject, Text):
        yield "text", text.text[:LONGEST_TEXT]


def facts_of_face(subject: Subject, face: Face, words: Mapping[str, str]) -> dict[str, Any]:
    """Return what is known of a face, by the names of columns in the reader's language; None is left out."""
    facts = {words[name]: value for name, value in _of_face(subject, face, words)}
    return {name: value for name, value in facts.items() if value not in (None, "")}


def ending_of(subject: Subject, *, of_faces: bool = False) -> str:
    """Return the word for what became of a picture: "ok" if a report has anything to show of it.

    Args:
        subject: The subject.
        of_faces: Whether the report is one of faces, for which a picture without a face is a miss.
    """
    if not subject.results:
        return subject.status
    if of_faces and faces_in(subject) == ():
        return "no face"
    known = any(value not in (None, "", (), 0) for _, value in _of_picture(subject, words_in("en")))
    return "ok" if known else "none_found"


def _of_face(subject: Subject, face: Face, words: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    result = part_of(subject, Faces) or part_of(subject, Ages)
    # Whoever reads it is to see that a simple model of this computer has guessed.
    local = "local " if result is not None and result.meta.method == "local" else ""
    if face.confidence is not None:
        yield "confidence", round(face.confidence, 3)
    if face.emotions and face.emotions.top:
        yield f"{local}expression", words.get(face.emotions.top, face.emotions.top)
    if face.age:
        yield f"{local}age", _years(face.age, words)


def _years(age: Age, words: Mapping[str, str]) -> int | str:
    """Return an age as a number, or as a range with its mean, as far as the provider gives them: "38–50, mean 41"."""
    mean = None if age.years is None else round(age.years)
    if age.span in ("", str(mean)):
        return "" if mean is None else mean
    if age.open_ended and age.low == age.high:
        return age.span  # the mean of the last class alone is its first year
    return ", ".join([age.span, *([] if mean is None else [words["mean"].format(years=mean)])])
