"""Define the parts of a transcript: words, and stretches of speech."""

from __future__ import annotations

from pydantic import Field

from cloudai.models.base import Model, UnitFloat

__all__ = ["Segment", "SpokenWord"]


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
    part: int = Field(default=0, ge=0)
    """The number of the piece of the recording in which it was heard, from 0; a recording that was sent whole has one.
    """
