"""Measure the cost to start: to import cloudai, make a client, and send a first request to a server on the loopback.

Each line is the processor time of a fresh process above that of bare Python, the least of several runs, so that other
work on the machine counts little. Compare the lines of one run with each other, and not with those of another machine.

    python benchmarks/startup.py
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
REPLY = b'{"documentSentiment": {"score": 0.5, "magnitude": 1.0}, "languageCode": "ko", "sentences": []}'
LIBRARIES = "import httpx2; from pydantic import BaseModel"
FIRST_CALL = """
import cloudai
client = cloudai.Client("google")
import cloudai.providers.google.language as module
module.URL = {url!r}
client.sentiment("맛있어요!", language="ko")
"""


class Service(BaseHTTPRequestHandler):
    """A server that answers every request with the same sentiment."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read the request and answer it."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(REPLY)))
        self.end_headers()
        self.wfile.write(REPLY)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def seconds(code: str, rounds: int) -> float:
    """Return the least processor time, in seconds, that a fresh process takes to run the code."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "GOOGLE_API_KEY": "not-a-real-key"}
    times = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def main() -> None:
    """Measure, and print a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="runs of each line (default: %(default)s)")
    rounds = parser.parse_args().rounds
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v2/documents:analyzeSentiment"
        steps = {
            "import cloudai": "import cloudai",
            "import httpx2 and pydantic's BaseModel": LIBRARIES,
            "the same, and one request by httpx2": f"{LIBRARIES}; httpx2.Client().post({url!r}, json={{}})",
            'Client("google")': "import cloudai; cloudai.Client('google')",
            'Client("google") and its first request': FIRST_CALL.format(url=url),
        }
        bare = seconds("pass", rounds)
        print(f"{bare * 1000:7.1f} ms  bare Python; all others are above it")
        for name, code in steps.items():
            print(f"{(seconds(code, rounds) - bare) * 1000:7.1f} ms  {name}")
        server.shutdown()


if __name__ == "__main__":
    main()
