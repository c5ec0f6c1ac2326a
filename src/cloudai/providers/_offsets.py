"""This module finds where a sentence of a reply stands in the text that was sent."""

from __future__ import annotations

__all__ = ["start_of"]


def start_of(text: str, content: str, offset: int, after: int) -> int:
    """Return the vendor's offset if the words are there, else the first place of the words after ``after``.

    If the words are nowhere, the later of the two numbers is returned.

    Args:
        text: The text that was sent.
        content: The words that the vendor repeats.
        offset: Where they begin by the vendor's count; negative where it does not count.
        after: Where the sentence before ended.
    """
    # The offset is believed only where the words are really there. A vendor that counts bytes, UTF-16 units or
    # graphemes would otherwise shift every sentence behind the first emoji.
    if offset >= 0 and text.startswith(content, offset):
        return offset
    # The search begins behind the sentence before, because a text may say the same sentence twice.
    start = text.find(content, after)
    return start if start >= 0 else max(offset, after)
