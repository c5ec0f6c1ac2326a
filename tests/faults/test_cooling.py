"""A provider that is down is left out for a time, also where no other one can answer, and no input is to blame."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudai import Azure, Client, Google, Resource, Response
from cloudai import errors as e
from cloudai.core.cooldown import Cooldown
from cloudai.core.flow import Flow, Request
from cloudai.models.text import Sentiment
from cloudai.providers.base import capability
from tests.conftest import Caller
from tests.made_up.calls import as_json
from tests.made_up.certificates import certificate
from tests.made_up.faults import head, reply
from tests.made_up.provider import Clock, ok, refused
from tests.made_up.server import faultd
from tests.made_up.several import NAMES, Vendor, Vendors, asked

FIRST, SECOND, THIRD = NAMES


def lost(_: Request) -> Response:
    """Raise the error of a connection that breaks."""
    raise e.ConnectionLostError("reset")


def nobody(_: Request) -> Response:
    """Raise the error of an address where nobody listens."""
    raise e.ConnectError("refused")


def outcomes(client: Client, texts: list[str]) -> list[str]:
    """Return what became of each text: the provider that has answered, or the name of the error."""
    found = []
    for text in texts:
        try:
            found.append(client.sentiment(text).meta.provider or "")
        except e.CloudAIError as error:
            found.append(type(error).__name__)
    return found


def faulty_at(poison: str, code: int = 500) -> Callable[[Request], Response]:
    """Return a vendor that breaks at one text, and answers all others."""
    return lambda request: refused(code) if request.json["text"] == poison else ok({"score": 0.1})


@pytest.mark.parametrize("given", [asked([FIRST])[0], asked([FIRST])], ids=["itself", "in a list"])
def test_a_provider_without_a_substitute_is_left_out_too(given: Any) -> None:
    """Two calls in a row that fail cool it down; then a call says at once when to come again, and a probe ends that."""
    clock, vendors = Clock(), Vendors(**{FIRST: lost})
    with Client(given, send=vendors, clock=clock, sleep=lambda _: None) as client:
        assert outcomes(client, ["가", "나", "다"]) == [
            "ConnectionLostError",
            "ConnectionLostError",
            "UnavailableError",
        ]
        assert vendors.count(FIRST) == 2 + 1
        with pytest.raises(e.UnavailableError) as failure:
            client.sentiment("라")
        error = failure.value
        assert (error.provider, error.operation, error.retry_after, error.http_status) == (FIRST, "sentiment", 30, 503)
        assert (error.attempts, error.billed_max, error.state, error.tried) == (0, 0, "NOT_SENT", ())
        assert "not asked for another 30 s: ConnectionLostError" in str(error)
        clock.now = 30.1
        assert outcomes(client, ["마", "바"]) == ["ConnectionLostError", "UnavailableError"]
        assert vendors.count(FIRST) == 4
        clock.now = 90.2
        del vendors.answers[FIRST]
        assert outcomes(client, ["사", "아"]) == [FIRST, FIRST]
        assert vendors.count(FIRST) == 6


@pytest.mark.parametrize("fault", [nobody, lambda _: refused(503, retry_after="2")])
def test_where_no_input_can_be_to_blame_one_call_is_enough(call: Caller, fault: Any) -> None:
    """Nobody who listens, or a time that the service names, cools a provider down at once, for the time it names."""
    clock, vendors = Clock(), Vendors(**{FIRST: fault})
    with Client(asked([FIRST])[0], send=vendors, clock=clock, sleep=lambda _: None) as client:
        assert outcomes(client, ["가", "나"])[1] == "UnavailableError"
        assert vendors.count(FIRST) == 3


@pytest.mark.parametrize("names", [NAMES[:1], NAMES])
def test_an_input_at_which_the_service_breaks_leaves_nobody_out(names: tuple[str, ...]) -> None:
    """A text at which every vendor fails says nothing of the vendors: the next texts are answered by the first one."""
    vendors = Vendors(**dict.fromkeys(NAMES, faulty_at("독")))
    with Client(asked(names), send=vendors, clock=Clock(), sleep=lambda _: None) as client:
        texts = ["독", "가", "독", "나", "독", "다"]
        assert outcomes(client, texts) == ["ServerError", FIRST] * 3
        assert vendors.count(FIRST) == 9


def test_an_input_at_which_only_one_vendor_breaks_cools_that_one() -> None:
    """Where the next vendor answers the same text, the first one is to blame, and is left out."""
    vendors = Vendors(**{FIRST: faulty_at("독"), SECOND: faulty_at("독")})
    with Client(asked(), send=vendors, clock=Clock(), sleep=lambda _: None) as client:
        assert outcomes(client, ["독", "가", "독"]) == [THIRD] * 3
        assert [vendors.count(name) for name in NAMES] == [2, 2, 3]


def test_a_single_provider_that_is_asked_too_often_is_waited_for() -> None:
    """A 429 closes the gate of the service and nothing else: the next call waits there, and is answered."""
    clock, replies = Clock(), [refused(429, retry_after="1")] * 3

    def limited(_: Request) -> Response:
        return replies.pop() if replies else ok({"score": 0.1})

    vendors = Vendors(**{FIRST: limited})
    with Client(asked([FIRST])[0], send=vendors, clock=clock, sleep=clock.sleep) as client:
        assert outcomes(client, ["가", "나"]) == ["RateLimitedError", FIRST]
        replies[:] = [Response(429, {}, as_json({"error": "spent", "quota": "month"}))] * 9
        assert outcomes(client, ["가", "나", "다"]) == ["RateLimitedError", "RateLimitedError", "UnavailableError"]


@pytest.mark.parametrize(("status", "kind"), [(401, "AuthError"), (403, "ForbiddenError")])
def test_a_single_provider_whose_key_is_refused_is_asked_again(status: int, kind: str) -> None:
    """Each call says what is wrong with the key or the account, and the first one after that was mended is answered."""
    clock, replies = Clock(), [refused(status)] * 3

    def refusing(_: Request) -> Response:
        return replies.pop() if replies else ok({"score": 0.1})

    vendors = Vendors(**{FIRST: refusing})
    with Client(asked([FIRST])[0], send=vendors, clock=clock, sleep=clock.sleep) as client:
        assert outcomes(client, ["가", "나", "다", "라"]) == [kind, kind, kind, FIRST]


@pytest.mark.loopback
def test_a_call_with_the_ca_file_is_sent_at_once(call: Caller, tmp_path: Path) -> None:
    """Whoever follows the advice of an error, and gives ``verify=`` the CA file, waits for no cooldown to end."""
    public, context = certificate(tmp_path, "127.0.0.1", 30)
    with faultd(reply(as_json({"kind": "SentimentAnalysisResults"})), tls=context) as server:
        azure, options = Azure(key="not-a-real-key", endpoint=server.url), {"language": "ko"}
        for verify, error in ((True, e.TLSError), (str(public), e.MalformedResponseError)):
            with pytest.raises(error):
                call(azure, "sentiment", "좋아요", client_verify=verify, **options)
        assert server.count == 1


class Choosy(Vendor):
    """A vendor whose model gives no answer, although the reply is good."""

    name = "choosy"
    error: type[e.NoAnswerError] = e.RefusedError

    @capability("open")
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Send one request, and find no answer in the reply."""
        yield Request("POST", f"{self.url}/mood", service="mood", api="v1", json={"text": text})
        raise type(self).error("I cannot help with that.", status=200)


@pytest.mark.parametrize("error", [e.RefusedError, e.EmptyAnswerError, e.TruncatedError, e.BlockedError])
def test_a_model_that_gives_no_answer_is_no_outage(
    call: Caller, monkeypatch: pytest.MonkeyPatch, error: type[e.NoAnswerError]
) -> None:
    """A refusal and an answer that cannot be used are paid for: nobody else is asked, and the vendor stays in."""
    monkeypatch.setattr(Choosy, "error", error)
    vendors, clock = Vendors(), Clock()
    choosy = Choosy(url="https://2.vendor.example")
    with Client([choosy, *asked([FIRST])], send=vendors, clock=clock, sleep=clock.sleep) as client:
        assert outcomes(client, ["가", "나", "다"]) == [error.__name__] * 3
    assert (vendors.count(THIRD), vendors.count(FIRST)) == (3, 0)
    with pytest.raises(error):
        call([choosy, *asked([FIRST])], "sentiment", "가", send=vendors, client_clock=clock)


def test_what_the_vendor_no_longer_has_is_asked_elsewhere(call: Caller) -> None:
    """An API that is gone (410) and a model that is gone (404, in the vendor's words) lead to the next provider."""
    vendors = Vendors(**{FIRST: lambda _: refused(410)})
    clock = Clock()
    meta = call(asked(), "sentiment", "가", send=vendors, client_clock=clock, client_sleep=clock.sleep).meta
    assert (meta.provider, [each.error for each in meta.tried]) == (SECOND, ["BadRequestError"])
    said = "models/gemini-9 is not found for API version v1."
    gone = {"error": {"code": 404, "message": said, "status": "NOT_FOUND"}}

    def send(request: Request) -> Response:
        if "generativelanguage" in request.url:
            return Response(404, {}, as_json(gone))
        return vendors(request)

    google = Google(gemini_api_key="not-a-real-key")
    text = "가격이 좋아요"
    with pytest.raises(e.BadRequestError):
        call(google, "sentiment", text, send=send, method="generative", client_clock=clock)
    with pytest.raises(e.BadRequestError) as failure:
        call([google, *asked()], "sentiment", text, send=send, method="generative", client_clock=clock)
    assert [each.provider for each in failure.value.tried] == list(NAMES)  # none of them has a chat model


def test_an_address_that_the_vendor_may_not_fetch_leaves_it_in() -> None:
    """Google says 403 of one picture inside a good reply: that is no fault of the account, for the next picture."""
    denied = {"error": {"code": 7, "message": "We're not allowed to access the URL on your behalf."}}
    replies = [{"responses": [denied]}] * 3 + [{"responses": [{}]}]
    clock = Clock()
    send = lambda _: ok(replies.pop(0))  # noqa: E731
    with Client(Google(api_key="not-a-real-key"), send=send, clock=clock, sleep=clock.sleep) as client:
        for _ in range(3):
            with pytest.raises(e.ServiceError):
                client.detect_faces("https://example.com/사진.jpg")
        assert len(client.detect_faces("https://example.com/사진.jpg")) == 0


def test_a_chat_model_and_a_classic_service_fail_by_themselves() -> None:
    """A chat model that is down keeps nobody from the classic service of the same operation."""
    azure = Azure(
        key="not-a-real-key",
        endpoint="https://example.cognitiveservices.azure.com",
        openai=Resource("not-a-real-key", "https://example.openai.azure.com"),
        openai_deployment="mini",
    )
    body = {"kind": "SentimentAnalysisResults", "results": {"documents": [], "errors": [], "modelVersion": "1"}}
    body["results"]["documents"] = [  # type: ignore[index]
        {
            "id": "0",
            "sentiment": "positive",
            "confidenceScores": {"positive": 1.0, "neutral": 0.0, "negative": 0.0},
            "sentences": [],
            "warnings": [],
        }
    ]

    def send(request: Request) -> Response:
        return refused(500) if "openai" in request.url else ok(body)

    clock = Clock()
    with Client(azure, send=send, clock=clock, sleep=lambda _: None) as client:
        for _ in range(4):
            with pytest.raises(e.CloudAIError):
                client.sentiment("좋아요", language="ko", method="generative")
        assert client.sentiment("좋아요", language="ko").label == "positive"


@pytest.mark.loopback
def test_an_outage_at_one_endpoint_is_none_at_another(call: Caller) -> None:
    """Clients of one account share what they know of an endpoint; another endpoint with the same key is asked."""
    good = as_json({"kind": "SentimentAnalysisResults"})
    options: Any = {"language": "ko", "client_sleep": lambda _: None, "client_max_attempts": 1}
    with faultd(lambda c: c.send(head("503 No", "Retry-After: 60", size=2), b"{}")) as down, faultd(reply(good)) as up:
        for error in (e.UnavailableError, e.UnavailableError):
            with pytest.raises(error):
                call(Azure(key="not-a-real-key", endpoint=down.url), "sentiment", "좋아요", **options)
        with pytest.raises(e.MalformedResponseError):
            call(Azure(key="not-a-real-key", endpoint=up.url), "sentiment", "좋아요", **options)
        assert (down.count, up.count) == (1, 1)


def test_a_cassette_is_played_as_it_was_recorded() -> None:
    """An offline client sends nothing, so that no outage keeps it from the replies that it has."""
    replies = [refused(503)] * 4 + [ok({"score": 0.5})]
    clock = Clock()
    with Client(
        asked([FIRST])[0], send=lambda _: replies.pop(0), offline=True, clock=clock, sleep=clock.sleep
    ) as client:
        assert outcomes(client, ["가", "나", "다"]) == ["UnavailableError", "UnavailableError", FIRST]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only POSIX forks")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_probes_for_itself() -> None:
    """A probe that was under way at the fork goes on in the parent alone, so the child may make one of its own."""
    rest, probe = Cooldown(), object()
    rest.failed(object(), 0.0, None, "ServerError")
    assert rest.admits(probe, 31.0)
    locked = threading.Event()
    free = threading.Event()

    def hold() -> None:
        with rest._lock:
            locked.set()
            free.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert locked.wait(10)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if rest.admits(object(), 31.0) else 7)
    free.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not rest.admits(object(), 31.0)
    rest.leave(probe)
    assert rest.admits(object(), 31.0)


def test_many_threads_ask_a_broken_vendor_for_one_probe() -> None:
    """Fifty threads that call at the moment at which the time is over send one request, and all get an answer."""
    clock, barrier = Clock(), threading.Barrier(50)
    vendors = Vendors(**{FIRST: nobody})
    with Client(asked(NAMES[:2]), send=vendors, clock=clock, sleep=lambda _: None) as client:
        client.sentiment("먼저")
        clock.now, before = 31.0, vendors.count(FIRST)
        who: list[str | None] = []

        def one() -> None:
            barrier.wait()
            who.append(client.sentiment("지금").meta.provider)

        threads = [threading.Thread(target=one) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert who == [SECOND] * 50
        assert vendors.count(FIRST) == before + 1
