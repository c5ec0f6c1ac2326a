"""The values of arguments: each function here reads one kind of them, and refuses what is not of that kind.

They are the ``type=`` of an argument. An `argparse.ArgumentTypeError` is shown together with the usage of the command.
"""

from __future__ import annotations

import argparse
import math

from cloudai.models.face import ASPECTS, MARGINS
from cloudai.wording import say

__all__ = [
    "above",
    "aspect",
    "count",
    "dated",
    "equal",
    "fraction",
    "margin",
    "number",
    "seconds",
    "text",
    "whole",
    "words",
]


def equal(text: str) -> tuple[str, str]:
    """Return the column and the value that ``COLUMN=VALUE`` names."""
    column, equals, value = text.partition("=")
    if not column or not equals:
        raise argparse.ArgumentTypeError(say("{text} is not COLUMN=VALUE", text=text))
    return column, value


def dated(text: str) -> tuple[str, str]:
    """Return the date, or the stretch of dates, and the text that ``DATE=TEXT`` names."""
    at, equals, note = text.partition("=")
    if not at or not equals:
        raise argparse.ArgumentTypeError(say("{text} is not DATE=TEXT", text=text))
    return at, note


def fraction(text: str) -> float:
    """Return a number from 0 to 1."""
    return _between(text, _finite(text), (0, 1))


def margin(text: str) -> float:
    """Return the margin around a face, as a share of its box, in the range that a face can be cut out with."""
    return _between(text, _finite(text), MARGINS)


def aspect(text: str) -> float:
    """Return the ratio that ``3:4`` stands for, or the one number that it is written as: ``1.5`` is 1.5:1."""
    width, _, height = text.partition(":")
    try:
        ratio = float(width) / float(height or 1)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(say("{text} is no ratio such as 3:4", text=text)) from None
    return _between(text, ratio, ASPECTS)


def words(given: str) -> list[str]:
    """Return the words of a list that is divided by commas."""
    return [word for word in (part.strip() for part in text(given).split(",")) if word]


def text(given: str) -> str:
    """Return a text as it is; one of blanks alone is refused."""
    if not given.strip():
        raise argparse.ArgumentTypeError(say("it is empty"))
    return given


def count(text: str) -> int:
    """Return a whole number from 1."""
    # int() alone would take "+3" and "1_000", which are typing errors here.
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(say("{text} is no whole number from 1", text=text))
    return int(text)


def whole(text: str) -> int:
    """Return a whole number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(say("{text} is no whole number from 0", text=text))
    return int(text)


def number(text: str) -> float:
    """Return a finite number."""
    if math.isnan(value := _finite(text)):
        raise argparse.ArgumentTypeError(say("{text} is no number", text=text))
    return value


def above(text: str) -> float:
    """Return a finite number above 0."""
    # No comparison with NaN is true, so the negated comparison refuses NaN, too.
    if not (value := _finite(text)) > 0:
        raise argparse.ArgumentTypeError(say("{text} is no number above 0", text=text))
    return value


def seconds(text: str) -> float:
    """Return a number of seconds above 0."""
    if not (value := _finite(text)) > 0:
        raise argparse.ArgumentTypeError(say("{text} is no number of seconds above 0", text=text))
    return value


def _between(text: str, value: float, ends: tuple[float, float]) -> float:
    """Return a value that is in a range; NaN is in none."""
    low, high = ends
    if not low <= value <= high:
        told = say("{text} is no number from {low} to {high}", text=text, low=f"{low:g}", high=f"{high:g}")
        raise argparse.ArgumentTypeError(told)
    return value


def _finite(text: str) -> float:
    """Return the number that a text spells, or NaN where it spells none, or one that is not finite."""
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
