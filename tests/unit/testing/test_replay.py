"""Replay is strict: a miss or a leftover fails, and says what is wrong."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from cloudai import ReplayError
from cloudai.core.flow import Request
from cloudai.testing import Cassette, Exchange, orphans, replay, replaying
from tests.made_up.uploads import KEY, URL, Mood, get, post


def held(body: Any = None, reply: Any = None, method: str = "POST", url: str = URL, **more: Any) -> Exchange:
    """Return an exchange as one would write it by hand."""
    request = {"method": method, "url": url, **({} if body is None else {"body": body}), **more}
    return Exchange.model_validate(
        {"kind": "constructed", "request": request, "response": {"status": 200, "body": reply}}
    )


def test_equal_requests_are_answered_in_order() -> None:
    """Polls and retries get their replies as they were recorded."""
    with replay(Cassette([held(1, [1]), held(2, ["other"]), held(1, [2]), held(1, [3])])) as send:
        replies = [send(post(body)).json() for body in (1, 1, 2, 1)]
    assert replies == [[1], [2], ["other"], [3]]


def test_a_leftover_fails() -> None:
    """An exchange that was recorded and not asked for is named at the end."""
    expected = f"holds 2 more than was asked for: POST {URL}, POST {URL}"
    with pytest.raises(ReplayError, match=expected), replay(Cassette([held(1), held(2), held(3)])) as send:
        send(post(2))


def test_a_leftover_does_not_hide_another_error() -> None:
    """An error of the test itself is the one that shows."""
    with pytest.raises(ZeroDivisionError), replay(Cassette([held(1)])):
        raise ZeroDivisionError


def test_a_miss_that_was_swallowed_still_fails() -> None:
    """Code under test that catches errors cannot make a miss pass."""
    send = replay(Cassette([]))
    with contextlib.suppress(ReplayError), send:
        send(post(1))
    with pytest.raises(ReplayError, match="does not hold"), send:
        pass


def test_asking_once_more_than_recorded_fails() -> None:
    """A reply is not given twice."""
    send = replay(Cassette([held(1)]))
    send(post(1))
    with pytest.raises(ReplayError, match="once more: it is replayed already"):
        send(post(1))


MISSES = {
    "method": (held(1, method="PUT"), post(1), 'method (held "PUT", asked "POST")'),
    "url": (held(1, url=f"{URL}/a"), post(1), f'url (held "{URL}/a", asked "{URL}")'),
    "parameter": (
        held(1, params={"model": "a"}),
        post(1, params={"model": "b"}),
        'params.model (held "a", asked "b")',
    ),
    "query in the address": (
        held(1, url=f"{URL}?model=a"),
        Request("POST", f"{URL}?model=b", json=1),
        'params.model (held "a", asked "b")',
    ),
    "parameter that is new": (held(1), post(1, params={"city": "x"}), "params.city (held nothing"),
    "parameter that is gone": (held(1, params={"city": "x"}), post(1), "params.city"),
    "value in JSON": (
        held({"a": [{"b": "x"}]}),
        post({"a": [{"b": "y"}]}),
        'body.a[0].b (held "x", asked "y")',
    ),
    "field that is gone": (held({"a": None}), post({}), "body.a (held null, asked nothing)"),
    "field that is new": (held({}), post({"a": 0}), "body.a (held nothing, asked 0)"),
    "longer list": (held([1]), post([1, 2]), "body (held a list of 1, asked a list of 2)"),
    "true is not 1": (held({"a": 1}), post({"a": True}), "body.a (held 1, asked true)"),
    "no body": (held({}), post(), "body (held an object of 0, asked nothing)"),
    "form": (
        held(form={"target": "ko"}),
        post(form={"target": "en"}),
        'form.target (held "ko", asked "en")',
    ),
    "upload": (
        held(upload={"sha256": "ab" * 32}),
        post(content=b"x"),
        "upload (held file abababababab, asked file 2d711642b726)",
    ),
    "a request for a token": (held(), post(credentials=False), "credentials"),
}


@pytest.mark.parametrize("name", MISSES)
def test_a_miss_names_the_request_and_the_first_difference(name: str) -> None:
    """The text says what was asked, and where the nearest exchange differs."""
    exchange, request, difference = MISSES[name]
    with pytest.raises(ReplayError) as caught:
        replay(Cassette([exchange]))(request)
    assert f"does not hold POST {URL}" in str(caught.value)
    assert f"nearest: exchange 1 differs in {difference}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_miss_names_the_nearest_first() -> None:
    """Exchanges with the same address and fewer differences come first; at most three are named."""
    exchanges = [
        held({"a": 1, "b": 1}, url=f"{URL}/other"),
        held({"a": 9, "b": 9}),
        held({"a": 1, "b": 9}),
        held({"a": 8, "b": 8}),
    ]
    with pytest.raises(ReplayError) as caught:
        replay(Cassette(exchanges))(post({"a": 1, "b": 1}))
    text = str(caught.value)
    assert text.index("exchange 3 differs in body.b") < text.index("exchange 2") < text.index("exchange 4")
    assert "exchange 1" not in text


def test_a_miss_shows_no_key() -> None:
    """Neither a key in the address nor one that a signed request carries gets into the error."""
    request = Request("POST", f"{URL}?key={KEY}&strange={KEY}", params={"sig": KEY}, json={"api_key": KEY})
    with pytest.raises(ReplayError) as caught:
        replay(Cassette([held({"api_key": "x"})]))(request)
    assert KEY not in str(caught.value)


def test_a_miss_from_a_client_names_the_input() -> None:
    """The engine adds provider, operation and input."""
    with pytest.raises(ReplayError) as caught, replaying(Mood(), Cassette([])) as client:
        client.sentiment("학교")
    assert (caught.value.provider, caught.value.operation) == ("mood", "sentiment")
    assert caught.value.input is not None
    assert caught.value.input.startswith("text-")


def test_misses_and_leftovers_fail_with_both_clients() -> None:
    """The awaiting client is held to the same."""

    async def leave(exchanges: list[Exchange], *texts: str) -> None:
        async with replaying(Mood(), Cassette(exchanges)) as client:
            for text in texts:
                await client.sentiment(text)

    with pytest.raises(ReplayError, match="holds 1 more"):
        asyncio.run(leave([held(1)]))
    with pytest.raises(ReplayError, match="does not hold"):
        asyncio.run(leave([held(1)], "학교"))


def test_headers_are_not_compared() -> None:
    """A new version of the library, or another key, still finds its replies."""
    with replay(Cassette([held(1, headers={"content-type": "a/b"})])) as send:
        send(post(1, headers={"user-agent": "cloudai/9", "content-type": "application/json"}))


@pytest.mark.parametrize("asked", [{}, {"key": "k"}, {"key": "k", "api_key": "other"}])
def test_a_withheld_parameter_matches_anything(asked: dict[str, str]) -> None:
    """A withheld parameter matches any key that the client has, and none."""
    with replay(Cassette([held(1, params={"key": "REDACTED"})])) as send:
        send(post(1, params=asked))


def test_a_withheld_part_of_a_text_matches_anything() -> None:
    """Only what was withheld is free: the rest of the text counts."""
    exchange = held({"text": "call REDACTED now"})
    replay(Cassette([exchange]))(post({"text": "call 010-1234 now"}))
    with pytest.raises(ReplayError):
        replay(Cassette([exchange]))(post({"text": "call 010-1234 later"}))


def test_without_matching_replies_come_in_order_and_are_counted() -> None:
    """For replies whose requests were not kept; a miss and a leftover still fail."""
    cassette = Cassette([held(1, [1]), held(2, [2])], match=False)
    with replay(cassette) as send:
        assert [send(get("/anything")).json(), send(post("other")).json()] == [[1], [2]]
    send = replay(cassette)
    send(get())
    send(get())
    with pytest.raises(ReplayError, match="all it holds is replayed"):
        send(get())
    with pytest.raises(ReplayError, match="holds 1 more"), replay(cassette) as send:
        send(get())


def test_a_cassette_can_be_replayed_again() -> None:
    """Replaying uses nothing up but the replay."""
    cassette = Cassette([held(1)])
    for _ in range(2):
        with replay(cassette) as send:
            send(post(1))


def test_orphans_are_the_cassettes_that_no_test_played(tmp_path: Path) -> None:
    """Found in folders below too, whichever way the path of a played one was written."""
    (tmp_path / "below").mkdir()
    for name in ("a.json", "below/b.json", "notes.txt"):
        (tmp_path / name).touch()
    assert orphans(tmp_path, []) == [tmp_path / "a.json", tmp_path / "below" / "b.json"]
    assert orphans(tmp_path, [tmp_path / "below" / ".." / "a.json"]) == [tmp_path / "below" / "b.json"]


def test_a_token_is_no_answer_to_another_request() -> None:
    """Replies that are given in order come to an end: the token that is kept for later is not given as an answer."""
    token = held(None, {"token": "t"}, credentials=False)
    send = replay(Cassette([token, held(None, "an answer")], match=False))
    asking = Request("POST", URL, credentials=False)
    assert [send(asking).json(), send(post(1)).content, send(asking).json()] == [
        {"token": "t"},
        b"an answer",
        {"token": "t"},
    ]
    with pytest.raises(ReplayError, match="all it holds is replayed"):
        send(post(1))


def test_a_cassette_is_not_written_to_a_name_that_is_none(tmp_path: Path) -> None:
    """A name with a NUL is an error of cloudai's own, as every other place that cannot be written."""
    with pytest.raises(ReplayError, match="cannot write"):
        Cassette([held(1)]).save(tmp_path / "a\0b.json")
