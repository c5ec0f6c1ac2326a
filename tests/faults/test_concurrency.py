"""Threads, tasks, cancellation and forks: many calls on one client, each with its own reply and its own books."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import cloudai
from cloudai import AsyncClient, Client
from cloudai.testing import AsyncNetwork, Network
from tests.made_up.calls import VENDORS, as_json, to
from tests.made_up.faults import FAULTS, reply
from tests.made_up.server import Connection, faultd
from tests.support.forks import run_code
from tests.support.length import length

pytestmark = pytest.mark.loopback
GOOGLE = VENDORS["google"]


def echo(c: Connection) -> None:
    """Reply so that the magnitude is the number in the text, which says which request the reply is for."""
    number = int(json.loads(c.request.partition(b"\r\n\r\n")[2])["document"]["content"])
    body = as_json({"documentSentiment": {"score": 0.5, "magnitude": number}})
    c.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body), body)


def test_each_thread_gets_its_own_reply() -> None:
    """One client, 32 threads: nobody gets another's reply, and the books balance."""
    each = length(8, 20, 60)
    seen: list[tuple[int, float | None, int]] = []
    with faultd(echo, keeps=True) as server:
        network = Network()
        with Client(GOOGLE.make(), send=lambda r: network(to(server.url, r)), max_concurrency=64) as client:

            def work(thread: int) -> None:
                for n in range(each):
                    number = thread * 1000 + n
                    found = client.sentiment(str(number))
                    seen.append((number, found.magnitude, found.meta.billed_max))

            threads = [threading.Thread(target=work, args=(n,)) for n in range(32)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        network.close()
    assert len(seen) == 32 * each == server.count
    assert all(asked == answered for asked, answered, _ in seen)
    assert sum(billed for *_, billed in seen) == server.billed


class Meeting:
    """A service that answers nobody before so many have come; they are on as many connections."""

    def __init__(self, n: int) -> None:
        self.barrier = threading.Barrier(n)

    def __call__(self, c: Connection) -> None:
        """Wait for the others, and answer."""
        self.barrier.wait(20)
        echo(c)


def near(url: str) -> cloudai.Google:
    """Return a provider of Google's that calls the server."""

    class Near(cloudai.Google):
        def sign(self, request: cloudai.Request, token: Any) -> cloudai.Request:
            return to(url, super().sign(request, token))

    return Near(api_key="of-port-" + url.rpartition(":")[2])


@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
@pytest.mark.parametrize("n", [25, 110])
def test_there_are_as_many_connections_as_calls_and_all_are_kept(colour: str, n: int) -> None:
    """`max_concurrency` calls are in flight, twice; the second time nobody connects anew."""

    async def awaiting(url: str) -> None:
        async with AsyncClient(near(url), max_concurrency=n) as client:
            for _ in range(2):
                await asyncio.gather(*(client.sentiment(str(number)) for number in range(n)))

    def blocking(url: str) -> None:
        with Client(near(url), max_concurrency=n) as client, ThreadPoolExecutor(n) as threads:
            for _ in range(2):
                list(threads.map(client.sentiment, map(str, range(n))))

    with faultd(Meeting(n), keeps=True) as server:
        if colour == "blocking":
            blocking(server.url)
        else:
            asyncio.run(awaiting(server.url))
    assert (server.count, server.connections) == (2 * n, n)


@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
def test_the_connections_of_several_hosts_are_kept(colour: str) -> None:
    """One call after the other, to two hosts in turn: neither connects anew, whatever `max_concurrency` is."""
    with faultd(echo, keeps=True) as one, faultd(echo, keeps=True) as other:
        urls = itertools.cycle((one.url, other.url))

        class Both(cloudai.Google):
            def sign(self, request: cloudai.Request, token: Any) -> cloudai.Request:
                return to(next(urls), super().sign(request, token))

        async def awaiting() -> None:
            async with AsyncClient(Both(api_key="of-one-alone"), max_concurrency=1) as client:
                for number in range(12):
                    await client.sentiment(str(number))

        if colour == "awaiting":
            asyncio.run(awaiting())
        else:
            with Client(Both(api_key="of-other-alone"), max_concurrency=1) as client:
                for number in range(12):
                    client.sentiment(str(number))
    assert (one.connections, other.connections) == (1, 1)


def test_cancelled_calls_leave_nothing_behind() -> None:
    """Calls cancelled and timed out at random moments: the next hundred work, and no connection or task is left."""
    rounds = length(500, 1500, 5000)
    dice = random.Random(4711)  # noqa: S311  # the same moments each time

    async def scene(url: str) -> int:
        network = AsyncNetwork()
        cancelled = 0
        async with AsyncClient(
            GOOGLE.make(), send=lambda r: network(to(url, r)), max_concurrency=16, max_attempts=1
        ) as client:
            for _ in range(rounds // 50):
                tasks = [asyncio.ensure_future(client.sentiment("7", timeout=5)) for _ in range(50)]
                await asyncio.sleep(dice.random() * 0.02)
                for task in tasks:
                    if dice.random() < 0.8:
                        task.cancel()
                outcomes = await asyncio.gather(*tasks, return_exceptions=True)
                cancelled += sum(isinstance(o, asyncio.CancelledError) for o in outcomes)
                strange = [o for o in outcomes if isinstance(o, Exception) and not isinstance(o, cloudai.CloudAIError)]
                assert strange == []
            after = await asyncio.gather(*(client.sentiment("7") for _ in range(100)))
            assert all(found.magnitude == 7 for found in after)
            pool = network._client._transport._pool
            assert len(pool._requests) == 0  # nobody waits for a connection any more
        await network.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others
        return cancelled

    with faultd(echo, keeps=True) as server:
        assert asyncio.run(scene(server.url)) > rounds // 10


def test_a_cancellation_is_never_swallowed() -> None:
    """It leaves as it came, at once, also while a retry is waited for."""

    async def scene(url: str) -> None:
        network = AsyncNetwork()
        async with AsyncClient(
            cloudai.Google(api_key="of-this-test-alone"), send=lambda r: network(to(url, r))
        ) as client:
            task = asyncio.ensure_future(client.sentiment("7"))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(asyncio.shield(task), 0.5)
        await network.close()

    with faultd(reply(b"{}", "429 Too Many", "Retry-After: 30")) as server:
        asyncio.run(scene(server.url))


FORK = """
import os, sys, json
from cloudai import Client
from cloudai.testing import Network
from tests.made_up.calls import VENDORS, to
network = Network()
client = Client(VENDORS["google"].make(), send=lambda r: network(to({url!r}, r)))
client.sentiment("1")
child = os.fork()
base = 1000 if child == 0 else 2000
wrong = sum(client.sentiment(str(base + n)).magnitude != base + n for n in range({n}))
if child == 0:
    client.close(); network.close()
    os._exit(min(wrong, 99))
_, status = os.waitpid(child, 0)
wrong += sum(client.sentiment(str(base + n)).magnitude != base + n for n in range({n}))
print(wrong, os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_gets_connections_of_its_own() -> None:
    """Parent and child at once on a client that has an open connection: no reply goes to the other."""
    with faultd(echo, keeps=True) as server:
        _, out, errors = run_code(FORK.format(url=server.url, n=length(60, 150, 400)), timeout=120)
    assert out.split() == ["0", "0"], errors


MEMORY = """
import cloudai
from tests.made_up.calls import VENDORS, ask
ask({colour!r}, VENDORS["google"].make(), {url!r})

def most():  # not ru_maxrss: that begins with what the parent had
    return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])

before = most()
try:
    ask({colour!r}, VENDORS["google"].make(), {url!r})
except cloudai.ResponseTooLargeError:
    print(most() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
def test_a_bomb_does_not_fill_the_memory(colour: str) -> None:
    """200 MB in 200 kB: at most 64 MB more than a good reply takes."""

    def first_good(c: Connection) -> None:
        name = "good" if len(server.requests) == 1 else "gzip bomb"
        FAULTS[name].fault(GOOGLE)(c)

    with faultd(first_good) as server:
        _, out, errors = run_code(MEMORY.format(url=server.url, colour=colour))
    assert int(out) < 64_000, errors


def test_using_it_touches_nothing_of_everybodys() -> None:
    """A call changes no module of the standard library, no logger, no filter of warnings, no limit of Pillow's."""
    code = """
import http.client, logging, os, socket, warnings, json, sys
import PIL.Image
def state():
    return (dict(vars(http.client)), dict(vars(socket)), list(warnings.filters), logging.getLogger().handlers[:],
            logging.getLogger().level, PIL.Image.MAX_IMAGE_PIXELS, dict(os.environ), socket.getdefaulttimeout())
before = state()
import cloudai
from cloudai import Response
with cloudai.Client("local") as client:
    client.sentiment("Good!")
def send(_): return Response(200, {}, b'{"documentSentiment": {}}')
with cloudai.Client(cloudai.Google(api_key="x"), send=send) as client:
    client.sentiment("x")
after = state()
changed = [i for i, (a, b) in enumerate(zip(before, after)) if a != b]
print(changed)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
