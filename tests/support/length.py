"""The lengths of the long tests: short in ``make test``, longer in CI, and whole in ``make test-faults``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, TypeVar

import pytest

__all__ = ["both_by_turns", "length"]

T = TypeVar("T")

GIVEN = os.environ.get("CLOUDAI_FAULTS", "short")
if GIVEN not in ("short", "medium", "all"):
    raise ValueError(f"CLOUDAI_FAULTS is {GIVEN!r}, and neither short nor medium nor all")


def length(short: T, medium: T, whole: T) -> T:
    """Return one of three lengths of a test, as the environment variable ``CLOUDAI_FAULTS`` asks; without it, short."""
    return {"short": short, "medium": medium, "all": whole}[GIVEN]


def both_by_turns(names: str, values: Iterable[Any]) -> pytest.MarkDecorator:
    """Parametrize by values and by both clients; each value has one client in the short form, else both.

    Args:
        names: The names of the arguments that a value is for, apart from ``colour``, which is the client.
        values: A value, or a tuple of values, for each case; those of a matrix row by row.
    """
    cases = [value if "," in names else (value,) for value in values]
    # The number of ones in a number's binary form gives both clients to each row and each column of a matrix, too.
    turns = [(*case, ("blocking", "awaiting")[number.bit_count() % 2]) for number, case in enumerate(cases)]
    whole = [(*case, colour) for case in cases for colour in ("blocking", "awaiting")]
    arguments = (*(name.strip() for name in names.split(",")), "colour")
    return pytest.mark.parametrize(arguments, length(turns, whole, whole))
