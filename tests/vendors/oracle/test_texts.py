"""The vendors' packages as oracles for languages, phrases, translations, dictionaries: they read and send as we do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from azure.ai.textanalytics import TextAnalyticsClient
from azure.ai.translation.text import TextTranslationClient
from azure.ai.translation.text.models import DictionaryExampleTextItem
from azure.core.credentials import AzureKeyCredential
from google.cloud import language_v1, translate_v3
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from ibm_cloud_sdk_core.authenticators import BasicAuthenticator
from ibm_watson import NaturalLanguageUnderstandingV1
from ibm_watson.natural_language_understanding_v1 import (
    AnalysisResults,
    EmotionOptions,
    Features,
    KeywordsOptions,
    SentimentOptions,
)

from cloudai import Azure, Client, Google, Resource, Response, Watson
from cloudai.languages import tag
from cloudai.testing import Script
from tests.made_up.logged_in import LoggedIn
from tests.vendors.oracle.agree import agree, constructed, recorded
from tests.vendors.oracle.listening import Listening, asked, listening
from tests.vendors.oracle.messages import messages
from tests.vendors.oracle.test_google import RANDOM, as_json, parsed
from tests.vendors.oracle.test_watson import NLU

__all__ = ["listening"]

KEY, ENDPOINT = "not-a-real-key", "https://example.cognitiveservices.azure.com"
AZURE = Azure(key=KEY, endpoint=ENDPOINT)
GLOBAL = Azure(translator=Resource(KEY, region="koreacentral"))
GOOGLE_3 = LoggedIn(project="p")
WATSON = Watson(nlu=Resource(KEY, NLU))


def ask(provider: Any, operation: str, text: str, *bodies: Any, **options: Any) -> tuple[Any, Script]:
    """Return our result from replies, and the script with the requests."""
    script = Script(
        *[Response(200, {}, body if isinstance(body, bytes) else json.dumps(body).encode()) for body in bodies]
    )
    with Client(provider, send=script) as client:
        return getattr(client, operation)(text, **options), script


def their_translator() -> TextTranslationClient:
    """Return Microsoft's client for the address of all regions."""
    return TextTranslationClient(credential=AzureKeyCredential(KEY), region="koreacentral")


def test_languages_of_azure(recordings: Path, listening: Listening) -> None:
    """Every recorded and constructed language has the code, the name and the score that Microsoft's package reads."""
    bodies = [b for _, b in recorded(recordings, "azure/language-analyze-text")] + [
        b for _, b in constructed("azure", "detect_language")
    ]
    package = TextAnalyticsClient(ENDPOINT, AzureKeyCredential(KEY), api_version="2023-04-01")
    seen = 0
    for body in bodies:
        if body["kind"] != "LanguageDetectionResults" or len(body["results"]["documents"]) != 1:
            continue
        listening.reply = body
        number = body["results"]["documents"][0]["id"]
        (theirs,) = package.detect_language([{"id": number, "text": "x"}])
        ours, _ = ask(AZURE, "detect_language", "x", body)
        name = theirs.primary_language.name
        undecided = name == "(Unknown)"
        assert ours.code == ("und" if undecided else tag(theirs.primary_language.iso6391_name))
        agree(
            (ours.name, ours.confidence),
            (None, None) if undecided else (name, theirs.primary_language.confidence_score),
        )
        seen += 1
    assert seen == 5


def test_phrases_of_azure(recordings: Path, listening: Listening) -> None:
    """Every recorded and every constructed list of phrases is read alike."""
    every = [b for _, b in recorded(recordings, "azure/language-analyze-text")]
    every += [b for _, b in constructed("azure", "key_phrases")]
    bodies = [b for b in every if b["kind"] == "KeyPhraseExtractionResults" and b["results"]["documents"]]
    package = TextAnalyticsClient(ENDPOINT, AzureKeyCredential(KEY), api_version="2023-04-01")
    assert len(bodies) == 4
    for body in bodies:
        for document in body["results"]["documents"]:
            one = {**body, "results": {**body["results"], "documents": [document]}}
            listening.reply = one
            (theirs,) = package.extract_key_phrases([{"id": document["id"], "text": "x", "language": "en"}])
            ours, _ = ask(AZURE, "key_phrases", "x", one, language="en")
            assert [each.text for each in ours] == theirs.key_phrases


def test_what_we_send_for_phrases(listening: Listening) -> None:
    """Microsoft's package sends the same body; the path and the version are the same too."""
    ((_, body),) = [(n, b) for n, b in constructed("azure", "key_phrases") if "success" in n]
    _, script = ask(AZURE, "key_phrases", "국이 뜨겁습니다.", body, language="ko")
    listening.reply = body
    package = TextAnalyticsClient(ENDPOINT, AzureKeyCredential(KEY), api_version="2023-04-01")
    package.extract_key_phrases([{"id": "0", "text": "국이 뜨겁습니다.", "language": "ko"}], model_version="latest")
    ours, theirs = asked(script.requests[0]), listening.asked[0]
    assert (ours.method, ours.path, ours.params) == (theirs.method, theirs.path, theirs.params)
    assert ours.body["analysisInput"] == theirs.body["analysisInput"]
    assert ours.body["kind"] == theirs.body["kind"]


def test_translations_of_azure(recordings: Path, listening: Listening) -> None:
    """Every recorded and every constructed translation is read alike, its detected language and its score too."""
    bodies = [b for n, b in recorded(recordings, "azure/translator-v3") if "detect.json" not in n]
    bodies += [b for _, b in constructed("azure", "translate") if isinstance(b, list)]
    assert len(bodies) == 7
    for body in bodies:
        for item in body:
            listening.reply = [item]
            codes = [each["to"] for each in item["translations"]]
            (theirs,) = their_translator().translate(["x"], to_language=codes)
            ours, _ = ask(GLOBAL, "translate", "x", [item], to=codes)
            assert [(each.to, each.text) for each in ours] == [(each.to, each.text) for each in theirs.translations]
            detected = theirs.detected_language
            agree((ours.detected, ours.confidence), (detected.language, detected.score) if detected else (None, None))


def test_what_we_send_to_translator(listening: Listening) -> None:
    """Address, parameters, body, key and region are those of Microsoft's package, for one language and for several."""
    for codes in (["ko"], ["ko", "ja"]):
        body = [{"translations": [{"text": "국", "to": code} for code in codes]}]
        _, script = ask(GLOBAL, "translate", "soup", body, to=codes, source="en")
        listening.reply, listening.asked = body, []
        their_translator().translate(["soup"], to_language=codes, from_language="en")
        (request,), (theirs,) = script.requests, listening.asked
        assert (request.method, urlsplit(request.url).path) == (theirs.method, theirs.path)
        to = request.params["to"]
        assert ([to] if isinstance(to, str) else list(to)) == codes
        assert {**request.params, "to": codes[-1]} == theirs.params
        assert request.json == theirs.body
        for name in ("ocp-apim-subscription-key", "ocp-apim-subscription-region"):
            assert asked(request).headers[name] == theirs.headers[name]


def test_the_dictionary(listening: Listening) -> None:
    """Both look-ups are read as Microsoft's package reads them, and both requests are those that it sends."""
    (_, looked_up), (_, examples), _ = constructed("azure", "dictionary")
    ours, script = ask(GLOBAL, "dictionary", "Soup", looked_up, examples, source="en", to="ko")
    listening.reply = looked_up
    (theirs,) = their_translator().lookup_dictionary_entries(["Soup"], from_language="en", to_language="ko")
    assert [
        (each.text, each.part_of_speech, each.confidence, [(b.text, b.frequency) for b in each.back_translations])
        for each in ours
    ] == [
        (t.display_target, t.pos_tag, t.confidence, [(b.display_text, b.frequency_count) for b in t.back_translations])
        for t in theirs.translations
    ]
    listening.reply = examples
    pairs = [
        DictionaryExampleTextItem(text=theirs.normalized_source, translation=each.normalized_target)
        for each in theirs.translations
    ]
    used = their_translator().lookup_dictionary_examples(pairs, from_language="en", to_language="ko")
    whole = [[f"{e.source_prefix}{e.source_term}{e.source_suffix}" for e in each.examples] for each in used]
    assert [[usage.source for usage in each.examples] for each in ours] == whole
    for request, asked_by_them in zip(script.requests, listening.asked, strict=True):
        assert urlsplit(request.url).path == asked_by_them.path
        assert dict(request.params) == asked_by_them.params
        assert request.json == asked_by_them.body


def same_translation(body: Any) -> None:
    """Compare one reply of v3, as Google's package reads it and as we do."""
    theirs = parsed(translate_v3.TranslateTextResponse, body)
    if len(theirs.translations) != 1:
        return
    ours, _ = ask(GOOGLE_3, "translate", "x", body, to="ko")
    (translation,) = theirs.translations
    assert ours.text == translation.translated_text
    assert ours.detected == (tag(translation.detected_language_code) if translation.detected_language_code else None)
    assert (ours.meta.model or "") == translation.model


def same_languages(body: Any) -> None:
    """Compare one reply of a detection by v3, as Google's package reads it and as we do."""
    theirs = parsed(translate_v3.DetectLanguageResponse, body)
    best = max(theirs.languages, key=lambda each: each.confidence, default=None)
    ours, _ = ask(GOOGLE_3, "detect_language", "x", body)
    assert ours.code == (tag(best.language_code) if best else "und")
    if best and ours.code != "und":
        agree(ours.confidence or 0, best.confidence)


def same_entities(body: Any) -> None:
    """Compare one reply with entities, as Google's package reads it and as we do."""
    theirs = parsed(language_v1.AnalyzeEntitiesResponse, body)
    ours, _ = ask(Google(api_key=KEY), "key_phrases", "x", body)
    expected = sorted(theirs.entities, key=lambda entity: -entity.salience)
    agree(
        [(each.text, each.relevance or 0, each.count or 0) for each in ours],
        [(each.name, each.salience, len(each.mentions)) for each in expected],
    )
    assert (ours.language or "") == theirs.language


def test_recorded_and_constructed_replies_of_google(recordings: Path) -> None:
    """Every reply of v3, and every reply with entities, is read alike."""
    for name, body in recorded(recordings, "google/translate-v3"):
        (same_translation if "translation-" in name else same_languages)(body)
    for name, body in [*constructed("google", "translate"), *constructed("google", "detect_language")]:
        if "v3" in name:
            (same_translation if name.startswith("translate") else same_languages)(body)
    entities = [
        body for _, body in recorded(recordings, "google/language-v1") if "entities" in body and "tokens" not in body
    ]
    assert len(entities) == 3
    for body in [*entities, *(body for _, body in constructed("google", "key_phrases"))]:
        same_entities(body)


CODES = st.sampled_from(["ko", "zh-TW", "zh-CN", "pt-PT", "iw", "no", "und", "sr-Latn"])
SPECIAL: dict[str, Any] = {
    "google.cloud.translation.v3.Translation.detected_language_code": CODES,
    "google.cloud.translation.v3.Translation.translated_text": st.text("가나 .😀é", min_size=1),
    "google.cloud.translation.v3.DetectedLanguage.language_code": CODES,
    "google.cloud.translation.v3.TranslateTextResponse.translations": st.lists(
        messages(translate_v3.Translation.pb(), {"google.cloud.translation.v3.Translation.glossary_config": None}),
        min_size=1,
        max_size=1,
    ),
    "google.cloud.language.v1.AnalyzeEntitiesResponse.language": CODES,
    "google.cloud.language.v1.Entity.metadata": None,
    "google.cloud.language.v1.Entity.name": st.text("가나 .😀é", min_size=1),
}


@RANDOM
@given(messages(translate_v3.TranslateTextResponse.pb(), SPECIAL))
def test_random_translations(message: Any) -> None:
    """Whatever Google's descriptors allow of a translation is read as its package reads it."""
    same_translation(json.loads(as_json(message)))


@RANDOM
@given(messages(translate_v3.DetectLanguageResponse.pb(), SPECIAL))
def test_random_languages(message: Any) -> None:
    """Whatever Google's descriptors allow of a detection is read as its package reads it."""
    same_languages(json.loads(as_json(message)))


@RANDOM
@given(messages(language_v1.AnalyzeEntitiesResponse.pb(), SPECIAL))
def test_random_entities(message: Any) -> None:
    """Whatever Google's descriptors allow of entities is read as its package reads it."""
    same_entities(json.loads(as_json(message)))


@pytest.mark.parametrize(
    ("operation", "kind", "options"),
    [
        ("translate", translate_v3.TranslateTextRequest, {"to": "zh-TW", "source": "ko"}),
        ("detect_language", translate_v3.DetectLanguageRequest, {}),
    ],
)
def test_googles_package_takes_what_we_send_to_v3(operation: str, kind: Any, options: dict[str, str]) -> None:
    """Every field of our request is one of the message, and the path is that of its project."""
    reply = {"translations": [{"translatedText": "x"}], "languages": []}
    _, script = ask(GOOGLE_3, operation, "국이 뜨겁습니다.", reply, **options)
    (request,) = script.requests
    message = json_format.ParseDict(request.json, kind.pb()())
    assert message.mime_type == "text/plain"
    assert request.url.endswith(f"/v3/projects/p/locations/global:{'translateText' if options else 'detectLanguage'}")
    if options:
        assert (list(message.contents), message.target_language_code) == (["국이 뜨겁습니다."], "zh-TW")


def test_googles_package_takes_what_we_send_for_entities() -> None:
    """v1 calls the language `language`, and positions count code points."""
    _, script = ask(
        Google(api_key=KEY), "key_phrases", "국이 뜨겁습니다.", {"entities": [], "language": "ko"}, language="ko"
    )
    message = json_format.ParseDict(script.requests[0].json, language_v1.AnalyzeEntitiesRequest.pb()())
    assert message.document.language == "ko"
    assert language_v1.EncodingType(message.encoding_type).name == "UTF32"


def test_what_we_send_to_translation_v2(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's own client for v2 sends the same fields, and its answer is ours."""
    from google.auth.api_key import Credentials
    from google.cloud import translate_v2

    listening.reply = {"data": {"translations": [{"translatedText": "국", "detectedSourceLanguage": "en"}]}}
    monkeypatch.setattr(Credentials, "refresh", lambda *_: None)
    theirs = translate_v2.Client(credentials=Credentials(KEY)).translate(["soup"], target_language="ko", format_="text")
    ours, script = ask(Google(api_key=KEY), "translate", "soup", listening.reply, to="ko")
    assert (ours.text, ours.detected) == (theirs[0]["translatedText"], theirs[0]["detectedSourceLanguage"])
    (request,), (sent,) = script.requests, listening.asked
    assert urlsplit(request.url).path == sent.path
    body = sent.body if isinstance(sent.body, dict) else dict(parse_qsl(sent.body.decode()))
    assert {name: body[name] for name in ("q", "target", "format")} == dict(request.json)


def test_keywords_of_watson(recordings: Path) -> None:
    """Every recorded and every constructed list of keywords is read as IBM's package reads it."""
    bodies = [b for _, b in recorded(recordings, "ibm/nlu-v1") if "keywords" in b]
    bodies += [b for _, b in constructed("watson", "key_phrases")]
    assert len(bodies) == 3
    for body in bodies:
        ours, _ = ask(WATSON, "key_phrases", "x", body)
        theirs = AnalysisResults.from_dict(body)
        agree(
            [(each.text, each.relevance, each.count) for each in ours],
            [(each.text, each.relevance, each.count) for each in theirs.keywords],
        )
        assert ours.language == theirs.language


def test_targets_of_watson() -> None:
    """The feelings towards words that were named are read as IBM's package reads them."""
    ((_, body),) = [(n, b) for n, b in constructed("watson", "sentiment") if "targets" in n]
    ours, _ = ask(WATSON, "sentiment", "x", body, targets=["soup"])
    theirs = AnalysisResults.from_dict(body).sentiment.targets
    agree([(each.text, each.score) for each in ours.targets], [(each.text, each.score) for each in theirs])


def test_what_we_send_to_nlu(listening: Listening) -> None:
    """Keywords and targets are asked for as IBM's package asks for them."""
    listening.reply = {"language": "en", "keywords": [], "sentiment": {"document": {"score": 0.5}}}
    service = NaturalLanguageUnderstandingV1(version="2022-08-10", authenticator=BasicAuthenticator("apikey", KEY))
    service.set_service_url(NLU)
    calls: list[tuple[str, dict[str, Any], Features]] = [
        ("key_phrases", {}, Features(keywords=KeywordsOptions(limit=50))),
        ("detect_language", {}, Features(keywords=KeywordsOptions(limit=1))),
        (
            "sentiment",
            {"targets": ["soup"]},
            Features(sentiment=SentimentOptions(targets=["soup"]), emotion=EmotionOptions()),
        ),
    ]
    for operation, options, features in calls:
        _, script = ask(WATSON, operation, "The soup is hot.", listening.reply, **options)
        listening.asked = []
        service.analyze(features=features, text="The soup is hot.")
        ours, theirs = asked(script.requests[0]), listening.asked[0]
        assert (ours.method, ours.path, ours.params, ours.body) == (
            theirs.method,
            theirs.path,
            theirs.params,
            theirs.body,
        )
