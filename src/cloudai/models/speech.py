"""Define the results of the speech operations."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from cloudai.errors import InputError
from cloudai.languages import joined
from cloudai.models.base import Base64, Many, Result, first_lines
from cloudai.models.spoken import Segment, SpokenWord
from cloudai.reading import text_of
from cloudai.table_files import ColumnType, write
from cloudai.text import encodable

if TYPE_CHECKING:
    from cloudai.models.comparison import Comparison
    from cloudai.models.subtitles import Cue

__all__ = ["Segment", "Speech", "SpokenWord", "Transcript"]


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

    def to_srt(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the transcript as subtitles in the format SRT, and write them to a file if one is named.

        A subtitle has at most two lines of 42 letters, where a Hangul syllable counts as two, and is shown for 1 to 7
        seconds. Segments without times, and times that are only those of a long segment, make it less exact.

        Args:
            path: The file, which is replaced if it exists; UTF-8.

        Raises:
            InputError: There is a text, and nothing of it has a time.
            OutputError: The file cannot be written.
        """
        from cloudai.models.subtitles import srt

        return _written(srt(self._cues()), path)

    def to_vtt(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the transcript as subtitles in the format WebVTT, with the speakers; see `to_srt`."""
        from cloudai.models.subtitles import vtt

        return _written(vtt(self._cues()), path)

    def to_txt(self) -> str:
        """Return what `to_text` returns; the command line asks for it by the ending of the file."""
        return self.to_text()

    def to_text(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the transcript as paragraphs, and write them to a file if one is named.

        Where speakers or channels are told apart, each of their turns is a paragraph that begins with the label of the
        speaker, or the number of the channel. Otherwise a paragraph ends at a pause of two seconds.

        Args:
            path: The file, which is replaced if it exists; UTF-8.

        Raises:
            OutputError: The file cannot be written.
        """
        # A vendor that gives no segments still has a text.
        return _written("\n\n".join(_paragraphs(self.segments, self.language)) or self.text, path)

    def cues(self) -> Transcript:
        """Return the transcript with one segment for each subtitle, as `to_srt` cuts them.

        To translate subtitles, translate the text of each segment, and give the translations to `with_texts`.
        """
        segments = [
            Segment(
                text=joined(cue.text.split("\n"), self.language),
                start=cue.start,
                end=cue.end,
                speaker=cue.speaker,
                language=self.language,
            )
            for cue in self._cues()
        ]
        return self._changed(segments=tuple(segments))

    def _cues(self) -> Sequence[Cue]:
        """Return the subtitles; raise InputError where there is a text, and nothing of it has a time."""
        from cloudai.models.subtitles import cues_of

        cues = cues_of(self.segments, self.language)
        if self.text.strip() and not cues:
            raise InputError(
                "the transcript has no times, so that no subtitles can be made", advice="Ask for words=True."
            )
        return cues

    def with_texts(self, texts: Sequence[str], language: str | None = None) -> Transcript:
        """Return the transcript with another text for each segment, for example a translation; the times are kept.

        Args:
            texts: The texts, one for each segment, in order.
            language: Their language, BCP-47.

        Raises:
            InputError: There are more or fewer texts than segments.
        """
        if len(texts) != len(self.segments):
            raise InputError(
                f"there are {len(texts)} texts for {len(self.segments)} segments", advice="Give one text a segment."
            )
        # The words and the confidence are those of what was said, and not of its translation.
        changed = {"words": (), "confidence": None, "language": language}
        segments = tuple(
            segment.model_copy(update={**changed, "text": text})
            for segment, text in zip(self.segments, texts, strict=True)
        )
        return self._changed(segments=segments, text=joined(list(texts), language), language=language)

    @classmethod
    def from_subtitles(cls, given: str | os.PathLike[str], language: str | None = None) -> Transcript:
        """Return the subtitles of a file in the format SRT or WebVTT, one segment each.

        Args:
            given: The path of the file, or its text.
            language: The language of the subtitles, BCP-47.

        Raises:
            InputError: The file cannot be read, or holds no subtitle.
        """
        from cloudai.models.subtitles import read_cues

        # Every subtitle has an arrow between its times, and hardly any path has one.
        is_text = isinstance(given, str) and "-->" in given
        segments = read_cues(str(given) if is_text else text_of(given), language)
        text = joined([segment.text for segment in segments], language)
        return cls(
            text=text,
            segments=tuple(segments),
            language=language,
            duration=max(segment.end or 0.0 for segment in segments),
        )

    def compare(self, reference: str | Transcript) -> Comparison:
        """Return how the transcript differs from what was really said, with its error rates.

        Args:
            reference: The text of what was said, or another transcript of the same recording.

        Raises:
            InputError: The reference has no word.
            MissingExtraError: The extra ``compare`` is not installed.
        """
        from cloudai.models.comparison import compared

        return compared(self.text, reference.text if isinstance(reference, Transcript) else reference)

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
                "part": segment.part,
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


PAUSE = 2.0
"""Seconds of silence between two paragraphs of a transcript whose speakers are not told apart."""


def _paragraphs(segments: Sequence[Segment], language: str | None) -> list[str]:
    """Return a transcript as paragraphs; see `Transcript.to_text`."""
    paragraphs: list[tuple[Segment, list[str]]] = []
    last: Segment | None = None
    for segment in segments:
        same = last is not None and (last.speaker, last.channel) == (segment.speaker, segment.channel)
        # Where a time is not known, no pause is assumed.
        silence = (segment.start or 0.0) - (last.end if last and last.end is not None else segment.start or 0.0)
        # A pause within the turn of one speaker begins no new paragraph, because the paragraph says who speaks.
        if same and (segment.speaker is not None or silence < PAUSE):
            paragraphs[-1][1].append(segment.text)
        else:
            paragraphs.append((segment, [segment.text]))
        last = segment
    return [_label(first) + joined(texts, first.language or language) for first, texts in paragraphs]


def _label(segment: Segment) -> str:
    if segment.speaker is not None:
        return f"{segment.speaker}: "
    return "" if segment.channel is None else f"{segment.channel}: "


def _written(text: str, path: str | os.PathLike[str] | None) -> str:
    if path is not None:
        # Players read UTF-8 whatever the system is; Windows would write its own encoding and line ends.
        write(path, str(encodable(text)).encode())
    return text


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
        """Return a list of one file, the audio: a pair of the end of its name and its content."""
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
            # Many players go by the ending, so a file that is named for another format may not open, and nothing would
            # say why.
            if ending in MEDIA_TYPES and ending != self.format:
                raise InputError(
                    f"{target.name} is no name for {self.format.upper()}",
                    advice=f'Name it .{self.format}, or ask for format="{ending}".',
                )
            target.write_bytes(self.audio)
        # An InputError is a ValueError, too, and would be wrapped below.
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
