"""An awaiting connection lets other tasks run, although it has nothing to wait for."""

from __future__ import annotations

import asyncio
import socket

from cloudai.transport.async_sockets import LARGE, AsyncStream
from cloudai.transport.wire import Plain


async def turns_of_others() -> tuple[int, int, int]:
    """Return how often another task runs while a connection reads three times, writes little, and writes much."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * LARGE)
    stream, turns = AsyncStream(Plain(ours)), 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    await asyncio.sleep(0)
    seen = [turns]
    theirs.sendall("안녕하세요".encode()[:3])
    for _ in range(3):
        assert len(await stream.read(1)) == 1
    seen.append(turns)
    await stream.write(b"GET / HTTP/1.1\r\n\r\n")
    seen.append(turns)
    await stream.write(bytes(LARGE))
    seen.append(turns)
    other.cancel()
    await stream.aclose()
    theirs.close()
    return seen[1] - seen[0], seen[2] - seen[1], seen[3] - seen[2]


def test_others_run_after_each_read_and_each_large_piece() -> None:
    """Bytes that have come already, and an upload that the system takes at once, keep no other task waiting.

    A small request is written without a pause, because it is followed by a read.
    """
    assert asyncio.run(turns_of_others()) == (3, 0, 1)
