"""Replies of one's own, in turn; the public face of the package."""

from __future__ import annotations

import asyncio
import doctest
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

import cloudai.testing
from cloudai import AsyncClient, Client, ReplayError
from cloudai.core.flow import Request, Response
from cloudai.testing import AsyncNetwork, Network, Script, record
from tests.made_up.uploads import Mood, get, ok


def test_replies_errors_and_functions_in_turn() -> None:
    """Each stands for one exchange; what was asked is kept."""
    with Script(ok(1), ConnectionError("gone"), lambda request: ok(request.url)) as send:
        assert send(get("/1")).json() == 1
        with pytest.raises(ConnectionError):
            send(get("/2"))
        assert send(get("/3")).json().endswith("/3")
    assert [request.url[-2:] for request in send.requests] == ["/1", "/2", "/3"]


def test_asking_too_often_fails() -> None:
    """A script does not make replies up."""
    send = Script(ok(1))
    send(get())
    with pytest.raises(ReplayError, match=r"no reply left for GET .*asked 2 times"):
        send(get())


def test_asking_too_seldom_fails_at_the_end_of_with() -> None:
    """And hides no other error."""
    with (
        pytest.raises(ReplayError, match="2 more replies than the 1 asked for"),
        Script(*[ok(1)] * 3) as send,
    ):
        send(get())
    with pytest.raises(ZeroDivisionError), Script(ok(1)):
        raise ZeroDivisionError


def test_both_clients_take_a_script() -> None:
    """The same script, and for the awaiting client functions that await."""

    async def answer(_: Request) -> Response:
        await asyncio.sleep(0)
        return ok({"score": 1})

    async def run(script: Script) -> list[float | None]:
        async with AsyncClient(Mood(), send=script) as client:
            return [(await client.sentiment(text)).score for text in "ab"]

    assert asyncio.run(run(Script(ok({"score": 0.5}), answer))) == [0.5, 1]
    with Client(Mood(), send=Script(ok({"score": 0.5}))) as client:
        result = client.sentiment("a")
    assert (result.score, result.meta.replayed, result.meta.billed_max) == (0.5, False, 1)


def test_a_recorder_makes_and_closes_the_network_of_its_kind(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocking under ``with``, awaiting under ``async with``; a ``send`` that was given is left open."""
    made: list[Any] = []

    async def answer_awaiting(self: Any, _: Request) -> Response:
        made.append(self)
        return ok(1)

    def answer(self: Any, _: Request) -> Response:
        made.append(self)
        return ok(1)

    monkeypatch.setattr(AsyncNetwork, "__call__", answer_awaiting)
    monkeypatch.setattr(Network, "__call__", answer)

    async def run() -> None:
        async with record(tmp_path / "a.json") as send:
            await send(get())

    asyncio.run(run())
    with record(tmp_path / "b.json") as send:
        send(get())
    assert [type(network) for network in made] == [AsyncNetwork, Network]
    assert all(network._closed for network in made)
    given = Network()
    with record(tmp_path / "c.json", given):
        pass
    assert not given._closed
    given.close()


def test_all_is_exactly_the_public_names() -> None:
    """Sorted, there, and nothing else is public but modules, which somebody else may have imported."""
    public = [name for name, value in vars(cloudai.testing).items() if not isinstance(value, ModuleType)]
    assert sorted(cloudai.testing.__all__) == sorted(name for name in public if not name.startswith("_"))


@pytest.mark.parametrize("name", ["_cassette", "_replay", "_script"])
def test_the_examples_run(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """The examples in the docstrings run, and give what they show."""
    monkeypatch.chdir(tmp_path)
    module = import_module(f"cloudai.testing.{name}")
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)
