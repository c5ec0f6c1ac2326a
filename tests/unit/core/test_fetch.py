"""Addresses as inputs, fetched here: only from where the rules allow, without a key, within size and time."""

from __future__ import annotations

import gzip
import hashlib
import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudai import (
    Client,
    CloudAIError,
    DeadlineExceededError,
    FetchError,
    FetchRules,
    InputError,
    Response,
    SettingsError,
)
from cloudai.core.networks import is_public
from cloudai.core.urls import shown
from cloudai.testing import Script
from cloudai.transport.body import MOST_HEADERS
from tests.conftest import Caller
from tests.made_up.calls import KEY, VENDORS, as_json
from tests.made_up.certificates import certificate
from tests.made_up.server import Connection, Faultd, faultd
from tests.support.pictures import encoded, quarters
from tests.support.recordings import wav
from tests.unit.transport.test_headers import headers_of

PICTURE = encoded(quarters(), "PNG")
FACES = Response(200, {}, as_json({"responses": [{"faceAnnotations": []}]}))
HERE = "127.0.0.0/8"


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return a whole reply."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def serving(*replies: bytes) -> Callable[[Connection], None]:
    """Return a fault that gives these replies in order, the last again and again."""
    left = list(replies)
    lock = threading.Lock()

    def fault(connection: Connection) -> None:
        with lock:
            reply = left.pop(0) if len(left) > 1 else left[0]
        connection.send(reply)

    return fault


def rules(*servers: Faultd, **more: Any) -> FetchRules:
    """Return rules by which servers on this machine may be reached."""
    ports = tuple(int(server.url.rpartition(":")[2]) for server in servers)
    return FetchRules(**{"networks": (HERE,), "ports": ports, **more})


def ask(call: Caller, address: str, allowed: Any, *replies: Any, **options: Any) -> tuple[Any, Script]:
    """Look for faces at an address; the result, and what went to the vendor."""
    script = Script(*(replies or [FACES] * 9))
    result = call(VENDORS["google"].make(), "detect_faces", address, send=script, client_fetch_urls=allowed, **options)
    return result, script


def refused(call: Caller, address: str, allowed: Any, match: str, **options: Any) -> FetchError:
    """Return the error of an address that is not fetched; nothing went to the vendor, nothing is billed."""
    script = Script(FACES)
    with pytest.raises(FetchError, match=match) as raised:
        call(VENDORS["google"].make(), "detect_faces", address, send=script, client_fetch_urls=allowed, **options)
    error = raised.value
    assert script.requests == []
    assert (error.attempts, error.billed_max, error.state) == (0, 0, "NOT_SENT")
    assert "\n" not in str(error)
    return error


PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::200e"]
NOT_PUBLIC = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"),  # noqa: S104
    *("192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:a9fe:a9fe::", "2002:808:808::1"),
    *("3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1"),
    *("2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:127.0.0.1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    """May be connected to."""
    assert is_public(ipaddress.ip_address(address))
    assert FetchRules().allows(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_that_are_not_public(address: str) -> None:
    """Private, of this machine, of a cloud's machines, or another address in disguise."""
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_nothing_connects_to_them(call: Caller, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """However harmless the name looks: what it resolves to is checked."""
    answer_with(monkeypatch, [[address]])
    forbid_connections(monkeypatch)
    error = refused(call, "https://photos.example/사진.png", True, "not public")
    assert address not in str(error)  # what an inner name resolves to is nobody's business


def test_one_bad_address_spoils_the_name(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public address first, a private one behind it: refused, not tried in order."""
    answer_with(monkeypatch, [["93.184.216.34", "10.0.0.1"]])
    forbid_connections(monkeypatch)
    refused(call, "https://photos.example/a.png", True, "not public")


def answer_with(monkeypatch: pytest.MonkeyPatch, answers: list[list[str]]) -> list[str]:
    """Resolve names so, each answer once, the last again; the names asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if not name or name[0].isdigit() or ":" in name:
            return real(host, port, *more, **options)
        asked.append(name)
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        family = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [
            (family[ipaddress.ip_address(a.partition("%")[0]).version], socket.SOCK_STREAM, 6, "", (a, port))
            for a in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


def forbid_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test fail if anything connects."""
    monkeypatch.setattr(socket.socket, "connect", lambda *_, **__: pytest.fail("connected"))


SPELLINGS = [
    *("127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "127.0.0.1."),
    *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "localhost", "LOCALHOST", "①②⑦.⓪.⓪.①", "127。0。0。1"),
]


@pytest.mark.loopback
@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_this_machine_is_reached(call: Caller, host: str) -> None:
    """Decimal, octal, hexadecimal, short, mapped, full width: what it means is checked, not how it is written."""
    with faultd(serving(http(PICTURE))) as server:
        port = int(server.url.rpartition(":")[2])
        refused(
            call, f"http://{host}:{port}/a.png", FetchRules(ports=(port,)), "public|cannot be fetched|no addr|no host"
        )
        assert server.connections == 0


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://photos.example:22/a.png", "port 22 is not allowed"),
        ("http://photos.example:8080/a.png", "port 8080 is not allowed"),
        ("http://photos.example:0/a.png", "port 0 is not allowed"),
        ("https://user:pass@photos.example/a.png", "a name or a password"),
        ("https://photos.example\\@127.0.0.1/a.png", "character that no address has"),
        ("https://photos.example/a.png\r\nX: y", "character that no address has"),
        ("https://photos.example/a b.png", "character that no address has"),
        ("https:///a.png", "only https and http"),
        ("https://photos.example:99999/", "it is no address"),
        ("https://[::1/", "it is no address"),
        ("https://photos<example/", "a character that no host has"),
        ("https://photos%2eexample/", "a character that no host has"),
    ],
)
def test_addresses_that_are_refused_as_they_stand(
    call: Caller, monkeypatch: pytest.MonkeyPatch, address: str, why: str
) -> None:
    """Before any name is resolved."""
    asked = answer_with(monkeypatch, [["93.184.216.34"]])
    error = refused(call, address, True, why)
    assert asked == []
    assert "pass" not in str(error).partition("is not fetched")[0]


@pytest.mark.loopback
def test_a_picture_is_fetched_and_sent_as_bytes(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor gets the bytes; result and meta are as of a file; host, and no key, is told to the other side."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    asked = answer_with(monkeypatch, [["127.0.0.1"]])
    with faultd(serving(http(PICTURE))) as server:
        port = server.url.rpartition(":")[2]
        address = f"http://photos.example:{port}/%EC%82%AC%EC%A7%84.png?sig=canary-sig"
        result, script = ask(call, address, rules(server))
        assert server.count == 1
        request = server.requests[0].lower()
    assert asked == ["photos.example"]
    assert f"host: photos.example:{port}".encode() in request
    for word in (KEY.encode(), b"cookie", b"authorization", b"referer", b"x-goog"):
        assert word not in request
    assert script.requests[0].json["requests"][0]["image"].keys() == {"content"}
    meta = result.meta
    assert (meta.by_reference, meta.sha256, meta.image_size) == (False, hashlib.sha256(PICTURE).hexdigest(), (400, 200))
    assert meta.input.endswith(".png?…")
    assert "canary-sig" not in meta.input


def test_without_the_setting_an_address_is_the_vendors_to_fetch(call: Caller) -> None:
    """Nothing is fetched here."""
    result, script = ask(call, "https://photos.example/a.png", False)
    assert script.requests[0].json["requests"][0]["image"] == {"source": {"imageUri": "https://photos.example/a.png"}}
    assert result.meta.by_reference


@pytest.mark.loopback
def test_the_name_is_resolved_once(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere the second time is not asked a second time: the checked address is connected to."""
    asked = answer_with(monkeypatch, [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.3"]])
    with faultd(serving(http(PICTURE))) as server:
        allowed = rules(server, networks=("127.0.0.1/32",))
        ask(call, f"http://rebinding.example:{server.url.rpartition(':')[2]}/a.png", allowed)
        assert server.count == 1
    assert asked == ["rebinding.example"]


@pytest.mark.loopback
def test_tls_is_of_the_name_not_of_the_address(call: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The server is told the name, and its certificate has to be of the name."""
    answer_with(monkeypatch, [["127.0.0.1"]])
    public, context = certificate(tmp_path, "photos.example", 30)
    told: list[Any] = []
    context.sni_callback = lambda _, name, __: told.append(name)
    with faultd(serving(http(PICTURE)), tls=context) as server:
        port = server.url.rpartition(":")[2]
        ask(call, f"https://photos.example:{port}/a.png", rules(server), client_verify=str(public))
        refused(call, f"https://other.example:{port}/a.png", rules(server), "not trusted", client_verify=str(public))
        assert server.count == 1
    assert told == ["photos.example", "other.example"]


@pytest.mark.loopback
def test_a_recording_is_fetched(call: Caller) -> None:
    """Audio too, for a vendor that reads no addresses."""
    heard = {"results": [{"alternatives": [{"transcript": "안녕"}]}]}
    with faultd(serving(http(wav(1)))) as server:
        script = Script(Response(200, {}, as_json(heard)))
        result = call(
            VENDORS["google"].make(), "speech_to_text", f"{server.url}/인사.wav", language="ko",
            send=script, client_fetch_urls=rules(server),
        )  # fmt: skip
    assert result.text == "안녕"
    assert "content" in script.requests[0].json["audio"]


@pytest.mark.loopback
def test_the_local_engine_takes_addresses_too(call: Caller) -> None:
    """With no vendor to fetch it, it is fetched here or refused."""
    with faultd(serving(http(PICTURE))) as server:
        found = call("local", "detect_faces", f"{server.url}/a.png", client_fetch_urls=rules(server))
        assert found.meta.image_size == (400, 200)
    with pytest.raises(InputError, match="fetch_urls=True"):
        call("local", "detect_faces", "https://photos.example/a.png")


@pytest.mark.loopback
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_without_what_was_set_on_the_way(call: Caller, code: int) -> None:
    """To a relative place, and with no cookie."""
    onward = http(b"", f"{code} Go", "Location: /there.png", "Set-Cookie: a=b")
    with faultd(serving(onward, http(PICTURE))) as server:
        result, _ = ask(call, f"{server.url}/a.png", rules(server))
        assert [r.split()[1] for r in server.requests] == [b"/a.png", b"/there.png"]
        assert b"cookie" not in server.requests[1].lower()
    assert result.meta.image_size == (400, 200)


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("http://10.0.0.1:{port}/", "not public"),
        ("http://169.254.169.254:{port}/latest/meta-data", "not public"),
        ("//10.0.0.1:{port}/", "not public"),
        ("http://[64:ff9b::a9fe:a9fe]:{port}/", "not public"),
        ("http://0x0a000001:{port}/", "not public"),
        ("http://127.0.0.1:22/", "port 22"),
        ("http://u:p@127.0.0.1:{port}/", "a name or a password"),
        ("http://127.0.0.1:{port}\\@10.0.0.1/", "character"),
        ("file:///etc/passwd", "only https and http|cannot be fetched"),
        ("gopher://127.0.0.1/", "only https and http"),
        ("data:image/png;base64,AAAA", "only https and http|cannot be fetched"),
        ("http://[::1", "to what is no address"),
        ("", "leads on to nowhere"),
    ],
)
def test_a_redirect_is_checked_like_any_address(call: Caller, place: str, why: str) -> None:
    """Each hop: scheme, port, and where its name lies; the place itself is never spoken to."""
    there = place
    with faultd(lambda c: c.send(http(b"", "302 Go", f"Location: {there}"))) as server:
        there = place.replace("{port}", server.url.rpartition(":")[2])
        refused(call, f"{server.url}/a.png", rules(server, networks=("127.0.0.1/32",)), why)
        assert server.connections == 1


@pytest.mark.loopback
@pytest.mark.parametrize("hops", [0, 3])
def test_redirects_have_an_end(call: Caller, hops: int) -> None:
    """As many redirects are followed as the rules say, and no more."""
    with faultd(serving(http(b"", "302 Go", "Location: /again"))) as server:
        refused(call, f"{server.url}/a.png", rules(server, max_redirects=hops), f"more than {hops} times")
        assert server.count == hops + 1


@pytest.mark.loopback
def test_a_redirect_does_not_leave_tls(call: Caller, tmp_path: Path) -> None:
    """From https to http: refused."""
    public, context = certificate(tmp_path, "127.0.0.1", 30)
    with (
        faultd(serving(http(PICTURE))) as plain,
        faultd(serving(http(b"", "302 Go", f"Location: {plain.url}/a.png")), tls=context) as server,
    ):
        refused(call, f"{server.url}/a.png", rules(server, plain), "without TLS", client_verify=str(public))
        assert plain.connections == 0


def endless(connection: Connection) -> None:
    """Send a body of 65 MB, far more than any rule allows."""
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(1000):
        connection.send(bytes(65_536))


def headers_without_end(connection: Connection) -> None:
    """Send 10 MB of headers."""
    connection.send(b"HTTP/1.1 200 OK\r\n")
    for _ in range(10_000):
        connection.send(b"X: " + b"y" * 1000 + b"\r\n")


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (serving(http(bytes(2_000_001))), "has more than 2 MB"),
        (endless, "has more than 2 MB"),
        (serving(http(gzip.compress(bytes(5_000_000)), "200 OK", "Content-Encoding: gzip")), "more than"),
        (serving(http(gzip.compress(PICTURE * 5000)[:-1], "200 OK", "Content-Encoding: br")), "encoded as 'br'"),
        (serving(http(b"", "200 OK")), "is empty"),
        (serving(http(PICTURE, "404 Not Found")), "HTTP 404"),
        (serving(http(PICTURE, "401 No", "WWW-Authenticate: Basic")), "HTTP 401"),
        (serving(http(PICTURE)[:-5]), "cannot be fetched"),
        (headers_without_end, "headers"),
        (lambda c: c.reset(), "cannot be fetched"),
    ],
    ids=["large", "endless", "gzip", "br", "empty", "404", "401", "cut", "headers", "reset"],
)
def test_what_cannot_be_used_is_one_error(call: Caller, fault: Any, why: str) -> None:
    """Too large, packed, missing, cut off: FetchError in one line, and the vendor is not spoken to."""
    with faultd(fault) as server:
        refused(call, f"{server.url}/a.png", rules(server, max_bytes=2_000_000), why)


@pytest.mark.loopback
def test_headers_are_read_up_to_64_kb(call: Caller) -> None:
    """A picture comes with 65,536 bytes of headers at most; with one more byte it is refused."""
    with faultd(headers_of(MOST_HEADERS, PICTURE, short=False)) as server:
        assert len(ask(call, f"{server.url}/a.png", rules(server))[1].requests) == 1
    with faultd(headers_of(MOST_HEADERS + 1, PICTURE, short=False)) as server:
        refused(call, f"{server.url}/a.png", rules(server), "headers have 65,537 bytes")


@pytest.mark.loopback
@pytest.mark.parametrize("more", [0, 1])
def test_the_size_is_met_to_the_byte(call: Caller, more: int) -> None:
    """A file of exactly the limit is taken, unpacked or packed."""
    for reply in (http(PICTURE), http(gzip.compress(PICTURE), "200 OK", "Content-Encoding: gzip")):
        with faultd(serving(reply)) as server:
            allowed = rules(server, max_bytes=len(PICTURE) - more)
            if more:
                refused(call, f"{server.url}/a.png", allowed, "more than")
            else:
                ask(call, f"{server.url}/a.png", allowed)


@pytest.mark.loopback
def test_a_drip_ends_at_its_time(call: Caller) -> None:
    """Of the fetch, as FetchError; of the call, where that comes first, as DeadlineExceededError."""
    with faultd(lambda c: c.drip(http(PICTURE), 0.05)) as server:
        began = time.monotonic()
        # On a busy computer the time may be over before the first byte has come.
        over = "did not come within 0.4 s|the exchange's time is used up"
        refused(call, f"{server.url}/a.png", rules(server, timeout=0.4), over)
        with pytest.raises(DeadlineExceededError) as raised:
            ask(call, f"{server.url}/a.png", rules(server), timeout=0.4)
        assert time.monotonic() - began < 10
        assert (raised.value.state, raised.value.billed_max) == ("NOT_SENT", 0)


@pytest.mark.loopback
def test_a_page_is_no_picture(call: Caller) -> None:
    """The content behind an address decides whether it is a picture, not its name or type."""
    page = http(b"<!DOCTYPE html><p>Log in", "200 OK", "Content-Type: image/png")
    with faultd(serving(page)) as server, pytest.raises(InputError, match="a web page saved under that name") as raised:
        ask(call, f"{server.url}/a.png?token=canary-token", rules(server))
    assert "canary-token" not in str(raised.value)


def test_offline_fetches_nothing(call: Caller) -> None:
    """Neither a vendor nor a picture is asked for."""
    with pytest.raises(FetchError, match="offline"):
        call(VENDORS["google"].make(), "detect_faces", "https://photos.example/a.png", send=Script(FACES),
             client_offline=True, client_fetch_urls=True)  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [{"networks": ("10.0.0.1/8",)}, {"max_bytes": 0}, {"max_redirects": -1}, {"timeout": 0}]
)
def test_rules_are_checked(wrong: dict[str, Any]) -> None:
    """A mistake is told where it is made."""
    with pytest.raises(SettingsError):
        FetchRules(**wrong)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("https://u:p@photos.example/사진.png?sig=abc#d", "https://photos.example/사진.png?…"),
        ("https://photos.example/a.png", "https://photos.example/a.png"),
        ("https://u:p@[::1/?x", "[::1/"),
    ],
)
def test_addresses_are_shown_without_keys(address: str, text: str) -> None:
    """Signed addresses carry one."""
    assert shown(address) == text


@pytest.mark.loopback
def test_a_batch_knows_addresses_by_what_is_there(tmp_path: Path) -> None:
    """Two addresses of the same bytes are paid once; what is not there fails alone; again costs nothing."""
    other = encoded(quarters((300, 200)), "PNG")

    def serve(connection: Connection) -> None:
        path = connection.request.split()[1]
        files = {b"/a.png": http(PICTURE), b"/copy.png": http(PICTURE), b"/b.png": http(other)}
        connection.send(files.get(path, http(b"", "404 Not Found")))

    def send(request: Any) -> Any:
        asked.append(request)
        return Response(200, {}, as_json({"responses": [{"faceAnnotations": []}] * len(request.json["requests"])}))

    asked: list[Any] = []
    with faultd(serve) as server:
        addresses = [f"{server.url}/{name}" for name in ("a.png", "copy.png", "gone.png", "b.png")]
        with Client(VENDORS["google"].make(), send=send, fetch_urls=rules(server)) as client:
            for run in range(2):
                with client.batch("detect_faces", addresses, journal=str(tmp_path / "얼굴.journal")) as job:
                    plan = job.plan()
                    outcomes = sorted(job, key=lambda outcome: outcome.item)
                assert [outcome.status for outcome in outcomes] == ["none_found", "none_found", "failed", "none_found"]
                assert isinstance(outcomes[2].error, FetchError)
                assert sum(len(request.json["requests"]) for request in asked) == 2, run
                assert plan.fetched == 4
                assert "fetched here when it runs" in str(plan)
                assert outcomes[0].result.meta.sha256 == hashlib.sha256(PICTURE).hexdigest()
                assert outcomes[0].result.meta.by_reference is False


@pytest.mark.loopback
def test_a_slow_address_fails_alone() -> None:
    """The call's own time is used up by one: the others go on."""

    def serve(connection: Connection) -> None:
        if b"slow" in connection.request.split()[1]:
            connection.silence(3)
        connection.send(http(PICTURE))

    script = Script(FACES)
    with (
        faultd(serve) as server,
        Client(VENDORS["google"].make(), send=script, fetch_urls=rules(server)) as client,
    ):
        pair = [f"{server.url}/slow.png", f"{server.url}/a.png"]
        with client.batch("detect_faces", pair, options={"timeout": 1.5}, concurrency=1) as job:
            outcomes = sorted(job, key=lambda outcome: outcome.item)
    assert [outcome.status for outcome in outcomes] == ["failed", "none_found"]
    assert isinstance(outcomes[0].error, CloudAIError)


@pytest.mark.loopback
def test_a_journal_holds_no_signature_of_an_address(tmp_path: Path) -> None:
    """Signed addresses open a door: of the query what tells pictures apart is shown, and nothing of it is kept."""
    path = tmp_path / "얼굴.journal"
    with (
        faultd(serving(http(PICTURE))) as server,
        Client(VENDORS["google"].make(), send=Script(FACES), fetch_urls=rules(server)) as client,
    ):
        address = f"{server.url}/사진?id=7&sig=canary-signature-77&X-Amz-Credential=canary-credential-88"
        with client.batch("detect_faces", [address], journal=str(path)) as job:
            outcomes = list(job)
    assert outcomes[0].status == "none_found"
    assert "id=7" in outcomes[0].input
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert "사진?…".encode() in written
    assert b"id=7" not in written
    assert b"canary-signature" not in written
    assert b"canary-credential" not in written
    assert "canary" not in repr(outcomes)


@pytest.mark.loopback
def test_what_is_fetched_is_kept_in_a_folder(call: Caller, tmp_path: Path) -> None:
    """Both clients keep the bytes of a good reply under their digest; a reply of another status is not kept."""
    folder = tmp_path / "보관" / "사진"
    with faultd(serving(http(b"not here", "404 Not Found"))) as server:
        refused(call, f"{server.url}/a.png", rules(server, keep=folder), "HTTP 404")
    assert not folder.exists()
    with faultd(serving(http(PICTURE))) as server:
        for name in ("a", "b"):
            ask(call, f"{server.url}/{name}.png", rules(server, keep=folder))
    [kept] = folder.iterdir()
    assert kept.read_bytes() == PICTURE
    assert kept.name == f"{hashlib.sha256(PICTURE).hexdigest()}.png"


def test_the_command_fetches_too(capsys: pytest.CaptureFixture[str]) -> None:
    """With --fetch-urls; without it, it says how."""
    from cloudai.cli import main

    assert main(["faces", "http://127.0.0.1/a.png", "--fetch-urls"]) == 1
    assert "not public" in capsys.readouterr().err
    assert main(["faces", "http://127.0.0.1/a.png"]) == 1
    assert "--fetch-urls" in capsys.readouterr().err
