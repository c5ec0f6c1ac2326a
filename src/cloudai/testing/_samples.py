"""Keep samples of what is too large for a cassette: spoken audio, for example, as bytes or as base64 inside of JSON."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Any

__all__ = ["LARGEST", "is_sample", "sample_in", "sample_of", "sampled"]

LARGEST = 1_000_000
"""Bytes of the largest piece of a reply that a cassette keeps whole, where the caller names no other number."""
KEPT = 1_000
"""Bytes or characters of the sample: enough for the header of a file of sound."""
FIELDS = {"sha256", "size", "sample"}


def sample_of(data: bytes) -> dict[str, Any]:
    """Return what a cassette has in place of bytes: their digest, their number, and the first of them in base64."""
    return _sample(data, {"base64": base64.b64encode(data[:KEPT]).decode()})


def sampled(value: Any, largest: int) -> Any:
    """Return JSON data with a sample in place of each text that has more bytes than ``largest``."""
    match value:
        # A character has four bytes at most, so a shorter text need not be encoded to know its size.
        case str() if len(value) > largest // 4 and len(data := value.encode("utf-8", "surrogatepass")) > largest:
            return _sample(data, value[:KEPT])
        case dict():
            return {key: sampled(inner, largest) for key, inner in value.items()}
        case list():
            return [sampled(inner, largest) for inner in value]
        case _:
            return value


def _sample(data: bytes, first: Any) -> dict[str, Any]:
    return {"cut": {"sha256": sha256(data).hexdigest(), "size": len(data), "sample": first}}


def is_sample(value: Any) -> bool:
    """Return whether a value in a cassette stands for one that was too large."""
    return isinstance(value, dict) and value.keys() == {"cut"} and _keys(value["cut"]) == FIELDS


def sample_in(value: Any) -> dict[str, Any] | None:
    """Return the digest, the size and the sample of the first sample in a written body, or None if it is whole."""
    if is_sample(value):
        return dict(value["cut"])
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((cut for each in inner if (cut := sample_in(each)) is not None), None)


def _keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, dict) else set()
