"""The limits of a reply: its headers, to the byte, in every way in which a reply is read."""

from __future__ import annotations

import pytest

from cloudai import ResponseTooLargeError
from cloudai.transport.body import MOST_HEADERS
from tests.made_up.calls import VENDORS, as_json, ask
from tests.made_up.server import Fault, faultd


def headers_of(size: int, body: bytes, *, short: bool) -> Fault:
    """Answer with headers of so many bytes, as names, values and four bytes for each; one long or many short ones."""
    lines = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
    left = size - sum(len(name) + len(value) + 4 for name, value in lines.items())
    count = left // 100 if short else 1
    for number in range(count):
        name = f"x-{number:03}"
        share = left // count + (left % count if number == 0 else 0)
        lines[name] = "a" * (share - len(name) - 4)
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return lambda c: c.send(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body)


@pytest.mark.loopback
@pytest.mark.parametrize("short", [False, True], ids=["one long", "many short"])
@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
def test_headers_of_64_kb_are_read_and_a_byte_more_is_refused(colour: str, short: bool) -> None:
    """A reply with 65,536 bytes of headers is read by either client; one more byte is an error, and sent once."""
    vendor = VENDORS["google"]
    good = as_json(vendor.good)
    with faultd(headers_of(MOST_HEADERS, good, short=short)) as server:
        assert ask(colour, vendor.make(), server.url).score == 0.5
    with (
        faultd(headers_of(MOST_HEADERS + 1, good, short=short)) as server,
        pytest.raises(ResponseTooLargeError, match="its headers have 65,537 bytes") as raised,
    ):
        ask(colour, vendor.make(), server.url)
    assert (server.count, raised.value.attempts, raised.value.state) == (1, 1, "UNKNOWN")
