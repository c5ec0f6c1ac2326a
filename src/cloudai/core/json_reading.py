"""This module parses the JSON of a reply within bounds of depth, memory and time.

A parser in C holds the interpreter, and with it an event loop, until it is done: for about 20 ms a megabyte, and much
longer where a reply is nothing but brackets. So a reply is looked through first, in linear time and in slices of
constant memory. A small reply is then parsed by one call. A larger one is parsed by a call that runs a line of Python
after each object, so that another thread can go on there; the engine lets a thread do it where the client awaits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import accumulate, count
from operator import mul, sub
from typing import Any

from pydantic_core import from_json

from cloudai.errors import MalformedResponseError, ResponseTooLargeError

__all__ = ["AT_ONCE", "DEEPEST", "parsed"]

DEEPEST = 100
"""The most levels that a reply's JSON may be nested; real replies have a dozen."""
AT_ONCE = 65_536
"""Bytes of a reply that is read in the event loop itself; a larger one is read in a thread."""
ONE_CALL = 262_144
"""Bytes of a reply that one call of a parser reads, in a thread: even nothing but brackets take it 30 ms."""
SLICE = 65_536
"""Bytes that are looked through at once."""

ROOM = 64_000_000
"""Bytes of memory that reading a reply may take beside three times its size, of which it takes up one itself."""
PARSED = (230, 90, 45)
"""Bytes of memory that an object, a list and any further value take once they are parsed. The text that is parsed takes
memory at the same time."""
OBJECT, BARE_OBJECT, LIST, VALUE = 330, 1700, 100, 60
"""Bytes of memory that they take with all that is made of them on the way to the result, when the text is gone. A bare
object has less than `BARE` bytes of text: nothing but such objects would be made into as many parts of a result, where
most objects of a real reply are corners of boxes around letters."""
BARE = 100
LONGEST_STRETCH = 300_000
"""Brackets and commas between the ends of two objects, at most: for so long a parser holds the interpreter."""
ESCAPES = 8
"""Escapes in a text that take a parser as long as one value."""

FLAT = bytes.maketrans(b"{}", b"[]")
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
UP_AND_DOWN = bytes.maketrans(b"[]", b"\x02\x00")
NUMERALS = bytes.maketrans(b"123456789E", b"000000000e")
SKELETON = bytes.maketrans(b"{}123456789E", b"[]000000000e")
"""Both of these in one pass, for the brackets and the numerals of a reply that is looked at as a whole."""
LONG = 309
"""Digits from which a whole number may be too large for a floating-point number: the largest of those is 1.8e308."""
LONG_NUMBER = b"0" * LONG
BELOW_4_BYTES, BELOW_2_BYTES = bytes(range(0xF0)), bytes(range(0xC4))
"""The bytes of UTF-8 of which only characters consist that Python can store in two bytes, or in one."""
LAYERS = 12
"""Levels that are taken off one by one before the rest is added up, which takes longer."""


def parsed(content: bytes) -> Any:
    """Return the JSON of a reply.

    The last of several fields of one name counts, as it does for Python's parser and for the vendors' own packages.

    Raises:
        MalformedResponseError: The bytes are not JSON in UTF-8, or hold a number that is not finite, or is too large
            for a floating-point number.
        ResponseTooLargeError: The JSON is nested too deep, or reading it would take too much memory.
    """
    if len(content) <= ONE_CALL and _is_plain(content):
        try:
            # The names of fields are shared between replies. Their values are not, for they are about people.
            return from_json(content, allow_inf_nan=False, cache_strings="keys")
        except ValueError:
            pass  # the parser below says why, or reads what this one does not, such as half a surrogate pair
    decoder = CAREFUL if _look_through(content) else DECODER
    try:
        return decoder.decode(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        why = str(error)
    # The error is raised without its cause, which holds the reply.
    raise MalformedResponseError(f"the reply is not JSON ({why})")


def _is_plain(content: bytes) -> bool:
    """Return whether a reply is not nested too deep, and certainly holds no number that is too large.

    The brackets and digits inside its texts are counted too, which is fast. Texts of closing brackets may hide more
    levels; the parser itself refuses more than 200.
    """
    skeleton = content.translate(SKELETON)
    if _holds_large_numerals(skeleton):
        return False
    opening = skeleton.count(b"[")
    if opening > DEEPEST:
        brackets = skeleton.translate(None, NO_BRACKETS)
        if 2 * opening != len(brackets) or _depth(brackets, 0, 0) > DEEPEST:
            return False
    return BARE_OBJECT * opening <= ROOM


def _may_hold_large_numbers(content: bytes) -> bool:
    """Return whether there is something that looks like a number with a positive exponent, or with 309 digits."""
    return _holds_large_numerals(content.translate(NUMERALS))


def _holds_large_numerals(numerals: bytes) -> bool:
    # Hardly any reply has a digit before an "e", so that it is looked through once.
    exponents = b"0e" in numerals and (b"0e0" in numerals or b"0e+" in numerals)
    return exponents or LONG_NUMBER in numerals


def _look_through(content: bytes) -> bool:
    """Check a reply before it is parsed, and return whether it may hold numbers that are too large.

    What is not JSON is passed over, as far as it goes: the parser says so.

    Raises:
        ResponseTooLargeError: The reply is nested too deep, or would take too much memory or time to parse.
    """
    objects = lists = values = stretch = opened = 0
    large, tail = False, b""
    # The text that the parser reads takes one, two or four bytes for each character, by the widest one in it.
    most, room = ROOM + 2 * len(content), ROOM + (2 - _width(content)) * len(content)
    for skeleton, escapes in _skeletons(content):
        objects, lists, values = (
            objects + skeleton.count(b"{"),
            lists + skeleton.count(b"["),
            values + skeleton.count(b","),
        )
        bare = max(0, objects - len(content) // BARE)
        read = OBJECT * (objects - bare) + BARE_OBJECT * bare + LIST * lists + VALUE * values
        if read > most or sum(map(mul, PARSED, (objects, lists, values))) > room:
            raise ResponseTooLargeError("the reply holds more values than a reply of its size may")
        last = skeleton.rfind(b"}")
        rest = skeleton[last + 1 :]
        stretch = (0 if last >= 0 else stretch) + sum(map(rest.count, (b"[", b"]", b","))) + escapes // ESCAPES
        if stretch > LONGEST_STRETCH:
            raise ResponseTooLargeError("the reply holds a longer list, or a longer text, than a reply may")
        brackets = skeleton.translate(FLAT, NO_BRACKETS)
        closed = opened + 2 * brackets.count(b"[") - len(brackets)
        if closed < 0:
            return True  # more brackets close than open
        if _depth(brackets, opened, closed) > DEEPEST:
            raise ResponseTooLargeError(f"the reply is nested more than {DEEPEST} deep")
        opened = closed
        large = large or _may_hold_large_numbers(tail + skeleton)
        tail = (tail + skeleton)[-LONG:]  # the next slice may begin within a number
    return large


def _skeletons(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield a reply slice by slice, each without its texts, with the number of backslashes in them."""
    in_text, start = 0, 0
    while start < len(content):
        end = start + SLICE
        while content[end - 1 : end] == b"\\" and end - start < 2 * SLICE:
            end += 1  # an escape is not cut in two
        piece, start = content[start:end], end
        backslashes = piece.count(b"\\")
        if backslashes:
            piece = piece.replace(b"\\\\", b"").replace(b'\\"', b"")
        parts = piece.split(b'"')
        yield b"".join(parts[in_text::2]), backslashes
        in_text ^= (len(parts) - 1) & 1


def _depth(brackets: bytes, opened: int, closed: int) -> int:
    """Return how deep brackets are nested, where so many are open before them, and so many behind them."""
    left, levels = b"[" * opened + brackets + b"]" * closed, 0
    while left and levels < LAYERS:
        left, levels = left.replace(b"[]", b""), levels + 1
    heights = map(sub, accumulate(left.translate(UP_AND_DOWN)), count(1))
    return levels + max(heights, default=0)


def _width(content: bytes) -> int:
    """Return the bytes that Python takes for each character of a text."""
    if content.isascii():
        return 1
    pieces = (content[start : start + SLICE] for start in range(0, len(content), SLICE))
    return max(_width_of(piece) for piece in pieces)


def _width_of(piece: bytes) -> int:
    if piece.translate(None, BELOW_4_BYTES):
        return 4
    return 2 if piece.translate(None, BELOW_2_BYTES) else 1


def _passed(value: dict[str, Any]) -> dict[str, Any]:
    """Return an object of the JSON as it is: while this line runs, another thread may take the interpreter."""
    return value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:24]} is too large a number")
    return value


def _whole(text: str) -> int:
    _finite(text)
    return int(text)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


DECODER = json.JSONDecoder(object_hook=_passed, parse_constant=_refuse_constant)
CAREFUL = json.JSONDecoder(object_hook=_passed, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole)
"""The parser for replies that may hold numbers that are too large; it runs a line of Python for each number."""
