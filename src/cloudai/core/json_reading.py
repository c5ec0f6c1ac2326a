"""This module parses the JSON of a reply within bounds of depth, memory and time.

A parser in C holds the interpreter, and with it an event loop, until it is done: for about 20 ms a megabyte, and much
longer where a reply is nothing but brackets. So a reply is looked through first, in linear time and in slices of
constant memory. A small reply is then parsed by one call. A larger one is parsed by a call that runs a line of Python
after each object, so that another thread can take the interpreter there. An AsyncClient makes that call in a thread.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import accumulate, count
from operator import mul, sub
from typing import Any, NoReturn

from pydantic_core import from_json

from cloudai.errors import MalformedResponseError, ResponseTooLargeError

__all__ = ["AT_ONCE", "DEEPEST", "parsed"]

DEEPEST = 100
"""The most levels that a reply's JSON may be nested; real replies have a dozen.

A small reply whose texts hold closing brackets may have up to 200, the limit of its parser: see `_is_plain`.
"""
AT_ONCE = 65_536
"""An AsyncClient parses a reply of at most this many bytes in the event loop, and a larger one in a thread."""
ONE_CALL = 262_144
"""A reply of at most this many bytes is small: one call of a fast parser takes 30 ms for it, even if it is nothing but
brackets."""
SLICE = 65_536
"""Bytes that are looked through at once."""

ROOM = 64_000_000
"""Reading a reply of n bytes may take ``ROOM + 3 * n`` bytes of memory; n of them are the reply itself."""
PARSED = (230, 90, 45)
"""Bytes of memory that a parsed object, a parsed list and any other parsed value take. The decoded text of the reply
takes memory at the same time."""
OBJECT, BARE_OBJECT, LIST, VALUE = 330, 1700, 100, 60
"""Bytes of memory that an object, a bare object, a list and any other value take together with the parts of the result
that are made from them. The decoded text is no longer in memory then.

If there is more than one object for each `BARE` bytes of the reply, the excess objects count as bare. A part of the
result may be made from each of them. In a real reply that is not so: most objects are the corners of boxes.
"""
BARE = 100
"""The bytes of a reply for each of which one object is not counted as bare."""
LONGEST_STRETCH = 300_000
"""The most brackets, commas and groups of `ESCAPES` escapes between the ends of two objects.

A parser holds the interpreter from the end of one object to that of the next, and its time grows with their number.
"""
ESCAPES = 8
"""The number of escapes in a text that take a parser as long as one value."""

FLAT = bytes.maketrans(b"{}", b"[]")
"""A table that makes curly brackets square: an object is a level like a list."""
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
"""All bytes that are no brackets, to be deleted."""
UP_AND_DOWN = bytes.maketrans(b"[]", b"\x02\x00")
"""A table that makes each bracket the number of levels by which it changes the depth, plus one: a byte is never
negative."""
NUMERALS = bytes.maketrans(b"123456789E", b"000000000e")
"""A table that makes all digits 0, so that numbers of one form look alike."""
SKELETON = bytes.maketrans(b"{}123456789E", b"[]000000000e")
"""Both of these in one pass, for the brackets and the numerals of a reply that is looked at as a whole."""
BLANKS = b" \t\r\n"
"""The bytes between the values of a reply that some vendors indent, which are half of it then."""
LONG = 309
"""Digits from which a whole number may be too large for a floating-point number: the largest of those is 1.8e308."""
LONG_NUMBER = b"0" * LONG
BELOW_4_BYTES = bytes(range(0xF0))
"""The bytes of UTF-8 that encode characters up to U+FFFF. A text with another byte takes Python 4 bytes a character."""
BELOW_2_BYTES = bytes(range(0xC4))
"""The bytes of UTF-8 that encode characters up to U+00FF. A text of nothing else takes Python 1 byte a character."""
CONTINUING = bytes(range(0x80, 0xC0))
"""The bytes of UTF-8 that continue a character."""
LAYERS = 12
"""The most levels of nesting that are removed by replacing, which is fast. The depth of what is left is added up by
going through its brackets, which is slow."""


def parsed(content: bytes) -> Any:
    """Parse the JSON of a reply, and return its value.

    The last of several fields of one name counts, as it does for Python's parser and for the vendors' own packages.

    Raises:
        MalformedResponseError: The bytes are not JSON in UTF-8, or hold NaN, Infinity, or a number that is too large
            for a floating-point number, such as 1e400.
        ResponseTooLargeError: The JSON is nested too deep, or parsing it would take too much memory, or hold the
            interpreter for too long.
    """
    if len(content) <= ONE_CALL and _is_plain(content):
        try:
            # The names of fields are shared between replies. Their values are not, for they are about people.
            return from_json(content, allow_inf_nan=False, cache_strings="keys")
        except ValueError:
            pass  # the parser below raises the error, or reads what this one refuses, such as half a surrogate pair
    decoder = CAREFUL if _look_through(content) else DECODER
    try:
        # RFC 8259 lets a parser ignore a byte order mark before the JSON (section 8.1); an answer is not lost because
        # of one.
        return decoder.decode(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        why = str(error)
    # The error is raised without its cause, which holds the reply.
    raise MalformedResponseError(f"the reply is not JSON that can be read ({why})")


def _is_plain(content: bytes) -> bool:
    """Return whether the fast parser may read a small reply, because its depth, memory and numbers are within bounds.

    False only means that the reply has to be looked through, because brackets and digits inside texts are counted here
    too. Closing brackets inside texts may hide levels; so up to 200 levels may pass, the limit of the parser itself.
    """
    skeleton = content.translate(SKELETON, BLANKS)
    if _holds_large_numerals(skeleton):
        return False
    brackets = skeleton.translate(None, NO_BRACKETS)
    opening = brackets.count(b"[")
    # A reply with no more opening brackets than there may be levels needs no look at its nesting. In most of the others
    # that holds without the innermost level.
    if opening > DEEPEST:
        without_innermost = brackets.replace(b"[]", b"")
        if 2 * opening != len(brackets):
            return False
        if len(without_innermost) >= 2 * DEEPEST and _depth(without_innermost, 0, 0) >= DEEPEST:
            return False
    return BARE_OBJECT * opening <= ROOM


def _may_hold_large_numbers(content: bytes) -> bool:
    """Return whether there is something that looks like a number with a positive exponent, or with 309 digits."""
    return _holds_large_numerals(content.translate(NUMERALS))


def _holds_large_numerals(numerals: bytes) -> bool:
    # Hardly any reply has a digit before an "e", so it is looked through once.
    exponents = b"0e" in numerals and (b"0e0" in numerals or b"0e+" in numerals)
    return exponents or LONG_NUMBER in numerals


def _look_through(content: bytes) -> bool:
    """Check a reply before it is parsed, and return whether it has to be parsed by `CAREFUL`, which checks each number.

    A reply that is no JSON at all is not noticed here: the parser raises that error.

    Raises:
        ResponseTooLargeError: The reply is nested too deep, or would take too much memory or time to parse.
    """
    objects = lists = values = stretch = open_before = 0
    large, tail = False, b""
    # The decoded text takes one, two or four bytes for each character, as many as its widest character needs. Where
    # that alone is more than a reply may take, ``room`` is negative.
    width, characters = _width(content), _characters(content)
    most, room = ROOM + 2 * len(content), ROOM + 2 * len(content) - width * characters
    for skeleton, texts, goes_on, escapes in _slices(content):
        # The parsed texts are copies of parts of the decoded one. A text that goes on may have its widest character in
        # another slice.
        room -= _characters(texts) * (width if goes_on else _width_of(texts))
        objects, lists, values = (
            objects + skeleton.count(b"{"),
            lists + skeleton.count(b"["),
            values + skeleton.count(b","),
        )
        bare = max(0, objects - len(content) // BARE)
        read = OBJECT * (objects - bare) + BARE_OBJECT * bare + LIST * lists + VALUE * values
        if read > most or sum(map(mul, PARSED, (objects, lists, values))) > room:
            raise ResponseTooLargeError("reading the reply would take more memory than a reply of its size may")
        last = skeleton.rfind(b"}")
        rest = skeleton[last + 1 :]
        stretch = (0 if last >= 0 else stretch) + sum(map(rest.count, (b"[", b"]", b","))) + escapes // ESCAPES
        if stretch > LONGEST_STRETCH:
            raise ResponseTooLargeError("a list or a text of the reply holds too many values or escapes")
        brackets = skeleton.translate(FLAT, NO_BRACKETS)
        open_after = open_before + 2 * brackets.count(b"[") - len(brackets)
        if open_after < 0:
            return True  # more brackets close than open, so this is not JSON, and either parser stops there
        if _depth(brackets, open_before, open_after) > DEEPEST:
            raise ResponseTooLargeError(f"the reply is nested more than {DEEPEST} deep")
        open_before = open_after
        large = large or _may_hold_large_numbers(tail + skeleton)
        tail = (tail + skeleton)[-LONG:]  # the next slice may begin within a number
    return large


def _slices(content: bytes) -> Iterator[tuple[bytes, bytes, bool, int]]:
    """Yield the slices of a reply in two parts: what is outside of texts, and what is inside them.

    With them come whether a text goes on in the next slice or began in the last one, and the number of backslashes.
    """
    in_text, start = 0, 0
    while start < len(content):
        piece = content[start : start + SLICE]
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2:
            # The last backslash begins an escape, which must not be cut in two. The ones before it are pairs, because
            # each slice begins outside of an escape.
            piece = content[start : start + SLICE + 1]
        start += len(piece)
        backslashes = piece.count(b"\\")
        if backslashes:
            # Pairs of backslashes are removed first: in ``\\"`` the quotation mark is not escaped, and ends the text.
            piece = piece.replace(b"\\\\", b"").replace(b'\\"', b"")
        # Split at quotation marks, the parts are by turns outside and inside of texts; whether the last slice has ended
        # within a text decides which of them comes first.
        parts = piece.split(b'"')
        was_in_text, in_text = in_text, in_text ^ (len(parts) - 1) & 1
        goes_on = bool(was_in_text or in_text)
        yield b"".join(parts[was_in_text::2]), b"".join(parts[1 - was_in_text :: 2]), goes_on, backslashes


def _depth(brackets: bytes, before: int, after: int) -> int:
    """Return how deep square brackets are nested, if ``before`` are open before the first, and ``after`` at the end."""
    # The brackets that are still open are added at both ends, so that every bracket has its partner and can be removed.
    left, levels = b"[" * before + brackets + b"]" * after, 0
    while left and levels < LAYERS:
        left, levels = left.replace(b"[]", b""), levels + 1
    heights = map(sub, accumulate(left.translate(UP_AND_DOWN)), count(1))
    return levels + max(heights, default=0)


def _width(content: bytes) -> int:
    """Return how many bytes Python takes for each character of a text in UTF-8: as many as the widest one needs."""
    if content.isascii():
        return 1
    pieces = (content[start : start + SLICE] for start in range(0, len(content), SLICE))
    return max(_width_of(piece) for piece in pieces)


def _characters(content: bytes) -> int:
    """Return how many characters UTF-8 encodes, counted in slices: all bytes but those that continue a character."""
    if content.isascii():
        return len(content)
    pieces = (content[start : start + SLICE] for start in range(0, len(content), SLICE))
    return sum(len(piece.translate(None, CONTINUING)) for piece in pieces)


def _width_of(piece: bytes) -> int:
    """Return what `_width` returns, for one piece; the piece may begin or end within a character."""
    if piece.translate(None, BELOW_4_BYTES):
        return 4
    return 2 if piece.translate(None, BELOW_2_BYTES) else 1


def _passed(value: dict[str, Any]) -> dict[str, Any]:
    """Return an object of the JSON as it is: while this line runs, another thread may take the interpreter."""
    return value


def _finite(text: str) -> float:
    """Return a number of the JSON; raise ValueError if it is too large for a floating-point number."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:24]} is too large a number")
    return value


def _whole(text: str) -> int:
    """Return a whole number of the JSON; raise ValueError if it is too large for a floating-point number."""
    _finite(text)
    return int(text)


def _refuse_constant(name: str) -> NoReturn:
    """Raise ValueError for NaN, Infinity and -Infinity, which Python's parser would read."""
    raise ValueError(f"{name} is not a JSON number")


DECODER = json.JSONDecoder(object_hook=_passed, parse_constant=_refuse_constant)
CAREFUL = json.JSONDecoder(object_hook=_passed, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole)
"""The parser for replies that may hold numbers that are too large; it runs a line of Python for each number, which
takes longer."""
