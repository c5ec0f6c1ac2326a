"""Recognise the encoding of a text: UTF-8, UTF-16 and UTF-32 for certain, older ones by charset-normalizer."""

from __future__ import annotations

import codecs
import logging
import re
import unicodedata
from collections.abc import Mapping, Sequence

from cloudai.errors import CloudAIError, InputError

__all__ = ["decoded"]

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, and the codecs that read them."""
OLDER = (
    *("cp949", "gb18030", "big5", "big5hkscs", "cp932", "euc_jp", "cp874"),
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
)
"""The encodings that are guessed: those in which Windows saves texts, and that of older Unix in Japan."""
DISTINCT = frozenset({"cp949", "gb18030", "big5", "big5hkscs", "cp932", "euc_jp", "cp874"})
"""The encodings that a guess may be believed in: their text hardly passes for that of another one.

Those of European alphabets do: "é" of one is "č" of the next.
"""
MARGIN = 0.04
"""How much more disorder the second best guess must have (0 to 1, by charset-normalizer), or the best is uncertain."""
SINGLE_BYTE = frozenset(OLDER) - (DISTINCT - {"cp874"})
"""The encodings of one byte a letter. Of their words some have an odd number of letters, and those are no Hangul."""
MOSTLY = 0.9
ESCAPES = ((re.compile(rb"\x1b\$[@B]"), "iso2022_jp"), (re.compile(rb"\x1b\$\)C"), "iso2022_kr"))
"""The escape sequences of the encodings of East Asian mail, whose bytes are all ASCII, and the codecs for them."""
LAUGHTER = rb"\xa4[\xa1\xa4\xa7\xb5\xb7\xb8\xba\xbb\xbe\xcc\xd0\xd1]"
"""The single letters of Hangul that people write for laughter, tears and short answers, in CP949."""
SYLLABLE = rb"[\xb0-\xc8].|[\x81-\xc6][^\xa1-\xfe]|[\x81-\xa0]."
"""Any syllable of Hangul in CP949; of the 2,350 in use both bytes are above 160."""
WRITTEN: Mapping[str, Sequence[tuple[bytes, float]]] = {
    # Syllables of Hangul, most of them of the 2,350 in use, and the single letters of laughter and tears.
    "cp949": [(rb"[\xb0-\xc8][\xa1-\xfe]", 0.5), (SYLLABLE + rb"|" + LAUGHTER, 0.9)],
    # The frequent characters, which the vendors of the tables put first.
    "gb18030": [(rb"[\xb0-\xd7][\xa1-\xfe]", 0.8)],
    "big5": [(rb"[\xa4-\xc6].", 0.8)],
    "big5hkscs": [(rb"[\xa4-\xc6].", 0.6)],
    # Kana, which no Japanese sentence lacks, and few of half the width, which any bytes above 160 are.
    "cp932": [(rb"\x82[\x9f-\xf1]|\x83[\x40-\x96]", 0.1), (rb"..", 0.8)],
    "euc_jp": [(rb"[\xa4\xa5].", 0.1), (rb"..", 0.8)],
    # Letters that no other code page has at these places, where most of the frequent letters of Thai stand.
    "cp874": [(rb"[\xb0-\xda]", 0.3)],
}
"""Which characters a text in an encoding consists of, by their bytes, and the least share of its letters that they are.

A short text of one encoding often passes for one of another without any disorder: what gives it away is that it would
consist of characters that nobody uses.
"""
SAMPLE = 65_536
"""Bytes of lines that are not plain ASCII, by which the encoding is guessed."""
DAMAGED = 4
"""A text with this many sound characters of UTF-8 for each broken one is damaged UTF-8, and in no other encoding."""
SPARSE = 5
"""One byte of this many is zero in UTF-16 that would pass for UTF-8, because it holds Latin letters alone."""

log = logging.getLogger("cloudai")


def decoded(data: bytes, name: str, raising: type[CloudAIError] = InputError, *, encoding: str | None = None) -> str:
    """Return the text that bytes stand for, without a byte order mark.

    Without ``encoding`` they are UTF-8, UTF-16 or UTF-32, or else an older encoding that is guessed. A guess is written
    to the log as a warning.

    Args:
        data: The bytes.
        name: What they are the content of, for errors and the log.
        raising: The class of the error.
        encoding: The encoding, if it is known.

    Raises:
        CloudAIError: Of the class ``raising``: the bytes are not in the encoding that was named, or the guess is not
            certain. The text of the error shows nothing of the bytes, which may hold keys.
    """
    if encoding is not None:
        text, problem, advice = _as_told(data, encoding)
    else:
        text, problem, advice = _recognised(data, name)
    if text is None:
        del data  # neither this frame nor the cause of the error may show what was read: it may be a file of keys
        raise raising(f"{name} {problem}", advice=advice)
    return text


def _as_told(data: bytes, encoding: str) -> tuple[str | None, str, str]:
    """Return the text in the encoding that the user names; or None, what is wrong, and what to do."""
    try:
        if codecs.lookup(encoding).name == "utf-8":
            encoding = "utf-8-sig"
        return data.decode(encoding), "", ""
    except LookupError:
        return None, f"cannot be read: {encoding!r} is no encoding", 'Name one that Python knows, for example "cp949".'
    except UnicodeDecodeError as error:
        return None, f"is not {encoding} (byte {error.start})", "Name another encoding, or leave it out."


def _recognised(data: bytes, name: str) -> tuple[str | None, str, str]:
    """Return the text in the encoding that the bytes show; or None, what is wrong, and what to do."""
    certain = (
        next((codec for mark, codec in MARKS if data.startswith(mark)), None) or _escaped(data) or _without_mark(data)
    )
    for codec in [certain] if certain else ["utf-8"]:
        try:
            return data.decode(codec), "", ""
        except UnicodeDecodeError as error:
            start = error.start
    if certain or _is_damaged(data):
        told = (certain or "utf-8").removesuffix("-sig").upper()
        return None, f"is {told} and damaged at byte {start}", "Save it again as UTF-8, or give encoding=."
    best, others = _guess(data)
    if best is None:
        known = f": it may be {_listed(others)}" if others else ""
        return (
            None,
            f"is not UTF-8, and its encoding is not certain{known}",
            "Give encoding= (--encoding), or save it as UTF-8.",
        )
    log.warning("%s: read as %s", name, best.upper())
    return data.decode(best), "", ""


def _escaped(data: bytes) -> str | None:
    """Return the codec of an encoding that shifts between alphabets by escape sequences, or None for any other."""
    return next((codec for mark, codec in ESCAPES if mark.search(data)), None) if data.isascii() else None


def _without_mark(data: bytes) -> str | None:
    """Return "utf-16-le" or "utf-16-be" for UTF-16 without a byte order mark, or None for anything else."""
    zeros = data.count(0)
    if not zeros or len(data) % 2:
        return None
    odd = data[1::2].count(0)
    codec = "utf-16-le" if odd * 2 > zeros else "utf-16-be"
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    try:
        data.decode()
    except UnicodeDecodeError:
        return codec
    return codec if zeros * SPARSE >= len(data) else None  # a single NUL in a text of UTF-8 is only a NUL


def _is_damaged(data: bytes) -> bool:
    """Return whether bytes are UTF-8 with a few broken characters, as where a file was cut off."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    sound = sum(not char.isascii() for char in text) - broken
    return sound >= DAMAGED * broken


def _guess(data: bytes) -> tuple[str | None, Sequence[str]]:
    """Return the encoding that bytes are in, or None if that is not certain; and all that they may be in."""
    from charset_normalizer import from_bytes  # few files need it

    told = b"".join(line for line in data.splitlines(keepends=True) if not line.isascii())[:SAMPLE]
    told = told[: told.rfind(b"\n") + 1] or told  # no character of the last line is cut
    matches = [match for match in from_bytes(told, cp_isolation=list(OLDER), explain=False) if _decodes(data, match)]
    names = [match.encoding for match in matches]
    if not matches or names[0] not in DISTINCT or not _is_written_so(str(matches[0]), names[0]):
        return None, names
    hangul = names[0] == "cp949" and _is_hangul(str(matches[0]))
    rivals = [
        match.chaos
        for match in matches[1:]
        if str(match) != str(matches[0]) and not (hangul and match.encoding in SINGLE_BYTE)
    ]
    certain = all(chaos - matches[0].chaos >= MARGIN for chaos in rivals)
    return (names[0] if certain else None), names


def _is_written_so(text: str, encoding: str) -> bool:
    """Return whether a text consists of the characters that texts in its encoding consist of; see `WRITTEN`."""
    letters = [char.encode(encoding) for char in text if not char.isascii() and unicodedata.category(char)[0] in "LM"]
    return all(
        sum(bool(re.fullmatch(usual, letter, re.DOTALL)) for letter in letters) >= least * len(letters)
        for usual, least in WRITTEN[encoding]
    )


def _is_hangul(text: str) -> bool:
    """Return whether nearly all that is not ASCII are syllables of Hangul, as in Korean."""
    foreign = [char for char in text if not char.isascii()]
    return sum("가" <= char <= "힣" for char in foreign) >= MOSTLY * len(foreign)


def _decodes(data: bytes, match: object) -> bool:
    """Return whether all bytes can be read in the encoding of a match, which was found by a part of them."""
    try:
        data.decode(match.encoding)  # type: ignore[attr-defined]
    except UnicodeDecodeError:
        return False
    return True


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))
