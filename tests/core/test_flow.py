"""Requests and replies as data."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudai.errors import MalformedResponseError
from cloudai.flow import Blob, Request, Response

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(before=JSON, data=st.binary(max_size=200), after=JSON)
def test_a_blob_is_spliced_in_as_base64(before: object, data: bytes, after: object) -> None:
    """Whatever stands around it, the body is the JSON with the blob's base64 in its place."""
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
