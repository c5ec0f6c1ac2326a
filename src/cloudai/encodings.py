"""This module decodes text files: it recognises Unicode by rules of its own, and older encodings by charset-normalizer.

UTF-8, UTF-16 and UTF-32 with a byte order mark are recognised always, UTF-8 without one too. UTF-16 and UTF-32 without
a mark are recognised by their zero bytes, which every Latin letter, digit and line feed has there.
"""

from __future__ import annotations

import codecs
import logging
import re
import unicodedata
from collections.abc import Mapping, Sequence

from cloudai.errors import CloudAIError, InputError

__all__ = ["decoded"]

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, and the codecs that read them."""
MARK = "\ufeff"
"""The character that a byte order mark is decoded to by the codecs that do not remove it."""
OLDER = (
    *("cp949", "gb18030", "big5", "big5hkscs", "cp932", "euc_jp", "cp874"),
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
)
"""The encodings that may be guessed: those in which Windows saves text, and EUC-JP, which older Unix systems in Japan
use. For Chinese, gb18030 stands for code page 936, and big5 and big5hkscs stand for code page 950."""
DISTINCT = frozenset({"cp949", "gb18030", "big5", "big5hkscs", "cp932", "euc_jp", "cp874"})
"""The encodings of which a guess may be accepted, because text in one of them rarely makes sense in another.

Text in a European encoding does make sense in others: byte 0xE8 is "è" in cp1252 and "č" in cp1250. So a guess of a
European encoding is never accepted, and the user is asked.
"""
MARGIN = 0.04
"""The least distance between the disorder of the best guess and that of every other one; below it the best is
uncertain.

charset-normalizer measures disorder from 0 to 1. Guesses that lead to the same text are not compared.
"""
SINGLE_BYTE = frozenset(OLDER) - (DISTINCT - {"cp874"})
"""The encodings in which each letter is one byte. They are not compared with a guess of Korean (cp949).

In cp949 a syllable is two bytes, and a blank is one. If text of a single-byte encoding is read as cp949, each word with
an odd number of letters leaves a byte over, which does not become a Hangul syllable. So text that becomes almost
nothing but Hangul syllables is Korean.
"""
MOSTLY = 0.9
"""The part of the characters outside ASCII that have to be Hangul syllables, so that a text counts as Korean."""
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
"""The characters that a text in an encoding consists of, by their bytes, and the least share of its letters that they
are.

A short text of one encoding often passes for one of another without any disorder: what gives it away is that it would
consist of characters that nobody uses.
"""
SAMPLE = 65_536
"""The most bytes that the encoding is guessed from. Lines of plain ASCII are left out: they tell nothing."""
APART = (b"\n", b"\r", b" ", b",", b".")
"""Bytes that are a character by themselves in all of the encodings, and a part of a longer one in none."""
DAMAGED = 4
"""Bytes that are not valid UTF-8 count as damaged UTF-8, and not as another encoding, if they hold at least this many
valid characters outside ASCII for each broken one."""
SPARSE = 5
"""Bytes that are valid UTF-8 and valid UTF-16 count as UTF-16 if at least one byte of this many is zero.

A text of UTF-8 with a few NULs has fewer zero bytes. In UTF-16, every second byte of Latin text is zero.
"""

log = logging.getLogger("cloudai")


def decoded(data: bytes, name: str, raising: type[CloudAIError] = InputError, *, encoding: str | None = None) -> str:
    """Decode bytes to text, and return the text without its byte order mark.

    If ``encoding`` is None, the bytes are read as UTF-8, UTF-16 or UTF-32 if they are recognised as such, and otherwise
    in an older encoding that is guessed. An accepted guess is written to the log as a warning.

    Args:
        data: The bytes.
        name: The name of what the bytes were read from, for errors and for the log.
        raising: The class of the error.
        encoding: The encoding, if it is known.

    Raises:
        CloudAIError: Of the class ``raising``: ``encoding`` is no encoding of text, the bytes are not in it, the bytes
            are damaged Unicode, or the guess is not certain. The text of the error shows nothing of the bytes, which
            may hold keys.
    """
    if encoding is not None:
        text, problem, advice = _as_told(data, encoding)
    else:
        text, problem, advice = _recognised(data, name)
    if text is None:
        # A crash report shows the variables of this frame and the causes of the error. The bytes may be a file of keys,
        # so they are deleted here; callers have to delete theirs.
        del data
        raise raising(f"{name} {problem}", advice=advice)
    return text.removeprefix(MARK)


def _as_told(data: bytes, encoding: str) -> tuple[str | None, str, str]:
    """Decode in the encoding that the user names; return the text, or None, what is wrong, and what to do."""
    try:
        codec = codecs.lookup(encoding).name.removesuffix("-sig")  # utf-8-sig counts bytes from behind the mark
        return data.decode(codec), "", ""
    except UnicodeDecodeError as error:
        return None, f"is not {encoding} (byte {error.start})", "Name another encoding, or leave it out."
    except (LookupError, TypeError, ValueError):  # no text, a name with a NUL, or "undefined", which decodes nothing
        return None, f"cannot be read: {encoding!r} is no encoding", 'Name one that Python knows, for example "cp949".'


def _recognised(data: bytes, name: str) -> tuple[str | None, str, str]:
    """Decode in an encoding that is recognised or guessed; return the text, or None, what is wrong, and what to do."""
    certain = (
        next((codec for mark, codec in MARKS if data.startswith(mark)), None) or _escaped(data) or _without_mark(data)
    )
    # UTF-8 is tried before anything is guessed, because a text of another encoding is hardly ever valid UTF-8 by
    # chance.
    codec = certain or "utf-8"
    try:
        return data.decode(codec), "", ""
    except UnicodeDecodeError as error:
        start = error.start
    if certain or _is_damaged(data):
        return None, f"is {codec.upper()} and damaged at byte {start}", "Save it again as UTF-8, or give encoding=."
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
    """Return the codec of UTF-16 or UTF-32 without a byte order mark, or None if the bytes are not recognised as such.

    They are recognised by their zero bytes, so UTF-16 without Latin letters, digits and line feeds is not. Neither are
    bytes that are valid UTF-8 as well and have few zeros: see `SPARSE`.
    """
    zeros = data.count(0)
    # Each character of UTF-16 and UTF-32 takes an even number of bytes.
    if not zeros or len(data) % 2:
        return None
    utf_16 = "utf-16-le" if data[1::2].count(0) * 2 > zeros else "utf-16-be"
    # Read as UTF-16, a text of UTF-32 has a NUL beside each character. So UTF-32 is tried after UTF-16.
    codec = next((codec for codec in (utf_16, "utf-32-le", "utf-32-be") if _is_text(data, codec)), None)
    return codec if zeros * SPARSE >= len(data) or not _is_text(data, "utf-8", nul=True) else None


def _is_text(data: bytes, codec: str, *, nul: bool = False) -> bool:
    """Return whether bytes can be decoded by a codec, to a text without a NUL unless ``nul`` allows that."""
    try:
        return "\0" not in data.decode(codec) or nul
    except UnicodeDecodeError:
        return False


def _is_damaged(data: bytes) -> bool:
    """Return whether bytes that cannot be decoded as UTF-8 are UTF-8 with a few broken characters: see `DAMAGED`."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    sound = sum(not char.isascii() for char in text) - broken
    return sound >= DAMAGED * broken


def _guess(data: bytes) -> tuple[str | None, Sequence[str]]:
    """Guess the encoding of bytes; return it, or None if it is not certain, and all encodings that they may be in."""
    from charset_normalizer import from_bytes  # few files need it

    told = b"".join(line for line in data.splitlines(keepends=True) if not line.isascii())
    if len(told) > SAMPLE:
        # The sample ends where a character does, because half of one would speak against the right encoding.
        told = told[:SAMPLE]
        told = told[: max(map(told.rfind, APART)) + 1] or told
    guesses = from_bytes(told, cp_isolation=list(OLDER), explain=False)
    # The guess was made from a part of the bytes, and may not be able to decode the rest.
    matches = [match for match in guesses if _is_text(data, match.encoding, nul=True)]
    names = [match.encoding for match in matches]
    if not matches or names[0] not in DISTINCT or not _is_written_so(str(matches[0]), names[0]):
        return None, names
    hangul = names[0] == "cp949" and _is_hangul(str(matches[0]))
    rivals = [
        match.chaos
        for match in matches[1:]
        if str(match) != str(matches[0]) and not (hangul and match.encoding in SINGLE_BYTE)
    ]
    # A text that is misread would be sent and paid for, so a guess that has a rival is not believed.
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
    """Return whether nearly all characters outside ASCII are Hangul syllables, as they are in Korean: see `MOSTLY`."""
    foreign = [char for char in text if not char.isascii()]
    return sum("가" <= char <= "힣" for char in foreign) >= MOSTLY * len(foreign)


def _listed(names: Sequence[str]) -> str:
    """Return the names in order, each once, with commas between them."""
    return ", ".join(dict.fromkeys(names))
