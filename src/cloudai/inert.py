"""Text of vendors, pictures and file names, made unable to steer what shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["UNPRINTABLE", "encodable", "inert"]

UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0 and C1 controls: what escape sequences are made of
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f"  # what turns the direction of text, or ends a line
    "\u00ad\u180e\u200b\u2060-\u2065\ufeff\ufff9-\ufffb]"  # what takes no place, so that two texts look the same
    "|[\U000e0000-\U000e007f]"  # tags: a text within the text
)


def encodable(thing: Any) -> Any:
    """The same with halves of surrogate pairs (of names that are no UTF-8), which have no bytes, as their escape."""
    if isinstance(thing, str):
        return thing.encode("utf-8", "backslashreplace").decode()
    if isinstance(thing, Mapping):
        return {encodable(name): encodable(value) for name, value in thing.items()}
    return type(thing)(map(encodable, thing)) if type(thing) in (list, tuple) else thing


def inert(text: str) -> str:
    """The text in one line, without what would steer a terminal or hide in it."""
    return UNPRINTABLE.sub(" ", str(encodable(text)))
