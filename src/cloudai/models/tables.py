"""The tables of one kind that results of several operations have: faces, tags, lines of text, emotions and others.

`analyze_image` finds faces as `detect_faces` does: both have the table "faces", with the same columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from cloudai.models.base import Result
from cloudai.models.face import EMOTIONS, Ages, Faces, track_of
from cloudai.models.image import ImageAnalysis, Text
from cloudai.models.speech import Transcript
from cloudai.models.text import Sentiment

__all__ = ["TABLES", "TableKind"]

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class TableKind:
    """One kind of table: which results have it, and its columns after those with which each table begins."""

    results: tuple[type[Result], ...]
    """The results that may have such a table."""
    part: Callable[[Any], Result | None]
    """Returns the part of a result that the table is about; None if the reply says nothing of it."""
    rows: Callable[[Any], Rows]
    """Returns the rows of that part."""
    columns: Sequence[str]
    nothing: Callable[[Any], dict[str, Any]] = field(default=lambda _: {})
    """Returns the columns that have a value even if nothing was found."""
    units: Mapping[str, str] = field(default_factory=dict)
    asked_by: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The options without which the replies to an operation say nothing of it, by the name of the operation."""


def _faces(result: ImageAnalysis | Faces) -> Faces | None:
    return result.faces if isinstance(result, ImageAnalysis) else result


def _text(result: ImageAnalysis | Text) -> Text | None:
    return result.text if isinstance(result, ImageAnalysis) else result


def _faces_with(name: str) -> Callable[[ImageAnalysis | Faces], Faces | None]:
    """Return a function for the faces of a result: None if there are faces, and none of them has this part."""

    def part(result: ImageAnalysis | Faces) -> Faces | None:
        faces = _faces(result)
        # A vendor that says nothing of expressions has no table of them; a picture without a face has an empty one.
        said = faces is None or not len(faces) or any(getattr(face, name) is not None for face in faces)
        return faces if said else None

    return part


def _itself(result: Result) -> Result:
    return result


def _own_rows(result: Result) -> Rows:
    return result._rows()  # noqa: SLF001


def _own_nothing(result: Result) -> dict[str, Any]:
    return result._nothing()  # noqa: SLF001


def _emotions(faces: Faces) -> Rows:
    """Return a row for each emotion of each face that the vendor says something of."""
    return [
        {
            **track_of(face),
            "face": number,
            "emotion": name,
            "score": level.score,
            "word": level.word,
            "scale": face.emotions.scale,
        }
        for number, face in enumerate(faces)
        if face.emotions
        for name in EMOTIONS
        if (level := getattr(face.emotions, name)) is not None
    ]


def _landmarks(faces: Faces) -> Rows:
    """Return a row for each point of each face."""
    return [
        {**track_of(face), "face": number, "landmark": name, "x": point.x, "y": point.y, "z": point.z}
        for number, face in enumerate(faces)
        for name, point in (face.landmarks or {}).items()
    ]


def _segments(transcript: Transcript) -> Rows:
    return [
        {
            "segment": number,
            "text": segment.text,
            "start_s": segment.start,
            "end_s": segment.end,
            "confidence": segment.confidence,
            "speaker": segment.speaker,
            "channel": segment.channel,
            "language": segment.language or transcript.language,
        }
        for number, segment in enumerate(transcript)
    ]


def _main(
    results: tuple[type[Result], ...], part: Callable[[Any], Any], of: type[Result], **asked_by: Mapping[str, Any]
) -> TableKind:
    """Return the table that a result has by itself."""
    # An empty result tells its columns, so that a table without rows has them, too.
    columns = of.model_construct()._columns()  # noqa: SLF001
    return TableKind(results, part, _own_rows, columns, _own_nothing, of.units, asked_by)


_PIXELS = {"x": "px", "y": "px"}
_FACES = (ImageAnalysis, Faces)

TABLES: Mapping[str, TableKind] = MappingProxyType(
    {
        "faces": _main(_FACES, _faces, Faces, analyze_image={"features": ["faces"]}),
        "emotions": TableKind(
            _FACES,
            _faces_with("emotions"),
            _emotions,
            ("face", "emotion", "score", "word", "scale"),
            asked_by={"analyze_image": {"features": ["faces"]}, "detect_faces": {"attributes": ["emotions"]}},
        ),
        "landmarks": TableKind(
            _FACES,
            _faces_with("landmarks"),
            _landmarks,
            ("face", "landmark", "x", "y", "z"),
            units=_PIXELS,
            asked_by={"detect_faces": {"landmarks": True}},
        ),
        "ages": _main((Ages,), _itself, Ages),
        "tags": _main((ImageAnalysis,), _itself, ImageAnalysis),
        "text": _main((ImageAnalysis, Text), _text, Text, analyze_image={"features": ["text"]}),
        "sentences": _main((Sentiment,), _itself, Sentiment),
        "words": _main((Transcript,), _itself, Transcript),
        "segments": TableKind(
            (Transcript,),
            _itself,
            _segments,
            ("segment", "text", "start_s", "end_s", "confidence", "speaker", "channel", "language"),
            units=Transcript.units,
        ),
    }
)
"""Every kind of table by its name, as ``job.tidy("faces")`` takes it."""
