"""Pictures a second, one by one and many in one request, against a server that answers after a quarter of a second.

    python benchmarks/together.py            both in one run, on the loopback: only the ratio means something

The server takes Google's shape; 128 requests may be in flight, on as many connections. What is measured is
`AsyncClient.batch` without a journal of its own; pictures of two sizes, prepared and encoded each time.
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
"""Width and height, pixels of noise: JPEG files of 16 and 30 kB."""


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection to a server of Google's shape: an empty answer for each picture."""
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
    """Serve in a process of its own, and say on which port."""
    listening = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 24)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


class Here(cloudai.Google):
    """Google, on the loopback."""

    port = 0

    def sign(self, request: cloudai.Request, token: object) -> cloudai.Request:  # noqa: ARG002
        """To the loopback, without a key."""
        return replace(request, url=f"http://127.0.0.1:{self.port}/v1/images:annotate")


class OneByOne(Here):
    """The same, one picture a request."""

    def together(self, operation: str) -> int:  # noqa: ARG002
        """One."""
        return 1


def picture(width: int, height: int) -> bytes:
    """A JPEG file of noise."""
    noise = random.Random(7)  # noqa: S311
    out = io.BytesIO()
    PIL.Image.frombytes("RGB", (width, height), noise.randbytes(width * height * 3)).save(out, "JPEG", quality=80)
    return out.getvalue()


def pictures(one: bytes) -> Iterator[bytes]:
    """As many, all different: with other bytes behind the end, and the same pixels."""
    for n in range(PICTURES):
        yield one + b"%08d" % n


async def measure(provider: Provider, one: bytes) -> tuple[float, int]:
    """Pictures a second, and requests."""
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
    """Measure, and print the ratios."""
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serving())
        return
    server = subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True)
    try:
        Here.port = int(server.stdout.readline() if server.stdout else 0)
        for size in SIZES:
            one = picture(*size)
            alone, n_alone = asyncio.run(measure(OneByOne(api_key="none"), one))
            joined, n_joined = asyncio.run(measure(Here(api_key="none"), one))
            print(f"{len(one) / 1e3:.0f} kB  one by one  {alone:6.0f} pictures/s  {n_alone} requests")
            print(f"{len(one) / 1e3:.0f} kB  joined      {joined:6.0f} pictures/s  {n_joined} requests", end="  ")
            print(f"{joined / alone:.1f} x")
    finally:
        server.kill()


if __name__ == "__main__":
    main()
