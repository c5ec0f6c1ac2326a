"""Write plain values as JSON, several times faster than Python's own module does."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

__all__ = ["json_text", "written"]


def written(value: Any) -> bytes:
    """Return a value as JSON in UTF-8, with halves of surrogate pairs, which UTF-8 cannot hold, as JSON escapes.

    Raises:
        TypeError: The value is nothing that JSON can hold.
    """
    try:
        return to_json(value)
    except PydanticSerializationError:
        return json.dumps(value).encode()


def json_text(value: Any) -> str:
    """Return a value as a JSON text, which can be encoded in UTF-8; raise what `written` raises."""
    return written(value).decode()
