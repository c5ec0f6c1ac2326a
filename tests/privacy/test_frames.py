"""The variables of our frames, which trackers of errors collect, after whatever has ended a call or a constructor."""

from __future__ import annotations

import asyncio
import inspect
import signal
import ssl
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import AsyncClient, Client, Resource, SettingsError, Watson
from cloudai.providers.base import Provider
from tests.made_up.calls import VENDORS
from tests.made_up.server import Connection, faultd
from tests.support.canaries import chain

OURS = str(Path(cloudai.__file__).parent)
LIBRARIES = ("httpx", "httpcore", "h11", "anyio", "asyncio", "concurrent", "threading", "selectors", "ssl.py", "queue")
PASSWORD = "canary-proxy-88ab1d"
KEY = "canary-key-4f9c2e7b81"
TEXT = "카나리아 글월 canary-text-02fd 좋아요"
HEADER = "canary-header-7e1b90aa"


def variables(error: BaseException) -> Iterator[tuple[str, str, str]]:
    """Yield the variables of our frames, and of libraries beneath us, in the tracebacks of an error and its causes."""
    for each in chain(error):
        for frame, _ in traceback.walk_tb(each.__traceback__):
            path = frame.f_code.co_filename
            if path.startswith(OURS) or any(f"/{name}" in path for name in LIBRARIES):
                yield from ((frame.f_code.co_qualname, name, repr(value)) for name, value in frame.f_locals.items())


def held(error: BaseException, *canaries: str) -> list[tuple[str, str]]:
    """Return the variables that hold any of the canaries, and the texts of the errors that do."""
    texts = [(type(each).__name__, f"{each} {each!r} {vars(each)}") for each in chain(error)]
    shown = [(frame, f"{name} = {text}") for frame, name, text in variables(error)]
    return [(where, text[:80]) for where, text in [*texts, *shown] if any(canary in text for canary in canaries)]


def unverified() -> ssl.SSLContext:
    """Return a context that checks nothing."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def called(kind: Any, **options: Any) -> None:
    """Make the first call of a client, which looks for the files and packages that its options name."""
    client = kind(cloudai.Azure(key=KEY, endpoint="https://127.0.0.1:9"), max_attempts=1).with_options(**options)
    made = client.sentiment("x", language="ko")
    if inspect.iscoroutine(made):
        asyncio.run(made)


PROXY = f"http://u:{PASSWORD}@127.0.0.1:1"
CONSTRUCTORS: dict[str, Callable[[Any], Any]] = {
    "a proxy that is none": lambda kind: kind("local", proxy=f"http://u:{PASSWORD}/@h:1"),
    "a scheme that is none": lambda kind: kind("local", proxy=f"ftp://u:{PASSWORD}@h:1"),
    "socks": lambda kind: called(kind, proxy=f"socks5://u:{PASSWORD}@h:1"),
    "no such CA file": lambda kind: called(kind, proxy=PROXY, verify="/none.pem"),
    "verify=False": lambda kind: kind("local", proxy=PROXY, verify=False),
    "an unverified context": lambda kind: kind("local", proxy=PROXY, verify=unverified()),
    "timeout": lambda kind: kind("local", proxy=PROXY, timeout=-1),
    "two ways to send": lambda kind: kind("local", proxy=PROXY, send=print, http_client=1),
    "no such provider": lambda kind: kind("lokal", proxy=PROXY),
    "with_options, unknown": lambda kind: kind("local").with_options(proxy=PROXY, foo=1),
    "with_options, verify": lambda kind: kind("local").with_options(proxy=PROXY, verify=False),
    "with_options, verify of a proxy": lambda kind: kind("local", proxy=PROXY).with_options(verify=False),
    "from_vendor": lambda kind: kind.from_vendor(object(), proxy=PROXY),
}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_a_constructor_that_fails_keeps_no_password(name: str, kind: Any) -> None:
    """No frame, cause or text of the error has the proxy's password."""
    with pytest.raises(Exception) as raised:  # those of a missing file and package are not ours yet
        CONSTRUCTORS[name](kind)
    assert list(variables(raised.value)) != []
    assert held(raised.value, PASSWORD) == []


def silent(c: Connection) -> None:
    """Never answer."""
    c.silence(5)


def providers(url: str) -> list[Provider]:
    """Return vendors whose flows hold the text in different ways."""
    return [cloudai.Azure(key=KEY, endpoint=url), Watson(nlu=Resource(KEY, url))]


OPTIONS: Any = {"language": "ko", "extra_headers": {"X-Team-Key": HEADER}}


@pytest.mark.loopback
@pytest.mark.parametrize("vendor", [0, 1])
@pytest.mark.parametrize("how", ["cancelled", "timed out"])
def test_a_cancelled_call_keeps_nothing(how: str, vendor: int) -> None:
    """Neither the text, nor the key, nor a header is in a variable of ours; the exception itself passes unchanged."""

    async def scene(url: str) -> BaseException:
        async with AsyncClient(providers(url)[vendor]) as client:
            if how == "cancelled":
                task = asyncio.ensure_future(client.sentiment(TEXT, **OPTIONS))
                await asyncio.sleep(0.2)
                task.cancel("왜냐하면")
                with pytest.raises(asyncio.CancelledError, match="왜냐하면") as raised:
                    await task
            else:
                with pytest.raises(TimeoutError) as raised:
                    async with asyncio.timeout(0.2):
                        await client.sentiment(TEXT, **OPTIONS)
            return raised.value

    with faultd(silent) as server:
        error = asyncio.run(scene(server.url))
    assert list(variables(error)) != []
    assert held(error, TEXT, KEY, HEADER) == []


class SoftLimitError(Exception):
    """The exception that Celery raises in a task that takes too long."""


@pytest.mark.loopback
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers on this system")
@pytest.mark.parametrize("vendor", [0, 1])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SoftLimitError])
def test_an_interrupted_call_keeps_nothing(kind: type[BaseException], vendor: int) -> None:
    """The same for Ctrl-C, and for an exception that a signal raises."""

    def raising(*_: Any) -> None:
        raise kind

    before = signal.signal(signal.SIGALRM, raising)
    try:
        with faultd(silent) as server, Client(providers(server.url)[vendor]) as client:
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(kind) as raised:
                client.sentiment(TEXT, **OPTIONS)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert list(variables(raised.value)) != []
    assert held(raised.value, TEXT, KEY, HEADER) == []


@pytest.mark.parametrize("where", ["send", "on_event"])
def test_what_a_users_function_raises_keeps_its_own_frames(where: str) -> None:
    """The user sees where his function failed, with its variables; none of ours holds the text or the key."""

    def failing(_: Any) -> Any:
        mine = "variable-of-the-user"
        raise ZeroDivisionError(len(mine))

    options: Any = {where: failing} if where == "send" else {"send": lambda _: None, "on_event": failing}
    client = Client(providers("https://a.cognitiveservices.azure.com")[0], **options)
    with client, pytest.raises(ZeroDivisionError) as raised:
        client.sentiment(TEXT, **OPTIONS)
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    assert frames[-1].f_code is failing.__code__
    assert frames[-1].f_locals["mine"] == "variable-of-the-user"
    assert held(raised.value, TEXT, KEY, HEADER) == []


@pytest.mark.parametrize("given", ["", 3])
def test_an_input_that_cannot_be_sent_keeps_nothing(given: Any) -> None:
    """The check of an input comes before the call: its frames hold no options either."""
    with Client(providers("https://a.cognitiveservices.azure.com")[0], send=lambda _: None) as client:
        with pytest.raises(cloudai.CloudAIError) as raised:
            client.sentiment(given, **OPTIONS)
        assert held(raised.value, KEY, HEADER) == []
        with pytest.raises(cloudai.CloudAIError) as raised:
            client.sentiment(TEXT, timeout=-1, **OPTIONS)
        assert held(raised.value, TEXT, KEY, HEADER) == []


def without_names() -> ssl.SSLContext:
    """Return a context that checks certificates, and not whose they are."""
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("verify", [lambda: False, unverified, without_names], ids=["False", "nothing", "no names"])
def test_certificates_are_checked_unless_that_is_asked_for(verify: Callable[[], Any], kind: Any) -> None:
    """``verify=`` that checks nothing, or no names, is refused without ``allow_unverified=True``, for fetches too."""
    for more in ({}, {"send": lambda _: None, "fetch_urls": True}):
        with pytest.raises(SettingsError, match="allow_unverified=True"):
            kind("local", verify=verify(), **more)
        assert kind("local", verify=verify(), allow_unverified=True, **more)
        with pytest.raises(SettingsError, match="allow_unverified=True"):
            kind("local", allow_unverified=True, **more).with_options(verify=verify(), allow_unverified=False)
    assert kind("local", verify=ssl.create_default_context())


@pytest.mark.loopback
@pytest.mark.parametrize("verify", [lambda: False, unverified], ids=["False", "nothing"])
def test_an_unverified_connection_works(verify: Callable[[], Any], tmp_path: Path) -> None:
    """Where it is asked for, a certificate of anybody is accepted."""
    from tests.made_up.calls import as_json
    from tests.made_up.certificates import certificate
    from tests.made_up.faults import reply

    _, context = certificate(tmp_path, "somebody.example", 30)
    with faultd(reply(as_json(VENDORS["azure"].good)), tls=context) as server:
        azure = cloudai.Azure(key=KEY, endpoint=server.url)
        with Client(azure, verify=verify(), allow_unverified=True) as client:
            assert client.sentiment("좋아요", language="ko").meta.attempts == 1
        with Client(azure) as client, pytest.raises(cloudai.TLSError, match="not trusted"):
            client.sentiment("좋아요", language="ko")
