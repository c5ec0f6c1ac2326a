"""How long the long tests are: short in ``make test``, longer in CI, and whole in ``make test-faults``."""

from __future__ import annotations

import os
from typing import TypeVar

__all__ = ["length"]

T = TypeVar("T")

GIVEN = os.environ.get("CLOUDAI_FAULTS", "short")
if GIVEN not in ("short", "medium", "all"):
    raise ValueError(f"CLOUDAI_FAULTS is {GIVEN!r}, and neither short nor medium nor all")


def length(short: T, medium: T, whole: T) -> T:
    """Return one of three lengths of a test, as the environment variable ``CLOUDAI_FAULTS`` asks; without it, short."""
    return {"short": short, "medium": medium, "all": whole}[GIVEN]
