"""Addresses: what of them may be shown."""

from __future__ import annotations

import pytest

from cloudai.core.urls import origin, shown


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("https://example.org/사진.jpg", "https://example.org/사진.jpg"),
        ("https://user:key@example.org/a?sig=key#key", "https://example.org/a?…"),
        ("gs://bucket/what?.jpg", "gs://bucket/what?.jpg"),
        ("http://[x#key", "http://[x"),
        ("http://[x?sig=key", "http://[x"),
        ("http://user:key@[x/사진.jpg", "[x/사진.jpg"),
    ],
    ids=["plain", "keys", "object", "fragment of none", "query of none", "user of none"],
)
def test_what_is_often_a_key_is_not_shown(address: str, text: str) -> None:
    """User, query and fragment are left out, also of an address that cannot be taken apart."""
    assert shown(address) == text


@pytest.mark.parametrize(
    "address",
    [
        "https://my-vi\u017fion.example/x",
        "http\u017f://x.example",
        "https://\u212aey.example",
        "https://x.example:\u0664",
    ],
    ids=["a long s", "a scheme with one", "the sign for kelvins", "a digit"],
)
def test_a_letter_that_only_looks_like_ascii_is_none(address: str) -> None:
    """Two programs may take such an address for two hosts, so that it has no origin."""
    assert origin(address) is None
