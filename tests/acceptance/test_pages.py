"""The pages about tests, logs and web services: their programs run as they stand there."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import errors
from cloudai.testing import Script
from tests.support.paths import ROOT

DOCS = ROOT / "docs"
FILE = re.compile(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def files_of(page: str) -> dict[str, str]:
    """Return the files that a page shows, by their names."""
    return dict(FILE.findall((DOCS / page).read_text("utf-8")))


@pytest.mark.long
def test_the_page_about_tests(tmp_path: Path) -> None:
    """The tests of the page pass with the cassette of the page, and fail where the cassette is another."""
    for name, text in files_of("testing.md").items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    assert '"kind": "constructed"' in (tmp_path / "cassettes" / "good.json").read_text("utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    path = os.pathsep.join([str(tmp_path), str(Path(cloudai.__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def test_the_fixture_replays_and_records(tmp_path: Path) -> None:
    """It replays the cassette beside the test, and with the flag it gives a client that sends and writes it anew."""
    from cloudai.testing import Recording, Replaying, pytest_plugin

    class Request:
        path = tmp_path / "test_mood.py"

        class config:  # noqa: N801  # pytest's name for it
            record = False

            @classmethod
            def getoption(cls, flag: str) -> bool:
                assert flag == "--cloudai-record"
                return cls.record

    (tmp_path / "cassettes").mkdir()
    (tmp_path / "cassettes" / "good.json").write_text(files_of("testing.md")["cassettes/good.json"], "utf-8")
    use: Any = pytest_plugin.cloudai_cassette.__wrapped__(Request)  # type: ignore[attr-defined]
    replayed = use("google", "good.json")
    assert isinstance(replayed, Replaying)
    with replayed as client:
        assert client.sentiment("맛있어요!", language="ko").label == "positive"
    Request.config.record = True
    body = b'{"documentSentiment": {"score": -0.8, "magnitude": 0.8}, "languageCode": "ko"}'
    recorded = use(cloudai.Google(api_key="not-a-real-key"), "bad.json", send=Script(cloudai.Response(200, {}, body)))
    assert isinstance(recorded, Recording)
    with recorded as client:
        client.sentiment("별로예요.", language="ko")
    assert "not-a-real-key" not in (tmp_path / "cassettes" / "bad.json").read_text("utf-8")


async def asked(app: Any, text: bytes) -> tuple[int, dict[str, Any], dict[bytes, bytes]]:
    """Send one request to an ASGI application, and return status, body and headers of its answer."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": text}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app({"type": "http", "method": "POST", "path": "/mood"}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"]), dict(sent[0]["headers"])


def test_the_page_about_web_services() -> None:
    """The service answers well, and with the status of the error otherwise; it makes and closes its client once."""
    service: dict[str, Any] = {"__name__": "service"}
    exec(compile(files_of("web_service.md")["service.py"], "service.py", "exec"), service)  # noqa: S102
    good = cloudai.Response(200, {}, b'{"documentSentiment": {"score": 0.8, "magnitude": 0.8}, "languageCode": "ko"}')
    busy = cloudai.Response(429, {"retry-after": "7"}, b'{"error": {"code": 429, "message": "slow down"}}')

    async def scene() -> list[tuple[int, Any]]:
        google = cloudai.Google(api_key="not-a-real-key")
        service["connect"] = lambda: cloudai.AsyncClient(google, send=Script(good, busy), max_attempts=1)
        steps: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        life = asyncio.ensure_future(service["app"]({"type": "lifespan"}, steps.get, told.put))
        await steps.put({"type": "lifespan.startup"})
        assert (await told.get())["type"] == "lifespan.startup.complete"
        answers = [await asked(service["app"], text.encode()) for text in ("맛있어요!", " ", "또 올게요")]
        await steps.put({"type": "lifespan.shutdown"})
        await life
        assert answers[2][2][b"retry-after"] == b"7"
        return [(status, body) for status, body, _ in answers]

    assert asyncio.run(scene()) == [
        (200, {"label": "positive", "score": 0.8, "provider": "google"}),
        (422, {"error": "InputError"}),
        (503, {"error": "RateLimitedError"}),
    ]


def test_the_table_of_statuses_is_true() -> None:
    """Each error is in the line of its status, and those that are in none have 500."""
    lines = re.findall(r"^\| (`.*?) \| (\d{3}) \|", (DOCS / "web_service.md").read_text("utf-8"), re.MULTILINE)
    told = {name: int(status) for names, status in lines for name in re.findall(r"`(\w+)`", names)}
    for name in errors.__all__:
        kind = getattr(errors, name)
        expected = next((told[each.__name__] for each in kind.__mro__ if each.__name__ in told), 500)
        assert kind.http_status == expected, name


def test_the_page_about_logs(capsys: pytest.CaptureFixture[str]) -> None:
    """The replies of the page are those of a call that is tried again."""
    (example,) = [block for block in BLOCK.findall((DOCS / "logging.md").read_text("utf-8")) if "events" in block]
    exec(compile(example, "logging.md", "exec"), {})  # noqa: S102
    assert capsys.readouterr().out == "[503, 200]\n"


def test_a_span_for_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tracing of the page begins a span with the first event of a call, and ends it with the result."""
    trace = pytest.importorskip("opentelemetry.trace")
    spans: list[Any] = []

    class Span(trace.NonRecordingSpan):  # type: ignore[misc, name-defined]
        def __init__(self, name: str) -> None:
            super().__init__(trace.INVALID_SPAN_CONTEXT)
            self.name, self.events, self.status, self.ended = name, [], None, False
            spans.append(self)

        def add_event(self, name: str, *_: Any, **__: Any) -> None:
            self.events.append(name)

        def set_status(self, status: Any, description: str | None = None) -> None:
            self.status = description

        def end(self, *_: Any) -> None:
            self.ended = True

    class Tracer:
        start_span = staticmethod(Span)

    monkeypatch.setattr(trace, "get_tracer", lambda _: Tracer())
    (code,) = [block for block in BLOCK.findall((DOCS / "logging.md").read_text("utf-8")) if "Tracing" in block]
    page: dict[str, Any] = {}
    exec(compile(code, "logging.md", "exec"), page)  # noqa: S102
    down = cloudai.Response(503, {}, b"{}")
    google = cloudai.Google(api_key="not-a-real-key-that-is-traced")
    with (
        cloudai.Client(google, send=Script(down), max_attempts=1, on_event=page["Tracing"]()) as client,
        pytest.raises(cloudai.UnavailableError),
    ):
        client.sentiment("x", language="en")
    (span,) = spans
    assert (span.name, span.status, span.ended) == ("cloudai sentiment", "UnavailableError", True)
    assert span.events == ["attempt", "reply", "result"]


def test_the_page_about_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program of the page runs, and the kinds that it lists are those that there are."""
    from cloudai.models.tables import TABLES

    page = (DOCS / "tables.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    (code,) = BLOCK.findall(page)
    exec(compile(code, "tables.md", "exec"), {})  # noqa: S102
    assert (tmp_path / "표.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    (line,) = [line for line in page.splitlines() if line.startswith('| `job.tidy("faces")`')]
    assert set(re.findall(r"`(\w+)`", line)) == set(TABLES)
