"""Google's documented but unusual replies are read without a loss, or refused, and never read as nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

import cloudai
from cloudai import Google, Response
from cloudai.errors import MalformedResponseError
from cloudai.providers.google._service import HTTP_OF_GRPC
from tests.conftest import Caller
from tests.support.played import GREETING, PICTURE

GOOGLE = Google(api_key="not-a-real-key")
SPEECH_2 = Google(api_key="not-a-real-key", project="p")


def ask(call: Caller, operation: str, given: Any, body: Any, provider: Any = GOOGLE, **options: Any) -> Any:
    """Return the result of a call that this body answers, or of a poll that it answers."""
    return call(
        provider,
        operation,
        given,
        send=lambda _: Response(200, {}, json.dumps(body).encode()),
        client_sleep=lambda _: None,
        client_max_attempts=1,
        **options,
    )


def heard(call: Caller, *results: Any, **more: Any) -> Any:
    """Return the transcript of a reply with these results."""
    return ask(call, "speech_to_text", GREETING, {"results": list(results), **more}, language="en-US")


def words(*texts: str, start: int = 0, speaker: int | None = None) -> list[dict[str, Any]]:
    """Return words of a second each."""
    tag = {} if speaker is None else {"speakerTag": speaker}
    return [
        {"word": text, "startTime": f"{start + n}s", "endTime": f"{start + n + 1}s", **tag}
        for n, text in enumerate(texts)
    ]


def test_channels_with_speakers_lose_no_word(call: Caller) -> None:
    """The last result of each channel repeats the words of that channel only, so that one of each channel is read."""
    result = heard(
        call,
        {"channelTag": 1, "alternatives": [{"transcript": "hello there", "words": words("hello", "there")}]},
        {"channelTag": 2, "alternatives": [{"transcript": "안녕하세요", "words": words("안녕하세요", start=3)}]},
        {"channelTag": 1, "alternatives": [{"words": words("hello", "there", speaker=1)}]},
        {"channelTag": 2, "alternatives": [{"words": words("안녕하세요", start=3, speaker=1)}]},
    )
    assert [(w.text, w.channel, w.speaker) for w in result.words] == [
        ("hello", 1, "1"),
        ("there", 1, "1"),
        ("안녕하세요", 2, "1"),
    ]
    assert [(s.text, s.channel) for s in result] == [("hello there", 1), ("안녕하세요", 2)]
    assert result.text == "hello there 안녕하세요"


def test_a_channel_without_speakers_keeps_its_words_beside_one_that_has_them(call: Caller) -> None:
    """A channel whose words name no speaker is read result by result, whatever the other channel has."""
    result = heard(
        call,
        {"channelTag": 1, "alternatives": [{"transcript": "one", "words": words("one")}]},
        {"channelTag": 2, "alternatives": [{"transcript": "two", "words": words("two", start=1)}]},
        {"channelTag": 2, "alternatives": [{"transcript": " three", "words": words("three", start=2)}]},
        {"channelTag": 1, "alternatives": [{"words": words("one", speaker=2)}]},
    )
    assert [(w.text, w.channel, w.speaker) for w in result.words] == [
        ("one", 1, "2"),
        ("two", 2, None),
        ("three", 2, None),
    ]


def test_a_confidence_of_zero_is_none(call: Caller) -> None:
    """Speech's definition says that 0 means "not set", of a word and of all of them."""
    result = heard(
        call, {"alternatives": [{"transcript": "a", "confidence": 0.0, "words": [{**words("a")[0], "confidence": 0}]}]}
    )
    assert (result.segments[0].confidence, result.words[0].confidence) == (None, None)


@pytest.mark.parametrize(("code", "text"), [("cmn-hans-cn", "你好世界"), ("ja-jp", "你好世界"), ("en-us", "你好 世界")])
def test_texts_are_joined_as_the_recognized_language_is_written(call: Caller, code: str, text: str) -> None:
    """The language that was heard decides whether there are spaces, not the one that was asked for."""
    parts = [{"alternatives": [{"transcript": part}], "languageCode": code} for part in ("你好", " 世界")]
    assert heard(call, *parts).text == text


CODES = {
    "he": "iw-IL",
    "iw": "iw-IL",
    "he-IL": "iw-IL",
    "nb": "no-NO",
    "no": "no-NO",
    "zh": "cmn-Hans-CN",
    "zh-TW": "cmn-Hant-TW",
    "cmn-Hant-TW": "cmn-Hant-TW",
    "zh-HK": "yue-Hant-HK",
    "yue": "yue-Hant-HK",
    "yue-Hant-HK": "yue-Hant-HK",
    "tl": "fil-PH",
    "fil": "fil-PH",
    "ko": "ko-KR",
    "ko_kr": "ko-KR",
    "in": "id-ID",
    "es-419": "es-419",
}


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("provider", [GOOGLE, SPEECH_2], ids=["v1", "v2"])
def test_speech_gets_the_codes_of_its_own_list(call: Caller, provider: Any, language: str) -> None:
    """Both versions get the code that Google's page lists, whichever of its names the user has written."""
    sent: list[Any] = []
    call(
        provider,
        "speech_to_text",
        GREETING,
        language=language,
        send=lambda r: (sent.append(r), Response(200, {}, b"{}"))[1],
    )
    config = sent[0].json["config"]
    assert config.get("languageCode", config.get("languageCodes")) in (CODES[language], [CODES[language]])


@pytest.mark.parametrize(
    ("language", "hint"), [("he", "iw"), ("iw", "iw"), ("nb-NO", "no"), ("no", "no"), ("zh-TW", "zh-Hant")]
)
def test_vision_gets_the_codes_of_its_own_list(call: Caller, language: str, hint: str) -> None:
    """A hint for the text in a picture is spelled as Vision's page spells it."""
    sent: list[Any] = []

    def send(request: Any) -> Response:
        sent.append(request)
        return Response(200, {}, b'{"responses": [{}]}')

    call(GOOGLE, "analyze_image", PICTURE, features=["text"], language=language, send=send)
    assert sent[0].json["requests"][0]["imageContext"] == {"languageHints": [hint]}


@pytest.mark.parametrize("channels", [1, 2])
def test_every_channel_of_a_recording_at_an_address_is_asked_for(call: Caller, channels: int) -> None:
    """Nobody knows here how many channels it has, so v2 is asked for each; ``meta`` says whether there were several."""
    uri = "gs://bucket/통화.flac"
    found = [{"alternatives": [{"transcript": f"말 {n}"}], "channelTag": n} for n in range(1, channels + 1)]
    done = {
        "name": "1",
        "done": True,
        "response": {"results": {uri: {"inlineResult": {"transcript": {"results": found}}}}},
    }
    sent: list[Any] = []

    def send(request: Any) -> Response:
        sent.append(request)
        return Response(200, {}, json.dumps(done).encode())

    said = call(Google(api_key="not-a-real-key", project="p"), "speech_to_text", uri, language="ko", send=send)
    assert sent[0].json["config"]["features"]["multiChannelMode"] == "SEPARATE_RECOGNITION_PER_CHANNEL"
    assert [segment.text for segment in said] == [f"말 {n}" for n in range(1, channels + 1)]
    assert said.meta.channels == ("each" if channels > 1 else None)


@pytest.mark.parametrize("project", [None, "p"])
def test_every_channel_of_a_recording_is_asked_for(call: Caller, project: str | None, tmp_path: Any) -> None:
    """A recording of two channels is recognized channel by channel: without being told, Google reads only the first."""
    import wave

    with wave.open(str(tmp_path / "통화.wav"), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(32000))
    sent: list[Any] = []
    provider = Google(api_key="not-a-real-key", project=project)
    send = lambda r: (sent.append(r), Response(200, {}, b"{}"))[1]  # noqa: E731
    call(provider, "speech_to_text", tmp_path / "통화.wav", language="ko", send=send)
    config = sent[0].json["config"]
    if project:
        assert config["features"]["multiChannelMode"] == "SEPARATE_RECOGNITION_PER_CHANNEL"
    else:
        assert (config["audioChannelCount"], config["enableSeparateRecognitionPerChannel"]) == (2, True)


def symbol(text: str, kind: str | None = None, *, prefix: bool = False) -> dict[str, Any]:
    """Return a letter, with a break after or before it."""
    found = {} if kind is None else {"property": {"detectedBreak": {"type": kind, "isPrefix": prefix}}}
    return {"text": text, **found}


def test_a_break_may_stand_before_a_letter(call: Caller) -> None:
    """A break that is a prefix belongs before its letter; one at the word itself counts where no letter has one."""
    page = [
        {"symbols": [symbol("가")]},
        {"symbols": [symbol("나", "SPACE", prefix=True)]},
        {"symbols": [symbol("다", "LINE_BREAK", prefix=True)]},
        {"symbols": [symbol("라")], "property": {"detectedBreak": {"type": "SPACE"}}},
        {"symbols": [symbol("마")]},
    ]
    annotation = {"text": "가 나\n다라 마", "pages": [{"blocks": [{"paragraphs": [{"words": page}]}]}]}
    text = ask(
        call, "analyze_image", PICTURE, {"responses": [{"fullTextAnnotation": annotation}]}, features=["text"]
    ).text
    assert [line.text for block in text.pages[0].blocks for line in block.lines] == ["가 나", "다라 마"]


def test_an_unknown_field_of_safety_is_passed_over(call: Caller) -> None:
    """A field of ``safeSearchAnnotation`` that is no likelihood is kept in ``raw`` and is never fatal."""
    found = {"adult": "LIKELY", "adultConfidence": 0.9, "details": {"a": 1}, "new": "POSSIBLE"}
    result = ask(call, "analyze_image", PICTURE, {"responses": [{"safeSearchAnnotation": found}]}, features=["safety"])
    assert {kind: level.word for kind, level in result.safety.items()} == {"adult": "LIKELY", "new": "POSSIBLE"}
    assert result.raw["responses"][0]["safeSearchAnnotation"] == found


def test_a_landmark_and_a_sentence_may_lack_what_the_definition_calls_optional(call: Caller) -> None:
    """A landmark without a type and a sentence without a text are read: proto3 leaves every default out."""
    face = {"boundingPoly": {"vertices": [{"x": 1, "y": 1}, {"x": 9, "y": 9}]}, "landmarks": [{"position": {"x": 1}}]}
    faces = ask(call, "detect_faces", PICTURE, {"responses": [{"faceAnnotations": [face]}]}, landmarks=True)
    assert set(faces[0].landmarks) == {"google:UNKNOWN_LANDMARK"}
    body = {"documentSentiment": {"score": 0.5}, "sentences": [{"sentiment": {"score": 0.5}}]}
    assert ask(call, "sentiment", "좋아요", body).score == 0.5


NOTHING_KNOWN = {
    "speech v1": ("speech_to_text", GREETING, {"foo": 1}, GOOGLE),
    "speech v2": ("speech_to_text", GREETING, {"error": "no"}, SPEECH_2),
    "a job without an outcome": ("speech_to_text", "gs://b/a.flac", {"name": "1", "done": True}, GOOGLE),
    "a job of nothing known": (
        "speech_to_text",
        "gs://b/a.flac",
        {"name": "1", "done": True, "response": {"a": 1}},
        GOOGLE,
    ),
    "a job without a name": ("speech_to_text", "gs://b/a.flac", {}, GOOGLE),
    "a file of nothing known": (
        "speech_to_text",
        "gs://b/a.flac",
        {"name": "1", "done": True, "response": {"results": {"gs://b/a.flac": {"new": 1}}}},
        SPEECH_2,
    ),
    "a piece of speech": ("speech_to_text", GREETING, {"results": [{"new": 1}]}, GOOGLE),
    "a text of speech": ("speech_to_text", GREETING, {"results": [{"alternatives": [{"text": "안녕"}]}]}, SPEECH_2),
    "a label": ("analyze_image", PICTURE, {"responses": [{"labelAnnotations": [{"name": "나무"}]}]}, GOOGLE),
    "a picture": ("analyze_image", PICTURE, {"responses": [{"new": 1}]}, GOOGLE),
    "a face": ("detect_faces", PICTURE, {"responses": [{"new": []}]}, GOOGLE),
    "a text": ("sentiment", "좋아요", {"languageCode": "ko"}, GOOGLE),
}


@pytest.mark.parametrize("case", NOTHING_KNOWN)
def test_a_reply_that_holds_nothing_known_is_an_error(call: Caller, case: str) -> None:
    """A 200 without anything that we know is never an empty good result."""
    operation, given, body, provider = NOTHING_KNOWN[case]
    options = {"language": "en-US"} if operation == "speech_to_text" else {}
    with pytest.raises(MalformedResponseError):
        ask(call, operation, given, body, provider, **options)


def test_silence_and_an_empty_picture_are_no_errors(call: Caller) -> None:
    """An empty object is what Google says of a recording without speech, and of a picture without anything in it."""
    for body in ({}, {"totalBilledTime": "15s", "requestId": "1"}):
        assert ask(call, "speech_to_text", GREETING, body, language="en-US").text == ""
    assert ask(call, "speech_to_text", GREETING, {"metadata": {}}, SPEECH_2, language="en-US").text == ""
    assert ask(call, "detect_faces", PICTURE, {"responses": [{}]}).faces == ()


# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
CLASSES = {
    **dict.fromkeys((3, 5, 9, 11), "BadRequestError"),
    **dict.fromkeys((1, 2, 4, 6, 10, 12, 13, 15), "ServerError"),
    7: "ForbiddenError",
    8: "RateLimitedError",
    14: "UnavailableError",
    16: "AuthError",
}
"""The class of each code's error, written out here, so that a slip in our own table is found."""


@pytest.mark.parametrize("code", range(1, 17))
def test_every_code_of_grpc_has_its_class_for_one_picture(call: Caller, code: int) -> None:
    """An error for one picture inside a 200 has the class that its code stands for in Google's table."""
    body = {"responses": [{"error": {"code": code, "message": "no"}}]}
    with pytest.raises(cloudai.ServiceError) as raised:
        ask(call, "detect_faces", PICTURE, body)
    assert type(raised.value).__name__ == CLASSES[code]
    assert set(HTTP_OF_GRPC) == set(range(1, 17))


@pytest.mark.parametrize(("code", "kind"), [(8, cloudai.RateLimitedError), (16, cloudai.AuthError)])
def test_a_quota_or_a_key_is_no_fault_of_an_address(call: Caller, code: int, kind: type[Exception]) -> None:
    """An error about a picture at an address is about the address, unless it is about the account."""
    body = {"responses": [{"error": {"code": code, "message": "no"}}]}
    with pytest.raises(kind) as caught:
        ask(call, "detect_faces", "https://example.com/a.png", body)
    assert "download the picture" not in str(caught.value)


@pytest.mark.parametrize("status", [5, ["x"], {"a": 1}])
def test_a_status_that_is_no_word_is_no_code(call: Caller, status: Any) -> None:
    """The code of an error is a text or None, whatever a proxy writes in its place."""
    reply = Response(400, {}, json.dumps({"error": {"code": 400, "message": "no", "status": status}}).encode())
    with pytest.raises(cloudai.BadRequestError) as caught:
        call(GOOGLE, "sentiment", "좋아요", send=lambda _: reply, language="ko")
    assert caught.value.code is None


@pytest.mark.parametrize("name", ["", "../../x", "a?b=1", "a#b", "a\nb", "\ud800", "한글"])
def test_a_job_whose_name_is_another_address_is_not_polled(call: Caller, name: str) -> None:
    """Only a plain name is put behind the address at which a job is asked for."""
    with pytest.raises(MalformedResponseError, match="the job has no name"):
        ask(call, "speech_to_text", "gs://bucket/a.wav", {"name": name}, language="ko", timeout=0.5)
