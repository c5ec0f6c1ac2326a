"""The body of a reply is unpacked piece by piece, within limits that hold for each piece."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib

import pytest

from cloudai.errors import MalformedResponseError, ResponseTooLargeError
from cloudai.transport.body import MOST_RATIO, Body

PACKED = {"content-encoding": "gzip"}
MEMBER = gzip.compress(b"{}", mtime=0)


def unpacked(packed: bytes, size: int = 1000, most: int = 4_000_000) -> bytes:
    """Return a packed body that came in chunks of so many bytes."""
    body = Body(PACKED, most)
    for start in range(0, len(packed), size):
        body.add(packed[start : start + size])
    return body.whole()


@pytest.mark.parametrize("size", [1, 7, 100, 1_000_000])
def test_several_members_are_one_body(size: int) -> None:
    """A packed reply may have several members (RFC 1952, 2.2): its body is that of all of them in sequence."""
    data = json.dumps({"text": "맛있어요!" * 1000}, ensure_ascii=False).encode()
    packed = b"".join(gzip.compress(data[start : start + 1000]) for start in range(0, len(data), 1000))
    assert unpacked(packed, size) == data


@pytest.mark.parametrize(
    "rest", [b"{}", b"\0\0\0\0", gzip.compress(b"{}", mtime=0)[:-4], gzip.compress(b"{}", mtime=0)[:1]]
)
def test_what_follows_the_last_member_must_be_another_one(rest: bytes) -> None:
    """Bytes behind the end of the packed data are not passed over: something has cut or mixed the reply."""
    with pytest.raises(MalformedResponseError, match="cannot be unpacked"):
        unpacked(gzip.compress(b"[]") + rest)


@pytest.mark.long
def test_members_without_content_are_limited_too() -> None:
    """Packed bytes count as well: members that unpack to nothing would otherwise never come to an end."""
    with pytest.raises(ResponseTooLargeError, match="more than 4 MB"):
        unpacked(gzip.compress(b"") * 260_000, 65_536)


def test_a_bomb_is_given_up_after_a_piece() -> None:
    """A chunk that unpacks to a thousand times its size is not unpacked as a whole."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    packed = b"".join([*(packer.compress(b" " * 1_000_000) for _ in range(64)), packer.flush()])
    body = Body(PACKED, 200_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ResponseTooLargeError, match=f"more than {MOST_RATIO} times"):
            body.add(packed)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16_000_000


def test_the_limit_is_that_of_the_request() -> None:
    """A body of exactly the limit is read, and one byte more is refused."""
    for most in (4_000_000, 32_000_000):
        assert len(unpacked(gzip.compress(b"[1]" * 1000, 0) * (most // 3000), most=most)) == most // 3000 * 3000
        body = Body({}, most)
        body.add(b" " * most)
        with pytest.raises(ResponseTooLargeError, match=f"more than {most // 1_000_000} MB"):
            body.add(b" ")


def test_an_encoding_of_many_letters_is_not_repeated() -> None:
    """A header may have 64 kB, which no error is to show."""
    with pytest.raises(MalformedResponseError, match="the reply is encoded as '…', which nobody asked for"):
        Body({"content-encoding": "x" * 60_000})
