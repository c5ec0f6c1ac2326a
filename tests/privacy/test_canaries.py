"""The search itself finds what it looks for: a search that finds nothing proves nothing."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from urllib.parse import quote

import pytest

from tests.support.canaries import hits, logged, shown_by

KEY = "canary-열쇠/4f9c+2e7b"


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"x{KEY}y".encode(),
        json.dumps({"a": KEY}),
        quote(KEY),
        quote(KEY, safe=""),
        KEY.encode().hex(),
        repr(KEY.encode()),
        ascii(KEY),
        *[base64.b64encode(b"abcd"[:n] + KEY.encode() + b"z").decode() for n in range(4)],
        base64.urlsafe_b64encode(KEY.encode()).decode(),
        b"..." + gzip.compress(f"a {KEY} b".encode(), mtime=0) + b"...",
        zlib.compress(f"a {KEY} b".encode()),
        "data:" + base64.b64encode(gzip.compress(f"a {KEY} b".encode(), mtime=0)).decode(),
    ],
)
def test_every_form_is_found(text: str | bytes) -> None:
    """Plain, escaped, encoded and packed."""
    assert hits(text, [KEY])
    assert not hits(text, ["canary-다른/4f9c+2e7c"])


def test_the_log_of_every_logger_is_seen() -> None:
    """Also of those that say nothing by default, and what stands in a record beside its text."""
    import logging

    with logged() as texts:
        logging.getLogger("httpcore2.http11").debug("a", extra={"beside": KEY})
        logging.getLogger("cloudai").debug("%s", KEY)
    assert sum(bool(hits(text, [KEY])) for text in texts) >= 3


def test_an_error_is_searched_through() -> None:
    """Its causes, and what they hold."""
    error = KeyError("b")
    error.__cause__ = ValueError(KEY)
    assert hits(shown_by(error), [KEY])
