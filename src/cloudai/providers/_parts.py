"""Texts that are longer than a vendor takes are cut at the ends of sentences, and sent in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

# The standard module has neither \X, which matches a grapheme, nor a look-behind of variable length.
import regex

__all__ = ["beginning", "framed", "graphemes", "parts", "sentences"]

GRAPHEME = regex.compile(r"\X")
"""A grapheme of the newest Unicode, whose rules join the most characters: no text is refused that a vendor takes."""

CLOSING = r"[\"'”’»)\]」』】）]"
CUTS = (
    # A paragraph, a sentence, a word, a grapheme, a code point: a part ends at the first of these that is short enough.
    regex.compile(r"\n[^\S\n]*+\n\s*+"),
    # The white space is looked for, and then what is before it: a search for the dots would take the square of the time
    # in a text of nothing but dots.
    regex.compile(rf"(?<=[.!?…؟।]{CLOSING}{{0,4}})\s++|[。！？｡]++{CLOSING}*+\s*+|\n\s*+"),
    regex.compile(r"\s++"),
    GRAPHEME,
    regex.compile(r"(?s)."),
)
"""The patterns at which a text may be cut, from paragraphs to code points. The dot of "3.5" is none of them."""


def graphemes(text: str) -> int:
    """Return the number of graphemes, which a reader takes for characters, in a text."""
    return sum(1 for _ in GRAPHEME.finditer(text))


def parts(text: str, most: int, size: Callable[[str], int] = len) -> list[str]:
    """Return a text in as few parts as its sentences allow, which joined are the text again.

    Args:
        text: The text.
        most: The largest size of a part. A part that has more, because a single code point has, is returned as it is.
        size: The measure of a part; the sizes of two texts add up to that of both.
    """
    return [text] if size(text) <= most else _packed(text, most, size, CUTS)


def _packed(text: str, most: int, size: Callable[[str], int], cuts: Sequence[regex.Pattern[str]]) -> list[str]:
    """Return a text that is too long in parts, each of as many pieces as fit; a piece that does not fit is cut too."""
    packed: list[str] = []
    begin = end = filled = 0
    # Each piece is measured once and the sizes are added up. To measure the growing part anew for each piece would take
    # time that grows with the square of its length.
    for piece in _pieces(text, cuts[0]):
        length = size(piece)
        if filled + length > most and end > begin:
            packed.append(text[begin:end])
            begin, filled = end, 0
        end += len(piece)
        if length > most and len(cuts) > 1:
            packed += _packed(piece, most, size, cuts[1:])
            begin, filled = end, 0
        else:
            filled += length
    return [*packed, text[begin:end]] if end > begin else packed


def _pieces(text: str, cut: regex.Pattern[str]) -> Iterator[str]:
    """Yield a text in pieces, each with what stands at its end."""
    begin = 0
    for match in cut.finditer(text):
        yield text[begin : match.end()]
        begin = match.end()
    if begin < len(text):
        yield text[begin:]


def framed(part: str) -> tuple[str, str, str]:
    """Return the white space before the words of a part, the words, and the white space after them.

    Vendors leave out the white space at the ends of a text, which has to be there where parts are joined.
    """
    words = part.strip()
    if not words:
        return part, "", ""
    before = len(part) - len(part.lstrip())
    return part[:before], words, part[before + len(words) :]


def beginning(text: str, most: int, size: Callable[[str], int] = len) -> tuple[str, str | None]:
    """Return as much of the beginning of a text as a vendor takes, and a note for `Meta.prepared`.

    The words are enough to tell a language by, so that a long text is not cut at the end of a sentence. The note is
    None where no word is left out.
    """
    if size(text) <= most:
        return text, None
    # White space in front would fill the part that is sent, and no language can be told by it.
    words = text.strip()
    if size(words) <= most:
        return words, None
    begin = parts(words, most, size)[0]
    return begin, f"the first {len(begin):,} of {len(text):,} characters"


def sentences(text: str) -> list[tuple[int, int]]:
    """Return the sentences of a text, each as the positions where it begins and ends, without the blanks around it."""
    spans: list[tuple[int, int]] = []
    begin = 0
    for paragraph in _pieces(text, CUTS[0]):
        for piece in _pieces(paragraph, CUTS[1]):
            before, words, _ = framed(piece)
            if words:
                spans.append((begin + len(before), begin + len(before) + len(words)))
            begin += len(piece)
    return spans
