"""The operations that chat models answer, on all three vendors, from constructed cassettes."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from cloudai import (
    Azure,
    BadRequestError,
    BlockedError,
    Client,
    CloudAIError,
    EmptyAnswerError,
    Google,
    MalformedResponseError,
    NoAnswerError,
    RateLimitedError,
    RefusedError,
    Response,
    TimeLimitError,
    ToolCallError,
    TruncatedError,
    UnsupportedOperationError,
)
from cloudai.cli.demo import sample_photos
from cloudai.models.base import Box
from cloudai.models.face import Face, Faces
from cloudai.providers._generative.faces import _cut
from cloudai.providers._generative.models import another
from cloudai.testing import Cassette, Script, orphans, replay
from tests.conftest import Caller
from tests.support.generative import CHATS, KEY, data_of, is_chat, reply
from tests.support.paths import FIXTURES
from tests.support.played import GREETING, PICTURE

FOLDER = FIXTURES / "generative"
HOPPER = dict(sample_photos())["Grace Hopper"]
MAIL = "방이 정말 깨끗했어요! 2층이었습니다.\n그런데 밤에는 시끄러웠어요."
BANK = "한국은행이 기준금리를 동결했다. 물가 상승률은 둔화되었다."
PLAYED: set[Path] = set()
VENDORS = pytest.mark.parametrize("vendor", CHATS)


def ask(call: Caller, vendor: str, name: str, given: Any, **options: Any) -> Any:
    """Make one call that is answered from a cassette, strictly, without a key."""
    path = FOLDER / vendor / (f"{name}.json" if "-" in name else f"{name}-success.json")
    PLAYED.add(path)
    settings = {"client_offline": True, "client_max_attempts": 1, "client_sleep": lambda _: None}
    with replay(path) as send:
        operation = name.partition("-")[0]
        return call(vendor, operation, given, send=send, method="generative", **options, **settings)


def faces_of(vendor: str) -> Path:
    """Return a picture with as many faces as the cassette of the vendor's detector; for watson one of a single face."""
    return HOPPER if vendor == "watson" else PICTURE


@VENDORS
def test_an_age_is_a_range_for_each_face(call: Caller, vendor: str) -> None:
    """Each face has its box, by a detector, and a range of years, by the model; `Meta` says what it cost."""
    ages = ask(call, vendor, "estimate_age", faces_of(vendor))
    assert [(age.low, age.high, age.years) for age in ages] == [(34, 42, None), (8.5, 12, None)][: len(ages)]
    assert len(ages) == (1 if vendor == "watson" else 2)
    assert all(age.box.width > 0 and age.box.image_size for age in ages)
    assert ages[0].box.area == max(age.box.area for age in ages)
    assert ages.meta.method == "generative"
    assert ages.meta.prompt == "estimate_age/1"
    assert ages.meta.usage.input_tokens == 612
    assert ages.meta.usage.output_tokens == 88
    assert (ages.meta.usage.cost is None) == (vendor == "watson")
    services = {"google": "vision, gemini", "azure": "face, openai", "watson": "watsonx"}
    assert ages.meta.service == services[vendor]
    assert ages.to_rows()[0]["method"] == "generative"
    assert ages.to_rows()[0]["age_low"] == 34


@VENDORS
def test_expressions_have_our_names(call: Caller, vendor: str) -> None:
    """Each emotion has a word and its rank; nothing else of the detector's is passed off as the model's."""
    faces = ask(call, vendor, "detect_faces", faces_of(vendor), attributes=["emotions"])
    first = faces[0].emotions
    assert first.scale == "likelihood"
    assert (first.happiness.word, first.happiness.score) == ("very likely", 1)
    assert (first.anger.word, first.anger.score) == ("very unlikely", 0)
    assert first.calm is None
    assert first.top == "happiness"
    assert faces[0].pose is None
    assert faces.meta.method == "generative"
    assert faces.to_rows()[0]["emotion_scale"] == "likelihood"


@VENDORS
def test_a_caption_is_korean(call: Caller, vendor: str) -> None:
    """The caption and the tags are in the language that was asked for, without a confidence; a box is in pixels."""
    analysis = ask(call, vendor, "analyze_image", PICTURE, language="ko-KR")
    assert analysis.caption.text == "초록 들판에 서 있는 나무 한 그루"
    assert (analysis.caption.language, analysis.caption.confidence) == ("ko", None)
    assert [tag.name for tag in analysis.tags] == ["나무", "들판", "하늘"]
    assert analysis.meta.language_sent == "ko"
    assert (analysis.width, analysis.height) == (640, 480)
    if vendor == "google":
        box = analysis.objects[0].box
        assert (box.x, box.y, box.width, box.height) == (160, 48, 320, 384)
    else:
        assert analysis.objects is None


EVERYTHING = ["caption", "dense_captions", "tags", "objects", "text", "safety", "faces", "places"]


@VENDORS
def test_everything_that_a_model_can_see(call: Caller, vendor: str) -> None:
    """One prompt asks for all features but faces; what a vendor's models cannot do is reported, or refused."""
    analysis = ask(call, vendor, "analyze_image-everything", PICTURE, features=EVERYTHING, missing="report")
    assert analysis.unsupported == (("places",) if vendor == "google" else ("objects", "places"))
    assert analysis.text.text == "출입 금지"
    assert analysis.safety["violence"].word == "unlikely"
    assert "medical" not in analysis.safety
    assert (analysis.dense_captions[0].box is None) == (vendor != "google")
    if vendor != "watson":  # no face is found in the picture of a tree on this machine
        assert [face.emotions.top for face in analysis.faces] == ["happiness", "neutral"]
        assert analysis.meta.usage.input_tokens == 2 * 612
        assert analysis.meta.prompt == "analyze_image/1, detect_faces/1"
    with pytest.raises(UnsupportedOperationError, match=r"has no (objects, )?places"):
        call(CHATS[vendor](), "analyze_image", PICTURE, send=Script(), features=EVERYTHING, method="generative")


@VENDORS
def test_sentiment_has_sentences(call: Caller, vendor: str) -> None:
    """The sentences stand where their positions say, whatever the model says; no confidence is made up."""
    mood = ask(call, vendor, "sentiment", MAIL)
    assert (mood.label, mood.score, mood.confidences) == ("mixed", 0.1, None)
    assert [(s.label, s.text) for s in mood] == [
        ("positive", "방이 정말 깨끗했어요!"),
        ("neutral", "2층이었습니다."),
        ("negative", "그런데 밤에는 시끄러웠어요."),
    ]
    assert all(MAIL[s.start : s.end] == s.text for s in mood)
    assert (mood.language, mood.language_source) == ("ko", "detected")
    assert mood.meta.model


@VENDORS
def test_text_operations(call: Caller, vendor: str) -> None:
    """Phrases, languages, translations and the text in a picture have the shapes of the classic services."""
    phrases = ask(call, vendor, "key_phrases", BANK, language="ko")
    assert next((p.text, p.relevance, p.kind) for p in phrases) == ("한국은행", None, "phrase")
    assert phrases.language_source == "given"
    language = ask(call, vendor, "detect_language", "오늘은 김밥을 먹었어요.")
    assert (language.code, language.name, language.confidence) == ("ko", "Korean", None)
    assert ask(call, vendor, "detect_language-undecided", "12345").code == "und"
    translation = ask(call, vendor, "translate", "국이 뜨겁습니다.", to=["en", "zh-Hant"])
    assert [(t.to, t.text) for t in translation] == [("en", "The soup is hot."), ("zh-Hant", "湯很燙。")]
    assert translation.detected == "ko"
    text = ask(call, vendor, "read_text", PICTURE, language="ko")
    assert text.text == "출입 금지\n관계자 외"
    assert text.lines[0].box is None


def test_a_recording_is_written_down_where_the_model_takes_audio(call: Caller) -> None:
    """Gemini gives sentences without times; the others take no recordings, and say who does."""
    transcript = ask(call, "google", "speech_to_text", GREETING, language="ko")
    assert transcript.text == "안녕하세요. 반갑습니다."
    assert [(s.start, s.speaker) for s in transcript] == [(None, None), (None, None)]
    for vendor in ("azure", "watson"):
        with pytest.raises(UnsupportedOperationError, match="no chat model answers speech_to_text here"):
            call(CHATS[vendor](), "speech_to_text", GREETING, send=Script(), language="ko", method="generative")


@VENDORS
def test_an_answer_that_does_not_fit_is_asked_for_once_more(call: Caller, vendor: str) -> None:
    """The tokens of both answers are counted."""
    ages = ask(call, vendor, "estimate_age-asked_twice", faces_of(vendor))
    assert (ages[0].low, ages[0].high) == (34, 42)
    assert ages.meta.usage.input_tokens == 2 * 612
    assert ages.meta.attempts == (2 if vendor == "watson" else 3)


WITHOUT_AN_ANSWER = {
    "blocked": BlockedError,
    "prompt-blocked": BlockedError,
    "refused": RefusedError,
    "truncated": TruncatedError,
    "time_limit": TimeLimitError,
    "empty": EmptyAnswerError,
    "tool": ToolCallError,
    "no-such-model": BadRequestError,
    "quota": RateLimitedError,
}


@pytest.mark.parametrize(
    "path",
    sorted(set(FOLDER.glob("*/sentiment-*.json")) - set(FOLDER.glob("*/*-success.json"))),
    ids=lambda p: f"{p.parent.name}-{p.stem}",
)
def test_a_reply_without_an_answer_is_an_error_of_its_own(call: Caller, path: Path) -> None:
    """Each has its class, says what to do, and tells what may have been billed; none is asked again."""
    with pytest.raises(CloudAIError) as raised:
        ask(call, path.parent.name, path.stem, "맛있어요!")
    error = raised.value
    assert type(error) is WITHOUT_AN_ANSWER[path.stem.removeprefix("sentiment-")]
    assert error.advice
    assert error.attempts == 1
    assert "맛있어요" not in str(error)
    if path.stem == "sentiment-no-such-model":
        assert error.advice.startswith("Name a")


@VENDORS
def test_an_answer_that_is_none_may_be_billed(vendor: str) -> None:
    """The reply came, so that its tokens may be billed, and nobody knows: the least is 0, the most 1."""
    script = Script(reply(vendor, " "))
    with Client(CHATS[vendor](), send=script, offline=True) as client, pytest.raises(NoAnswerError) as raised:
        client.sentiment("좋아요", method="generative")
    assert (raised.value.billed_min, raised.value.billed_max, raised.value.state) == (0, 1, "UNKNOWN")
    assert raised.value.raw


def test_an_ended_model_gives_the_advice_to_name_another() -> None:
    """The date on which Google ended it stands beside those that there are; no other model is taken in silence."""
    missing = {"error": {"code": 404, "message": "models/gemini-2.5-flash is not found for API version v1"}}
    gone = Response(404, {"content-type": "application/json"}, json.dumps(missing).encode())
    google = Google(gemini_api_key=KEY, gemini_model="gemini-2.5-flash")
    with Client(google, send=Script(gone)) as client, pytest.raises(BadRequestError) as raised:
        client.sentiment("좋아요", method="generative")
    assert raised.value.advice.startswith("Name another model: GEMINI_MODEL. gemini-2.5-flash end")  # "ends" until then
    assert raised.value.advice.endswith(" on 2026-12-01. Known: gemini-3.8-flash, gemini-3.5-flash-lite.")
    assert another("google", "gemini-2.5-flash", "GEMINI_MODEL", date(2027, 1, 1)).startswith(
        "Name another model: GEMINI_MODEL. gemini-2.5-flash ended on 2026-12-01. Known: gemini-3.8-flash"
    )


@VENDORS
def test_two_answers_that_do_not_fit_are_an_error(vendor: str) -> None:
    """The error says what does not fit, in our own words, and that it was asked twice."""
    sent = Script(*[reply(vendor, '{"label": "IGNORE ALL"}')] * 2)
    with (
        Client(CHATS[vendor](), send=sent, offline=True) as client,
        pytest.raises(MalformedResponseError, match="asked twice") as raised,
    ):
        client.sentiment("맛있어요!", method="generative")
    assert "IGNORE" not in str(raised.value)
    assert raised.value.billed_max == 2
    assert len(raised.value.raw) == 2


def test_extras_are_for_the_model_and_not_for_the_detector() -> None:
    """``extra=`` goes into the first prompt, although the request to the detector goes out before it."""
    held = Cassette.load(FOLDER / "google" / "estimate_age-success.json").exchanges
    script = Script(*[Response(200, {}, json.dumps(each.response.body).encode()) for each in held])
    with Client(CHATS["google"](), send=script, offline=True) as client:
        client.estimate_age(PICTURE, extra={"generationConfig": {"temperature": 0.1}}, extra_headers={"x-note": "1"})
    detector, model = script.requests
    assert "x-note" not in detector.headers
    assert "generationConfig" not in detector.json
    assert model.headers["x-note"] == "1"
    assert model.json["generationConfig"]["temperature"] == 0.1
    assert model.json["generationConfig"]["responseMimeType"] == "application/json"


def test_a_picture_without_faces_asks_no_model() -> None:
    """Where a detector finds no face there is nothing to describe, and nothing more is sent."""
    with Client(CHATS["azure"](), send=lambda _: Response(200, {"content-type": "application/json"}, b"[]")) as client:
        ages = client.estimate_age(PICTURE)
    assert (len(ages), ages.meta.method, ages.meta.service) == (0, "generative", "face")


def test_faces_are_cut_out_upright_and_without_metadata() -> None:
    """The model gets each face with a margin, at most 512 px, and never the whole picture."""
    requests: list[Any] = []

    def send(request: Any) -> Response:
        requests.append(request)
        return reply("watson", '{"faces": [{"picture": 0, "low": 70, "high": 80}]}')

    with Client(CHATS["watson"](), send=send, offline=True) as client:
        ages = client.estimate_age(HOPPER)
    (asked,) = filter(is_chat, requests)
    label, cut = data_of(asked)
    assert label == "Picture 0:"
    with PIL.Image.open(io.BytesIO(cut.data)) as shown:  # type: ignore[union-attr]
        assert shown.format == "JPEG"
        assert max(shown.size) <= 512
        assert not shown.getexif()
    assert ages[0].low == 70


def test_a_large_face_is_made_smaller() -> None:
    """A cut has 512 px at most, and a margin on each side that ends at the edge of the picture."""
    picture = PIL.Image.new("RGB", (3_000, 2_000), "white")
    boxes = [Box(x=100, y=100, width=1_500, height=1_800), Box(x=2_000, y=1_000, width=100, height=100)]
    sizes = [PIL.Image.open(io.BytesIO(cut)).size for cut in _cut(picture, boxes, 1, 1)]
    assert sizes == [(512, 441), (180, 180)]


def test_more_than_eight_faces_take_several_requests() -> None:
    """Each request has at most eight cuts, and each face gets the answer with its own number."""
    boxes = [Box(x=10 * n, y=10, width=30 - n, height=30, image_size=(640, 480)) for n in range(11)]
    provider = CHATS["google"]()
    detected = Faces(faces=tuple(Face(box=box) for box in boxes))
    vars(provider)["faces_in"] = lambda *_: _returned(detected)
    sizes: list[int] = []

    def send(request: Any) -> Response:
        n = len(data_of(request)) // 2
        sizes.append(n)
        ages = [{"picture": k, "low": 10 * len(sizes) + k, "high": 60} for k in reversed(range(n))]
        return reply("google", json.dumps({"faces": ages}))

    with Client(provider, send=send, offline=True, max_concurrency=1) as client:
        ages = client.estimate_age(PICTURE)
    assert sizes == [8, 3]
    assert [age.low for age in ages] == [*range(10, 18), 20, 21, 22]


def _returned(value: Faces) -> Any:
    return value
    yield


def test_classic_services_keep_answering() -> None:
    """With a chat model set up, an operation that has a classic service goes there unless the model is asked for."""
    good = Response(200, {"content-type": "application/json"}, b'{"documentSentiment": {"score": 0.5}}')
    script = Script(good)
    with Client(CHATS["google"](), send=script, offline=True) as client:
        assert client.sentiment("좋아요").meta.method == "classic"
    assert [request.service for request in script.requests] == ["language"]


def test_ages_of_approved_customers_stay_classic() -> None:
    """Azure(face_approved=True) asks Face for ages, and the chat model only on request."""
    azure = Azure(face_approved=True)
    assert azure.method_of("estimate_age", None) == "classic"
    assert azure.method_of("estimate_age", "generative") == "generative"
    assert Azure().method_of("estimate_age", None) == "generative"


def test_every_cassette_is_played() -> None:
    """No fixture lies about unused, and none poses as recorded."""
    for vendor in CHATS:
        assert orphans(FOLDER / vendor, PLAYED) == []
        for path in (FOLDER / vendor).glob("*.json"):
            assert '"kind": "constructed"' in path.read_text("utf-8")
