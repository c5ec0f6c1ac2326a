"""Azure's documented but unusual replies are read without a loss, or refused, and never read as nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

import cloudai
from cloudai import Azure, Response
from cloudai.errors import MalformedResponseError
from cloudai.providers.azure._service import STATUS_OF_CODE
from tests.conftest import Caller
from tests.support.played import GREETING, PICTURE

ENDPOINT = "https://example.cognitiveservices.azure.com"
AZURE = Azure(key="not-a-real-key", endpoint=ENDPOINT)
AZURE_3 = Azure(key="not-a-real-key", endpoint=ENDPOINT, api="3.2")
AZURE_4 = Azure(key="not-a-real-key", endpoint=ENDPOINT, api="4.0")
SHORT = Azure(key="not-a-real-key", region="koreacentral")


def ask(call: Caller, operation: str, given: Any, body: Any, provider: Azure = AZURE, **options: Any) -> Any:
    """Return the result of a call that this body answers."""
    reply = Response(200, {}, json.dumps(body).encode())
    return call(
        provider, operation, given, send=lambda _: reply, client_max_attempts=1, client_sleep=lambda _: None, **options
    )


def test_short_audio_may_have_numbers_as_texts(call: Caller) -> None:
    """Microsoft's page shows the offset, the duration and the confidence of short audio as texts."""
    body = {
        "RecognitionStatus": "Success",
        "Offset": "1236645672289",
        "Duration": "20000000",
        "NBest": [{"Confidence": "0.87", "Lexical": "사다", "Display": "연필을 다섯 자루 사세요."}],
    }
    (segment,) = ask(call, "speech_to_text", GREETING, body, SHORT, language="ko")
    assert (segment.start, segment.end, segment.confidence) == (123664.5672289, 123666.5672289, 0.87)


@pytest.mark.parametrize("number", ["1e999", "many", "", "0x10", "NaN", "1_0", " 1", "٣", "07", True, [1]])
def test_a_text_that_is_no_number_is_none(call: Caller, number: Any) -> None:
    """Only what JSON itself would read as a finite number is taken out of a text."""
    body = {"RecognitionStatus": "Success", "DisplayText": "네.", "Offset": number}
    with pytest.raises(MalformedResponseError):
        ask(call, "speech_to_text", GREETING, body, SHORT, language="ko")


@pytest.mark.parametrize("status", ["NoMatch", "InitialSilenceTimeout", "BabbleTimeout"])
def test_silence_is_no_error(call: Caller, status: str) -> None:
    """The three statuses that say that nobody was heard give an empty transcript."""
    assert ask(call, "speech_to_text", GREETING, {"RecognitionStatus": status}, SHORT, language="ko").text == ""


@pytest.mark.parametrize(
    "body",
    [
        {"RecognitionStatus": "EndOfDictation"},
        {"RecognitionStatus": "success", "DisplayText": "네."},
        {"RecognitionStatus": "Success"},
        {"RecognitionStatus": "Success", "NBest": []},
        {"DisplayText": "네."},
    ],
)
def test_an_unknown_status_of_a_recognition_is_an_error(call: Caller, body: Any) -> None:
    """A status that Microsoft's page does not list, or a success without a text, is never an empty transcript."""
    with pytest.raises(MalformedResponseError):
        ask(call, "speech_to_text", GREETING, body, SHORT, language="ko")


def test_a_recognition_that_failed_inside_the_service_is_tried_again(call: Caller) -> None:
    """The status "Error" means what an HTTP status of 500 means."""
    sent: list[Any] = []

    def send(request: Any) -> Response:
        sent.append(request)
        body = (
            {"RecognitionStatus": "Error"} if len(sent) == 1 else {"RecognitionStatus": "Success", "DisplayText": "네."}
        )
        return Response(200, {}, json.dumps(body).encode())

    result = call(SHORT, "speech_to_text", GREETING, language="ko", send=send, client_sleep=lambda _: None)
    assert (result.text, result.meta.attempts) == ("네.", 2)
    with pytest.raises(cloudai.ServerError):
        ask(call, "speech_to_text", GREETING, {"RecognitionStatus": "Error"}, SHORT, language="ko")


def test_a_word_of_a_transcription_has_its_channel(call: Caller) -> None:
    """Every word says which channel it was heard in, beside its speaker."""
    word = {"text": "네", "offsetMilliseconds": 0, "durationMilliseconds": 500}
    phrase = {"channel": 1, "speaker": 2, "text": "네.", "words": [word], "locale": "ko-KR"}
    result = ask(call, "speech_to_text", GREETING, {"durationMilliseconds": 1000, "phrases": [phrase]}, language="ko")
    assert [(w.text, w.channel, w.speaker) for w in result.words] == [("네", 1, "2")]


def test_phrases_without_their_combination_are_a_text(call: Caller) -> None:
    """A reply whose phrases are not combined has a text all the same, joined as the recognized language is written."""
    phrases = [{"text": "你好", "locale": "zh-CN"}, {"text": "世界", "locale": "zh-CN"}]
    assert ask(call, "speech_to_text", GREETING, {"phrases": phrases}, language="en-US").text == "你好世界"


CODES = {
    "he": "he-IL",
    "iw": "he-IL",
    "no": "nb-NO",
    "nb": "nb-NO",
    "cmn-Hans-CN": "zh-CN",
    "zh": "zh-CN",
    "tl": "fil-PH",
}


@pytest.mark.parametrize("language", [*CODES, "yue", "yue-Hant-HK", "zh-HK"])
def test_speech_gets_the_codes_of_its_own_list(call: Caller, language: str) -> None:
    """The locale is one that Microsoft's page lists; its Chinese of Hong Kong is Cantonese."""
    sent: list[Any] = []

    def send(request: Any) -> Response:
        sent.append(request)
        return Response(200, {}, b'{"RecognitionStatus": "NoMatch"}')

    call(SHORT, "speech_to_text", GREETING, language=language, send=send)
    assert sent[0].params["language"] == CODES.get(language, "zh-HK")


@pytest.mark.parametrize(
    ("language", "code"), [("no", "no"), ("nb", "no"), ("iw", "he"), ("tl", "fil"), ("cmn-Hans-CN", "zh-Hans")]
)
def test_language_gets_the_codes_of_its_own_list(call: Caller, language: str, code: str) -> None:
    """Language spells Norwegian as "no", and the others as everybody does."""
    sent: list[Any] = []

    def send(request: Any) -> Response:
        sent.append(request)
        return Response(404, {}, b"{}")

    with pytest.raises(cloudai.BadRequestError):
        call(AZURE, "sentiment", "좋아요", language=language, send=send)
    assert sent[0].json["analysisInput"]["documents"][0]["language"] == code


OF_STATUS = {
    400: cloudai.BadRequestError,
    401: cloudai.AuthError,
    403: cloudai.ForbiddenError,
    404: cloudai.BadRequestError,
    408: cloudai.ServerError,
    409: cloudai.ServerError,
    415: cloudai.UnsupportedMediaError,
    429: cloudai.RateLimitedError,
    500: cloudai.ServerError,
    503: cloudai.UnavailableError,
}


@pytest.mark.parametrize("nested", [False, True], ids=["outer", "inner"])
@pytest.mark.parametrize("code", STATUS_OF_CODE)
def test_every_code_has_its_class_for_one_text(call: Caller, code: str, nested: bool) -> None:
    """An error for one text inside a 200 has the class that Microsoft's tables give its code, wherever it stands."""
    error: dict[str, Any] = {"code": code, "message": "no"}
    if nested:
        error = {"code": "InvalidRequest", "message": "no", "innererror": error}
    body = {"results": {"documents": [], "errors": [{"id": "0", "error": error}]}}
    with pytest.raises(cloudai.ServiceError) as raised:
        ask(call, "sentiment", "좋아요", body)
    assert type(raised.value) is OF_STATUS[STATUS_OF_CODE[code]]


def test_the_table_of_codes_has_all_that_the_vendors_packages_list() -> None:
    """Every code of the enumerations in Microsoft's own packages is in the table, and those that blame no input too."""
    vision = pytest.importorskip("azure.cognitiveservices.vision.computervision.models")
    text = pytest.importorskip("azure.ai.textanalytics._generated.v2023_04_01.models")
    listed = (
        vision.ComputerVisionErrorCodes,
        vision.ComputerVisionInnerErrorCodeValue,
        text.ErrorCode,
        text.InnerErrorCode,
    )
    assert {code.value for kind in listed for code in kind} <= set(STATUS_OF_CODE)
    not_the_input = {code: status for code, status in STATUS_OF_CODE.items() if status not in (400, 404, 415)}
    assert not_the_input == {
        **dict.fromkeys(("TooManyRequests", "QuotaExceeded"), 429),
        **dict.fromkeys(("AzureCognitiveSearchThrottling", "AzureCognitiveSearchIndexLimitReached"), 429),
        **dict.fromkeys(("InternalServerError", "ExtractionFailure", "CancelledRequest", "FailedToProcess"), 500),
        **dict.fromkeys(("Unspecified", "StorageException"), 500),
        **dict.fromkeys(("Timeout", "OperationTimeOut"), 408),
        "ServiceUnavailable": 503,
        "Unauthorized": 401,
        "Forbidden": 403,
        "Conflict": 409,
    }


NOTHING_KNOWN = {
    "4.0": ("analyze_image", PICTURE, {"new": 1}, AZURE_4),
    "4.0, only a frame": ("analyze_image", PICTURE, {"metadata": {"width": 1}, "modelVersion": "1"}, AZURE_4),
    "3.2": ("analyze_image", PICTURE, {}, AZURE_3),
    "3.2, an error": ("analyze_image", PICTURE, {"error": {"code": "x", "message": "no"}}, AZURE_3),
    "fast transcription": ("speech_to_text", GREETING, {"new": 1}, AZURE),
    "fast transcription, nulls": ("speech_to_text", GREETING, {"phrases": None, "combinedPhrases": None}, AZURE),
    "a transcription": ("speech_to_text", GREETING, {"combinedPhrases": [{"display": "안녕"}]}, AZURE),
    "a phrase": ("speech_to_text", GREETING, {"combinedPhrases": [], "phrases": [{"display": "안녕"}]}, AZURE),
    "short audio": ("speech_to_text", GREETING, {"RecognitionStatus": "Success", "NBest": [{"Text": "안녕"}]}, SHORT),
    "a text": ("sentiment", "좋아요", {"results": {"documents": [], "errors": []}}, AZURE),
    "faces": ("detect_faces", PICTURE, {}, AZURE),
    "a face": ("detect_faces", PICTURE, [{"new": 1}], AZURE),
}


@pytest.mark.parametrize("case", NOTHING_KNOWN)
def test_a_reply_that_holds_nothing_known_is_an_error(call: Caller, case: str) -> None:
    """A 200 without anything that we know is never an empty good result."""
    operation, given, body, provider = NOTHING_KNOWN[case]
    options = {"language": "ko"} if operation == "speech_to_text" else {}
    with pytest.raises(MalformedResponseError):
        ask(call, operation, given, body, provider, **options)


def test_what_vision_does_not_find_is_no_error(call: Caller) -> None:
    """A feature that was asked for and is empty is good, and one that is missing beside another is None."""
    result = ask(call, "analyze_image", PICTURE, {"tags": []}, AZURE_3, features=["tags", "brands"])
    assert (result.tags, result.brands) == ((), None)
    body = {"description": {"captions": []}}
    assert ask(call, "analyze_image", PICTURE, body, AZURE_3, features=["caption"]).caption is None


def test_vision_may_leave_out_what_its_package_calls_optional(call: Caller) -> None:
    """A part without a name is left out of the result, one without a rectangle has no box; the rest is read."""
    body = {
        "tags": [{"name": "나무", "confidence": 0.9}, {"confidence": 0.5}],
        "objects": [{"object": "bench", "confidence": 0.8}, {"rectangle": {"x": 1, "y": 1, "w": 2, "h": 2}}],
        "brands": [{"name": "공방"}, {"confidence": 0.1}],
        "categories": [
            {"name": "plant_", "detail": {"landmarks": [{"confidence": 1}, {"name": "탑"}]}},
            {"score": 0.1},
        ],
        "description": {"captions": [{"confidence": 0.9}, {"text": "a tree", "confidence": 0.1}]},
    }
    features = ["tags", "objects", "brands", "categories", "places", "caption"]
    found = ask(call, "analyze_image", PICTURE, body, AZURE_3, features=features)
    assert [tag.name for tag in found.tags] == ["나무"]
    assert [(thing.name, thing.box) for thing in found.objects] == [("bench", None)]
    assert [brand.name for brand in found.brands] == ["공방"]
    assert [category.name for category in found.categories] == ["plant_"]
    assert [place.name for place in found.places] == ["탑"]
    assert found.caption.text == "a tree"


def test_a_new_landmark_that_is_no_point_is_passed_over(call: Caller) -> None:
    """A new field of the landmarks is never fatal; a known one that is no point makes the reply malformed."""
    rectangle = {"top": 1, "left": 1, "width": 9, "height": 9}
    face = {
        "faceRectangle": rectangle,
        "faceLandmarks": {"noseTip": {"x": 1, "y": 2}, "chin": {"x": 3, "y": 4}, "new": 5},
    }
    (found,) = ask(call, "detect_faces", PICTURE, [face], landmarks=True)
    assert set(found.landmarks) == {"nose_tip", "azure:chin"}
    with pytest.raises(MalformedResponseError):
        ask(call, "detect_faces", PICTURE, [{**face, "faceLandmarks": {"noseTip": 5}}], landmarks=True)


@pytest.mark.parametrize("place", ["9" * 5_000, "1"])
def test_an_opinion_without_its_words_is_refused(call: Caller, place: str) -> None:
    """A reference to a sentence that is not there is an error of one line, however long the reference is."""
    scores = {"positive": 1, "neutral": 0, "negative": 0}
    span = {"sentiment": "positive", "confidenceScores": scores, "offset": 0, "length": 2, "text": "나무"}
    relation = {"relationType": "assessment", "ref": f"#/{'x' * 5_000}/sentences/{place}/assessments/0"}
    sentence = {**span, "targets": [{**span, "relations": [relation]}], "assessments": []}
    document = {"id": "0", "sentiment": "positive", "confidenceScores": scores, "sentences": [sentence]}
    body = {"kind": "SentimentAnalysisResults", "results": {"documents": [document], "errors": []}}
    with pytest.raises(MalformedResponseError, match="refers to a part that it does not have") as caught:
        ask(call, "sentiment", "나무", body, language="ko")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("wait", ["after {} seconds", "replenished in {}.01:02:03", "replenished in {} days"])
def test_a_wait_without_an_end_is_no_hint(call: Caller, wait: str) -> None:
    """A number of seconds that is not finite is none, and says nothing of when to call again."""
    message = wait.format("9" * 400)
    reply = Response(429, {}, json.dumps({"error": {"code": "429", "message": message}}).encode())
    with pytest.raises(cloudai.RateLimitedError) as caught:
        call(AZURE, "key_phrases", "나무", language="ko", send=lambda _: reply, client_max_attempts=1)
    assert caught.value.retry_after is None
