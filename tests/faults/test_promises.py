"""Promises of ``docs/reliability.md`` that need no server: waits, gates by endpoint, limits, what a service answers."""

from __future__ import annotations

import io
import math
import random
from typing import Any

import PIL.Image
import pytest

import cloudai
from cloudai import Client, Response
from cloudai.core.rate_limit import Gate
from cloudai.core.retry import hint_from_headers, retrying
from cloudai.errors import CloudAIError, RateLimitedError, ServerError
from cloudai.testing import Script
from tests.made_up.calls import VENDORS, Skipping, as_json
from tests.support.paths import ROOT

DICE = random.Random(4711)  # noqa: S311  # the same each time


def waits(error: CloudAIError, attempt: int, n: int) -> list[float]:
    """Return the seconds that the policy waits after this many attempts."""
    state = retrying(lambda _: math.inf, lambda: math.inf, lambda _: True, DICE.uniform)
    state.attempt_number = attempt
    state.set_exception((type(error), error, None))  # type: ignore[arg-type]
    return [state.retry_object.wait(state) for _ in range(n)]  # type: ignore[operator]


def is_uniform(values: list[float], low: float, high: float) -> bool:
    """Return whether values are uniform, by the test of Kolmogorov and Smirnov at one in a thousand."""
    ordered = sorted((value - low) / (high - low) for value in values)
    n = len(ordered)
    distance = max(max((i + 1) / n - x, x - i / n) for i, x in enumerate(ordered))
    return ordered[0] >= 0 and ordered[-1] <= 1 and distance < 1.95 / math.sqrt(n)


@pytest.mark.parametrize(("attempt", "most"), [(1, 0.5), (2, 1), (3, 2), (4, 4), (5, 8), (6, 8), (99, 8)])
def test_waits_have_full_jitter(attempt: int, most: float) -> None:
    """Ten thousand waits lie evenly between nothing and the limit, which doubles up to eight seconds."""
    assert is_uniform(waits(ServerError("x", status=500), attempt, 10_000), 0, most)


@pytest.mark.parametrize("hint", [0.2, 5.0, 40.0])
def test_a_hint_is_a_floor(hint: float) -> None:
    """Never before the vendor's hint, and spread behind it."""
    found = waits(RateLimitedError("x", status=429, retry_after=hint), 1, 10_000)
    assert is_uniform(found, hint, hint + max(0.5, 0.1 * hint))


def test_sixty_four_who_waited_do_not_come_at_once() -> None:
    """After five seconds of a closed gate no quarter of a second holds more than a quarter of them."""
    gate = Gate(DICE.uniform)
    gate.close(100.0, 5.0)
    assert gate.opens == 105.0
    coming = [gate.spread() for _ in range(64)]
    fullest = max(sum(start <= at < start + 0.25 for at in coming) for start in (n * 0.25 for n in range(8)))
    assert fullest <= 64 * 0.25


def test_a_gate_is_not_closed_for_a_day() -> None:
    """An absurd hint closes it for a minute at most; a shorter wish does not shorten a longer one."""
    gate = Gate()
    gate.close(0.0, 86_400.0)
    gate.close(0.0, 1.0)
    assert gate.opens == 60.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 7.5 "}, 7.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9),
        ({"retry-after": "Fri, 01 Jan 2021 00:00:07 GMT", "date": "Fri, 01 Jan 2021 00:00:00 GMT"}, 7),
        ({"retry-after": "Fri, 01 Jan 2021 00:00:07 GMT", "date": "Fri, 01 Jan 2021 00:00:09 GMT"}, 0),
        ({"retry-after": "Fri, 01-Jan-21 00:00:07 GMT", "date": "Fri, 01 Jan 2021 00:00:00 GMT"}, 7),
        *(
            ({"retry-after": text}, None)
            for text in ("", "-1", "nan", "inf", "-inf", "1e999", "soon", "7 s", "٧x", "\x00")
        ),
        ({}, None),
    ],
)
def test_hints(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds, dates by the reply's own clock; anything else is no hint."""
    assert hint_from_headers(headers) == seconds


def test_one_services_429_does_not_hold_back_another() -> None:
    """Face has asked to wait: Language goes on at once."""
    clock = Skipping()
    made = VENDORS["azure"]
    face = Response(429, {"retry-after": "50"}, b"{}")
    script = Script(face, Response(200, {}, as_json(made.good)))
    picture = io.BytesIO()
    PIL.Image.new("RGB", (64, 64)).save(picture, "PNG")
    with Client(made.make(), send=script, clock=clock, sleep=clock.sleep, timeout=10) as client:
        with pytest.raises(RateLimitedError):
            client.detect_faces(picture.getvalue())
        assert client.sentiment("x", language="en").label == "positive"
        with pytest.raises(RateLimitedError, match="asked to wait"):
            client.detect_faces(picture.getvalue())
    assert clock.slept == []
    assert len(script.requests) == 2


def picture_of(size: tuple[int, int]) -> bytes:
    """Return a PNG of this size."""
    out = io.BytesIO()
    PIL.Image.new("RGB", size).save(out, "PNG")
    return out.getvalue()


LIMITS: list[tuple[str, str, Any, Any]] = [
    ("google", "sentiment", "가" * 333_333 + "a", "가" * 333_333 + "ab"),
    ("azure", "key_phrases", "가" * 5_120, "가" * 5_121),  # a longer text for `sentiment` is sent in parts
    ("watson", "sentiment", "가" * 50_000, "가" * 50_001),
    ("azure", "detect_faces", picture_of((36, 36)), picture_of((35, 90))),
    ("azure", "analyze_image", picture_of((50, 50)), picture_of((49, 90))),
]


@pytest.mark.parametrize(
    ("vendor", "operation", "most", "more"), LIMITS, ids=lambda v: v if isinstance(v, str) and len(v) < 20 else ""
)
def test_limits_are_known_here(vendor: str, operation: str, most: Any, more: Any) -> None:
    """To the last character and pixel: what is over is refused before anything is sent."""
    script = Script(Response(400, {}, b"{}"))
    with Client(VENDORS[vendor].make(), send=script) as client:
        with pytest.raises(cloudai.InputError):
            getattr(client, operation)(more)
        assert script.requests == []
        with pytest.raises(cloudai.BadRequestError):
            getattr(client, operation)(most)
    assert len(script.requests) == 1


def test_every_error_says_what_a_service_should_answer() -> None:
    """The page lists each class under its status, and no class is missing."""
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    section = " ".join(page.partition("## What a web service should answer")[2].partition("##")[0].split())
    listed = {}
    for part in section.partition("cloudai:")[2].split(";"):
        status, _, names = part.strip().partition(" ")
        listed |= {name.strip(" `."): int(status) for name in names.split(",") if name.strip().startswith("`")}
    kinds = [
        kind
        for name in cloudai.__all__
        if isinstance(kind := getattr(cloudai, name), type) and issubclass(kind, CloudAIError)
    ]
    assert listed == {kind.__name__: kind.http_status for kind in kinds if kind.__name__ in listed}
    inherited = {kind.__name__ for kind in kinds if kind.__name__ not in listed and kind.http_status != 500}
    of_a_chat_model = {"BlockedError", "TruncatedError", "TimeLimitError", "EmptyAnswerError", "ToolCallError"}
    # Each of these inherits the status of a class above it.
    assert inherited == {"FetchError", "NeedsImageError", "TLSError", "ResponseTooLargeError", *of_a_chat_model}
