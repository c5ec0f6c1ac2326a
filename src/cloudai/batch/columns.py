"""Values of a journal's columns are made storable before they are written, and are checked when they are read.

A value that cloudai never writes raises ValueError, because the file is damaged then.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["checked", "error_text", "json_object", "storable"]


def storable(text: str | None) -> str | None:
    """Return the text with halves of surrogate pairs escaped as in JSON, because UTF-8 cannot hold them."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()


def checked(value: Any, kind: Any) -> Any:
    """Return the value.

    Raises:
        ValueError: The value is not of this kind, which is a type or a union of types.
    """
    if not isinstance(value, kind):
        raise ValueError(f"a {type(value).__name__} where none belongs")  # noqa: TRY004  # the content is wrong
    return value


def json_object(text: Any) -> dict[str, Any]:
    """Return the JSON object of a text.

    Raises:
        ValueError: The text is not a JSON object.
    """
    return dict(checked(json.loads(checked(text, str)), dict))


def error_text(text: Any) -> str | None:
    """Return the text of an error in the journal unchanged, once it is checked; None for None.

    Raises:
        ValueError: The text is not JSON as `written_error` writes it.
    """
    if text is None:
        return None
    known = json_object(text)
    for name, value in known.items():
        checked(value, str if name in ("type", "message") else str | int | float | None)
    checked(known.get("type"), str), checked(known.get("message"), str), checked(known.get("advice"), str | None)
    return str(text)
