"""Options are checked before anything is sent, by one validator, in calls, in `map` and in `batch`."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import numpy as np
import pytest

from cloudai import (
    AsyncClient,
    Azure,
    Client,
    Google,
    Provider,
    Sentiment,
    SettingsError,
    UnsupportedOperationError,
    Watson,
)
from cloudai.operations import OPERATIONS, REQUIRED
from cloudai.options import _kinds, _wrong, complete, problem_with
from cloudai.providers.base import capability
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.provider import ok
from tests.support.canaries import hits, shown_by
from tests.support.played import GREETING, PICTURE, REVIEW

KEY = "k" * 40
SECRET = "canary-4711-secret"
INPUTS = {"image": PICTURE, "audio": GREETING, "text": REVIEW}


def nested(levels: int) -> dict[str, Any]:
    """Return dicts and lists in each other, so many of them."""
    value: dict[str, Any] = {}
    for _ in range(levels // 2):
        value = {"a": [value]}
    return value


LOOP: dict[str, Any] = {"a": []}
LOOP["a"].append(LOOP)

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("detect_faces", {"max_face": 3}, r"detect_faces has no option max_face\. Did you mean max_faces\? It has: landm"),
    ("detect_faces", {"Landmark": True}, r"Did you mean landmarks\?"),
    ("detect_faces", {"time_out": 3}, r"Did you mean timeout\?"),
    ("detect_faces", {"최대": 3}, r"has no option 최대\. It has: "),
    ("detect_faces", {"max_faces": 0}, r"max_faces=0 is not a whole number from 1"),
    ("detect_faces", {"max_faces": -1}, r"max_faces=-1 is not"),
    ("detect_faces", {"max_faces": "3"}, r"max_faces='3' is not a whole number"),
    ("detect_faces", {"max_faces": 3.0}, r"max_faces=3\.0 is not a whole number"),
    ("detect_faces", {"max_faces": True}, r"max_faces=True is not a whole number"),
    ("detect_faces", {"max_faces": None}, r"max_faces=None is not a whole number"),
    ("detect_faces", {"max_faces": 10**30}, r"max_faces=… is not a whole number"),
    ("detect_faces", {"landmarks": "no"}, r"landmarks='no' is not True or False"),
    (
        "detect_faces",
        {"attributes": "pose"},
        r'attributes=\'pose\' is not a list of words. Give .*attributes=\["pose"\]',
    ),
    ("detect_faces", {"attributes": [1]}, r"attributes has 1, which is not a word"),
    ("estimate_age", {"max_faces": "many"}, r"max_faces='many' is not"),
    ("analyze_image", {"features": "tags"}, r"features='tags' is not a list of words"),
    ("analyze_image", {"features": ["captoin"]}, r"unknown feature 'captoin'\. Did you mean caption\? Known: caption"),
    ("analyze_image", {"missing": "ignore"}, r"unknown missing 'ignore'\. Known: error, report"),
    ("analyze_image", {"max_results": 0}, r"max_results=0"),
    ("analyze_image", {"language": ""}, r"language='' is not a text"),
    ("sentiment", {"language": 7}, r"language=7 is not a text"),
    ("sentiment", {"language": ["ko"]}, r"the list in language= is not a text"),
    ("sentiment", {"language": "k" * 99}, r"the text in language= is no code of a language"),
    ("sentiment", {"language": "한국어"}, r"language='한국어' is no code of a language\. Give a code such as"),
    ("sentiment", {"language": "ko/../x"}, r"is no code of a language"),
    ("speech_to_text", {"language": "ko-KR", "speakers": 0}, r"speakers=0 is not"),
    ("speech_to_text", {"language": "ko-KR", "words": 1}, r"words=1 is not True or False"),
    ("sentiment", {"timeout": "5"}, r"timeout='5'\. Give seconds"),
    ("sentiment", {"timeout": 0}, r"timeout=0"),
    ("sentiment", {"timeout": True}, r"timeout=True"),
    ("sentiment", {"timeout": float("nan")}, r"timeout=nan"),
    ("sentiment", {"timeout": 10**400}, r"timeout=…\. Give seconds"),
    ("detect_faces", {"max_faces": 10**5000}, r"max_faces=… is not a whole number"),
    ("text_to_speech", {"voice": "소라\ud800"}, r"the text in voice= holds half a character"),
    ("sentiment", {"targets": ["배송", "\ud800"]}, r"the text in targets= holds half a character"),
    ("sentiment", {"extra": [1]}, r"extra= is a list"),
    ("sentiment", {"extra": nested(1_000)}, r"extra= has more than 100 levels"),
    ("sentiment", {"extra": LOOP}, r"extra= has more than 100 levels"),
    ("sentiment", {"extra_params": {"a": "\ud800"}}, r"the text in extra_params= holds half a character"),
    ("sentiment", {"extra_params": "a=b"}, r"extra_params= is a str"),
    ("sentiment", {"extra_params": {"a": object()}}, r"extra_params has a value for a that is no text"),
    ("sentiment", {"extra_params": {"a": ["b", "\ud800"]}}, r"the text in extra_params= holds half a character"),
    ("sentiment", {"extra_headers": {"Host": "evil.example"}}, r"extra_headers cannot set Host"),
    ("sentiment", {"extra_headers": {"transfer-encoding": "x"}}, r"cannot set transfer-encoding"),
    ("sentiment", {"extra_headers": {"a b": "x"}}, r"has a name that is none of a header"),
    ("sentiment", {"extra_headers": {"X-Id": "a\r\nHost: evil.example"}}, r"value for X-Id that cannot be sent"),
    ("sentiment", {"extra_headers": {"X-Id": "한국"}}, r"value for X-Id that cannot be sent"),
]


@pytest.mark.parametrize(("operation", "options", "text"), WRONG)
@pytest.mark.parametrize(
    "provider", [Azure(key=KEY, endpoint="https://x.example"), Google(api_key=KEY)], ids=["a", "g"]
)
def test_a_call_refuses_it(call: Caller, provider: Any, operation: str, options: dict[str, Any], text: str) -> None:
    """An unknown name, a wrong type and a number out of range are one error of ours, before anything is sent."""
    script = Script()
    with pytest.raises(SettingsError, match=text) as raised:
        call(provider, operation, INPUTS[OPERATIONS[operation].input], send=script, **options)
    assert not script.requests
    assert (raised.value.attempts, raised.value.operation) == (0, operation)


@pytest.mark.parametrize(("operation", "options", "text"), WRONG)
def test_a_batch_and_a_map_refuse_it(operation: str, options: dict[str, Any], text: str) -> None:
    """`batch` and `map` of both clients refuse what a call refuses, when they are made."""
    given = [INPUTS[OPERATIONS[operation].input]]
    text = text.partition(r"\. Did")[0].partition(r"\. It has")[0].replace("detect_faces has", "has")
    with Client(Google(api_key=KEY), send=Script()) as client:
        with pytest.raises(SettingsError, match=text):
            client.batch(operation, given, options=options)  # type: ignore[call-overload]
        with pytest.raises(SettingsError, match=text):
            client.map(operation, given, **options)  # type: ignore[call-overload]

    async def awaiting() -> None:
        async with AsyncClient(Google(api_key=KEY), send=Script()) as client:
            with pytest.raises(SettingsError, match=text):
                client.batch(operation, given, options=options)  # type: ignore[call-overload]
            with pytest.raises(SettingsError, match=text):
                await client.map(operation, given, **options)  # type: ignore[call-overload]

    asyncio.run(awaiting())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("analyze_image", {"features": ("tags", "objects"), "max_results": 3, "language": "en"}),
        ("analyze_image", {"features": {"tags"}, "missing": "report", "gender_neutral": True}),
        ("detect_faces", {"max_faces": np.int64(3), "landmarks": np.bool_(True), "attributes": []}),
        ("sentiment", {"language": "zh_Hant_TW", "timeout": np.float64(3), "extra": {}, "extra_params": {"a": 1}}),
        ("speech_to_text", {"language": "es-419", "speakers": 2, "words": False, "timeout": None, "extra": None}),
        ("translate", {"to": "ko", "source": None}),
        ("translate", {"to": ["ko", "zh-Hant"], "source": "en"}),
        ("translate", {"to": ("ko",)}),
        ("sentiment", {"targets": ["soup"], "long": "refuse"}),
        ("dictionary", {"source": "en", "to": "ko", "examples": np.bool_(False)}),
    ],
)
def test_what_can_be_used_is_accepted(name: str, options: dict[str, Any]) -> None:
    """Numbers of numpy, sets and tuples of words, codes of any form, and None where it stands for the usual."""
    assert problem_with(name, options) is None


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("translate", {"to": []}, "to names no language"),
        ("translate", {"to": ["ko", "한국어"]}, "to has '한국어', which is no code of a language"),
        ("translate", {"to": ["ko", 3]}, "to has 3, which is not a word"),
        ("translate", {"to": 3}, "to=3 is not a list of words"),
        ("translate", {"to": "한국어"}, "to='한국어' is no code of a language"),
        ("translate", {"to": ""}, "to='' is not a text"),
        ("translate", {}, "translate needs to"),
        ("sentiment", {"long": "cut"}, "unknown long 'cut'"),
        ("sentiment", {"targets": "soup"}, "targets='soup' is not a list of words"),
        ("dictionary", {"source": "en"}, "dictionary needs to"),
    ],
)
def test_one_language_or_several(name: str, options: dict[str, Any], message: str) -> None:
    """A code or a list of codes; the error says what is wrong with either."""
    with pytest.raises(SettingsError, match=re.escape(message)):
        complete(name, options)


def test_an_option_that_a_provider_need_not_take() -> None:
    """A provider written before the option is called without it, and refuses any other value than its default."""

    class Older(Provider):
        name = "older"

        @capability("open", page="https://older.example", checked="2026-11-27")
        def sentiment(self, text: str, *, language: str | None) -> Any:  # type: ignore[override]
            yield from ()
            return Sentiment(score=0.5, language=language)

    with Client(Older()) as client:
        assert client.sentiment("좋아요", language="ko").score == 0.5
        assert client.sentiment("좋아요", long="split", targets=[]).score == 0.5
        with pytest.raises(UnsupportedOperationError, match="sentiment of older has no targets"):
            client.sentiment("좋아요", targets=["맛"])


def test_numbers_of_numpy_can_be_sent(call: Caller) -> None:
    """They reach the request as Python's own numbers, which JSON can hold."""
    script = Script(ok({"responses": [{}]}))
    call(Google(api_key=KEY), "detect_faces", PICTURE, max_faces=np.int64(7), send=script)
    assert script.requests[0].json["requests"][0]["features"] == [{"type": "FACE_DETECTION", "maxResults": 7}]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_defaults_of_the_table_pass_the_validator(operation: str) -> None:
    """Each option of each operation has a type that its default is of."""
    # A call skips values that are the defaults themselves, so each is checked here.
    for name, value in OPERATIONS[operation].options.items():
        given = "ko" if value is REQUIRED else value
        assert _wrong(name, given, _kinds(operation)[name]) is None


def test_an_error_shows_no_header(call: Caller) -> None:
    """A wrong option beside a header with a secret: neither the error nor its frames show the secret."""
    headers = {"X-Secret": SECRET}
    with pytest.raises(SettingsError) as raised:
        call(Google(api_key=KEY), "sentiment", REVIEW, extra_headers=headers, timeout=SECRET * 3)
    assert not hits(shown_by(raised.value), [SECRET])


@pytest.mark.parametrize("given", ["detect_face", "DetectFaces", "faces", None, 7, ["sentiment"]])
def test_an_operation_that_there_is_not(given: Any) -> None:
    """`supports`, `map` and `batch` answer with an error of ours, which suggests the operation that was meant."""
    with Client(Google(api_key=KEY), send=Script()) as client:
        with pytest.raises(SettingsError, match="is no operation") as raised:
            client.supports(given)
        if given == "detect_face":
            assert "Did you mean detect_faces?" in str(raised.value)
        with pytest.raises(SettingsError):
            client.map(given, [REVIEW], language="korean!")  # type: ignore[call-overload]
        if not isinstance(given, list):
            with pytest.raises(SettingsError):
                client.batch(given, [REVIEW])  # type: ignore[call-overload]


def test_names_of_other_options_are_suggested_too() -> None:
    """The settings of a batch and of `map`, the options of a client and the names of providers."""
    with Client(Google(api_key=KEY), send=Script()) as client:
        with pytest.raises(SettingsError, match=r"a batch has no option jurnal\. Did you mean journal\?"):
            client.batch("sentiment", [REVIEW], jurnal="x")  # type: ignore[call-overload]
        with pytest.raises(SettingsError, match=r"Did you mean concurrency\?"):
            client.map("sentiment", [REVIEW], concurency=2)
        with pytest.raises(SettingsError, match=r"a client has no option max_attempt\. Did you mean max_attempts\?"):
            client.with_options(max_attempt=1)
    with pytest.raises(SettingsError, match=r"'gogle' is no provider\. Did you mean google\?"):
        Client("gogle")


def test_what_one_vendor_refuses_is_left_to_it(call: Caller) -> None:
    """A language that no vendor of ours has is a well-formed code: the vendor says that it lacks it."""
    with pytest.raises(Exception, match="no model for"):
        call(Watson(apikey=KEY, url=SPEECH), "speech_to_text", GREETING, language="tlh", send=Script())


SPEECH = "https://api.eu-de.speech-to-text.watson.cloud.ibm.com/instances/1"


@pytest.mark.parametrize(
    "options",
    [
        {"max_attempts": "3"},
        {"max_attempts": 0},
        {"max_concurrency": 2.5},
        {"max_concurrency": True},
        {"on_unknown": "ignore"},
        {"timeout": "5"},
    ],
)
def test_the_options_of_a_client_are_checked(options: dict[str, Any]) -> None:
    """A wrong type is an error of ours when the client is made, in both clients and in `with_options`."""
    for make in (
        lambda: Client("local", **options),
        lambda: AsyncClient("local", **options),
        lambda: Client("local").with_options(**options),
    ):
        with pytest.raises(SettingsError):
            make()
