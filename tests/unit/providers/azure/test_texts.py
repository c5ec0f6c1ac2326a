"""Azure's replies about the language, the phrases and the translation of texts: constructed cassettes, both clients."""

from __future__ import annotations

from typing import Any

import pytest

from cloudai import (
    AuthError,
    Azure,
    BadRequestError,
    Client,
    InputError,
    MalformedResponseError,
    RateLimitedError,
    Request,
    Resource,
    Response,
)
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.provider import ok
from tests.support.played import Cassettes

CASSETTES = Cassettes("azure", texts=True)
KEY = "not-a-real-key"
BANK = "한국은행이 기준금리를 동결했다. 물가 상승률은 둔화되었다."


def ask(call: Caller, name: str, operation: str, *args: Any, **options: Any) -> Any:
    """Make one call that is answered from a cassette of Azure's, without settings."""
    return CASSETTES.ask(call, name, Azure(), operation, *args, **options)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("detect_language-success", "오늘은 김밥을 먹었어요.", ("ko", "Korean", 1.0)),
        ("detect_language-chinese", "謝謝您的幫助", ("zh-Hant", "Chinese_Traditional", 0.98)),
        ("detect_language-undecided", "12345 😀", ("und", None, None)),
    ],
)
def test_the_language_of_a_text(call: Caller, name: str, text: str, expected: tuple[Any, ...]) -> None:
    """The code is BCP-47, and a text without words is undecided, without a name or a confidence."""
    language = ask(call, name, "detect_language", text)
    assert (language.code, language.name, language.confidence) == expected
    (row,) = language.to_rows()
    assert (row["code"], row["status"]) == (expected[0], "ok" if expected[1] else "none_found")


def test_key_phrases_in_a_language_that_is_named(call: Caller) -> None:
    """The phrases come in Azure's order, without a rank, and one request is enough."""
    phrases = ask(call, "key_phrases-success", "key_phrases", BANK, language="ko-KR")
    assert [(each.text, each.relevance, each.kind) for each in phrases] == [
        ("한국은행", None, "phrase"),
        ("기준금리", None, "phrase"),
        ("물가 상승률", None, "phrase"),
    ]
    assert (phrases.language, phrases.language_source, phrases.meta.attempts) == ("ko-KR", "given", 1)
    assert [row["rank"] for row in phrases.to_rows()] == [0, 1, 2]


def test_key_phrases_of_a_language_that_is_detected_first(call: Caller) -> None:
    """Without `language=` the service would take every text for English, so that its language is asked for first."""
    phrases = ask(call, "key_phrases-detected", "key_phrases", "The soup was cold.")
    assert [each.text for each in phrases] == ["soup"]
    assert (phrases.language, phrases.language_source, phrases.meta.attempts) == ("en", "detected", 2)


def test_a_translation_of_a_text_whose_language_is_detected(call: Caller) -> None:
    """The text, the language that was detected with its score, and what the vendor's support would ask for."""
    translation = ask(call, "translate-success", "translate", "The soup is hot.", to="ko-KR")
    assert (translation.text, translation.to) == ("국이 뜨겁습니다.", "ko-KR")
    assert (translation.source, translation.detected, translation.confidence) == ("en", "en", 0.98)
    assert (translation.meta.model, translation.meta.language_sent) == ("Microsoft", "ko")
    assert translation.meta.request_id == "11111111-2222-3333-4444-555555555555.KRC.1127T0000"


def test_a_translation_into_several_languages(call: Caller) -> None:
    """One request has them all, and each has a row of its own."""
    translation = ask(call, "translate-several", "translate", "국이 뜨겁습니다.", to=["en", "zh-TW"], source="ko")
    assert [(each.to, each.text) for each in translation] == [("en", "The soup is hot."), ("zh-TW", "湯很燙。")]
    assert (translation.source, translation.detected, len(translation)) == ("ko", None, 2)
    assert (translation.meta.language_sent, translation.meta.attempts) == ("en,zh-Hant", 1)
    assert [(row["to"], row["source"]) for row in translation.to_rows()] == [("en", "ko"), ("zh-TW", "ko")]


def test_the_reply_of_the_newer_api_is_understood(call: Caller) -> None:
    """The API of 2026-06-06 has an object with `value`, and calls the language of a translation `language`."""
    translation = ask(call, "translate-2026", "translate", "Ça va ?", to="ko")
    assert (translation.text, translation.detected) == ("잘 지내세요?", "fr")


def test_a_word_of_the_dictionary_with_examples(call: Caller) -> None:
    """Each meaning has its part of speech, its confidence, what it means the other way, and whole sentences."""
    dictionary = ask(call, "dictionary-success", "dictionary", "Soup", source="en", to="ko", examples=True)
    first, second = dictionary
    assert (first.text, first.part_of_speech, first.confidence, first.prefix) == ("수프", "NOUN", 0.62, None)
    assert [(back.text, back.frequency) for back in first.back_translations] == [("soup", 812), ("bisque", 9)]
    (usage,) = first.examples
    assert (usage.source, usage.target) == ("The soup is ready.", "수프가 준비되었습니다.")
    assert (usage.source_word, usage.target_word) == ("soup", "수프")
    assert second.examples == ()
    rows = dictionary.to_rows()
    assert [(row["text"], row["back_translations"], row["example_translated"]) for row in rows] == [
        ("수프", "soup, bisque", "수프가 준비되었습니다."),
        ("국", "soup", None),
    ]


def test_a_word_that_the_dictionary_lacks(call: Caller) -> None:
    """It has no meanings and one row that says so, and no examples are asked for."""
    dictionary = ask(call, "dictionary-unknown", "dictionary", "qwrtz", source="en", to="ko")
    assert (len(dictionary), bool(dictionary), dictionary.meta.attempts) == (0, True, 1)
    (row,) = dictionary.to_rows()
    assert (row["status"], row["word"]) == ("none_found", "qwrtz")


def test_a_word_without_examples(call: Caller) -> None:
    """`examples=False` spares the second request, and says None where no examples were asked for."""
    reply = ok([{"normalizedSource": "soup", "translations": [{"normalizedTarget": "국"}]}])
    script = Script(reply)
    azure = Azure(translator=Resource(KEY, region="koreacentral"))
    dictionary = call(azure, "dictionary", "soup", source="en", to="ko", examples=False, send=script)
    assert (dictionary[0].text, dictionary[0].examples, len(script.requests)) == ("국", None, 1)


ERRORS: list[tuple[str, str, dict[str, Any], type[Exception], str]] = [
    ("detect_language-failed-in-200", "(빈 글)", {}, BadRequestError, "Document text is empty"),
    ("key_phrases-language-in-200", "x y z", {"language": "xx"}, BadRequestError, "another language"),
    ("translate-bad-language", "The soup is hot.", {"to": "xx"}, BadRequestError, "target language.*another language"),
    ("translate-bad-key", "The soup is hot.", {"to": "ko"}, AuthError, "of the same resource"),
    ("translate-free-quota", "The soup is hot.", {"to": "ko"}, RateLimitedError, "paid tier"),
    ("translate-too-many-calls", "The soup is hot.", {"to": "ko"}, RateLimitedError, "call less often"),
    ("dictionary-languages", "Suppe", {"source": "de", "to": "ko"}, BadRequestError, "another language"),
]


@pytest.mark.parametrize(("name", "text", "options", "kind", "message"), ERRORS, ids=lambda v: str(v)[:40])
def test_errors(
    call: Caller, name: str, text: str, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    """Each refusal is its own class and says what to do: codes of six digits, plain text, and errors inside a 200."""
    with pytest.raises(kind, match=message) as raised:
        ask(call, name, name.partition("-")[0], text, **options)
    assert str(raised.value).startswith("azure: ")
    if name == "translate-free-quota":
        assert raised.value.quota == "month"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("resource", "url", "region"),
    [
        (Resource(KEY), "https://api.cognitive.microsofttranslator.com/translate", None),
        (
            Resource(KEY, region="koreacentral"),
            "https://api.cognitive.microsofttranslator.com/translate",
            "koreacentral",
        ),
        (
            Resource(KEY, "https://koreacentral.api.cognitive.microsoft.com/"),
            "https://api.cognitive.microsofttranslator.com/translate",
            "koreacentral",
        ),
        (
            Resource(KEY, "https://api-apc.cognitive.microsofttranslator.com", "koreacentral"),
            "https://api-apc.cognitive.microsofttranslator.com/translate",
            "koreacentral",
        ),
        (
            Resource(KEY, "https://my.cognitiveservices.azure.com/translator/text/v3.0"),
            "https://my.cognitiveservices.azure.com/translator/text/v3.0/translate",
            None,
        ),
    ],
)
def test_where_a_translation_goes(call: Caller, resource: Resource, url: str, region: str | None) -> None:
    """The address for all regions serves a key by its region; a resource of its own address has another path."""
    script = Script(ok([{"translations": [{"text": "국", "to": "ko"}]}]))
    call(Azure(translator=resource), "translate", "soup", to="ko", source="en", send=script)
    (request,) = script.requests
    assert request.url == url
    assert request.headers["Ocp-Apim-Subscription-Key"] == KEY
    assert request.headers.get("Ocp-Apim-Subscription-Region") == region
    assert dict(request.params) == {"api-version": "3.0", "to": "ko", "from": "en"}
    assert request.json == [{"text": "soup"}]


@pytest.mark.parametrize(
    ("code", "sent"),
    [
        *(("ko-KR", "ko"), ("zh", "zh-Hans"), ("zh-CN", "zh-Hans"), ("zh_TW", "zh-Hant"), ("zh-Hant-HK", "zh-Hant")),
        *(("pt", "pt"), ("pt-BR", "pt"), ("pt-PT", "pt-pt"), ("fr-CA", "fr-ca"), ("fr-FR", "fr"), ("no", "nb")),
        *(("sr", "sr-Cyrl"), ("sr-Latn", "sr-Latn"), ("iw", "he"), ("yue", "yue"), ("EN-us", "en"), ("tl", "fil")),
    ],
)
def test_languages_as_translator_spells_them(code: str, sent: str) -> None:
    """Regions are left out, but for those that Translator tells apart; scripts are kept."""
    script = Script(ok([{"translations": [{"text": "x", "to": sent}]}]))
    with Client(Azure(key=KEY, region="koreacentral"), send=script) as client:
        assert client.translate("soup", to=code).to == code
    assert script.requests[0].params["to"] == sent


def translated(request: Request) -> Response:
    """Answer each text with the same text in capitals, for each language."""
    to = request.params["to"]
    codes = [to] if isinstance(to, str) else to
    return ok(
        [{"translations": [{"text": each["text"].upper(), "to": code} for code in codes]} for each in request.json]
    )


@pytest.mark.parametrize(("to", "units"), [("ko", 16), (["ko", "ja", "fr"], 48)])
def test_characters_are_counted_for_each_language(call: Caller, to: Any, units: int) -> None:
    """The units of a translation are its characters, as Translator bills them: once for each language."""
    translation = call(Azure(key=KEY, region="koreacentral"), "translate", "The soup is hot.", to=to, send=translated)
    assert (translation.meta.billed_min, translation.meta.billed_max) == (units, units)


def test_a_long_text_is_split_at_sentences_and_joined() -> None:
    """No request has more than 50,000 characters over all languages, and the white space between parts stays."""
    sizes: list[int] = []

    def send(request: Request) -> Response:
        sizes.append(len(request.json[0]["text"]) * len(request.params["to"]))
        return translated(request)

    text = "the soup is hot. it was good!\n\n" * 3_000
    with Client(Azure(key=KEY, region="koreacentral"), send=send) as client:
        translation = client.translate(text, to=["ko", "ja"])
    assert translation.text == translation.others[0].text == text.upper()
    assert (len(sizes), translation.parts) == (4, 4)
    assert max(sizes) <= 50_000
    assert translation.meta.billed_max == sum(sizes)


def test_html_is_named_so_that_its_tags_stay(call: Caller) -> None:
    """The vendor is told of HTML by ``textType``; for any other text the parameter is not sent."""
    for given, sent in ({"html": True}, "html"), ({}, None):
        script = Script(ok([{"translations": [{"text": "<b>국</b>", "to": "ko"}]}]))
        call(Azure(key=KEY, region="koreacentral"), "translate", "<b>soup</b>", to="ko", send=script, **given)
        assert script.requests[0].params.get("textType") == sent


def test_html_is_not_sent_in_parts(call: Caller) -> None:
    """A part could end inside a tag, so that HTML which is too long is refused before anything is sent."""
    text, azure = "<p>soup</p>" * 5_000, Azure(key=KEY, region="koreacentral")
    with pytest.raises(InputError, match="not sent in parts"):
        call(azure, "translate", text, to="ko", html=True, send=Script())


@pytest.mark.parametrize(
    "reply",
    [
        [],
        [{"translations": []}],
        [{"translations": [{"text": "x", "to": "ko"}]}, {"translations": [{"text": "y", "to": "ko"}]}],
        [{"translations": [{"text": "x", "to": "ko"}, {"text": "y", "to": "ja"}]}],
        {"value": "x"},
        [{"detectedLanguage": {"language": "en"}}],
    ],
)
def test_a_reply_that_does_not_fit_the_question(call: Caller, reply: Any) -> None:
    """Another number of texts or of languages than were sent is an error, and never a translation of another text."""
    with pytest.raises(MalformedResponseError):
        call(Azure(key=KEY, region="koreacentral"), "translate", "soup", to="ko", send=Script(ok(reply)))


def test_translations_are_found_by_their_languages(call: Caller) -> None:
    """Where the reply has the languages in another order, each text is still the one in its language."""
    reply = ok([{"translations": [{"text": "スープ", "to": "ja"}, {"text": "국", "to": "ko"}]}])
    translation = call(Azure(key=KEY, region="koreacentral"), "translate", "soup", to=("ko", "ja"), send=Script(reply))
    assert [(each.to, each.text) for each in translation] == [("ko", "국"), ("ja", "スープ")]


def test_a_word_that_is_too_long_is_refused_before_sending() -> None:
    """The dictionary takes a hundred characters."""
    azure = Azure(key=KEY, region="koreacentral")
    with Client(azure, send=Script()) as client, pytest.raises(InputError, match="101 characters"):
        client.dictionary("가" * 101, source="ko", to="en")


def test_a_long_text_whose_language_is_asked_for_is_cut() -> None:
    """Only its beginning is sent, as `meta.prepared` says, and its units are those of the beginning."""
    reply = {"documents": [{"id": "0", "detectedLanguage": {"iso6391Name": "ko"}}], "errors": []}
    script = Script(ok({"kind": "LanguageDetectionResults", "results": reply}))
    with Client(Azure(key=KEY, region="koreacentral"), send=script) as client:
        language = client.detect_language("안녕하세요. " * 2_000)
    assert language.code == "ko"
    assert len(script.requests[0].json["analysisInput"]["documents"][0]["text"]) <= 5_120
    assert language.meta.prepared == "the first 5,117 of 14,000 characters"
    assert language.meta.billed_max == 6


def test_every_cassette_is_played_and_says_that_it_is_constructed() -> None:
    """No fixture lies about unused, and none poses as recorded."""
    CASSETTES.require_all()
