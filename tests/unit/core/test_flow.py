"""Requests and replies as data."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudai.core.flow import PIECE, Blob, Request, Response, checked
from cloudai.errors import MalformedResponseError, ResponseTooLargeError
from cloudai.providers.wire import Wire

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(before=JSON, data=st.binary(max_size=200), after=JSON)
def test_a_blob_is_spliced_in_as_base64(before: object, data: bytes, after: object) -> None:
    """The body is JSON with the blob's base64 in its place, for anything that stands around it."""
    blob = Blob("key", lambda: data)
    body = Request("POST", "u", json={"a": before, "blob": blob, "list": [blob, after]}).json_bytes()
    text = base64.b64encode(data).decode()
    assert json.loads(body) == {"a": before, "blob": text, "list": [text, after]}


def test_a_blob_is_loaded_once_and_only_when_sent() -> None:
    """Making a request reads nothing; sending it twice reads once."""
    loads: list[int] = []

    def load() -> bytes:
        loads.append(1)
        return b"abc"

    request = Request("POST", "u", json={"blob": Blob("key", load)})
    assert loads == []
    assert request.json_bytes() == request.json_bytes() == b'{"blob": "YWJj"}'
    assert loads == [1]


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 7])
def test_a_large_body_is_never_whole(size: int) -> None:
    """It is made in pieces of a bounded size, together what it would be as one; its size is known beforehand."""
    blobs = [Blob("key", lambda: b"\x00" * size), Blob("key", lambda: b"\xff" * size)]
    request = Request("POST", "u", json={"이름": blobs[0], "둘": [blobs[1], "끝"]})
    pieces = list(request.json_pieces())
    whole = b"".join(pieces)
    text = [base64.b64encode(blob.data).decode() for blob in blobs]
    assert json.loads(whole) == {"이름": text[0], "둘": [text[1], "끝"]}
    assert request.json_size() == len(whole)
    assert max(map(len, pieces)) <= 3 * PIECE
    assert all(len(piece) >= PIECE for piece in pieces[:-1])
    assert list(request.json_pieces()) == pieces  # for another attempt


def test_what_is_no_json_is_refused_before_sending() -> None:
    """NaN and foreign objects are a programming error, told at once."""
    with pytest.raises(ValueError, match=r"Out of range|not JSON compliant"):
        Request("POST", "u", json={"x": float("nan")}).json_bytes()
    with pytest.raises(TypeError, match="set"):
        Request("POST", "u", json={"x": {1}}).json_bytes()


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"NaN", b'{"a": Infinity}', b"\xff", b"[" * 100_000])
def test_a_reply_that_is_not_json_is_malformed(body: bytes) -> None:
    """Empty, cut, HTML, NaN, wrong bytes, absurd depth: one error."""
    with pytest.raises(MalformedResponseError):
        Response(200, {}, body).json()


def test_json_may_come_with_leading_spaces_and_a_byte_order_mark() -> None:
    """A service that sends spaces while it works, and one that sends a mark, are both read."""
    assert Response(200, {}, b"   \n {}").json() == {}
    assert Response(200, {}, b"\xef\xbb\xbf{}").json() == {}


def test_header_names_are_in_lower_case() -> None:
    """Vendors spell them as they like."""
    assert Response(200, {"Operation-Location": "x"}).headers["operation-location"] == "x"


class _Numbers(Wire):
    share: float | None = None
    some_count: int = 0


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, "0.5", True, [0.5]])
def test_a_wire_model_takes_finite_numbers_only(value: Any) -> None:
    """A wire model refuses as a number what JSON writes beyond all numbers, a text, a list and a truth value."""
    with pytest.raises(MalformedResponseError, match="share"):
        checked(_Numbers, {"share": value})
    assert checked(_Numbers, {"share": None, "someCount": 3, "new": 1}).some_count == 3


@pytest.mark.parametrize("body", [b'{"unread": NaN}', b"[Infinity]", b'{"a": [-Infinity]}'])
def test_json_has_no_words_for_numbers(body: bytes) -> None:
    """Also where nobody reads them: `raw` is JSON that every language reads."""
    with pytest.raises(MalformedResponseError, match="is not a JSON number"):
        Response(200, {}, body).json()


def test_brackets_in_texts_are_no_depth() -> None:
    """A text full of brackets is a text; a hundred and one levels are too many."""
    assert Response(200, {}, json.dumps({"a": "[" * 500 + '"\\{'}).encode()).json()["a"].startswith("[[")
    assert Response(200, {}, b"[" * 100 + b"]" * 100).json()
    with pytest.raises(ResponseTooLargeError, match="100 deep"):
        Response(200, {}, b"[" * 101 + b"]" * 101).json()


class Total(Wire):
    """A small reply."""

    total: int


@pytest.mark.parametrize("kind", ["application/x-amz-json-1.1", "application/json; charset=utf-8", "text/x+json", ""])
def test_a_reply_of_any_kind_of_json_is_read(kind: str) -> None:
    """Also of AWS's content types."""
    assert Response(200, {"content-type": kind}, b'{"total": 1}').parse(Total).total == 1


@pytest.mark.parametrize("kind", ["text/html", "application/jsonp", "application/x-amz-json-9"])
def test_a_reply_of_another_kind_is_refused(kind: str) -> None:
    """A reply of another content type is refused, even if its body is good JSON."""
    with pytest.raises(MalformedResponseError, match="where JSON was expected"):
        Response(200, {"content-type": kind}, b'{"total": 1}').parse(Total)
