"""Key and upload go where they were meant to go, whatever a reply says: redirects, and addresses to look at a job."""

from __future__ import annotations

import asyncio
from itertools import cycle, product
from typing import Any

import httpx2
import pytest

import cloudai
from cloudai import AsyncClient, Client
from cloudai.core.flow import Flow, Request, Response
from cloudai.core.urls import origin
from cloudai.models.text import Sentiment
from cloudai.providers.base import Provider, capability
from cloudai.testing import AsyncNetwork, Network, Script
from tests.conftest import Caller
from tests.made_up.calls import KEY, VENDORS, ask, to
from tests.made_up.faults import reply
from tests.made_up.server import Connection, faultd
from tests.support.length import both_by_turns, length

CODES = [301, 302, 303, 307, 308]
SPELLINGS = {
    "another port": "http://127.0.0.1:{port}/",
    "another scheme": "https://127.0.0.1:{port}/",
    "no scheme": "//127.0.0.1:{port}/",
    "three slashes": "///127.0.0.1:{port}/",
    "one slash": "http:/127.0.0.1:{port}/",
    "backslashes": "\\\\127.0.0.1:{port}\\",
    "a backslash before @": "http://{host}\\@127.0.0.1:{port}/",
    "a user": "http://{host}@127.0.0.1:{port}/",
    "a user and a password": "http://{host}:80@127.0.0.1:{port}/",
    "capitals": "HTTP://LOCALHOST:{port}/",
    "a dot behind": "http://localhost.:{port}/",
    "decimal": "http://2130706433:{port}/",
    "hexadecimal": "http://0x7f000001:{port}/",
    "full width": "http://１２７.0.0.1:{port}/",
    "IDN": "http://xn--9n2bp8q.localhost:{port}/",
    "Hangul": "http://한글.localhost:{port}/",
    "mapped": "http://[::ffff:127.0.0.1]:{port}/",
    "a tab": "http://\t127.0.0.1:{port}/",
    "a fragment": "http://127.0.0.1:{port}#{host}",
}


EVERY = list(product(SPELLINGS, CODES))
PAIRS = list(zip(SPELLINGS, cycle(CODES), strict=False))
"""Each spelling once, and each status several times, because what is done with one does not depend on the other."""


def located(spelling: str, elsewhere: str, here: str) -> str:
    """Return the place of a redirect, spelled in this way."""
    return spelling.replace("{port}", elsewhere.rpartition(":")[2]).replace("{host}", here.rpartition("/")[2])


@pytest.fixture(params=["ours", "a client that follows redirects"])
def network(request: pytest.FixtureRequest) -> bool:
    """Return for each of two networks, our transport and a client of the user's, whether it is the user's."""
    return request.param != "ours"


def sentiment(colour: str, provider: Provider, url: str, theirs: bool) -> Any:
    """Make one call over our transport, or over a client of the user's."""
    if not theirs:
        return ask(colour, provider, url)
    if colour == "blocking":
        with httpx2.Client(follow_redirects=True) as own:
            network = Network(own)
            with Client(provider, send=lambda r: network(to(url, r))) as client:
                return client.sentiment("비밀 canary-text")

    async def awaiting() -> Any:
        async with httpx2.AsyncClient(follow_redirects=True) as own:
            anetwork = AsyncNetwork(own)
            async with AsyncClient(provider, send=lambda r: anetwork(to(url, r))) as client:
                return await client.sentiment("비밀 canary-text")

    return asyncio.run(awaiting())


@pytest.mark.loopback
@both_by_turns("spelling, code", length(PAIRS, EVERY, EVERY))
def test_no_redirect_is_followed(colour: str, network: bool, spelling: str, code: int) -> None:
    """One request here, no connection there, one typed error, nothing billed; with a client of the user's too."""
    with faultd(reply(b"{}")) as elsewhere:
        place = ""

        def onward(c: Connection) -> None:
            reply(b"", f"{code} Go", f"Location: {place}")(c)

        with faultd(onward, bills=False) as server:
            place = located(SPELLINGS[spelling], elsewhere.url, server.url).encode().decode("latin-1")
            with pytest.raises(cloudai.RedirectBlockedError) as raised:
                sentiment(colour, VENDORS["google"].make(), server.url, network)
            assert (server.count, elsewhere.connections) == (1, 0)
    assert KEY not in str(raised.value)


@pytest.mark.loopback
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
def test_no_vendors_redirect_is_followed(colour: str, vendor: str) -> None:
    """All vendors alike: refused, free of charge."""
    with faultd(reply(b"{}")) as elsewhere:
        there = reply(b"", "307 Moved", f"Location: {elsewhere.url}/")
        with faultd(there, bills=False) as server, pytest.raises(cloudai.RedirectBlockedError) as raised:
            ask(colour, VENDORS[vendor].make(), server.url)
        assert (server.count, elsewhere.connections) == (1, 0)
    assert (raised.value.state, raised.value.billed_max) == ("REFUSED", 0)


def test_a_client_that_follows_all_the_same_is_found_out() -> None:
    """It has been told not to: what it brings back is no reply, and the error says where the key may be now."""

    class Stubborn(httpx2.Client):
        def send(self, request: Any, **options: Any) -> Any:
            return super().send(request, **{**options, "follow_redirects": True})

    def behave(request: Any) -> Any:
        if request.url.path == "/there":
            return httpx2.Response(200, json=VENDORS["google"].good)
        return httpx2.Response(307, headers={"location": "/there"})

    with (
        Stubborn(transport=httpx2.MockTransport(behave)) as own,
        Client(VENDORS["google"].make(), http_client=own) as client,
        pytest.raises(cloudai.RedirectBlockedError, match="the key and the upload went there too") as raised,
    ):
        client.sentiment("x")
    assert (raised.value.attempts, raised.value.billed_max) == (1, 1)  # somebody has carried it out


@pytest.mark.parametrize("place", ["http://[::1", "file:///etc/passwd", "http://x:y", "http://①②⑦.⓪.⓪.①/", "http:////"])
def test_a_client_that_reads_the_place_of_a_redirect(call: Caller, place: str) -> None:
    """httpx and older httpx2 look at it though they do not go there, and fail: a redirect all the same, and free."""

    def behave(_: Any) -> Any:
        raise httpx2.RemoteProtocolError(f"Invalid URL in location header: {place}.")

    asked = call.colour == "awaiting"
    own = (httpx2.AsyncClient if asked else httpx2.Client)(transport=httpx2.MockTransport(behave))
    with pytest.raises(cloudai.RedirectBlockedError) as raised:
        call(VENDORS["google"].make(), "sentiment", "x", client_http_client=own)
    assert (raised.value.attempts, raised.value.billed_max, raised.value.state) == (1, 0, "REFUSED")
    asyncio.run(own.aclose()) if asked else own.close()


@pytest.mark.parametrize(("kind", "client"), [(Client, httpx2.AsyncClient), (AsyncClient, httpx2.Client)])
def test_a_client_of_the_other_colour_is_refused(kind: Any, client: Any) -> None:
    """At once, with what to give."""
    with pytest.raises(cloudai.SettingsError, match=r"AsyncClient takes an httpx\.AsyncClient"):
        kind("local", http_client=client())


def test_another_librarys_client_is_refused() -> None:
    """A client of another library is refused, with send= as the way: whether it redirects is not known."""
    with pytest.raises(cloudai.SettingsError, match="give send="):
        Client("local", http_client=object())


class Jobs(Provider):
    """A vendor whose reply says where to look at the job."""

    name = "jobs"

    def __init__(self, first: str) -> None:
        self.first = first

    @capability("open")
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Send a job, and look at it once."""
        started: Response = yield Request("POST", self.first, json={"text": text})
        done: Response = yield Request("GET", started.headers["operation-location"], billed=0)
        return Sentiment(score=done.json()["score"])


FIRST = "https://jobs.example/v1/start"
SAME = [
    "https://jobs.example/v1/7",
    "https://jobs.example:443/7",
    "HTTPS://JOBS.EXAMPLE/7?x=1#y",
    "https://jobs.example/일 7",
]
ANOTHER = [
    *("https://evil.example/7", "http://jobs.example/7", "https://jobs.example:8443/7", "//evil.example/7", "/v1/7"),
    *("https://jobs.example@evil.example/7", "https://key@jobs.example/7", "https://jobs.example.evil.example/7"),
    *("https://jobs.example\\@evil.example/", "https://evil.example\\@jobs.example/", "https:\\\\jobs.example\\7"),
    *(
        "https://jobs.example./7",
        "https://jobs。example/7",
        "https://ｊobs.example/7",
        "https://jobs.example%2eevil.kr/",
    ),
    *("https://jobs.example\t.evil.example/", " https://jobs.example/7", "https:///7", "", "javascript:7", "7"),
]


@pytest.mark.parametrize("place", [*SAME, *ANOTHER])
def test_a_job_is_looked_at_where_the_key_has_been(call: Caller, place: str) -> None:
    """The same scheme, host and port, written plainly; anything else is refused before the key goes there."""
    script = Script(Response(202, {"operation-location": place}, b"{}"), Response(200, {}, b'{"score": 0.5}'))
    if place in SAME:
        assert call(Jobs(FIRST), "sentiment", "x", send=script).score == 0.5
        return
    with pytest.raises(cloudai.RedirectBlockedError, match="names another server to ask for its result") as raised:
        call(Jobs(FIRST), "sentiment", "x", send=script)
    assert len(script.requests) == 1
    assert (raised.value.billed_min, raised.value.billed_max) == (1, 1)


def test_origins() -> None:
    """One place has one origin; what two readers may read differently has none."""
    assert len({origin(place) for place in [FIRST, *SAME]}) == 1
    assert origin(FIRST) not in {origin(place) for place in ANOTHER}
    assert origin("http://[::1]:8000/a") == ("http", "[::1]", 8000)


@pytest.mark.parametrize(
    "url",
    [
        "http://service.example/", "HTTP://service.example/", "http://127.0.0.1.evil.example/", "ftp://127.0.0.1/",
        "http://127.0.0.1@evil.example/", "http://localhost.evil.example/", "http://10.0.0.1/", "//service.example/",
        "http://127.0.0.1\\@evil.example/", "http://[::ffff:10.0.0.1]/", "http://0.0.0.0/", "https:///x", "x", "",
        "http://[::1", "http://127.0.0.1:99999/",
    ],
)  # fmt: skip
def test_a_key_goes_out_by_https_alone(call: Caller, url: str) -> None:
    """Or to this very machine; whatever is no address is refused in the same way."""
    with pytest.raises(cloudai.SettingsError):
        call(Jobs(url), "sentiment", "x")


@pytest.mark.parametrize("made", [
    lambda: cloudai.Azure(key=KEY, endpoint="https://[::1"),
    lambda: cloudai.Watson(apikey=KEY, url="https://[::1"),
])  # fmt: skip
def test_an_endpoint_that_is_no_address(made: Any) -> None:
    """A setting to be put right, not a ValueError."""
    with pytest.raises(cloudai.SettingsError), Client(made()) as client:
        client.sentiment("x")
