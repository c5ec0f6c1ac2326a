"""Define the results of the speech operations."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from cloudai.errors import InputError
from cloudai.languages import joined
from cloudai.models.base import Base64, Many, Model, Result, UnitFloat, first_lines
from cloudai.table_files import ColumnType

__all__ = ["Segment", "Speech", "SpokenWord", "Transcript"]


class SpokenWord(Model):
    """One spoken word; its times are in seconds from the beginning of the file."""

    text: str
    start: float | None = Field(default=None, ge=0)
    end: float | None = Field(default=None, ge=0)
    confidence: UnitFloat | None = None
    speaker: str | None = None
    channel: int | None = None
    """The channel of the recording, counted from 1 by Google and from 0 by Azure; None if there is but one."""


class Segment(Model):
    """A stretch of speech as the vendor cut it; its times are in seconds from the beginning of the file."""

    text: str
    words: tuple[SpokenWord, ...] = ()
    start: float | None = Field(default=None, ge=0)
    end: float | None = Field(default=None, ge=0)
    confidence: UnitFloat | None = None
    speaker: str | None = None
    channel: int | None = None
    language: str | None = None


class Transcript(Many[Segment]):
    """Speech as text. It iterates over its segments; if nobody speaks the text is empty, which is no error."""

    text: str = ""
    segments: tuple[Segment, ...] = ()
    language: str | None = None
    duration: float | None = Field(default=None, ge=0)
    """Length of the recording in seconds; None if it is not known."""

    units: ClassVar[Mapping[str, str]] = {"start_s": "s", "end_s": "s"}
    types: ClassVar[Mapping[str, ColumnType]] = {"word": int}

    @property
    def words(self) -> tuple[SpokenWord, ...]:
        """Every word of every segment, in order."""
        return tuple(word for segment in self.segments for word in segment.words)

    things: ClassVar[tuple[str, str]] = ("segment", "segments")

    def _items(self) -> Sequence[Segment]:
        return self.segments

    def _readable(self) -> Iterator[str]:
        return first_lines(self.text)

    def _columns(self) -> Sequence[str]:
        return (
            *("segment", "word", "text", "start_s", "end_s", "confidence"),
            *("speaker", "channel", "language", "part"),
        )

    def _rows(self) -> list[dict[str, Any]]:
        """Return one row for each word, or for each segment if the vendor does not list its words."""
        return [
            {
                "segment": number,
                "word": index if segment.words else None,
                "channel": segment.channel,
                "language": segment.language or self.language,
                "part": 0,
                **_spoken(thing, segment),
            }
            for number, segment in enumerate(self.segments)
            for index, thing in enumerate(_timed(segment))
        ]


def turns(words: Sequence[SpokenWord], language: str) -> tuple[Segment, ...]:
    """Return one segment for each stretch of words by the same speaker in the same channel."""
    stretches = [tuple(said) for _, said in groupby(words, key=lambda word: (word.channel, word.speaker))]
    return tuple(
        Segment(
            text=joined([word.text for word in said], language),
            words=said,
            start=said[0].start,
            end=said[-1].end,
            speaker=said[0].speaker,
            channel=said[0].channel,
        )
        for said in stretches
    )


def _timed(segment: Segment) -> Sequence[SpokenWord | Segment]:
    return segment.words or (segment,)


def _spoken(thing: SpokenWord | Segment, segment: Segment) -> dict[str, Any]:
    return {
        "text": thing.text,
        "start_s": thing.start,
        "end_s": thing.end,
        "confidence": thing.confidence,
        "speaker": thing.speaker or segment.speaker,
    }


MEDIA_TYPES: Mapping[str, str] = {"wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg"}
MOST_PLAYED = 20_000_000
"""Bytes of the longest audio that a notebook gets a player for; the notebook's file holds all of them."""


class Speech(Result):
    """Spoken audio; a notebook shows a player for it."""

    audio: Base64 = Field(repr=False)
    """The file; in JSON it is base64."""
    format: str
    """The audio format: "wav", "mp3" or "ogg"."""
    rate: int | None = None
    """Sample rate, in samples a second."""
    duration: float | None = None
    """Length in seconds; None where it cannot be told without the extra ``audio``, of MP3 and OGG."""

    def files(self) -> list[tuple[str, bytes]]:
        """Return the audio as a file, as the end of its name and its content."""
        return [(f".{self.format}", self.audio)]

    def _repr_html_(self) -> str:
        if len(self.audio) > MOST_PLAYED:
            return super()._repr_html_()
        encoded = base64.b64encode(self.audio).decode()
        return f'<audio controls src="data:{MEDIA_TYPES.get(self.format, "")};base64,{encoded}"></audio>'

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the audio to a file, which is replaced if it exists, and return its path.

        Raises:
            InputError: The file cannot be written, or its name ends like that of another format of audio.
        """
        try:
            target = Path(path)
            ending = target.suffix.lower().removeprefix(".")
            if ending in MEDIA_TYPES and ending != self.format:
                raise InputError(
                    f"{target.name} is no name for {self.format.upper()}",
                    advice=f'Name it .{self.format}, or ask for format="{ending}".',
                )
            target.write_bytes(self.audio)
        except InputError:
            raise
        except (OSError, ValueError, TypeError) as error:  # ValueError: a NUL in the name; TypeError: no path at all
            problem = getattr(error, "strerror", None) or error
            raise InputError(f"the audio cannot be written ({problem})", advice="Give the path of a file.") from error
        return target

    def _columns(self) -> Sequence[str]:
        return ("format", "rate", "duration", "bytes")

    def _rows(self) -> list[dict[str, Any]]:
        return [{"format": self.format, "rate": self.rate, "duration": self.duration, "bytes": len(self.audio)}]
