"""The requests to Azure: their content, their address, and whatever never goes out."""

from __future__ import annotations

import json
from typing import Any

import pytest

import cloudai
from cloudai import Azure, Client, InputError, Resource, Response, SettingsError, UnsupportedOperationError
from cloudai.models.image import FEATURES
from cloudai.providers.azure.language import ANALYZE_TOGETHER
from cloudai.testing import Script
from tests.conftest import Caller
from tests.support.played import GREETING, PICTURE, write_wav

KEY = "not-a-real-key"
ENDPOINT = "https://example.cognitiveservices.azure.com"
AZURE = Azure(key=KEY, endpoint=ENDPOINT)
GOOD: dict[str, Any] = {
    "analyze_image": {"captionResult": {"text": "a tree"}, "tags": [], "description": {}},
    "detect_faces": [],
    "estimate_age": [],
    "sentiment": {
        "results": {
            "documents": [
                {
                    "id": "0",
                    "sentiment": "neutral",
                    "confidenceScores": {"positive": 0, "neutral": 1, "negative": 0},
                    "sentences": [],
                }
            ],
            "errors": [],
        }
    },
    "speech_to_text": {"RecognitionStatus": "NoMatch", "phrases": []},
}


def sent(call: Caller, operation: str, given: Any, azure: Azure = AZURE, n: int = 1, **options: Any) -> Any:
    """Return the requests of a call; the only one where there is one."""
    script = Script(*[Response(200, {}, json.dumps(GOOD[operation]).encode())] * n)
    call(azure, operation, given, send=script, **options)
    return script.requests[0] if n == 1 else script.requests


def test_image_analysis_4(call: Caller) -> None:
    """Features by 4.0's names, the picture as bytes, the key as a header and not in the address."""
    features = ["caption", "dense_captions", "tags", "objects", "people", "text", "crops"]
    request = sent(call, "analyze_image", PICTURE, features=features, language="en", gender_neutral=True)
    assert request.url == f"{ENDPOINT}/computervision/imageanalysis:analyze"
    assert request.params == {
        "api-version": "2023-10-01",
        "features": "caption,denseCaptions,tags,objects,people,read,smartCrops",
        "language": "en",
        "gender-neutral-caption": "true",
    }
    assert request.headers == {"Content-Type": "application/octet-stream", "Ocp-Apim-Subscription-Key": KEY}
    assert request.content.data[:4] == b"\x89PNG"


def test_image_analysis_3(call: Caller) -> None:
    """Features by 3.2's names, each once; landmarks as details, celebrities never."""
    request = sent(
        call,
        "analyze_image",
        PICTURE,
        Azure(key=KEY, endpoint=ENDPOINT, api="3.2"),
        features=FEATURES,
        missing="report",
    )
    assert request.url == f"{ENDPOINT}/vision/v3.2/analyze"
    assert request.params == {
        "visualFeatures": "Description,Tags,Objects,Faces,Categories,Brands,Color,Adult",
        "details": "Landmarks",
    }


def test_a_mix_sends_the_same_picture_to_each_api(call: Caller) -> None:
    """Features of 4.0 go to 4.0, faces to Face and the rest to 3.2, each with the same picture."""
    replies = [b'{"captionResult": {"text": "a tree"}}', b'{"adult": {}}', b"[]"]
    script = Script(*[Response(200, {}, reply) for reply in replies])
    call(AZURE, "analyze_image", PICTURE, send=script, features=["faces", "safety", "caption"])
    assert [request.url.removeprefix(ENDPOINT) for request in script.requests] == [
        "/computervision/imageanalysis:analyze",
        "/vision/v3.2/analyze",
        "/face/v1.0/detect",
    ]
    assert len({request.content.sha256 for request in script.requests}) == 1


def test_what_a_mix_has_paid_for_is_not_lost(call: Caller) -> None:
    """The second API refuses: the error says so, and holds the first one's reply."""
    caption = {"captionResult": {"text": "a tree", "confidence": 0.5}, "modelVersion": "x"}
    script = Script(Response(200, {}, json.dumps(caption).encode()), Response(403, {}, b"{}"))
    with pytest.raises(cloudai.ForbiddenError) as raised:
        call(AZURE, "analyze_image", PICTURE, send=script, features=["caption", "safety"])
    assert raised.value.raw == caption
    assert (raised.value.attempts, raised.value.billed_min, raised.value.billed_max) == (2, 1, 1)


@pytest.mark.parametrize(
    ("api", "features", "text"),
    [
        (None, ["web"], r"Azure has no web\. It has: caption, dense_captions"),
        ("4.0", ["faces", "safety"], r"Azure Image Analysis 4\.0 has no faces, safety\. .*missing="),
        ("3.2", ["people"], r"Azure Image Analysis 3\.2 has no people"),
    ],
)
def test_a_feature_azure_lacks_is_refused_before_sending(call: Caller, api: Any, features: Any, text: str) -> None:
    """The error says what there is, by the API that was chosen; nothing is sent."""
    script = Script()
    with pytest.raises(UnsupportedOperationError, match=text):
        call(Azure(key=KEY, endpoint=ENDPOINT, api=api), "analyze_image", PICTURE, send=script, features=features)
    assert script.requests == []


def test_an_address_is_passed_on(call: Caller) -> None:
    """Azure fetches https:// itself, and does not know gs://."""
    request = sent(call, "detect_faces", "https://pictures.example/팀.jpg")
    assert request.json == {"url": "https://pictures.example/팀.jpg"}
    with pytest.raises(InputError, match="Azure Face does not fetch gs://"):
        call(AZURE, "detect_faces", "gs://bucket/팀.jpg", send=Script())


def test_as_many_as_asked_for(call: Caller) -> None:
    """Azure has no option for it: the largest are kept, and the result says that there were more."""
    faces = [{"faceRectangle": {"top": 1, "left": 1, "width": n, "height": n}} for n in (3, 9, 5)]
    script = Script(Response(200, {}, json.dumps(faces).encode()))
    found = call(AZURE, "detect_faces", PICTURE, send=script, max_faces=2)
    assert ([face.box.width for face in found], found.truncated) == ([9, 5], True)
    tags = {"tagsResult": {"values": [{"name": n, "confidence": 0.5} for n in "abc"]}}
    script = Script(Response(200, {}, json.dumps(tags).encode()))
    few = call(AZURE, "analyze_image", PICTURE, send=script, features=["tags"], max_results=2)
    assert ([tag.name for tag in few], few.truncated) == (["a", "b"], True)


def test_faces_are_never_identified(call: Caller) -> None:
    """No identifier is asked for, whatever is: the service would need approval, and nobody is named here."""
    for attributes in ((), ("pose", "quality"), ("glasses",)):
        assert sent(call, "detect_faces", PICTURE, attributes=attributes).params["returnFaceId"] == "false"


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ((), {"detectionModel": "detection_03"}),
        (("pose", "mask"), {"returnFaceAttributes": "headPose,mask", "detectionModel": "detection_03"}),
        (
            ("quality",),
            {
                "returnFaceAttributes": "qualityForRecognition",
                "detectionModel": "detection_03",
                "recognitionModel": "recognition_04",
            },
        ),
        (("glasses", "pose"), {"returnFaceAttributes": "glasses,headPose", "detectionModel": "detection_01"}),
    ],
)
def test_the_model_that_knows_the_attributes(call: Caller, attributes: Any, expected: dict[str, str]) -> None:
    """The newest, unless only an older one says what is asked."""
    params = sent(call, "detect_faces", PICTURE, attributes=attributes).params
    assert params == {"returnFaceId": "false", "returnFaceLandmarks": "false", **expected}


def test_what_face_no_longer_says_is_refused_with_the_date(call: Caller) -> None:
    """Expressions ended for all; ages are for approved customers; the error says since when and who can."""
    script = Script()
    with pytest.raises(UnsupportedOperationError, match=r"since 2023-06-30 Azure Face does not say emotions"):
        call(AZURE, "detect_faces", PICTURE, send=script, attributes=["emotions"])
    with pytest.raises(
        UnsupportedOperationError, match=r"since 2023-06-30 .* approved customers only\..*face_approved"
    ):
        call(AZURE, "estimate_age", PICTURE, send=script)
    with pytest.raises(SettingsError, match=r"unknown attribute .hat.\. Known: pose"):
        call(AZURE, "detect_faces", PICTURE, send=script, attributes=["hat"])
    assert script.requests == []


def test_ages_are_asked_for_where_approved(call: Caller) -> None:
    """With face_approved the age is asked of the model that has it."""
    request = sent(call, "estimate_age", PICTURE, Azure(key=KEY, endpoint=ENDPOINT, face_approved=True))
    assert request.params["returnFaceAttributes"] == "age"
    assert request.params["detectionModel"] == "detection_01"


def test_sentiment_counts_code_points(call: Caller) -> None:
    """Offsets are Python's; opinions are asked for; the language in Azure's spelling."""
    request = sent(call, "sentiment", "좋아요", language="zh-TW")
    assert request.url == f"{ENDPOINT}/language/:analyze-text"
    assert request.json == {
        "kind": "SentimentAnalysis",
        "parameters": {"modelVersion": "latest", "stringIndexType": "UnicodeCodePoint", "opinionMining": True},
        "analysisInput": {"documents": [{"id": "0", "text": "좋아요", "language": "zh-Hant"}]},
    }


@pytest.mark.parametrize(
    ("language", "sent_"),
    [("ko-KR", "ko"), ("zh-CN", "zh-Hans"), ("pt", "pt-BR"), ("pt-BR", "pt-BR"), ("pt_PT", "pt-PT"), ("nb-NO", "no")],
)
def test_languages_in_the_services_spelling(call: Caller, language: str, sent_: str) -> None:
    """A language is sent in the spelling of the service's list of supported languages."""
    body = sent(call, "sentiment", "좋아요", language=language).json
    assert body["analysisInput"]["documents"][0]["language"] == sent_


@pytest.mark.parametrize("offset", [0, 3, 50])
def test_a_sentence_is_where_it_is(call: Caller, offset: int) -> None:
    """A sentence keeps its words, and its place is that in the text, however the service counts."""
    scores = {"positive": 1, "neutral": 0, "negative": 0}
    sentence = {"sentiment": "positive", "confidenceScores": scores, "offset": offset, "length": 4, "text": "좋아요!"}
    document = {"id": "0", "sentiment": "positive", "confidenceScores": scores, "sentences": [sentence]}
    reply = {"results": {"documents": [document], "errors": []}}
    script = Script(Response(200, {}, json.dumps(reply).encode()))
    (found,) = call(AZURE, "sentiment", "👩‍👧 좋아요!", language="ko", send=script).sentences
    assert (found.text, found.start) == ("좋아요!", 4)


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b'{"error": "no"}'])
def test_a_refused_key_is_told_whatever_the_reply_looks_like(call: Caller, body: bytes) -> None:
    """Also by a proxy, or with no text at all: the advice is there."""
    with pytest.raises(cloudai.AuthError, match="of the same resource"):
        call(AZURE, "sentiment", "x", send=Script(Response(401, {}, body)))


def test_a_text_too_long_is_refused_before_sending(call: Caller) -> None:
    """5,120 as a reader counts: Hangul in parts is counted whole."""
    import unicodedata

    apart = unicodedata.normalize("NFD", "한") * 5_120
    assert sent(call, "sentiment", apart, language="ko")
    with pytest.raises(InputError, match=r"5,121 characters, and Azure takes 5,120\. Send it in parts"):
        call(AZURE, "sentiment", "한" * 5_121, long="refuse", send=Script())


def test_ten_texts_go_in_one_request() -> None:
    """join numbers the documents, split finds each by its number, an error among them; references stay right."""
    script = Script(*[Response(200, {}, json.dumps(GOOD["sentiment"]).encode())] * 10)
    with Client(AZURE, send=script) as client:
        for n in range(10):
            client.sentiment(f"글 {n}", language="ko" if n else "en")
    assert ANALYZE_TOGETHER.limit == 10
    assert len({ANALYZE_TOGETHER.key(request) for request in script.requests}) == 1
    joined = ANALYZE_TOGETHER.join(script.requests)
    documents = joined.json["analysisInput"]["documents"]
    assert [d["id"] for d in documents] == [str(n) for n in range(10)]
    assert joined.billed == 10
    scores = {"positive": 0.0, "neutral": 0.0, "negative": 1.0}
    span = {"sentiment": "negative", "confidenceScores": {"positive": 0.0, "negative": 1.0}, "length": 1}
    sentence = {
        "sentiment": "negative",
        "confidenceScores": scores,
        "offset": 0,
        "length": 3,
        "text": "글 3",
        "targets": [
            {**span, "offset": 0, "text": "글", "relations": [{"ref": "#/documents/1/sentences/0/assessments/0"}]}
        ],
        "assessments": [{**span, "offset": 2, "text": "3", "isNegated": False}],
    }
    document = {"sentiment": "negative", "confidenceScores": scores, "sentences": []}
    reply = {
        "results": {
            "documents": [{"id": "7", **document}, {"id": "3", **document, "sentences": [sentence]}],
            "errors": [{"id": "0", "error": {"code": "InvalidArgument", "message": "no"}}],
        }
    }
    parts = ANALYZE_TOGETHER.split(Response(200, {}, json.dumps(reply).encode()), script.requests)
    with Client(AZURE, send=Script(parts[3])) as client:
        (found,) = client.sentiment("글 3", language="ko").sentences
    assert (found.opinions[0].text, found.opinions[0].assessments[0].text) == ("글", "3")
    with Client(AZURE, send=Script(parts[0])) as client, pytest.raises(cloudai.BadRequestError):
        client.sentiment("글 0", language="ko")
    with Client(AZURE, send=Script(parts[1])) as client, pytest.raises(cloudai.MalformedResponseError):
        client.sentiment("글 1", language="ko")
    with pytest.raises(cloudai.MalformedResponseError):
        ANALYZE_TOGETHER.split(Response(200, {}, b"[]"), script.requests[:1])


def test_fast_transcription(call: Caller) -> None:
    """A definition and the recording, as parts; nothing masked; speakers where they are asked for."""
    request = sent(call, "speech_to_text", GREETING, language="ko", speakers=3)
    assert request.url == f"{ENDPOINT}/speechtotext/transcriptions:transcribe"
    assert request.params == {"api-version": "2025-10-15"}
    assert json.loads(request.files["definition"].content) == {
        "locales": ["ko-KR"],
        "profanityFilterMode": "None",
        "diarization": {"enabled": True, "maxSpeakers": 3},
    }
    assert (request.files["definition"].name, request.files["audio"].media_type) == (None, "audio/wav")


def test_an_address_of_a_recording_is_passed_on(call: Caller) -> None:
    """Azure fetches it: there is no upload."""
    request = sent(call, "speech_to_text", "https://sounds.example/연설.mp3", language="ko")
    assert json.loads(request.files["definition"].content)["audioUrl"] == "https://sounds.example/연설.mp3"
    assert list(request.files) == ["definition"]


def test_short_audio_where_only_a_region_is_set(call: Caller) -> None:
    """Its own host, the recording as the body, its rate in the content type."""
    request = sent(call, "speech_to_text", GREETING, Azure(speech=Resource(KEY, region="koreacentral")), language="ko")
    assert request.url == (
        "https://koreacentral.stt.speech.microsoft.com/speech/recognition/conversation/cognitiveservices/v1"
    )
    assert request.params == {"language": "ko-KR", "format": "detailed", "profanity": "raw"}
    assert request.headers["Content-Type"] == "audio/wav; codecs=audio/pcm; samplerate=8000"


def test_short_audio_says_what_it_cannot(call: Caller, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Speakers, and more than a minute where nothing can cut it: the error says to set the endpoint."""
    monkeypatch.setattr("cloudai.media.decoding.can_decode", lambda: False)
    region = Azure(speech=Resource(KEY, region="koreacentral"))
    with pytest.raises(UnsupportedOperationError, match=r"speakers apart\. Set SPEECH_ENDPOINT"):
        call(region, "speech_to_text", GREETING, send=Script(), language="ko", speakers=2)
    path = write_wav(tmp_path / "연설.wav", 61)
    with pytest.raises(InputError, match=r"연설\.wav lasts 1:01; .*Set SPEECH_ENDPOINT"):
        call(region, "speech_to_text", path, send=Script(), language="ko")


def test_phrases_are_told_to_fast_transcription(call: Caller) -> None:
    """Names that are likely to be said go out as a list; short audio, which takes none, refuses them."""
    request = sent(call, "speech_to_text", GREETING, language="ko", phrases=["클라우드", "자막"])
    assert json.loads(request.files["definition"].content)["phraseList"] == {"phrases": ["클라우드", "자막"]}
    region = Azure(speech=Resource(KEY, region="koreacentral"))
    with pytest.raises(UnsupportedOperationError, match=r"no phrases\. Set SPEECH_ENDPOINT"):
        call(region, "speech_to_text", GREETING, send=Script(), language="ko", phrases=["클라우드"])


def test_extra_has_no_place_in_a_picture(call: Caller) -> None:
    """A body of bytes cannot be merged into: the error says what can be added to."""
    with pytest.raises(SettingsError, match=r"extra= goes into a JSON body.*extra_params="):
        call(AZURE, "detect_faces", PICTURE, send=Script(), extra={"x": 1})
    request = sent(call, "detect_faces", PICTURE, extra_params={"faceIdTimeToLive": "60"})
    assert request.params["faceIdTimeToLive"] == "60"
