"""Join the transcripts of the pieces of a recording, so that no word is lost or doubled where two pieces overlap."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from cloudai.languages import has_spaces, joined
from cloudai.media.measuring import clock
from cloudai.models.speech import Segment, SpokenWord, Transcript

__all__ = ["Heard", "joined_pieces"]

NEAR = 0.5
"""Seconds by which the same word may begin earlier or later in the other piece."""
CUT = 0.1
"""Seconds from the edge of a piece within which a word ends, or begins, that is cut through there."""
SHOWN = 5.0
"""Seconds for which subtitles say that a piece is missing; the text says how long it is."""
AT_EDGE = 3
"""The most words that may be heard wrongly at the edge of a piece, where the first or last is cut through."""
MOST_SHARED = 20
"""The most words that two pieces can share, where no word has a time: those of fast speech in the overlap."""


class Heard(NamedTuple):
    """The transcript of one piece, and where the piece begins and ends in the recording, in seconds."""

    transcript: Transcript
    begin: float
    end: float
    is_gap: bool = False
    """True if nothing was heard of the piece, because the vendor has refused it."""

    @classmethod
    def gap(cls, begin: float, end: float) -> Heard:
        """Return a piece that was not heard, whose text names its times."""
        text = f"[missing: {clock(round(begin))} to {clock(round(end))}]"
        note = Segment(text=text, start=0.0, end=min(SHOWN, end - begin))
        return cls(Transcript(text=text, segments=(note,)), begin, end, is_gap=True)


class _Token(NamedTuple):
    """One word, and the number of its segment and of the word in it."""

    text: str
    start: float | None
    end: float | None
    segment: int
    word: int


def joined_pieces(heard: Sequence[Heard], duration: float | None, *, words: bool) -> Transcript:
    """Return one transcript of all pieces, with times from the beginning of the recording.

    A speaker has the number of the piece before the label of the vendor, because a vendor that hears one piece at a
    time does not know whether it has heard the same voice before: "2.1" is speaker 1 of the third piece.

    Args:
        heard: The transcripts of the pieces, in order.
        duration: Seconds of the recording.
        words: Whether the words are kept; they may have been asked for only so that the pieces could be joined.
    """
    pieces = [_shifted(each, number) for number, each in enumerate(heard)]
    shared: set[int] = set()
    # The vendor names a language for each piece; a piece of silence may have none.
    language = next((each.transcript.language for each in heard if each.transcript.language), None)
    for number, (one, two) in enumerate(pairwise(heard)):
        # Pieces that were cut in a pause have nothing in common, and a gap has no words to join at.
        if one.end > two.begin and not (one.is_gap or two.is_gap):
            pieces[number], pieces[number + 1] = _seamed(pieces[number], pieces[number + 1], two.begin, one.end)
            shared |= {number, number + 1}
    texts = [
        # The vendor's own text is kept where nothing was taken out, because it may have more than its segments.
        joined([segment.text for segment in piece], language) if number in shared else heard[number].transcript.text
        for number, piece in enumerate(pieces)
    ]
    segments = tuple(segment for piece in pieces for segment in piece)
    return Transcript(
        text=joined(texts, language),
        segments=segments if words else tuple(segment.model_copy(update={"words": ()}) for segment in segments),
        language=language,
        duration=duration,
        meta=next((each.transcript.meta for each in heard if not each.is_gap), heard[0].transcript.meta),
    )


def _shifted(heard: Heard, number: int) -> list[Segment]:
    """Return the segments of a piece with times from the beginning of the recording."""

    def moved(thing: Segment | SpokenWord) -> dict[str, Any]:
        return {
            "start": None if thing.start is None else thing.start + heard.begin,
            "end": None if thing.end is None else thing.end + heard.begin,
            "speaker": None if thing.speaker is None else f"{number}.{thing.speaker}",
        }

    return [
        segment.model_copy(
            update={
                **moved(segment),
                "part": number,
                "language": segment.language or heard.transcript.language,
                "words": tuple(word.model_copy(update=moved(word)) for word in segment.words),
            }
        )
        for segment in heard.transcript.segments
    ]


def _seamed(one: list[Segment], two: list[Segment], begin: float, end: float) -> tuple[list[Segment], list[Segment]]:
    """Return the segments of two pieces without what both have, which is between two times; each channel by itself."""
    # In a call both people may say the same word at the same time, each in a channel of their own.
    for channel in dict.fromkeys(segment.channel for segment in (*one, *two)):
        ours = [token for token in _tokens(one, channel) if token.start is None or _end(token) > begin - NEAR]
        theirs = [token for token in _tokens(two, channel) if token.start is None or token.start < end + NEAR]
        if not ours or not theirs:
            continue
        # Without times every word could be in the overlap, and the time of the search grows at least with the square of
        # the number of words.
        if ours[0].start is None or theirs[0].start is None:
            ours, theirs = ours[-MOST_SHARED:], theirs[:MOST_SHARED]
            last, first = _seam(ours, theirs, (begin + end) / 2)
        else:
            # A word that was cut through is heard as something else, and would end the stretch that both have alike.
            whole, behind = _whole(ours, theirs, begin, end)
            last, first = _seam(ours[:whole], theirs[behind:], (begin + end) / 2)
            first += behind
        one = _without(one, {(token.segment, token.word) for token in ours[last:]})
        two = _without(two, {(token.segment, token.word) for token in theirs[:first]})
    return one, two


def _whole(ours: Sequence[_Token], theirs: Sequence[_Token], begin: float, end: float) -> tuple[int, int]:
    """Return how many words of the first piece are whole, and how many of the second one come before a whole one.

    A word that ends with the first piece, or that begins with the second one, was cut through if the other piece has
    heard a word there that goes on beyond the cut.

    Args:
        ours: The words of the first piece, with times.
        theirs: The words of the second piece, with times.
        begin: Where the second piece begins.
        end: Where the first piece ends.
    """
    whole, behind = len(ours), 0
    if _end(ours[-1]) > end - CUT and any((word.start or 0.0) < end < _end(word) for word in theirs):
        whole -= 1
    if (theirs[0].start or 0.0) < begin + CUT and any((word.start or 0.0) < begin < _end(word) for word in ours):
        behind = 1
    return whole, behind


def _tokens(segments: Sequence[Segment], channel: int | None) -> list[_Token]:
    """Return the words of a channel: with their times, or those of the text where the vendor lists none."""
    return [
        _Token(_plain(text), start, end, number, index)
        for number, segment in enumerate(segments)
        if segment.channel == channel
        for index, (text, start, end) in enumerate(_words(segment))
    ]


def _words(segment: Segment) -> list[tuple[str, float | None, float | None]]:
    if segment.words:
        return [(word.text, word.start, word.end) for word in segment.words]
    return [(text, None, None) for text in _split(segment)]


def _split(segment: Segment) -> list[str]:
    """Return the words of the text of a segment, or its characters in a language without spaces."""
    return segment.text.split() if has_spaces(segment.language) else list(segment.text)


def _plain(text: str) -> str:
    """Return a word without its case and its punctuation, which differ at the edge of a piece."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum()) or folded


def _seam(ours: Sequence[_Token], theirs: Sequence[_Token], middle: float) -> tuple[int, int]:
    """Return how many words of the first piece to keep, and how many of the second one to leave out.

    The pieces are joined within the longest stretch of words that both have heard alike. Where there is none, the
    first piece has the words up to the middle of the overlap, and the second one those behind the last of them: the two
    may put the same word on either side of the middle.
    """
    if not ours or not theirs:
        return len(ours), 0
    timed = ours[0].start is not None and theirs[0].start is not None
    alike = [
        (_alike(ours[at:], theirs[behind:]), at, -behind) for at in range(len(ours)) for behind in range(len(theirs))
    ]
    if not timed:  # without times, the common words are at the end of the one and at the beginning of the other
        alike = [
            (size, at, minus) for size, at, minus in alike if len(ours) - at - size <= AT_EDGE and -minus <= AT_EDGE
        ]
    # If several common stretches have the same length, the last one of the first piece counts, with its earliest match
    # in the second one.
    size, at, minus = max(alike, default=(0, 0, 0))
    if size:
        # The seam is in the middle of the stretch: the words nearest to a cut are heard worst.
        half = (size + 1) // 2
        return at + half, half - minus
    if not timed:
        return len(ours), 0
    last = sum(1 for word in ours if (word.start or 0.0) < middle)
    until = max((_end(word) for word in ours[:last]), default=0.0)
    return last, sum(1 for word in theirs if ((word.start or 0.0) + _end(word)) / 2 < until)


def _end(word: _Token) -> float:
    return (word.start or 0.0) if word.end is None else word.end


def _alike(ours: Sequence[_Token], theirs: Sequence[_Token]) -> int:
    """Return how many words of two stretches are the same from the first on, at the same time where times are known."""
    size = 0
    for one, two in zip(ours, theirs, strict=False):
        apart = abs(one.start - two.start) if one.start is not None and two.start is not None else 0.0
        # The same word may be said twice in six seconds; its time tells which is meant.
        if one.text != two.text or apart > NEAR:
            break
        size += 1
    return size


def _without(segments: Sequence[Segment], dropped: set[tuple[int, int]]) -> list[Segment]:
    """Return the segments without these words, each named by the number of its segment and its own."""
    kept = []
    for number, segment in enumerate(segments):
        words = _words(segment)
        left = [index for index in range(len(words)) if (number, index) not in dropped]
        if len(left) == len(words):
            kept.append(segment)
        elif left:
            kept.append(_shortened(segment, left))
    return kept


def _shortened(segment: Segment, left: Sequence[int]) -> Segment:
    """Return a segment with these of its words alone. Its text keeps its punctuation if it has as many words."""
    texts = _split(segment)
    # The list of words may have more or fewer words than the text. The list then counts, although it has no
    # punctuation.
    if len(texts) != len(_words(segment)):
        texts = [text for text, _, _ in _words(segment)]
    words = tuple(segment.words[index] for index in left) if segment.words else ()
    times = {"start": words[0].start, "end": words[-1].end} if words else {}
    text = joined([texts[index] for index in left], segment.language)
    return segment.model_copy(update={"text": text, "words": words, **times})
