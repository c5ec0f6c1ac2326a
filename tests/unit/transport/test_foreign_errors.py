"""Errors of libraries and of the system about settings and networks become typed errors, and only when they matter."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme

import cloudai
from cloudai import AsyncClient, Azure, Client, FetchRules, Response
from cloudai.errors import ConnectError, SettingsError
from cloudai.transport import certificates
from tests.conftest import Caller
from tests.support.played import PICTURE

AZURE = Azure(key="not-a-real-key", endpoint="https://127.0.0.1:1")
SHARES = {"positive": 1, "negative": 0}
DOCUMENT = {"id": "0", "sentiment": "positive", "confidenceScores": SHARES}
GOOD = json.dumps({"results": {"documents": [DOCUMENT], "errors": []}}).encode()
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_settings_of_the_network(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the developer's proxies and certificates change no test, and keep no context from one to another."""
    for name in (*PROXIES, *map(str.lower, PROXIES), "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    certificates.tls.cache_clear()
    yield
    certificates.tls.cache_clear()


CA = "the path of a file with certificates"
BROKEN = {
    "a CA file that is not there": ({"SSL_CERT_FILE": "/nowhere/secret-4711.pem"}, "SSL_CERT_FILE"),
    "a CA file without certificates": ({"SSL_CERT_FILE": str(PICTURE)}, "SSL_CERT_FILE"),
    "a folder of certificates that is not there": ({"SSL_CERT_DIR": "/nowhere/secret-4711"}, "SSL_CERT_DIR"),
    "a log of keys that cannot be written": (
        {"SSLKEYLOGFILE": "/nowhere/secret-4711", "SSL_CERT_FILE": CA},
        "SSLKEYLOGFILE",
    ),
    "a SOCKS proxy without its package": ({"HTTPS_PROXY": "socks5://user:secret-4711@127.0.0.1:1"}, r"httpx2\[socks\]"),
    "a SOCKS proxy for everything": ({"ALL_PROXY": "socks5h://127.0.0.1:1"}, r"httpx2\[socks\]"),
    "a proxy of an unknown kind": ({"ALL_PROXY": "foo://user:secret-4711@127.0.0.1:1"}, "ALL_PROXY"),
    "a proxy whose port is none": ({"HTTPS_PROXY": "http://user:secret-4711@127.0.0.1:99999"}, "HTTPS_PROXY"),
    "a proxy that is no address": ({"HTTPS_PROXY": "http://[::1"}, "HTTPS_PROXY"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_environment_is_an_error_of_ours_when_something_is_sent(
    call: Caller, case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error names the variable and not its value; nothing was sent, and nothing is tried again."""
    variables, named = BROKEN[case]
    if "SOCKS" in case:
        monkeypatch.setitem(sys.modules, "socksio", None)
    if CA in variables.values():
        trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    for name, value in variables.items():
        monkeypatch.setenv(name, str(tmp_path / "ca.pem") if value == CA else value)
    with pytest.raises(SettingsError, match=named) as raised:
        call(AZURE, "sentiment", "좋아요", language="ko")
    assert "secret-4711" not in f"{raised.value}{raised.value!r}{raised.value.__cause__}{raised.value.__context__}"
    assert raised.value.billed_max == 0


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_environment_concerns_nobody_who_sends_nothing(
    call: Caller, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The offline engine works, and so does a client whose ``send=`` brings its own network."""
    for name, value in BROKEN[case][0].items():
        monkeypatch.setenv(name, value)
    assert call("local", "sentiment", "It is good", language="en").label == "positive"
    reply = Response(200, {}, GOOD)
    assert call(AZURE, "sentiment", "좋아요", language="ko", send=lambda _: reply).label == "positive"
    Client(AZURE, fetch_urls=True).close()


@pytest.mark.parametrize(
    "verify", ["/nowhere/secret-4711.pem", Path("/nowhere/secret-4711.pem"), PICTURE, "a\0b", Path("/")]
)
def test_verify_without_a_usable_file_is_a_setting(call: Caller, verify: Any) -> None:
    """A file that is not there, or holds no certificates, is told when something is sent, without its path."""
    with pytest.raises(SettingsError, match="verify=") as raised:
        call(AZURE, "sentiment", "좋아요", language="ko", client_verify=verify)
    assert "secret-4711" not in str(raised.value)
    assert call("local", "sentiment", "It is good", language="en", client_verify=verify).label == "positive"


def test_a_fetch_reads_the_certificates_too(call: Caller) -> None:
    """An input that is an address is fetched with the same certificates, and fails with the same error."""
    rules = FetchRules(networks=("127.0.0.0/8",))
    with pytest.raises(SettingsError, match="verify="):
        call("local", "detect_faces", "https://127.0.0.1/a.png", client_verify="/nowhere.pem", client_fetch_urls=rules)


def test_a_client_that_was_closed_before_it_sent_anything_is_closed(call: Caller) -> None:
    """A closed client stays closed, although it never made a connection."""
    if call.colour == "blocking":
        client = Client(AZURE)
        client.close()
        with pytest.raises(SettingsError, match="closed"):
            client.sentiment("좋아요", language="ko")
        return

    async def scene() -> None:
        client = AsyncClient(AZURE)
        await client.close()
        with pytest.raises(SettingsError, match="closed"):
            await client.sentiment("좋아요", language="ko")

    asyncio.run(scene())


def test_an_async_client_serves_one_event_loop() -> None:
    """A second event loop gets one typed error; a client that sends nothing serves any."""
    sent: list[Any] = []

    async def ask(client: AsyncClient, *args: Any) -> Any:
        return await client.sentiment(*args, language="en")

    client = AsyncClient(AZURE, send=lambda request: (sent.append(request), Response(200, {}, GOOD))[1])
    assert asyncio.run(ask(client, "good")).label == "positive"
    with pytest.raises(SettingsError, match="another event loop") as raised:
        asyncio.run(ask(client, "good"))
    assert (len(sent), raised.value.billed_max) == (1, 0)
    local = AsyncClient("local")
    assert [asyncio.run(ask(local, "It is good")).label for _ in range(2)] == ["positive", "positive"]
    asyncio.run(client.close())


@pytest.mark.loopback
def test_connections_of_an_ended_event_loop_are_no_trouble_at_the_end() -> None:
    """Closing a client in another event loop than the one it has connected in raises nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = AsyncClient(Azure(key="k", endpoint=f"http://127.0.0.1:{server.getsockname()[1]}"), max_attempts=1)

        async def ask() -> None:
            await client.sentiment("good", language="en", timeout=0.2)

        with pytest.raises(cloudai.DeadlineExceededError):
            asyncio.run(ask())
        with pytest.raises(SettingsError, match="another event loop"):
            asyncio.run(ask())
        asyncio.run(client.close())


def test_a_resolver_that_answers_nothing_is_a_connection_that_was_not_made(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty list of addresses is like a host that is not there: nothing was sent."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    provider = Azure(key="not-a-real-key", endpoint="https://nobody.example")
    with pytest.raises(ConnectError, match=r"nobody\.example") as raised:
        call(provider, "sentiment", "좋아요", language="ko", client_max_attempts=1)
    assert (raised.value.state, raised.value.billed_max) == ("NOT_SENT", 0)


@pytest.mark.long
def test_the_command_does_not_blame_the_output_for_the_certificates(tmp_path: Path) -> None:
    """``cloudai sentiment`` of the offline engine works with a broken SSL_CERT_FILE."""
    environment = {**os.environ, "SSL_CERT_FILE": "/nowhere/cacert.pem", "CLOUDAI_STATE_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-m", "cloudai", "sentiment", "good"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert (run.returncode, "positive" in run.stdout, "standard output" in run.stderr) == (0, True, False)
