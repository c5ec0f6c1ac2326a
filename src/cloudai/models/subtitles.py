"""Write a transcript as subtitles (SRT, WebVTT) that can be read in their time, and read such files back.

https://www.w3.org/TR/webvtt1/
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import regex

from cloudai.errors import InputError
from cloudai.languages import has_spaces, joined
from cloudai.models.spoken import Segment, SpokenWord
from cloudai.text import inert

__all__ = ["MOST_WIDTH", "Cue", "cues_of", "read_cues", "srt", "vtt", "width"]

MOST_WIDTH = 42
"""The width of a line; a Hangul syllable and a Chinese character are as wide as two letters."""
MOST_LINES = 2
SHORTEST, LONGEST = 1.0, 7.0
"""Seconds that a subtitle is shown."""
APART = 1.5
"""Seconds of silence after which another subtitle begins."""
DASH = "- "
"""The dash before the words of each speaker, if one subtitle holds the words of two speakers."""
# Hangul in single letters, and letters with marks, must not be cut through.
GRAPHEME = regex.compile(r"\X")
ENDS = re.compile(r"[.!?…。！？][\"'”’»)\]」』]*$")

PAUSES = re.compile(r"[,;:.!?…。！？、，][\"'”’»)\]」』]*$")


class Cue(NamedTuple):
    """One subtitle: when it is shown, in seconds, its lines, and who speaks."""

    start: float
    end: float
    text: str
    speaker: str | None = None


class _Token(NamedTuple):
    """A word, or a character of a language without spaces, and when it is said."""

    text: str
    start: float
    end: float


def width(text: str) -> int:
    """Return how wide a text is on the screen, in letters."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def cues_of(segments: Sequence[Segment], language: str | None) -> list[Cue]:
    """Return the subtitles of a transcript, in the order of time.

    A subtitle has at most two lines of `MOST_WIDTH`, and is shown for 1 to 7 seconds. It never holds parts of two
    segments; a segment that fits into one subtitle is one. Segments without times are left out.
    """
    cues: list[Cue] = []
    for segment in segments:
        code = segment.language or language
        space = " " if has_spaces(code) else ""
        for tokens in _groups(_tokens(segment, code), space):
            text = "\n".join(_lines([token.text for token in tokens], space))
            cues.append(Cue(tokens[0].start, max(tokens[-1].end, tokens[0].start), text, segment.speaker))
    return _timed(sorted(cues, key=lambda cue: cue.start))


def _tokens(segment: Segment, language: str | None) -> list[_Token]:
    """Return the words of a segment with their times; if the vendor gives none, they share the time of the segment.

    The words of the text are taken where they are as many, because they have punctuation.
    """
    # Without blanks between words a line may be broken behind any character.
    texts = segment.text.split() if has_spaces(language) else GRAPHEME.findall("".join(segment.text.split()))
    if segment.words and any(word.start is not None for word in segment.words):
        spoken = [word.text for word in segment.words]
        return list(_by_words(texts if len(texts) == len(spoken) else spoken, segment.words))
    if segment.start is None or not texts:
        return []
    end = segment.start if segment.end is None else max(segment.start, segment.end)
    return [part for token in _sharing(texts, segment.start, end) for part in _narrow(token)]


def _by_words(texts: Sequence[str], words: Sequence[SpokenWord]) -> Iterator[_Token]:
    """Yield the words that the vendor lists, in parts that fit into a line; one without a time follows the one before.

    Those before the first time have that time.
    """
    # The caller has seen that one of them has a time.
    at = next(word.start for word in words if word.start is not None)
    for text, word in zip(texts, words, strict=True):
        start = at if word.start is None else word.start
        at = start if word.end is None else max(start, word.end)
        yield from _narrow(_Token(text, start, at))


def _weight(text: str) -> int:
    # The blank behind a word takes time, too; it also keeps the sum of marks without any width from being 0.
    return width(text) + 1


def _narrow(token: _Token) -> Iterator[_Token]:
    """Yield a word in parts that fit into a line and share its time, where it alone is wider than one."""
    if width(token.text) <= MOST_WIDTH:
        yield token
        return
    parts = [""]
    for letter in GRAPHEME.findall(token.text):
        if width(parts[-1] + letter) > MOST_WIDTH:
            parts.append("")
        parts[-1] += letter
    yield from _sharing(parts, token.start, token.end)


def _sharing(texts: Sequence[str], start: float, end: float) -> Iterator[_Token]:
    """Yield words that share a time by their width."""
    each, at = (end - start) / sum(map(_weight, texts)), start
    for text in texts:
        yield _Token(text, at, at + each * _weight(text))
        at += each * _weight(text)


def _groups(tokens: Sequence[_Token], space: str) -> Iterator[list[_Token]]:
    """Yield the words of a segment, subtitle by subtitle; one whose words fit into a subtitle is one."""
    # A segment is what the vendor takes for one utterance, and stays whole where it fits.
    if tokens and _fits(tokens, space) and all(two.start - one.end < APART for one, two in pairwise(tokens)):
        yield list(tokens)
        return
    group: list[_Token] = []
    for token in tokens:
        # A subtitle that begins with a new sentence is easier to read, unless the last one would flash by.
        ended = group and ENDS.search(group[-1].text) and group[-1].end - group[0].start >= SHORTEST
        if group and (ended or token.start - group[-1].end >= APART):
            yield group
            group = []
        elif group and not _fits([*group, token], space):
            at = _clause(group)
            yield group[:at]
            group = group[at:]
            if group and not _fits([*group, token], space):
                yield group
                group = []
        group.append(token)
    if group:
        yield group


def _clause(group: Sequence[_Token]) -> int:
    """Return how many words of a full subtitle to keep: up to the last comma in its second half, or all of them."""
    for at in range(len(group) - 1, len(group) // 2, -1):
        if PAUSES.search(group[at - 1].text) and group[at - 1].end - group[0].start >= SHORTEST:
            return at
    return len(group)


def _fits(tokens: Sequence[_Token], space: str) -> bool:
    lasts = tokens[-1].end - tokens[0].start
    return lasts <= LONGEST and len(_lines([token.text for token in tokens], space)) <= MOST_LINES


def _lines(texts: Sequence[str], space: str) -> list[str]:
    """Return words in lines: in one if they fit, in two of about the same width if they fit into two, or in more."""
    whole = space.join(texts)
    if width(whole) <= MOST_WIDTH:
        return [whole]
    # Subtitles are usually set in two lines of about the same width, and not in a full one above a single word.
    halves = [(space.join(texts[:n]), space.join(texts[n:])) for n in range(1, len(texts))]
    best = min(halves, key=lambda two: max(map(width, two)), default=(whole, ""))
    if max(map(width, best)) <= MOST_WIDTH:
        return list(best)
    lines = [texts[0]]
    for text in texts[1:]:
        longer = lines[-1] + space + text
        lines = [*lines[:-1], longer] if width(longer) <= MOST_WIDTH else [*lines, text]
    return lines


def _timed(cues: Sequence[Cue]) -> list[Cue]:
    """Return subtitles that are shown for 1 to 7 s, and no longer than until the next one begins.

    A subtitle that would be shown for less, because the next one follows at once, delays the next one.
    """
    timed: list[Cue] = []
    free = 0.0
    # Short answers are joined first, because each short subtitle would delay all those behind it.
    cues = _gathered(cues)
    for number, cue in enumerate(cues):
        start = max(cue.start, free)
        # Subtitles that are shown at the same time may cover each other.
        following = cues[number + 1].start if number + 1 < len(cues) else start + LONGEST
        end = min(max(cue.end, start + SHORTEST), start + LONGEST)
        if end > following >= start + SHORTEST:
            end = following
        elif following < start + SHORTEST:
            end = start + SHORTEST
        timed.append(cue._replace(start=start, end=end))
        free = end
    return timed


def _gathered(cues: Sequence[Cue]) -> list[Cue]:
    """Return subtitles in which short answers that follow at once are one, so that none of them comes too late."""
    gathered: list[Cue] = []
    for cue in cues:
        last = gathered[-1] if gathered else None
        both = None if last is None or cue.start >= last.start + SHORTEST else _both(last, cue)
        if both is None:
            gathered.append(cue)
        else:
            gathered[-1] = both
    return gathered


def _both(one: Cue, two: Cue) -> Cue | None:
    """Return two subtitles as one; None where they do not fit into one.

    The words of two speakers stand on two lines behind dashes, as usual for a dialogue that is shown at the same time.
    """
    # Two subtitles without a speaker are not of one speaker if the first holds the words of two already.
    if one.speaker == two.speaker and not (one.speaker is None and one.text.startswith(DASH)):
        text = f"{one.text} {two.text}"
        if max(map(width, text.split("\n"))) > MOST_WIDTH:
            text = f"{one.text}\n{two.text}"
    else:
        text = "\n".join(text if text.startswith(DASH) else DASH + text for text in (one.text, two.text))
    lines, end = text.split("\n"), max(one.end, two.end)
    if len(lines) > MOST_LINES or max(map(width, lines)) > MOST_WIDTH or end - one.start > LONGEST:
        return None
    return Cue(one.start, end, text, one.speaker if one.speaker == two.speaker else None)


def srt(cues: Sequence[Cue]) -> str:
    """Return subtitles as SubRip (SRT)."""
    blocks = [
        # An arrow in the words would be read as the times of another subtitle.
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.text.replace('-->', '→')}\n"
        for number, cue in enumerate(cues, 1)
    ]
    return "\n".join(blocks)


def vtt(cues: Sequence[Cue]) -> str:
    """Return subtitles as WebVTT, with who speaks."""
    blocks = [f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_voiced(cue)}\n" for cue in cues]
    return "\n".join(["WEBVTT\n", *blocks])


def _voiced(cue: Cue) -> str:
    # In WebVTT "<" begins a tag; SRT has no escapes.
    text = html.escape(cue.text, quote=False)
    return text if cue.speaker is None else f"<v {html.escape(inert(cue.speaker), quote=False)}>{text}"


def _clock(seconds: float, point: str) -> str:
    # Rounding once to milliseconds avoids a clock of 00:00:60,000.
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02}{point}{whole % 1000:03}"


TIME = r"(?:(\d{1,5}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
TIMES = re.compile(rf"^[ \t]{{0,99}}{TIME}[ \t]{{0,99}}-->[ \t]{{0,99}}{TIME}[^\n]*", re.MULTILINE)
VOICE = re.compile(r"<v(?:\.[^ <>]{0,99})?[ \t]{1,99}([^<>]{0,999})>")
MARKS = re.compile(r"</?(?:[bicuv]|font|ruby|rt|lang|s)(?:[ .\t][^<>\n]{0,999})?>|<[\d:.]{5,20}>|\{\\[^{}\n]{0,999}\}")
"""Tags of SRT and WebVTT, times within a subtitle, and the positions that some players write into SRT."""
BREAK = re.compile(r"\\[Nn]")
"""A new line as the programs of Advanced SubStation write it."""
NUMBER = re.compile(r"(?:\A|\n)[ \t]*\d{1,9}[ \t]*\n?\Z")
"""The number of the next subtitle, which stands before its times."""


def read_cues(text: str, language: str | None = None) -> list[Segment]:
    """Return the subtitles of a file, SRT or WebVTT, as segments with their times, and without numbers and marks.

    A subtitle without a text is left out.

    Raises:
        InputError: There is no subtitle in the text.
    """
    # "\r\r\n" comes from programs that have written CRLF as text on Windows.
    lines = text.removeprefix("\ufeff").replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    # The times are what both formats have for certain: numbers and blank lines are missing in many files.
    shown = list(TIMES.finditer(lines))
    ends_blank = lines.lstrip().startswith("WEBVTT")
    segments: list[Segment] = []
    for number, times in enumerate(shown):
        is_last = number + 1 == len(shown)
        said = lines[times.end() : len(lines) if is_last else shown[number + 1].start()].removeprefix("\n")
        if ends_blank:
            # In WebVTT, the lines after a blank line are a note or the name of the next subtitle, and not spoken words.
            said = BLANK.split(said, maxsplit=1)[0]
        elif not is_last:
            # SRT has no notes, and some programs write blank lines into a subtitle, or none between two.
            said = NUMBER.sub("", said)
        voice = VOICE.search(said)
        plain = BREAK.sub("\n", html.unescape(MARKS.sub("", VOICE.sub("", said))))
        numbers = times.groups()
        start = _seconds(numbers[:4])
        segments.append(
            Segment(
                text=joined(plain.split("\n"), language),
                start=start,
                # A file that was edited by hand may have times that end before they begin.
                end=max(start, _seconds(numbers[4:])),
                speaker=html.unescape(voice[1].strip()) if voice else None,
                language=language,
            )
        )
    # The order of a file need not be that of time.
    segments = sorted((segment for segment in segments if segment.text), key=lambda segment: segment.start or 0.0)
    if not segments:
        raise InputError("there is no subtitle in this text", advice="Give a file in the format SRT or WebVTT.")
    return segments


BLANK = re.compile(r"(?:^|\n)[ \t]*\n")


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, rest = (part or "0" for part in parts)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(rest.ljust(3, "0")) / 1000
