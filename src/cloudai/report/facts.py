"""Say in a few columns what is known of a picture or of a face: what a tile, a card and a workbook show of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from cloudai.models.base import Result
from cloudai.models.face import Age, Ages, Face, FaceAge, Faces
from cloudai.models.image import ImageAnalysis, Text
from cloudai.report.marks import Mark, MarkKind, marks_of
from cloudai.report.subjects import Subject
from cloudai.report.words import words_in

__all__ = ["ending_of", "faces_in", "facts_of_face", "facts_of_picture", "marks_in", "own_columns", "part_of"]

R = TypeVar("R", bound=Result)

MOST_WORDS = 8
"""Tags and objects of a picture that are shown at most."""
SAME = 0.5
"""The least intersection over union of the boxes of one face in two results."""
LONGEST_TEXT = 300
"""Characters of the text in a picture that are shown at most."""


def part_of(subject: Subject, kind: type[R]) -> R | None:
    """Return the result of a kind; faces and text may also be parts of an `ImageAnalysis`.

    The result of an operation of its own comes first, for it says more: of faces also landmarks and expressions.
    """
    parts = (p for result in subject.results if isinstance(result, ImageAnalysis) for p in (result.faces, result.text))
    return next((one for one in (*subject.results, *parts) if isinstance(one, kind)), None)


def faces_in(subject: Subject) -> tuple[Face, ...] | None:
    """Return the faces in a picture, largest first; None if no result says anything of faces.

    A face without an age has that of `estimate_age`, where the two are at the same spot.
    """
    faces, ages = part_of(subject, Faces), part_of(subject, Ages)
    if faces is not None:
        return tuple(_with_age(face, ages) for face in faces.faces)
    return None if ages is None else tuple(Face(box=age.box, age=_age(age)) for age in ages.ages)


def _with_age(face: Face, ages: Ages | None) -> Face:
    if face.age is not None or ages is None:
        return face
    # The two operations need not list faces in the same order, and one may have found a face that the other has missed.
    near = max(ages.ages, key=lambda age: age.box.overlap(face.box), default=None)
    is_same = near is not None and near.box.overlap(face.box) >= SAME
    return face.model_copy(update={"age": _age(near)}) if near is not None and is_same else face


def _age(age: FaceAge) -> Age:
    return Age(**age.model_dump(exclude={"box"}))


def marks_in(subject: Subject, kinds: Sequence[MarkKind] | None = None, *, landmarks: bool = True) -> list[Mark]:
    """Return what can be drawn of all results about a picture; see `marks_of` for the other arguments.

    Where several results have the faces or the text of the picture, those that `faces_in` and `part_of` return are
    drawn, so that no face has two boxes.
    """
    results: list[Result] = []
    if (faces := faces_in(subject)) is not None:
        results.append(Faces(faces=faces))
    if (text := part_of(subject, Text)) is not None:
        results.append(text)
    for result in subject.results:
        if isinstance(result, ImageAnalysis):
            # Faces and text have been added above, each once.
            results.append(result.model_copy(update={"faces": None, "text": None}))
        elif not isinstance(result, Faces | Ages | Text):
            results.append(result)
    return [mark for result in results for mark in marks_of(result, kinds, landmarks=landmarks)]


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
        # A path is shown as the name of the picture, and a second time as a column would only be in the way.
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
    # A number of 0 faces is no finding.
    known = any(value not in (None, "", (), 0) for _, value in _of_picture(subject, words_in("en")))
    return "ok" if known else "none_found"


def _of_face(subject: Subject, face: Face, words: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    faces, ages = part_of(subject, Faces), part_of(subject, Ages)
    if face.confidence is not None:
        yield "confidence", round(face.confidence, 3)
    if face.emotions and face.emotions.top:
        # The heading says whose guess it is, because a reader of a page sees no `meta`.
        yield f"{_whose(faces)}expression", words.get(face.emotions.top, face.emotions.top)
    if face.age:
        is_own = faces is not None and (ages is None or any(one.age is not None for one in faces.faces))
        yield f"{_whose(faces if is_own else ages)}age", _years(face.age, words)


def _whose(result: Result | None) -> str:
    """Return the beginning of a word by which readers see that a simple model of this computer has guessed."""
    return "local " if result is not None and result.meta.method == "local" else ""


def _years(age: Age, words: Mapping[str, str]) -> int | str:
    """Return an age as a number, or as a range with its mean, as far as the provider gives them: "38–50, mean 41"."""
    mean = None if age.years is None else round(age.years)
    if age.span in ("", str(mean)):
        return "" if mean is None else mean
    if age.open_ended and age.low == age.high:
        return age.span  # the mean of the last class alone is its first year
    return ", ".join([age.span, *([] if mean is None else [words["mean"].format(years=mean)])])
