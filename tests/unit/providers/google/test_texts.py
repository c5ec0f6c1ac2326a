"""Google's replies about the language, phrases and translation of texts: constructed cassettes, both clients."""

from __future__ import annotations

from typing import Any

import pytest

from cloudai import (
    BadRequestError,
    Client,
    Google,
    InputError,
    MalformedResponseError,
    RateLimitedError,
    Request,
    Response,
)
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.provider import ok
from tests.support.played import Cassettes

CASSETTES = Cassettes("google", texts=True)
KEY = "not-a-real-key"
V3 = Google(project="p")


def ask(call: Caller, name: str, operation: str, *args: Any, google: Google | None = None, **options: Any) -> Any:
    """Make one call that is answered from a cassette of Google's, with a key unless a provider is given."""
    return CASSETTES.ask(call, name, google or Google(), operation, *args, **options)


def test_a_translation_by_v2_has_no_entities(call: Caller) -> None:
    """`format=text` is sent, so that an apostrophe stays one, and the language that was detected is told."""
    translation = ask(call, "translate-success", "translate", "It's Tom & Ana's soup.", to="ko")
    assert (translation.text, translation.detected, translation.source) == ("톰과 애나의 '수프'입니다.", "en", "en")
    assert translation.meta.api_version == "v2"


def test_a_request_for_each_language(call: Caller) -> None:
    """Google takes one language in a request, so that two languages take two."""
    translation = ask(call, "translate-several", "translate", "국이 뜨겁습니다.", to=["en", "zh-TW"], source="ko")
    assert [(each.to, each.text) for each in translation] == [("en", "The soup is hot."), ("zh-TW", "湯很燙。")]
    assert (translation.source, translation.detected, translation.meta.attempts) == ("ko", None, 2)


def test_a_translation_by_v3(call: Caller) -> None:
    """With a project and no key v3 answers, and names its model."""
    translation = ask(call, "translate-v3", "translate", "The soup is hot.", to="ko", google=V3)
    assert (translation.text, translation.detected, translation.meta.api_version) == ("국이 뜨겁습니다.", "en", "v3")
    assert translation.meta.model == "projects/p/locations/global/models/general/nmt"


@pytest.mark.parametrize(
    ("name", "text", "google", "expected"),
    [
        ("detect_language-success", "오늘은 김밥을 먹었어요.", None, ("ko", 1)),
        ("detect_language-undecided", "12345 😀", None, ("und", None)),
        ("detect_language-v3", "謝謝您的幫助", V3, ("zh-Hant", 0.92)),
        ("detect_language-v3-undecided", "12345", V3, ("und", None)),
    ],
)
def test_the_language_of_a_text(
    call: Caller, name: str, text: str, google: Google | None, expected: tuple[Any, ...]
) -> None:
    """The likeliest language, in BCP-47; what Google calls "und", or does not name, is undecided."""
    language = ask(call, name, "detect_language", text, google=google)
    assert (language.code, language.confidence) == expected


def test_entities_stand_for_key_phrases(call: Caller) -> None:
    """The most salient comes first, each is marked as an entity, and its mentions are counted."""
    text = "한국은행이 기준금리를 동결했다. 한국은행은 물가를 걱정한다."
    phrases = ask(call, "key_phrases-success", "key_phrases", text, language="ko-KR")
    assert [(each.text, each.relevance, each.kind, each.count) for each in phrases] == [
        ("한국은행", 0.61, "entity", 2),
        ("기준금리", 0.3, "entity", 1),
    ]
    assert (phrases.language, phrases.language_source, phrases.meta.api_version) == ("ko", "given", "v1")


def test_a_text_without_entities(call: Caller) -> None:
    """It has no phrases and one row, which has the language."""
    phrases = ask(call, "key_phrases-empty", "key_phrases", "Well.")
    (row,) = phrases.to_rows()
    assert (len(phrases), row["status"], row["language"], row["language_source"]) == (0, "none_found", "en", "detected")


ERRORS: list[tuple[str, str, dict[str, Any], type[Exception], str]] = [
    ("translate-bad-language", "The soup is hot.", {"to": "xx"}, BadRequestError, "Invalid Value"),
    ("translate-rate", "The soup is hot.", {"to": "ko"}, RateLimitedError, "call less often"),
    ("translate-day-quota", "The soup is hot.", {"to": "ko"}, RateLimitedError, "Daily Limit"),
    ("key_phrases-language", "x y z", {"language": "xx"}, BadRequestError, "another language"),
]


@pytest.mark.parametrize(("name", "text", "options", "kind", "message"), ERRORS, ids=lambda v: str(v)[:40])
def test_errors(
    call: Caller, name: str, text: str, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    """Each refusal is its own class; a quota that is used up comes with the status 403."""
    with pytest.raises(kind, match=message) as raised:
        ask(call, name, name.partition("-")[0], text, **options)
    if name == "translate-day-quota":
        assert raised.value.quota == "day"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("google", "path"),
    [
        (Google(api_key=KEY), "/language/translate/v2"),
        (Google(api_key=KEY, project="p"), "/language/translate/v2"),
        (Google(project="my-project"), "/v3/projects/my-project/locations/global:translateText"),
        (Google(), "/language/translate/v2"),
    ],
)
def test_which_api_is_asked(call: Caller, google: Google, path: str) -> None:
    """v3 takes no API keys, so that it is asked only where there is a project and no key."""
    script = Script(ok({"translations": [{"translatedText": "국"}]}))
    call(google, "translate", "soup", to="ko", send=script, client_offline=True)
    assert script.requests[0].url == f"https://translation.googleapis.com{path}"


@pytest.mark.parametrize(
    ("code", "sent"),
    [
        *(("ko-KR", "ko"), ("zh", "zh-CN"), ("zh-Hans", "zh-CN"), ("zh_TW", "zh-TW"), ("zh-Hant-HK", "zh-TW")),
        *(("pt-BR", "pt"), ("pt-PT", "pt-PT"), ("fr-CA", "fr-CA"), ("nb", "no"), ("nn-NO", "no"), ("iw", "he")),
        *(("sr-Latn-RS", "sr-Latn"), ("tl", "fil"), ("jw", "jv")),
    ],
)
def test_languages_as_translation_spells_them(code: str, sent: str) -> None:
    """Chinese has its region, other languages have none, but for those that Google tells apart."""
    script = Script(ok({"data": {"translations": [{"translatedText": "x"}]}}))
    with Client(Google(api_key=KEY), send=script) as client:
        client.translate("soup", to=code)
    assert script.requests[0].json["target"] == sent


def translated(request: Request) -> Response:
    """Answer each text with the same text in capitals, in the shape of the API that was asked."""
    texts = request.json.get("q") or request.json["contents"]
    replies = [{"translatedText": each.upper()} for each in texts]
    return ok({"data": {"translations": replies}} if "q" in request.json else {"translations": replies})


@pytest.mark.parametrize(
    ("google", "field", "kinds"),
    [(V3, "mimeType", ("text/html", "text/plain")), (Google(api_key=KEY), "format", ("html", "text"))],
    ids=["v3", "v2"],
)
def test_html_is_named_so_that_its_tags_stay(call: Caller, google: Google, field: str, kinds: tuple[str, str]) -> None:
    """Both APIs are told whether a text is HTML, and HTML that is too long for a request is refused."""
    for given, sent in zip(({"html": True}, {}), kinds, strict=True):
        script = Script(translated)
        call(google, "translate", "<b>soup</b>", to="ko", send=script, client_offline=True, **given)
        assert script.requests[0].json[field] == sent
    with pytest.raises(InputError, match="not sent in parts"):
        call(google, "translate", "<p>soup</p>" * 10_000, to="ko", html=True, send=Script(), client_offline=True)


@pytest.mark.parametrize(("google", "most", "n"), [(V3, 30_000, 3), (Google(api_key=KEY), 100_000, 2)])
def test_a_long_text_is_split_at_sentences_and_joined(google: Google, most: int, n: int) -> None:
    """v3 takes 30,000 characters, v2 100,000 bytes of a request; the white space between parts stays."""
    sizes: list[int] = []

    def send(request: Request) -> Response:
        sizes.append(len(request.json_bytes()) if "q" in request.json else len(request.json["contents"][0]))
        return translated(request)

    text = "한국은행 is a bank。그렇습니다!\n" * 3_000
    with Client(google, send=send, offline=True) as client:
        translation = client.translate(text, to="ko")
    assert translation.text == text.upper()
    assert (len(sizes), translation.parts) == (n, n)
    assert max(sizes) <= most


@pytest.mark.parametrize(
    ("operation", "reply"),
    [
        ("translate", {"data": {"translations": []}}),
        ("translate", {"data": {}}),
        ("translate", {}),
        ("translate", {"data": {"translations": [{"translatedText": "a"}, {"translatedText": "b"}]}}),
        ("detect_language", {"data": {"detections": []}}),
        ("detect_language", {}),
        ("key_phrases", {}),
        ("key_phrases", {"entities": [{"salience": 0.5}], "language": "ko"}),
        ("key_phrases", {"entities": [{"name": "x", "salience": "much"}], "language": "ko"}),
    ],
)
def test_a_reply_that_does_not_fit_the_question(call: Caller, operation: str, reply: Any) -> None:
    """A reply that holds nothing of what was asked is an error, and no empty result."""
    options = {"to": "ko"} if operation == "translate" else {}
    with pytest.raises(MalformedResponseError):
        call(Google(api_key=KEY), operation, "soup", send=Script(ok(reply)), **options)


def test_a_text_too_long_for_entities_is_refused_before_sending() -> None:
    """Natural Language takes a megabyte, counted in UTF-8."""
    with Client(Google(api_key=KEY), send=Script()) as client, pytest.raises(InputError, match="1,200,000 bytes"):
        client.key_phrases("가" * 400_000)


def test_every_cassette_is_played_and_says_that_it_is_constructed() -> None:
    """No fixture lies about unused, and none poses as recorded."""
    CASSETTES.require_all()
