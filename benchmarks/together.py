"""Measure how many pictures a second a batch sends, with one picture in a request and with many.

    python benchmarks/together.py

Both are measured in one run, on the loopback: only their ratio means something. The server accepts Google's requests
and answers each after a quarter of a second; 128 requests may be in flight, on as many connections. The benchmark
measures `AsyncClient.batch` without a journal of its own, with pictures of two sizes, which are prepared and encoded
each time.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import PIL.Image

import cloudai
from cloudai import Provider

PICTURES, IN_FLIGHT, ANSWER_AFTER = 12_000, 128, 0.25
SIZES = ((170, 130), (240, 180))
"""Width and height in px of pictures of noise, which are JPEG files of 16 and 30 kB."""


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection as Google would, with an empty answer for each picture."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            n = (await reader.readexactly(size)).count(b'"content"')
            await asyncio.sleep(ANSWER_AFTER)
            body = json.dumps({"responses": [{}] * n}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serving() -> None:
    """Print the port of a new server, and serve for ever."""
    listening = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 24)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


class Here(cloudai.Google):
    """Google's provider, whose requests go to the loopback."""

    port = 0

    def sign(self, request: cloudai.Request, token: object) -> cloudai.Request:  # noqa: ARG002
        """Send the request to the loopback, without a key."""
        return replace(request, url=f"http://127.0.0.1:{self.port}/v1/images:annotate")


class OneByOne(Here):
    """Google's provider on the loopback, with one picture in each request."""

    def max_per_request(self, operation: str) -> int:  # noqa: ARG002
        """Return 1, so that requests are never merged."""
        return 1


def picture(width: int, height: int) -> bytes:
    """Return a JPEG file of noise."""
    noise = random.Random(7)  # noqa: S311
    out = io.BytesIO()
    PIL.Image.frombytes("RGB", (width, height), noise.randbytes(width * height * 3)).save(out, "JPEG", quality=80)
    return out.getvalue()


def pictures(one: bytes) -> Iterator[bytes]:
    """Yield the pictures of one run: the same pixels, with different bytes behind the end of each file."""
    for n in range(PICTURES):
        yield one + b"%08d" % n


async def measure(provider: Provider, one: bytes) -> tuple[float, int]:
    """Return the pictures per second that a batch sends, and the number of its requests."""
    began = time.perf_counter()
    async with (
        cloudai.AsyncClient(provider, max_concurrency=IN_FLIGHT) as client,
        client.batch("detect_faces", pictures(one), concurrency=IN_FLIGHT, cache=False) as job,
    ):
        done = [outcome.status async for outcome in job].count("none_found")
        seconds = time.perf_counter() - began
    if done != PICTURES:
        raise SystemExit(f"{PICTURES - done} pictures failed")
    return PICTURES / seconds, job.sent


def main() -> None:
    """Measure, and print the figures and their ratios."""
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serving())
        return
    # The server runs in another process, so that it takes no time from the client's event loop.
    server = subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True)
    try:
        Here.port = int(server.stdout.readline() if server.stdout else 0)
        for size in SIZES:
            one = picture(*size)
            single, n_single = asyncio.run(measure(OneByOne(api_key="none"), one))
            joined, n_joined = asyncio.run(measure(Here(api_key="none"), one))
            print(f"{len(one) / 1e3:.0f} kB  one by one  {single:6.0f} pictures/s  {n_single} requests")
            print(f"{len(one) / 1e3:.0f} kB  joined      {joined:6.0f} pictures/s  {n_joined} requests", end="  ")
            print(f"{joined / single:.1f} x")
    finally:
        server.kill()


if __name__ == "__main__":
    main()
