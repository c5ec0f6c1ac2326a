"""An awaiting connection lets other tasks run, and stays registered with the event loop while it is idle."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import httpcore2
import pytest

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


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[AsyncStream, socket.socket, int]]:
    """Yield a connection, the socket of its server, and the number of its own socket."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    stream = AsyncStream(Plain(ours))
    with theirs:
        yield stream, theirs, ours.fileno()
        await stream.aclose()


async def begun(stream: AsyncStream) -> asyncio.Task[bytes]:
    """Return the task of a read that has begun to wait."""
    reading = asyncio.create_task(stream.read(100))
    await asyncio.sleep(0)
    return reading


async def two_reads_and_the_end() -> list[Any]:
    """Return the texts of two replies, and what is left of the connection when the server has closed it."""
    seen: list[Any] = []
    async with connected() as (stream, theirs, number):
        loop = asyncio.get_running_loop()
        for text in ("안녕", "하세요"):
            reading = await begun(stream)
            theirs.sendall(text.encode())
            seen.append((await reading).decode())
        theirs.close()
        await asyncio.sleep(0.01)
        seen += [loop.remove_reader(number), stream.is_idle(), await stream.read(100)]
    return seen


def test_a_connection_that_is_closed_while_it_is_idle_is_watched_no_longer() -> None:
    """After two replies the server closes the connection: the event loop is not woken by it again and again."""
    assert asyncio.run(two_reads_and_the_end()) == ["안녕", "하세요", False, False, b""]


def test_a_read_on_a_connection_that_another_task_closes_fails() -> None:
    """A task that waits for a reply gets an error, and waits no longer, when another one closes the connection."""

    async def scene() -> None:
        async with connected() as (stream, _, __):
            reading = await begun(stream)
            await stream.aclose()
            with pytest.raises(httpcore2.ReadError):
                await asyncio.wait_for(reading, 5)

    asyncio.run(scene())


def test_a_read_that_was_cancelled_takes_nothing() -> None:
    """What comes after a read was cancelled is there for the next one."""

    async def scene() -> bytes:
        async with connected() as (stream, theirs, _):
            reading = await begun(stream)
            reading.cancel()
            await asyncio.wait([reading])
            theirs.sendall("뒤".encode())
            await asyncio.sleep(0.01)
            return await stream.read(100)

    assert asyncio.run(scene()).decode() == "뒤"


def test_an_upload_waits_although_the_socket_is_registered_for_reading() -> None:
    """After a reply, an upload that the system does not take at once is written whole, and its reply is read."""

    async def scene() -> tuple[int, bytes]:
        async with connected() as (stream, theirs, _):
            theirs.setblocking(False)
            loop, size = asyncio.get_running_loop(), 4_000_000
            reading = await begun(stream)
            theirs.sendall(b"HTTP")
            await reading
            writing = asyncio.create_task(stream.write(bytes(size)))
            received = 0
            while received < size:
                received += len(await loop.sock_recv(theirs, 65_536))
            await asyncio.wait_for(writing, 5)
            reading = await begun(stream)
            theirs.sendall(b"200")
            return received, await asyncio.wait_for(reading, 5)

    assert asyncio.run(scene()) == (4_000_000, b"200")


def test_an_event_loop_that_registers_no_sockets_reads_all_the_same() -> None:
    """The usual event loop of Windows cannot wait for a socket by itself."""

    def refuse(*_: object) -> NoReturn:
        raise NotImplementedError

    async def scene() -> bytes:
        asyncio.get_running_loop().add_reader = refuse  # type: ignore[method-assign]
        async with connected() as (stream, theirs, _):
            reading = await begun(stream)
            theirs.sendall("안녕".encode())
            return await asyncio.wait_for(reading, 5)

    assert asyncio.run(scene()).decode() == "안녕"
