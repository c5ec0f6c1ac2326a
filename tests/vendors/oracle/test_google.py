"""Google's own packages as oracle: they read every reply as we do, and take every request we send.

https://cloud.google.com/python/docs/reference
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import language_v1, language_v2, speech_v1, speech_v2, vision_v1
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.type.latlng_pb2 import LatLng
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudai import Client, Google, ImageAnalysis, Response, Sentiment, Transcript
from cloudai.languages import joined
from cloudai.models.image import FEATURES
from cloudai.providers.google.vision import LANDMARKS
from cloudai.testing import Script
from tests.support.documents import pdf
from tests.support.length import length
from tests.support.played import GREETING, PICTURE
from tests.vendors.oracle.agree import agree, constructed, recorded
from tests.vendors.oracle.messages import messages

GOOGLE = Google(api_key="not-a-real-key")
PNG = PICTURE.read_bytes()
WIDTH, HEIGHT = 640, 480
RANDOM = settings(
    max_examples=length(40, 150, 500),
    deadline=None,
    database=None,
    derandomize=True,  # the same messages each time: a change is judged by itself, not by luck
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def ask(operation: str, given: Any, body: Any, google: Google = GOOGLE, **options: Any) -> Any:
    """Return our result from a reply."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with Client(google, send=lambda _: Response(200, {}, content)) as client:
        return getattr(client, operation)(given, **options)


def parsed(kind: Any, body: Any) -> Any:
    """Return the vendor's message from a reply; it knows every field that we read."""
    return json_format.ParseDict(body, kind.pb()(), ignore_unknown_fields=True)


def as_json(message: Any) -> bytes:
    """Return a message as Google's REST servers write it: zeros are left out."""
    return json_format.MessageToJson(message).encode()


def corners(poly: Any) -> list[tuple[float, float]]:
    """Return the corners of a polygon in pixels."""
    return [(v.x, v.y) for v in poly.vertices] or [(v.x * WIDTH, v.y * HEIGHT) for v in poly.normalized_vertices]


def rectangle(poly: Any) -> tuple[float, ...] | None:
    """Return the smallest rectangle around a polygon."""
    xs, ys = zip(*corners(poly), strict=True) if corners(poly) else ((), ())
    return (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)) if xs else None


def word(value: int) -> str | None:
    """Return the name of a likelihood; one that is not known has none."""
    name = vision_v1.Likelihood(value).name
    return None if name == "UNKNOWN" else name


def their_face(face: Any) -> dict[str, Any]:
    """Return a face as Google's package has it, in our words."""
    return {
        "box": rectangle(face.fd_bounding_poly) or rectangle(face.bounding_poly),
        "head": rectangle(face.bounding_poly),
        "confidence": face.detection_confidence,
        "landmarking": face.landmarking_confidence,
        "pose": (face.roll_angle, face.tilt_angle, face.pan_angle),
        "joy": word(face.joy_likelihood),
        "sorrow": word(face.sorrow_likelihood),
        "anger": word(face.anger_likelihood),
        "surprise": word(face.surprise_likelihood),
        "blurred": word(face.blurred_likelihood),
        "dark": word(face.under_exposed_likelihood),
        "headwear": word(face.headwear_likelihood),
        "landmarks": {
            LANDMARKS.get(name, f"google:{name}"): (m.position.x, m.position.y, m.position.z)
            for m in face.landmarks
            for name in [vision_v1.FaceAnnotation.Landmark.Type(m.type_).name]
        },
    }


def theirs_of(m: Any) -> dict[str, Any]:
    """Return a whole reply as Google's package has it, in our words."""
    pages = m.full_text_annotation.pages
    full, flat = m.full_text_annotation.text, m.text_annotations
    whole = flat[0].description if flat and not pages else full
    web = m.web_detection

    def sites(images: Any) -> list[tuple[str, float]]:
        return [(image.url, image.score) for image in images]

    return {
        "tags": [(e.description, e.score, e.mid) for e in m.label_annotations],
        "objects": [(o.name, o.score, o.mid, rectangle(o.bounding_poly)) for o in m.localized_object_annotations],
        "people": [o.score for o in m.localized_object_annotations if o.name == "Person"],
        "places": [
            (
                e.description,
                e.score,
                rectangle(e.bounding_poly),
                e.locations[0].lat_lng.latitude if e.locations else 0,
                e.locations[0].lat_lng.longitude if e.locations else 0,
            )
            for e in m.landmark_annotations
        ],
        "brands": [(e.description, e.score, rectangle(e.bounding_poly)) for e in m.logo_annotations],
        "colors": [
            (
                tuple(min(255, max(0, round(part))) for part in (c.color.red, c.color.green, c.color.blue)),
                c.score,
                c.pixel_fraction,
            )
            for c in m.image_properties_annotation.dominant_colors.colors
        ],
        "crops": [
            (rectangle(c.bounding_poly), c.confidence, c.importance_fraction)
            for c in m.crop_hints_annotation.crop_hints
            if rectangle(c.bounding_poly)
        ],
        "safety": {
            kind: name
            for kind in ("adult", "spoof", "medical", "violence", "racy")
            if (name := word(getattr(m.safe_search_annotation, kind)))
        },
        "web": {
            "guesses": [label.label for label in web.best_guess_labels],
            "entities": [(e.description, e.score, e.entity_id) for e in web.web_entities],
            "pages": sites(web.pages_with_matching_images),
            "full": sites(web.full_matching_images),
            "partial": sites(web.partial_matching_images),
            "similar": sites(web.visually_similar_images),
        },
        "text": letters("".join(_letters(pages)) if pages else whole),
        "words": [
            ("".join(s.text for s in w.symbols), w.confidence, rectangle(w.bounding_box))
            for page in pages
            for block in page.blocks
            for paragraph in block.paragraphs
            for w in paragraph.words
        ],
        "faces": [their_face(face) for face in m.face_annotations],
    }


def letters(text: str) -> str:
    """Return a text without its blanks: those between lines and paragraphs are ours."""
    return "".join(text.split())


def _letters(pages: Any) -> Iterator[str]:
    """Yield every letter of some pages, in order."""
    for page in pages:
        for block in page.blocks:
            for paragraph in block.paragraphs:
                for word_ in paragraph.words:
                    yield from (symbol.text for symbol in word_.symbols)


def place(box: Any) -> tuple[float, ...] | None:
    """Return our box."""
    return (box.x, box.y, box.width, box.height) if box else None


def said(level: Any) -> str | None:
    """Return the word of one of our levels."""
    return level.word if level and level.word != "UNKNOWN" else None


def our_face(face: Any) -> dict[str, Any]:
    """Return our face in the same words."""
    return {
        "box": place(face.box),
        "head": place(face.head_box),
        "confidence": face.confidence or 0,
        "landmarking": face.landmarks_confidence or 0,
        "pose": (face.pose.roll, face.pose.pitch, face.pose.yaw),
        "joy": said(face.emotions.happiness),
        "sorrow": said(face.emotions.sadness),
        "anger": said(face.emotions.anger),
        "surprise": said(face.emotions.surprise),
        "blurred": said(face.blur),
        "dark": said(face.exposure),
        "headwear": said(face.headwear),
    }


def ours_of(found: ImageAnalysis) -> dict[str, Any]:
    """Return our result in the same words; what the reply leaves out is None here and 0 there."""
    assert found.text
    assert found.web
    paged = [page for page in found.text.pages if page.width is not None or any(b.confidence for b in page.blocks)]
    return {
        "tags": [(t.name, t.confidence or 0, t.vendor_id or "") for t in found.tags or ()],
        "objects": [(o.name, o.confidence or 0, o.vendor_id or "", place(o.box)) for o in found.objects or ()],
        "people": [p.confidence or 0 for p in found.people or ()],
        "places": [
            (p.name, p.confidence or 0, place(p.box), p.latitude or 0, p.longitude or 0) for p in found.places or ()
        ],
        "brands": [(b.name, b.confidence or 0, place(b.box)) for b in found.brands or ()],
        "colors": [
            (tuple(bytes.fromhex((c.hex or "")[1:])), c.score or 0, c.fraction or 0) for c in found.colors or ()
        ],
        "crops": [(place(c.box), c.confidence or 0, c.importance or 0) for c in found.crops or ()],
        "safety": {kind: level.word for kind, level in (found.safety or {}).items() if said(level)},
        "web": {
            "guesses": list(found.web.best_guesses),
            "entities": [(e.name or "", e.score or 0, e.vendor_id or "") for e in found.web.entities],
            **{
                name: [(p.url, p.score or 0) for p in pages]
                for name, pages in {
                    "pages": found.web.pages,
                    "full": found.web.full_matches,
                    "partial": found.web.partial_matches,
                    "similar": found.web.similar,
                }.items()
            },
        },
        "text": letters(found.text.text),
        "words": [(w.text, w.confidence or 0, place(w.box)) for line in found.text.lines for w in line.words],
        "faces": None if paged is None else [our_face(face) for face in found.faces or ()],
    }


def same_picture(body: Any) -> None:
    """Require that both read one reply alike."""
    message = parsed(vision_v1.BatchAnnotateImagesResponse, body).responses[0]
    theirs = theirs_of(message)
    if not message.full_text_annotation.pages:
        theirs["words"] = None  # a flat list of words is ours to put into lines
    found = ask("analyze_image", PNG, body, features=FEATURES, missing="report")
    ours = ours_of(found)
    ours["words"] = ours["words"] if theirs["words"] is not None else None
    landmarks = {id(face): face.pop("landmarks") for face in theirs["faces"]}
    largest = sorted(range(len(theirs["faces"])), key=lambda n: -area(theirs["faces"][n]["box"]))
    theirs["faces"] = [theirs["faces"][n] for n in largest]
    agree(ours, theirs)
    faces = ask("detect_faces", PNG, body, landmarks=True)
    agree(
        [{n: (p.x, p.y, p.z) for n, p in face.landmarks.items() if not is_new(n)} for face in faces],
        [{n: p for n, p in landmarks[id(face)].items() if not is_new(n)} for face in theirs["faces"]],
    )


def is_new(landmark: str) -> bool:
    """Return whether the package is too old for the name of a landmark: it drops the name, and we keep it."""
    return landmark.startswith("google:")


def area(box: tuple[float, ...] | None) -> float:
    """Return the area of a rectangle."""
    return box[2] * box[3] if box else 0


def has_error(body: Any) -> bool:
    """Return whether a picture of the reply has failed, which has tests of its own."""
    return any("error" in each for each in body["responses"])


def test_constructed_documents() -> None:
    """The package reads the pages, their numbers and their words from a reply of files:annotate as we do."""
    bodies = [body for _, body in constructed("google", "read_text") if "totalPages" in json.dumps(body)]
    assert len(bodies) == 4
    for body in bodies[1:]:
        message = parsed(vision_v1.BatchAnnotateFilesResponse, body).responses[0]
        ours = body["responses"][0]
        assert message.total_pages == ours["totalPages"]
        assert [page.context.page_number for page in message.responses] == [
            page["context"]["pageNumber"] for page in ours["responses"]
        ]


def test_what_we_send_of_a_document() -> None:
    """Every request about a document is one that the package could have sent."""
    bodies = [body for name, body in constructed("google", "read_text") if "read_text-document" in name]
    script = Script(*[Response(200, {}, json.dumps(body).encode()) for body in bodies])
    with Client(GOOGLE, send=script) as client:
        client.read_text(pdf(12), language="ko")
    pages = []
    for request in script.requests:
        message = json_format.Parse(request.json_bytes(), vision_v1.BatchAnnotateFilesRequest.pb()())
        (file,) = message.requests
        assert file.input_config.content == pdf(12)
        assert file.image_context.language_hints == ["ko"]
        pages.append(list(file.pages))
    assert pages == [[], [6, 7, 8, 9, 10], [11, 12]]


def test_recorded_pictures(recordings: Path) -> None:
    """Every recorded reply of Vision is read alike."""
    for name, body in recorded(recordings, "google/vision-v1"):
        if not has_error(body):
            for response in body["responses"]:
                same_picture({"responses": [response]})
                print(name)  # shown where one fails


def test_constructed_pictures() -> None:
    """Google's package reads our own fixtures as we do: we did not make a shape up."""
    for operation in ("analyze_image", "detect_faces"):
        for name, body in constructed("google", operation):
            if not has_error(body):
                print(name)
                same_picture(body)


EXACT = st.integers(0, 64).map(lambda n: n / 64)
"""Fractions that JSON writes exactly: times 640 px, the eighth digit of another would show."""
EXACTLY = {f"google.cloud.vision.v1.NormalizedVertex.{axis}": EXACT for axis in "xy"}
POLY = messages(vision_v1.BoundingPoly.pb(), EXACTLY).map(
    lambda poly: poly if len(poly.vertices) else with_vertex(poly)
)
VISION_SPECIAL = {
    **EXACTLY,
    "google.rpc.Status": None,
    # Without these, a face or a landmark would be unlike any in the cassettes of real replies.
    "google.cloud.vision.v1.FaceAnnotation.fd_bounding_poly": POLY,
    "google.cloud.vision.v1.FaceAnnotation.Landmark.type_": st.sampled_from(range(1, 37)),
    "google.type.LatLng": st.builds(LatLng, latitude=st.floats(-90, 90), longitude=st.floats(-180, 180)),
}


def with_vertex(poly: Any) -> Any:
    """Return the polygon with one corner more."""
    poly.vertices.add(x=3, y=4)
    return poly


@given(messages(vision_v1.AnnotateImageResponse.pb(), VISION_SPECIAL))
@RANDOM
def test_random_pictures(message: Any) -> None:
    """Any reply that Google's descriptors allow is read as its package reads it."""
    same_picture({"responses": [json.loads(as_json(message))]})


def same_feeling(kind: Any, body: Any) -> None:
    """Require that both read one reply alike."""
    message = parsed(kind, body)
    text = "".join(s.text.content for s in message.sentences) or "x"
    found: Sentiment = ask("sentiment", text, body)
    theirs = message.document_sentiment
    agree((found.score, found.magnitude), (theirs.score, theirs.magnitude))
    language = message.language_code if kind is language_v2.AnalyzeSentimentResponse else message.language
    assert (found.language or "") == language
    agree(
        [(s.text, s.score, s.magnitude) for s in found],
        [(s.text.content, s.sentiment.score, s.sentiment.magnitude) for s in message.sentences],
    )
    if "".join(s.text for s in found) == text:
        assert [text[s.start : s.end] for s in found] == [s.text for s in found]


def test_recorded_sentiment(recordings: Path) -> None:
    """Every recorded sentiment is read alike."""
    for name, body in recorded(recordings, "google/language-v1"):
        if "documentSentiment" in body:
            print(name)
            same_feeling(language_v1.AnalyzeSentimentResponse, body)


def test_constructed_sentiment() -> None:
    """So are our own fixtures, of v2 and of v1."""
    for name, body in constructed("google", "sentiment"):
        print(name)
        v2 = "languageCode" in body
        same_feeling(language_v2.AnalyzeSentimentResponse if v2 else language_v1.AnalyzeSentimentResponse, body)


SIGNED = st.floats(-1, 1, width=32)
LANGUAGE_SPECIAL = {"google.cloud.language.v2.Sentiment.score": SIGNED, "google.cloud.language.v2.Sentence.text": None}


@given(
    messages(language_v2.AnalyzeSentimentResponse.pb(), LANGUAGE_SPECIAL), st.lists(st.text("가나 .😀é", min_size=1))
)
@RANDOM
def test_random_sentiment(message: Any, contents: list[str]) -> None:
    """Any sentiment that the descriptors allow, its sentences where they say."""
    message.document_sentiment.SetInParent()
    del message.sentences[len(contents) :]
    start = 0
    for sentence, content in zip(message.sentences, contents, strict=False):
        sentence.text.content, sentence.text.begin_offset = content, start
        start += len(content)
    if any(s.text.content.strip() for s in message.sentences) or not message.sentences:
        same_feeling(language_v2.AnalyzeSentimentResponse, json.loads(as_json(message)))


def clock(time: Any) -> float:
    """Return a Duration in seconds."""
    return float(time.seconds + time.nanos / 1e9)


def their_words(alternative: Any, v2: bool) -> list[tuple[Any, ...]]:
    """Return the words of one alternative."""
    return [
        (
            w.word,
            clock(w.start_offset if v2 else w.start_time),
            clock(w.end_offset if v2 else w.end_time),
            w.confidence,
            w.speaker_label or (str(w.speaker_tag) if not v2 and w.speaker_tag else ""),
        )
        for w in alternative.words
    ]


def same_speech(message: Any, body: Any, v2: bool) -> None:
    """Require that both read one reply alike."""
    said: Transcript = ask("speech_to_text", GREETING, body, language="en")
    heard = [(result, result.alternatives[0]) for result in message.results if result.alternatives]
    assert said.text == joined([best.transcript for _, best in heard], "en")
    ours = [(w.text, w.start or 0, w.end or 0, w.confidence or 0, w.speaker or "") for w in said.words]
    if heard and any(w[4] for w in their_words(heard[-1][1], v2)):
        agree(ours, their_words(heard[-1][1], v2))  # told apart, the last result has the words of all
        return
    theirs = [their_words(best, v2) for _, best in heard]
    agree([w[:4] for w in ours], [w[:4] for each in theirs for w in each])
    agree(
        [(s.text, s.confidence or 0, s.channel or 0, s.language or "") for s in said],
        [(best.transcript.strip(), best.confidence, r.channel_tag, r.language_code) for r, best in heard],
    )


def test_recorded_speech(recordings: Path) -> None:
    """Every recorded transcript of v1, and of a v2 batch, is read alike."""
    seen = 0
    for name, body in recorded(recordings, "google/speech-v1"):
        if "results" in body:
            print(name)
            same_speech(parsed(speech_v1.RecognizeResponse, body), body, v2=False)
            seen += 1
    for name, body in recorded(recordings, "google/speech-v2"):
        for outcome in body.get("response", body).get("results", {}).values() if "name" in body else ():
            print(name)
            transcript = outcome["inlineResult"]["transcript"] if "inlineResult" in outcome else outcome["transcript"]
            same_speech(parsed(speech_v2.BatchRecognizeResults, transcript), transcript, v2=True)
            seen += 1
    assert seen > 10


def test_constructed_speech() -> None:
    """So are our own fixtures."""
    for name, body in constructed("google", "speech_to_text"):
        if "name" in body:
            continue  # a job
        print(name)
        v2 = "v2" in name
        same_speech(parsed(speech_v2.RecognizeResponse if v2 else speech_v1.RecognizeResponse, body), body, v2)


TIMES = st.builds(Duration, seconds=st.integers(0, 3_000), nanos=st.integers(0, 999).map(lambda ms: ms * 1_000_000))
SPEECH_SPECIAL = {"google.protobuf.Duration": TIMES, "google.cloud.speech.v1.SpeechAdaptationInfo": None}


@pytest.mark.parametrize("v2", [False, True])
def test_random_speech(v2: bool) -> None:
    """Any transcript that the descriptors allow."""
    kind = (speech_v2 if v2 else speech_v1).RecognizeResponse.pb()

    @given(messages(kind, SPEECH_SPECIAL))
    @RANDOM
    def read_alike(message: Any) -> None:
        same_speech(message, json.loads(as_json(message)), v2)

    read_alike()


def sent(operation: str, given: Any, google: Google = GOOGLE, reply: bytes = b"{}", **options: Any) -> Any:
    """Return the body of our request, as it goes out."""
    script = Script(*[Response(200, {}, reply)] * 2)
    with Client(google, send=script) as client:
        getattr(client, operation)(given, **options)
    return json.loads(script.requests[0].json_bytes())


def test_what_we_send_to_vision_is_a_request_of_theirs() -> None:
    """No field is unknown, every value is of its type; the picture arrives as it was sent."""
    nothing = b'{"responses": [{}]}'
    features = [f for f in FEATURES if f in GOOGLE.features()]
    body = sent("analyze_image", PNG, reply=nothing, features=features, language="ko", max_results=7)
    request = json_format.ParseDict(body, vision_v1.BatchAnnotateImagesRequest.pb()())
    (one,) = request.requests
    assert one.image.content[:4] == b"\x89PNG"
    assert {vision_v1.Feature.Type(f.type_).name for f in one.features} == {
        *("LABEL_DETECTION", "OBJECT_LOCALIZATION", "FACE_DETECTION", "TEXT_DETECTION", "LANDMARK_DETECTION"),
        *("LOGO_DETECTION", "IMAGE_PROPERTIES", "CROP_HINTS", "WEB_DETECTION", "SAFE_SEARCH_DETECTION"),
    }
    assert list(one.image_context.language_hints) == ["ko"]
    body = sent("detect_faces", "gs://bucket/팀.jpg", reply=nothing, max_faces=3)
    (one,) = json_format.ParseDict(body, vision_v1.BatchAnnotateImagesRequest.pb()()).requests
    assert (one.image.source.image_uri, one.features[0].max_results) == ("gs://bucket/팀.jpg", 3)


def test_what_we_send_to_language_is_a_request_of_theirs() -> None:
    """Of v2, where the language is `languageCode`."""
    body = sent("sentiment", "좋아요", reply=b'{"documentSentiment": {}}', language="ko")
    request = json_format.ParseDict(body, language_v2.AnalyzeSentimentRequest.pb()())
    assert (request.document.content, request.document.language_code) == ("좋아요", "ko")
    assert language_v2.EncodingType(request.encoding_type).name == "UTF32"


SPEECH_REQUESTS: list[tuple[Any, Google, Any, bytes]] = [
    (speech_v1.RecognizeRequest, GOOGLE, GREETING, b"{}"),
    (
        speech_v1.LongRunningRecognizeRequest,
        GOOGLE,
        "gs://bucket/a.flac",
        b'{"name": "1", "done": true, "response": {}}',
    ),
    (speech_v2.RecognizeRequest, Google(api_key="not-a-real-key", project="p"), GREETING, b"{}"),
    (
        speech_v2.BatchRecognizeRequest,
        Google(api_key="not-a-real-key", project="p"),
        "gs://bucket/a.flac",
        b'{"name": "1", "done": true, "response": {"results": {"gs://bucket/a.flac": {}}}}',
    ),
]


@pytest.mark.parametrize(
    ("kind", "google", "given_", "reply"), SPEECH_REQUESTS, ids=lambda v: getattr(v, "__name__", "")
)
def test_what_we_send_to_speech_is_a_request_of_theirs(kind: Any, google: Google, given_: Any, reply: bytes) -> None:
    """All four: at once and as a job, of v1 and of v2."""
    body = sent("speech_to_text", given_, google, reply, language="ko", speakers=2, phrases=["클라우드"])
    request = json_format.ParseDict(body, kind.pb()())
    if kind.__module__.startswith("google.cloud.speech_v1"):
        assert request.config.language_code == "ko-KR"
        assert list(request.config.speech_contexts[0].phrases) == ["클라우드"]
    else:
        assert list(request.config.language_codes) == ["ko-KR"]
        [phrases] = request.config.adaptation.phrase_sets
        assert [phrase.value for phrase in phrases.inline_phrase_set.phrases] == ["클라우드"]


def test_an_unknown_field_would_be_seen() -> None:
    """The oracle of requests refuses what it does not know: this guard bites."""
    body = sent("sentiment", "좋아요", reply=b'{"documentSentiment": {}}')
    with pytest.raises(json_format.ParseError):
        json_format.ParseDict({**body, "encoding": "UTF32"}, language_v2.AnalyzeSentimentRequest.pb()())


def test_what_we_send_to_be_spoken() -> None:
    """Every part of a long text is a request that the package could have sent, and its audio is what we join."""
    texttospeech = pytest.importorskip("google.cloud.texttospeech_v1")
    ((_, body),) = [(n, b) for n, b in constructed("google", "text_to_speech") if "success" in n]
    audio = parsed(texttospeech.SynthesizeSpeechResponse, body).audio_content
    script = Script(*[Response(200, {}, json.dumps(body).encode())] * 3)
    text = "나무가 자란다. " * 500
    with Client(GOOGLE, send=script) as client:
        speech = client.text_to_speech(text, voice="ko-KR-Standard-A", speed=1.5)
    assert len(speech.audio) - 44 == 3 * (len(audio) - 44)
    said = []
    for request in script.requests:
        message = json_format.Parse(request.json_bytes(), texttospeech.SynthesizeSpeechRequest.pb()())
        assert (message.voice.language_code, message.voice.name) == ("ko-KR", "ko-KR-Standard-A")
        assert message.audio_config.speaking_rate == 1.5
        assert message.audio_config.audio_encoding == texttospeech.AudioEncoding.LINEAR16
        assert len(message.input.text.encode()) <= 5000
        said.append(message.input.text)
    assert letters("".join(said)) == letters(text)


def test_the_voices_as_the_package_reads_them() -> None:
    """The list as Google's package reads it has the same names, languages, genders and rates."""
    texttospeech = pytest.importorskip("google.cloud.texttospeech_v1")
    ((_, body),) = constructed("google", "voices")
    theirs = parsed(texttospeech.ListVoicesResponse, body)
    script = Script(Response(200, {}, json.dumps(body).encode()))
    with Client(GOOGLE, send=script) as client:
        ours = client.voices()
    genders = {1: "male", 2: "female", 3: "neutral"}
    assert [(v.name, v.gender, v.rate) for v in ours] == [
        (v.name, genders.get(v.ssml_gender), v.natural_sample_rate_hertz) for v in theirs.voices
    ]
    spelt = {"cmn-CN": "zh-CN"}
    assert [v.languages for v in ours] == [tuple(spelt.get(c, c) for c in v.language_codes) for v in theirs.voices]
