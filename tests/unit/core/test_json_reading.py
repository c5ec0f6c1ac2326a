"""Reading a reply is bounded: in depth, in memory, and in the time for which it holds the interpreter."""

from __future__ import annotations

import json
import textwrap
import threading
import tracemalloc
from itertools import cycle, product
from typing import Any

import pytest

from cloudai.core import json_reading
from cloudai.core.json_reading import AT_ONCE, DEEPEST, ONE_CALL, SLICE, parsed
from cloudai.errors import MalformedResponseError, ResponseTooLargeError
from tests.support.forks import run_code
from tests.support.length import length
from tests.support.paths import FIXTURES

DEEP = b"[" * DEEPEST + b"]" * DEEPEST
FILLING = b'"' + b"a" * ONE_CALL + b'"'


def large(body: bytes) -> bytes:
    """Return a list of the JSON and a text that is too long for one call of a parser."""
    return b"[" + FILLING + b"," + body + b"]"


@pytest.mark.parametrize("wrapped", [lambda body: body, large], ids=["small", "large"])
@pytest.mark.parametrize(
    "text", ["[" * 5000, "}" * 5000, '"' * 99, "\\" * 99, '\\"[' * 500, "맛있어요! 😀 \\[\u2028", "[" * 200_000]
)
def test_what_stands_in_a_text_is_no_depth(wrapped: Any, text: str) -> None:
    """Brackets, quotation marks and backslashes inside a text count for nothing, wherever a slice is cut."""
    for shift in range(3):
        body = json.dumps({" " * shift: text}, ensure_ascii=False).encode()
        assert parsed(wrapped(body)) == json.loads(wrapped(body))


@pytest.mark.parametrize("gap", [SLICE - 2, SLICE - 1, SLICE, SLICE + 1])
def test_an_escape_at_the_end_of_a_slice_is_not_cut(gap: int) -> None:
    """A backslash and the character behind it belong together, also where a slice ends between them."""
    body = b'["' + b"a" * (gap - 2) + rb"\"[[[\\" + b'", "' + b"[" * ONE_CALL + b'"]'
    assert parsed(body) == json.loads(body)


@pytest.mark.parametrize("shift", [0, 1])
def test_a_long_run_of_backslashes_hides_no_levels(shift: int) -> None:
    """A run of backslashes, however long, is cut between two escapes, so that the levels behind it are counted."""
    text = b'"' + b"a" * shift + b"\\" * (2 * ONE_CALL) + b'"'
    assert parsed(b"[" + text + b"]") == json.loads(b"[" + text + b"]")
    with pytest.raises(ResponseTooLargeError, match="nested"):
        parsed(b"[" + text + b"," + b"[" * 500 + b"]" * 500 + b"]")


@pytest.mark.parametrize("before", [b"", b'"]]]]",', FILLING + b","], ids=["small", "brackets in a text", "large"])
def test_a_hundred_levels_are_read_and_one_more_is_refused(before: bytes) -> None:
    """The limit is exact, for small and large replies."""
    inner = DEEP[1:-1]
    assert parsed(b"[" + before + inner + b"]")
    if before != b'"]]]]",':  # brackets in a text may hide a level of a small reply: its parser stops at two hundred
        with pytest.raises(ResponseTooLargeError, match="100 deep"):
            parsed(b"[" + before + DEEP + b"]")
    with pytest.raises(MalformedResponseError):
        parsed(b"[" + before + DEEP + b"," + b"[" * 200 + b"]" * 200 + b"]")


NUMBERS = ["1e999", "-1e999", "1E+400", "1e0400", "2e308", "1" * 400, "-" + "9" * 309, "0.1e310", "1" * 305 + "e9"]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("wrapped", [lambda body: body, large], ids=["small", "large"])
def test_a_number_beyond_all_floating_point_numbers_is_refused_wherever_it_stands(wrapped: Any, number: str) -> None:
    """A number of any spelling that no result can hold makes the reply malformed, also where nobody reads it."""
    with pytest.raises(MalformedResponseError, match="too large a number"):
        parsed(wrapped(b'{"nobody": {"reads": [1, %s]}}' % number.encode()))


@pytest.mark.parametrize("number", ["1e308", "1.5e-999", "1" * 308, "123e4", "1e05", "5e-324", "1e0"])
@pytest.mark.parametrize("wrapped", [lambda body: body, large], ids=["small", "large"])
def test_a_number_that_fits_is_read_as_it_is(wrapped: Any, number: str) -> None:
    """Large exponents, many digits and numbers next to nothing are good JSON; so is the same in a text."""
    body = wrapped(json.dumps({"id": f"{number}, 1e999"}).encode()[:-1] + b', "n": %s}' % number.encode())
    assert parsed(body) == json.loads(body)


def test_a_number_at_the_end_of_a_slice_is_seen() -> None:
    """A number that is cut in two by the end of a slice is still found to be too large."""
    for shift in range(6):
        head = b'{"a": "' + b"a" * ONE_CALL + b'", "n": ['
        head += b" " * (-len(head) % SLICE + SLICE - 3 + shift - 3)
        with pytest.raises(MalformedResponseError, match="too large"):
            parsed(head + b"1e999]}")


def test_the_last_of_several_fields_of_one_name_counts() -> None:
    """Doubled names are decided as Python's parser decides them, in small and in large replies."""
    doubled = b'{"a": 1, "a": 2}'
    assert parsed(doubled) == {"a": 2}
    assert parsed(large(doubled))[1] == {"a": 2}


@pytest.mark.parametrize("body", [b"[1,", b"{", b"nul", b'"', b'{"a" 1}', b"\xff", b'["\x01"]', b"[1]]", b"[NaN]", b""])
@pytest.mark.parametrize("size", [0, ONE_CALL])
def test_what_is_not_json_is_malformed(body: bytes, size: int) -> None:
    """Both ways of reading refuse the same replies, with one error."""
    with pytest.raises(MalformedResponseError, match="is not JSON"):
        parsed(b" " * size + body)


def test_half_a_surrogate_pair_is_read() -> None:
    """A vendor that cuts an emoji in two does not make the whole reply unreadable."""
    assert parsed(b'["\\ud83d"]') == ["\ud83d"]


SWARMS = {
    "empty objects": b"{},",
    "objects": b'{"a": 1},',
    "empty lists": b"[],",
    "numbers": b"0,",
    "texts": b'"",',
    "levels": b"[" * 90 + b"]" * 90 + b",",
}


@pytest.mark.long
@pytest.mark.parametrize("swarm", SWARMS)
def test_a_reply_of_nothing_but_values_is_refused_before_it_is_parsed(swarm: str) -> None:
    """Four megabytes of the smallest values would take hundreds; looking through them takes next to no memory."""
    body = b'{"a": [' + SWARMS[swarm] * (4_000_000 // len(SWARMS[swarm])) + b"0]}"
    tracemalloc.start()
    try:
        with pytest.raises(ResponseTooLargeError, match="reply"):
            parsed(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def test_a_text_that_would_take_too_much_memory_is_refused_for_that_reason() -> None:
    """One emoji makes each character of a text four bytes; the error speaks of memory, for the reply has one value."""
    with pytest.raises(ResponseTooLargeError, match="would take more memory than a reply of its size may"):
        parsed(b'{"text": "' + b"a" * 33_000_000 + "😀".encode() + b'"}')


@pytest.mark.long
def test_looking_through_takes_as_many_steps_as_there_are_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the reply takes twice the steps, and each step looks at one slice: the time is linear."""
    sizes: list[int] = []
    depth = json_reading._depth
    monkeypatch.setattr(
        json_reading, "_depth", lambda brackets, *rest: (sizes.append(len(brackets)), depth(brackets, *rest))[1]
    )
    unit = b'{"a": [[["[[[", 1]]]' + b" " * 80 + b"},"
    steps = []
    for times in (1, 2):
        sizes.clear()
        parsed(b"[" + unit * (times * 10_000) + b"0]")
        steps.append(len(sizes))
        assert max(sizes) <= SLICE + DEEPEST
    assert steps[0] * 2 - 1 <= steps[1] <= steps[0] * 2 + 1


@pytest.mark.long
def test_another_thread_goes_on_while_a_large_reply_is_parsed() -> None:
    """The parser runs a line of Python after each object, so that it never holds the interpreter for long."""
    turns, ready = 0, threading.Event()
    done = threading.Event()

    def other() -> None:
        nonlocal turns
        ready.set()
        while not done.is_set():
            turns += 1
            done.wait(0.001)

    thread = threading.Thread(target=other)
    thread.start()
    ready.wait()
    before = turns
    parsed(b"[" + (b'{"text": "' + b"a" * 90 + b'", "box": [1, 2, 3, 4]},') * 100_000 + b"0]")
    seen = turns - before
    done.set()
    thread.join()
    assert seen > 3


MEASURED = """
    import asyncio, resource, sys
    from cloudai import AsyncClient, Azure, Client, Google, Response
    body, operation, colour = eval(sys.argv[1]), sys.argv[2], sys.argv[3]
    azure = Azure(key="k", endpoint="https://x.cognitiveservices.azure.com")
    def call(body):
        reply = lambda request: Response(200, {"content-type": "application/json"}, body)
        what = ("x", {"language": "en"}) if operation == "sentiment" else (sys.argv[4], {"features": ["tags", "text"]})
        provider = azure if operation == "sentiment" else Google(api_key="k")
        if colour == "blocking":
            with Client(provider, send=reply) as client:
                return getattr(client, operation)(what[0], **what[1])
        async def awaiting():
            async with AsyncClient(provider, send=reply) as client:
                return await getattr(client, operation)(what[0], **what[1])
        return asyncio.run(awaiting())
    def outcome(body):
        try:
            return type(call(body)).__name__
        except Exception as error:
            return type(error).__name__
    outcome(b"{}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(outcome(body), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, len(body))
"""
PICTURE = FIXTURES / "나무.png"
BODIES = {
    "brackets in a text": ("""b'{"x": "' + b"[" * 3_900_000 + b'"}'""", "sentiment", "MalformedResponseError"),
    "emoji": ("""b'{"x": "' + b"\\xf0\\x9f\\x98\\x80" * 970_000 + b'"}'""", "sentiment", "MalformedResponseError"),
    "a long text with one emoji": (
        (
            """b'{"responses": [{"textAnnotations": [{"description": "' + b"a" * 15_000_000 +"""
            """ b"\\xf0\\x9f\\x98\\x80" + b'"}]}]}'"""
        ),
        "analyze_image",
        "ResponseTooLargeError",
    ),
    "a long text in Korean": (
        """'{"responses": [{"textAnnotations": [{"description": "'.encode() + '가'.encode() * 5_000_000 + b'"}]}]}'""",
        "analyze_image",
        "ImageAnalysis",
    ),
    "labels": (
        """b'{"responses": [{"labelAnnotations": [' + b"{}," * 36_000 + b"{}]}]}" """,
        "analyze_image",
        "ImageAnalysis",
    ),
    "too many labels": (
        """b'{"responses": [{"labelAnnotations": [' + b"{}," * 1_000_000 + b"{}]}]}" """,
        "analyze_image",
        "ResponseTooLargeError",
    ),
    "a page of dense text": (
        """b'{"responses": [{"fullTextAnnotation": {"pages": [{"blocks": [{"paragraphs": ['
        + b",".join([b'{"words": [' + b",".join([b'{"symbols": [' + b",".join([
        b'{"text": "a", "confidence": 0.9,' + b" " * 300 + b'"boundingBox": {"vertices": ['
        + b", ".join([b'{' + b" " * 70 + b'"x": 123,' + b" " * 40 + b'"y": 456}'] * 4) + b"]}}"] * 5)
        + b"]}"] * 20) + b"]}"] * 100) + b"]}]}]}}]}" """,
        "analyze_image",
        "ImageAnalysis",
    ),
}


COLOURS = ("awaiting", "blocking")
EVERY = list(product(BODIES, COLOURS))


@pytest.mark.long
@pytest.mark.parametrize(("name", "colour"), length(list(zip(BODIES, cycle(COLOURS), strict=False)), EVERY, EVERY))
def test_reading_takes_at_most_64_mb_and_three_times_the_reply(name: str, colour: str) -> None:
    """The peak memory of a process that reads a reply stays within the promise; the reply is one of the three."""
    body, operation, outcome = BODIES[name]
    code, out, err = run_code(textwrap.dedent(MEASURED), body.replace("\n", " "), operation, colour, PICTURE)
    assert code == 0, err
    what, grown, size = out.split()
    assert what == outcome
    assert int(grown) < 64_000_000 + 2 * int(size)


def test_only_a_large_reply_is_read_in_a_thread() -> None:
    """The limit for reading in the event loop is far below that for one call of the parser."""
    assert AT_ONCE <= ONE_CALL
