"""Keys, tokens and extras are nowhere but on the wire, and a text nowhere but in results and the user's own table."""

from __future__ import annotations

import base64
import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import Azure, Client, CloudAIError, Google, Resource, SettingsError, Watson
from cloudai.core.call import CallContext
from cloudai.core.flow import Blob, File, Request, Response
from cloudai.core.tokens import Token
from cloudai.providers.base import Provider
from cloudai.testing import record
from tests.conftest import Caller
from tests.made_up.calls import ENDPOINT, NLU, STT, VENDORS, ask
from tests.made_up.faults import head
from tests.made_up.server import faultd
from tests.support.canaries import chain, hits, logged, shown_by

KEY = "canary-key-4f9c2e7b81"
HEADER = "canary-header-7e1b90aa"
PARAM = "canary-param-5d20c3bb"
EXTRA = "canary-extra-비밀-1c44"
PROXY = "canary-proxy-88ab1d"
TEXT = "카나리아 글월 canary-text-02fd 좋아요"
SECRETS = (KEY, HEADER, PARAM, EXTRA)

MAKE: dict[str, Callable[[], Provider]] = {
    "google": lambda: Google(api_key=KEY),
    "azure": lambda: Azure(key=KEY, endpoint=ENDPOINT),
    "watson": lambda: Watson(nlu=Resource(KEY, NLU), speech_to_text=Resource(KEY, STT)),
}
ENVIRONMENT = {
    "google": {"GOOGLE_API_KEY": KEY},
    "azure": {"LANGUAGE_KEY": KEY, "LANGUAGE_ENDPOINT": ENDPOINT},
    "watson": {"NATURAL_LANGUAGE_UNDERSTANDING_APIKEY": KEY, "NATURAL_LANGUAGE_UNDERSTANDING_URL": NLU},
}
OPTIONS: dict[str, Any] = {
    "language": "ko",
    "extra": {"apikey": EXTRA},
    "extra_params": {"access_token": PARAM},
    "extra_headers": {"X-Team-Key": HEADER},
}
BASIC = base64.b64encode(f"apikey:{KEY}".encode()).decode()
ALL = f"{KEY} {BASIC} {HEADER} {PARAM} {EXTRA}"
JSON = {"content-type": "application/json"}
TOLD = {"x-request-id": KEY, "apim-request-id": KEY, "x-global-transaction-id": KEY, "x-goog-request-id": HEADER}


@pytest.fixture(params=list(MAKE))
def name(request: pytest.FixtureRequest) -> str:
    """Return the name of each vendor with a key in turn."""
    return str(request.param)


def refusing(status: int, **headers: str) -> Callable[[Request], Response]:
    """Return a service that repeats whatever it was sent: in its headers, its code and its words."""
    said = {"code": ALL, "message": ALL, "error": ALL, "status": ALL, "innererror": {"code": KEY, "message": ALL}}
    bodies = {"error": said, "message": ALL, "errors": [said], "code": KEY}
    return lambda _: Response(status, {**JSON, **TOLD, **headers}, json.dumps(bodies).encode())


def replying(content: str, kind: str = "application/json") -> Callable[[Request], Response]:
    """Return a service that replies with a good status, and with this in the body."""
    return lambda _: Response(200, {"content-type": kind, **TOLD}, content.encode())


def broken(request: Request) -> Response:
    """Raise the error of a transport that repeats the request."""
    try:
        raise OSError(f"could not write {dict(request.headers)} {ALL}")
    except OSError as error:
        raise cloudai.errors.ConnectionLostError(f"broken: {dict(request.headers)} {ALL}") from error


SERVICES: dict[str, Callable[[Request], Response]] = {
    **{str(status): refusing(status) for status in (204, 400, 401, 403, 404, 408, 413, 415, 425, 429, 500, 503)},
    "redirect": refusing(302, location=f"https://elsewhere.example/{KEY}?key={KEY}"),
    "no JSON": replying(f"<html>{ALL} 너무"),
    "not UTF-8": lambda _: Response(200, JSON, b"\xff" + ALL.encode()),
    "another kind": replying(ALL, kind=f"text/{KEY}"),
    "not as documented": replying(json.dumps({"documentSentiment": ALL, "results": ALL, "sentiment": ALL})),
    "deep": replying("[" * 200 + json.dumps(ALL)),
    "broken": broken,
}


@pytest.mark.parametrize("service", SERVICES)
def test_errors_hold_no_secret(call: Caller, name: str, service: str) -> None:
    """A key that the service repeats is in no error, cause, frame of ours, pickle, event or log."""
    events: list[Any] = []
    with logged() as log, warnings.catch_warnings(record=True) as warned, pytest.raises(CloudAIError) as raised:
        warnings.simplefilter("always")
        call(
            MAKE[name](),
            "sentiment",
            TEXT,
            **OPTIONS,
            send=SERVICES[service],
            client_on_event=events.append,
            client_sleep=lambda _: None,
        )
    assert raised.value.provider == name
    assert events
    for what in (shown_by(raised.value), repr(events), "\n".join(log), repr([w.message for w in warned])):
        assert not hits(what, [*SECRETS, BASIC])
    for what in (str(raised.value), repr(events), "\n".join(log)):
        assert not hits(what, [TEXT])


def test_our_frames_hold_no_text(call: Caller, name: str) -> None:
    """A crash report shows variables: the text is in the frame of the method that was called, and in no other."""
    with pytest.raises(CloudAIError) as raised:
        call(MAKE[name](), "sentiment", TEXT, **OPTIONS, send=SERVICES["no JSON"])
    assert not hits(shown_by(raised.value), [TEXT])


def good(name: str) -> dict[str, Any]:
    """Return a good reply that repeats the secrets where nobody asked for them."""
    return {**VENDORS[name].good, "echo": ALL, "deep": [{"k": BASIC}]}


def test_a_good_call_is_silent(call: Caller, name: str, tmp_path: Path) -> None:
    """Result, meta, raw, events, logs, cassette, journal and all that is written from them."""
    events: list[Any] = []
    journal, cassette = tmp_path / "일지.journal", tmp_path / "카세트.json"

    def service(_: Request) -> Response:
        return Response(200, {**JSON, **TOLD}, json.dumps(good(name)).encode())

    with logged() as log, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        recorder = record(cassette, service)
        result = call(MAKE[name](), "sentiment", TEXT, **OPTIONS, send=recorder, client_on_event=events.append)
        with (
            Client(MAKE[name](), send=service) as client,
            client.batch(
                "sentiment", [{"글": TEXT, "이름": "나"}], column="글", options=OPTIONS, journal=journal
            ) as job,
        ):
            plan = job.plan()
            outcomes = list(job)
            manifest, table, rows = job.manifest(), job.tidy(), job.table()
            shown = [repr(client), str(client), f"{client}", repr(client._engine), repr(job), repr(outcomes)]
    assert [outcome.status for outcome in outcomes] == ["ok"]
    assert result.raw["echo"].startswith("REDACTED ")
    table.to_csv(tmp_path / "표.csv")
    table.to_jsonl(tmp_path / "표.jsonl")
    rows.to_parquet(tmp_path / "표.parquet")
    shown += [repr(result), repr(result.meta), repr(result.raw), str(table), table._repr_html_(), result._repr_html_()]
    shown += [str(plan), plan._repr_html_(), repr(plan), json.dumps(manifest, default=str), repr(events), *log]
    shown += [repr([w.message for w in warned]), repr(pickle.dumps(result))]
    assert not hits("\n".join(shown), [*SECRETS, BASIC])
    written = [file for file in tmp_path.iterdir() if file.is_file()]
    assert {journal, cassette, tmp_path / "표.csv"} <= set(written)
    for file in written:
        assert not hits(file.read_bytes(), [*SECRETS, BASIC]), file
    assert not hits("\n".join([*log, repr(events), str(plan), repr(client)]), [TEXT])


@pytest.mark.loopback
@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
@pytest.mark.parametrize("reply", ["good", "status line", "encoding", "header", "cut"])
def test_the_network_is_silent(colour: str, reply: str, name: str) -> None:
    """Over our own transport: the HTTP library's logs, and its errors, which quote what the server sends."""
    body = json.dumps(VENDORS[name].good).encode()
    answers = {
        "good": (head("200 OK", size=len(body)), body),
        "status line": (f"HTTP/9.9 {ALL}\r\n\r\n".encode(),),
        "encoding": (head("200 OK", f"Content-Encoding: {KEY}", size=2), b"{}"),
        "header": (f"HTTP/1.1 200 OK\r\n{KEY} {HEADER}\r\n\r\n".encode(),),
        "cut": (head("200 OK", size=999), ALL.encode()),
    }
    raised: CloudAIError | None = None
    with faultd(lambda c: c.send(*answers[reply])) as server, logged() as log:
        try:
            ask(colour, MAKE[name](), server.url, "sentiment", TEXT, **OPTIONS)
        except CloudAIError as error:
            raised = error
    assert (raised is None) == (reply == "good")
    if raised:
        assert not hits(shown_by(raised), [*SECRETS, BASIC, TEXT])
        assert all(each.__traceback__ is None for each in list(chain(raised))[1:])
    if reply in ("good", "cut"):
        # The HTTP library logs the headers of a server at DEBUG, so the log of a request that it sends is not looked
        # at; see docs/privacy.md.
        assert not hits("\n".join(log), [*SECRETS, BASIC, TEXT])


def test_what_requests_show() -> None:
    """Requests, replies, jobs and the like show where they go, and nothing of what they carry."""
    blob = Blob("0" * 64, KEY.encode)
    request = Request(
        "POST",
        f"https://user:{KEY}@a.example/v1?key={KEY}",
        params={"key": KEY},
        headers={"Authorization": f"Bearer {KEY}"},
        json={"a": KEY},
        content=KEY.encode(),
        form={"a": KEY},
        files={"f": File("n", KEY.encode(), "a/b")},
    )
    assert repr(request) == "<Request POST https://a.example/v1>"
    response = Response(200, {"x": KEY}, KEY.encode())
    assert repr(response) == "<Response 200, 21 bytes>"
    provider = Google(api_key=KEY)
    job = CallContext(provider, "sentiment", dict, 1.0, {"a": KEY}, {"a": KEY}, {"a": KEY})
    job.exchanges.append((request, response))
    things = [blob, request, response, job, File("n", KEY.encode(), "a/b"), Resource(KEY), Token(KEY, 1.0, {"a": KEY})]
    things += [provider, provider.lookup("api_key"), Client(provider), Client(provider)._engine]
    for thing in things:
        assert not hits(f"{thing!r} {thing} {[thing]}", [KEY])


@pytest.mark.parametrize("proxy", [f"u:{PROXY}@h", f"http://u:{PROXY}/x@h", f"ftp://u:{PROXY}@h:1"])
def test_a_proxy_that_is_none_is_not_told(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the HTTP library repeats a part of the address: ours does not; nor is it in pickles."""
    told = 0
    for given in ({"proxy": proxy}, {}):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        for kind in (Client, cloudai.AsyncClient):
            raised: SettingsError | None = None
            try:
                client = kind("local", **given)
            except SettingsError as error:
                raised = error
            else:
                assert not hits(repr(client), [PROXY])
            assert not any(hits(f"{each} {each!r} {vars(each)}", [PROXY, PROXY[:12]]) for each in chain(raised))
            told += bool(raised and "proxy" in str(raised))
    assert told or proxy.startswith(f"u:{PROXY}")


def test_a_proxy_password_does_not_pickle() -> None:
    """It must not leave the process."""
    with pytest.raises(TypeError, match="does not pickle") as raised:
        pickle.dumps(Client("local", proxy=f"http://u:{PROXY}@127.0.0.1:9"))
    assert not hits(str(raised.value), [PROXY])
    assert pickle.loads(pickle.dumps(Client("local", proxy="http://127.0.0.1:9")))


@pytest.mark.parametrize("where", ["environment", "file", "cloud foundry"])
def test_keys_found_outside_are_silent(
    call: Caller, name: str, where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the environment, IBM's file and Cloud Foundry's variable: a refusal repeats them, and nothing shows."""
    if where == "environment":
        for variable, value in ENVIRONMENT[name].items():
            monkeypatch.setenv(variable, value)
    elif name != "watson":
        pytest.skip("IBM's alone")
    elif where == "file":
        file = tmp_path / "ibm-credentials.env"
        file.write_text("\n".join(f"{k}={v}" for k, v in ENVIRONMENT["watson"].items()), encoding="utf-8")
        monkeypatch.setenv("IBM_CREDENTIALS_FILE", str(file))
    else:
        bound = {"natural-language-understanding": [{"credentials": {"apikey": KEY, "url": NLU}}]}
        monkeypatch.setenv("VCAP_SERVICES", json.dumps(bound))
    with logged() as log, pytest.raises(CloudAIError) as raised:
        call(name, "sentiment", TEXT, language="ko", send=refusing(401), client_sleep=lambda _: None)
    assert raised.value.status == 401  # type: ignore[attr-defined]
    for what in (shown_by(raised.value), "\n".join(log), repr(pickle.dumps(Client(name)))):
        assert not hits(what, [KEY, BASIC])


def test_settings_that_cannot_be_read_are_silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A damaged file or variable may hold a key: neither error, cause nor frame shows it, or others' keys."""
    monkeypatch.setenv("NATURAL_LANGUAGE_UNDERSTANDING_URL", NLU)
    monkeypatch.setenv("UNRELATED_SECRET", KEY)
    file = tmp_path / "ibm-credentials.env"
    file.write_bytes(f"SPEECH_TO_TEXT_APIKEY={KEY}\n".encode() + b"\xff")
    for variable, value in (("IBM_CREDENTIALS_FILE", str(file)), ("VCAP_SERVICES", f'{{"a": "{KEY}"')):
        with monkeypatch.context() as patched:
            patched.setenv(variable, value)
            for look in (lambda: Watson().lookup("nlu_apikey"), lambda: Watson().token("nlu")):
                with pytest.raises(SettingsError) as raised:
                    look()
                assert not hits(shown_by(raised.value), [KEY])


def test_a_text_is_not_in_the_journal(name: str, tmp_path: Path) -> None:
    """Its digest is; nor in plan and manifest. Outcomes and tables have it: they are the user's own."""
    replies = [Response(200, JSON, json.dumps(VENDORS[name].good).encode()), Response(400, JSON, b"{}")]
    with (
        Client(MAKE[name](), send=lambda _: replies.pop(0)) as client,
        client.batch("sentiment", [TEXT], options={"language": "ko"}, journal=tmp_path / "일지.journal") as job,
    ):
        shown = [str(job.plan()), str([outcome.status for outcome in job]), repr(job)]
        shown.append(json.dumps(job.manifest(), default=str))
        files = [file.read_bytes() for file in tmp_path.iterdir()]  # the -wal among them
    files += [file.read_bytes() for file in tmp_path.iterdir()]
    assert not any(hits(what, [TEXT]) for what in [*files, *shown])


def test_a_reply_that_an_error_carries(call: Caller, name: str) -> None:
    """A reply that came before the error, and may be paid for, is kept without the key that it repeats."""
    for raw in (ALL.encode(), {"a": [ALL]}):

        def failing(_: Request, raw: Any = raw) -> Response:
            error = cloudai.errors.MalformedResponseError(f"no part of it is {KEY}", advice=f"See {KEY}")
            error.raw = raw
            raise error

        with pytest.raises(cloudai.errors.MalformedResponseError) as raised:
            call(MAKE[name](), "sentiment", "x", **OPTIONS, send=failing)
        assert raised.value.raw
        assert not hits(shown_by(raised.value), [*SECRETS])


def test_frames_of_a_foreign_error(call: Caller, name: str) -> None:
    """An error that is none of ours keeps its frames, so that it can be found, and they hold no key either."""

    def failing(_: Request) -> Response:
        raise RuntimeError("of the user's own")

    with pytest.raises(RuntimeError) as raised:
        call(MAKE[name](), "sentiment", "x", **OPTIONS, send=failing)
    assert "_attempt" in shown_by(raised.value)
    assert not hits(shown_by(raised.value), [*SECRETS, BASIC])


def parsing(_: Request) -> Response:
    """Raise the error of a user's transport that could not read a reply."""
    try:
        TEXT.encode("ascii")
    except UnicodeEncodeError as error:
        raise cloudai.errors.MalformedResponseError("not in ASCII") from error
    raise AssertionError


def test_causes_that_hold_what_was_read(call: Caller, name: str) -> None:
    """An error of parsing holds all that was parsed: ours stands alone, also where no client is around it."""
    with pytest.raises(cloudai.errors.MalformedResponseError) as raised:
        call(MAKE[name](), "sentiment", "x", language="ko", send=parsing)
    assert list(chain(raised.value)) == [raised.value]
    for content in (f'{{"a": {KEY}}}'.encode(), b"\xff" + KEY.encode()):
        with pytest.raises(cloudai.errors.MalformedResponseError) as raised:
            Response(200, {}, content).json()
        assert list(chain(raised.value)) == [raised.value]


def test_a_key_that_was_changed_between_two_calls_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    """So are extras of one call among others without: each call's own, whatever the last one had."""

    def repeats(request: Request) -> Response:
        told = " ".join([*request.headers.values(), *request.params.values()])
        return Response(400, JSON, json.dumps({"error": {"code": 400, "message": told}}).encode())

    calls: list[tuple[str, dict[str, Any]]] = [
        ("canary-first-4f9c2e7b81", {}),
        ("canary-second-88d0c3a75f", {}),
        ("canary-second-88d0c3a75f", {"extra_headers": {"X-Team-Key": HEADER}}),
        ("canary-second-88d0c3a75f", {"extra_params": {"access_token": PARAM}}),
        ("canary-first-4f9c2e7b81", {"extra_headers": {"X-Team-Key": EXTRA[:12]}}),
        ("canary-first-4f9c2e7b81", {}),
    ]
    with Client(Google(), send=repeats) as client:
        for key, extras in calls:
            monkeypatch.setenv("GOOGLE_API_KEY", key)
            with pytest.raises(cloudai.BadRequestError) as caught:
                client.sentiment("좋아요", **extras)
            assert hits([str(caught.value), caught.value.raw], [key, HEADER, PARAM, EXTRA[:12]]) == []
            assert "REDACTED" in str(caught.value)
