"""Azure's own packages as oracle: they read every reply as we do, and what they send is what we send.

https://learn.microsoft.com/python/api/overview/azure/
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from azure.ai.textanalytics import TextAnalyticsClient
from azure.ai.vision.face import FaceClient
from azure.ai.vision.imageanalysis import ImageAnalysisClient
from azure.cognitiveservices.vision.computervision import ComputerVisionClient
from azure.cognitiveservices.vision.computervision import models as models_3
from azure.core.credentials import AzureKeyCredential
from msrest import Deserializer
from msrest.authentication import CognitiveServicesCredentials

from cloudai import Azure, Client, Response
from cloudai.models.image import FEATURES
from cloudai.providers.azure.face import LANDMARKS
from cloudai.testing import Script
from tests.support.documents import pdf
from tests.support.paths import FIXTURES, ROOT
from tests.support.played import PICTURE
from tests.vendors.oracle.agree import agree, constructed, recorded
from tests.vendors.oracle.listening import Asked, Listening, asked, listening

__all__ = ["listening"]

BY_DESIGN = (ROOT / "docs" / "vendors.md").read_text("utf-8")
KEY, ENDPOINT = "not-a-real-key", "https://example.cognitiveservices.azure.com"
PNG = PICTURE.read_bytes()
FOLDERS_3 = ("vision-v1.0", "vision-v2.0", "vision-v3.0", "vision-v3.1", "vision-v3.2", "vision-v3.x")


def ask(operation: str, given: Any, body: Any, *, api: Any = None, **options: Any) -> tuple[Any, Asked]:
    """Return our result from a reply, and what we asked."""
    script = Script(Response(200, {}, json.dumps(body).encode()))
    azure = Azure(key=KEY, endpoint=ENDPOINT, api=api, face_approved=True)
    with Client(azure, send=script) as client:
        result = getattr(client, operation)(given, **options)
    return result, asked(script.requests[0])


def place(box: Any) -> tuple[float, ...] | None:
    """Return our box."""
    return (box.x, box.y, box.width, box.height) if box else None


FEATURES_3 = [f for f in FEATURES if f in Azure(api="3.2").features()]


def their_analysis_3(listening: Listening, body: Any) -> Any:
    """Return the same reply as Microsoft's package reads it."""
    listening.reply = body
    client = ComputerVisionClient(ENDPOINT, CognitiveServicesCredentials(KEY))
    return client.analyze_image_in_stream(
        io.BytesIO(PNG),
        visual_features=["Description", "Tags", "Objects", "Faces", "Categories", "Brands", "Color", "Adult"],
        details=["Landmarks"],
    )


def rectangle_3(r: Any) -> tuple[float, ...]:
    """Return the numbers of a rectangle of 3.2, whose fields have other names for faces and objects."""
    return (r.left, r.top, r.width, r.height) if hasattr(r, "left") else (r.x, r.y, r.w, r.h)


def same_analysis_3(listening: Listening, body: Any) -> None:
    """Require that both read one reply alike."""
    ours, _ = ask("analyze_image", PNG, body, api="3.2", features=FEATURES_3)
    theirs = their_analysis_3(listening, body)
    described = theirs.description
    captions = sorted(described.captions if described else [], key=lambda c: -c.confidence)
    agree(
        [ours.caption.text, ours.caption.confidence] if ours.caption else [],
        [captions[0].text, captions[0].confidence] if captions else [],
    )
    if theirs.tags is not None:
        agree([(t.name, t.confidence) for t in ours.tags], [(t.name, t.confidence) for t in theirs.tags])
    elif described:
        assert [t.name for t in ours.tags] == described.tags
    agree([(c.name, c.confidence) for c in ours.categories or ()], [(c.name, c.score) for c in theirs.categories or ()])
    marks = [m for c in theirs.categories or () if c.detail for m in c.detail.landmarks or ()]
    agree({p.name: p.confidence for p in ours.places or ()}, {m.name: m.confidence for m in marks})
    agree(
        sorted((place(f.box), f.age.years if f.age else None) for f in ours.faces or ()),
        sorted((rectangle_3(f.face_rectangle), f.age) for f in theirs.faces or ()),
    )
    agree(
        [(o.name, o.confidence, place(o.box), o.parent) for o in ours.objects or ()],
        [
            (o.object_property, o.confidence, rectangle_3(o.rectangle), o.parent.object_property if o.parent else None)
            for o in theirs.objects or ()
        ],
    )
    agree(
        [(b.name, b.confidence, place(b.box)) for b in ours.brands or ()],
        [(b.name, b.confidence, rectangle_3(b.rectangle)) for b in theirs.brands or ()],
    )
    if theirs.color:
        *named, accent = ours.colors
        assert [c.name for c in named] == theirs.color.dominant_colors
        assert accent.hex == f"#{theirs.color.accent_color.lower()}"
    if theirs.adult:
        scores = {"adult": theirs.adult.adult_score, "racy": theirs.adult.racy_score, "gore": theirs.adult.gore_score}
        agree({k: v.score for k, v in ours.safety.items()}, {k: v for k, v in scores.items() if v is not None})
    assert ours.meta.model == theirs.model_version


def test_recorded_analyses_of_3(recordings: Path, listening: Listening) -> None:
    """Every recorded reply from v1.0 to v3.2 is read alike."""
    for folder in FOLDERS_3:
        for name, body in recorded(recordings, f"azure/{folder}"):
            if "metadata" in body and "result" not in body:  # the others are of other APIs
                print(name)
                same_analysis_3(listening, body)


@pytest.mark.parametrize("name", ["lawmakers", "card-news"])
def test_the_tutorials_replies(recordings: Path, listening: Listening, name: str) -> None:
    """So are the 233 of the tutorial."""
    for exchange in json.loads((recordings / "azure-vision-v1" / f"{name}.json").read_text("utf-8")):
        same_analysis_3(listening, exchange["response"]["body"])


def test_constructed_analyses_of_3(listening: Listening) -> None:
    """So is our own fixture."""
    ((_, body),) = [(n, b) for n, b in constructed("azure", "analyze_image") if "analyze_image-3" in n]
    same_analysis_3(listening, body)


def test_what_we_send_to_3(listening: Listening) -> None:
    """Path, features, picture and key are those of the package; what it adds is what the service assumes anyway."""
    body = {"tags": []}
    _, ours = ask("analyze_image", PNG, body, api="3.2", features=FEATURES_3)
    their_analysis_3(listening, body)
    same_request(ours, listening.asked[0], added={"language": "en", "model-version": "latest"})


def same_request(ours: Asked, theirs: Asked, *, added: dict[str, str] | None = None) -> None:
    """Require equal requests, field by field; ``added`` are parameters that only the package sends: docs/vendors.md."""
    assert all(f"`{name}`" in BY_DESIGN for name in added or {})
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    assert {**ours.params, **(added or {})} == {n: v.replace(", ", ",") for n, v in theirs.params.items()}
    assert ours.body == theirs.body
    assert ours.headers["ocp-apim-subscription-key"] == theirs.headers["ocp-apim-subscription-key"]
    if isinstance(ours.body, bytes):
        assert ours.headers["content-type"] == theirs.headers["content-type"] == "application/octet-stream"


FEATURES_4 = ["caption", "dense_captions", "tags", "objects", "people", "text", "crops"]
THEIR_FEATURES_4 = ["caption", "denseCaptions", "tags", "objects", "people", "read", "smartCrops"]


def their_analysis_4(listening: Listening, body: Any) -> Any:
    """Return the same reply as Microsoft's package reads it."""
    listening.reply = body
    client = ImageAnalysisClient(ENDPOINT, AzureKeyCredential(KEY))
    return client.analyze(PNG, THEIR_FEATURES_4, language="en", gender_neutral_caption=True)  # type: ignore[arg-type]


def rectangle_4(box: Any) -> tuple[float, ...]:
    """Return the numbers of a rectangle of 4.0."""
    return box.x, box.y, box.width, box.height


def same_analysis_4(listening: Listening, body: Any) -> None:
    """Require that both read one reply alike."""
    ours, _ = ask("analyze_image", PNG, body, api="4.0", features=FEATURES_4)
    theirs = their_analysis_4(listening, body)
    caption = theirs.caption
    agree(
        [ours.caption.text, ours.caption.confidence] if ours.caption else [],
        [caption.text, caption.confidence] if caption else [],
    )
    agree(
        [(c.text, c.confidence, place(c.box)) for c in ours.dense_captions or ()],
        [
            (c.text, c.confidence, rectangle_4(c.bounding_box))
            for c in (theirs.dense_captions.list if theirs.dense_captions else ())
        ],
    )
    agree(
        [(t.name, t.confidence) for t in ours.tags or ()],
        [(t.name, t.confidence) for t in (theirs.tags.list if theirs.tags else ())],
    )
    agree(
        [(o.name, o.confidence, place(o.box)) for o in ours.objects or ()],
        [
            (o.tags[0].name, o.tags[0].confidence, rectangle_4(o.bounding_box))
            for o in (theirs.objects.list if theirs.objects else ())
        ],
    )
    agree(
        [(p.confidence, place(p.box)) for p in ours.people or ()],
        [
            (p.confidence, rectangle_4(p.bounding_box))
            for p in (theirs.people.list if theirs.people else ())
            if p.confidence >= 0.5
        ],
    )
    agree(
        [(c.aspect, place(c.box)) for c in ours.crops or ()],
        [
            (c.aspect_ratio, rectangle_4(c.bounding_box))
            for c in (theirs.smart_crops.list if theirs.smart_crops else ())
        ],
    )
    lines = [line for block in (theirs.read.blocks if theirs.read else ()) for line in block.lines]
    agree(
        [
            (line.text, [(p.x, p.y) for p in line.polygon], [(w.text, w.confidence) for w in line.words])
            for line in ours.text or ()
        ],
        [
            (line.text, [(p.x, p.y) for p in line.bounding_polygon], [(w.text, w.confidence) for w in line.words])
            for line in lines
        ],
    )
    assert ours.meta.model == theirs.model_version


def test_recorded_analyses_of_4(recordings: Path, listening: Listening) -> None:
    """The recorded reply with every feature is read alike."""
    ((_, body),) = recorded(recordings, "azure/image-analysis-4.0")
    same_analysis_4(listening, body)


def test_constructed_analyses_of_4(listening: Listening) -> None:
    """So are our own fixtures."""
    bodies = [b for _, b in constructed("azure", "analyze_image") if isinstance(b, dict) and "modelVersion" in b]
    bodies = [b for b in bodies if b["modelVersion"] == "2023-10-01"]
    assert len(bodies) == 4
    for body in bodies:
        same_analysis_4(listening, body)


def test_what_we_send_to_4(listening: Listening) -> None:
    """The same request, to the letter."""
    reply = {"modelVersion": "x", "metadata": {"width": 1, "height": 1}, "tagsResult": {"values": []}}
    options = {"features": FEATURES_4, "language": "en", "gender_neutral": True}
    _, ours = ask("analyze_image", PNG, reply, api="4.0", **options)
    their_analysis_4(listening, reply)
    same_request(ours, listening.asked[0])


def same_text_4(listening: Listening, body: Any) -> int:
    """Read one reply with text by both, and return the number of its lines."""
    ours, sent = ask("read_text", PNG, body, api="4.0")
    listening.reply, listening.asked = body, []
    client = ImageAnalysisClient(ENDPOINT, AzureKeyCredential(KEY))
    theirs = client.analyze(PNG, ["read"])  # type: ignore[arg-type]
    same_request(sent, listening.asked[0])
    lines = [line for block in theirs.read.blocks for line in block.lines]

    def corners(polygon: Any) -> list[tuple[float, float]]:
        return [(point.x, point.y) for point in polygon]

    agree(
        [
            (ln.text, corners(ln.polygon), [(w.text, w.confidence, corners(w.polygon)) for w in ln.words])
            for ln in ours.lines
        ],
        [
            (
                line.text,
                corners(line.bounding_polygon),
                [(w.text, w.confidence, corners(w.bounding_polygon)) for w in line.words],
            )
            for line in lines
        ],
    )
    for page in ours.pages:
        assert (page.width, page.height) == (theirs.metadata.width, theirs.metadata.height)
    assert ours.meta.model == theirs.model_version
    return len(lines)


def test_text_of_4_as_the_package_reads_it(recordings: Path, listening: Listening) -> None:
    """Lines, words, places and confidences of `read_text` are those that Microsoft's package reads in each reply."""
    ((_, body),) = recorded(recordings, "azure/image-analysis-4.0")
    size = {"metadata": {"width": 640, "height": 480}}  # that of our picture, to which the places belong
    bodies = [{"modelVersion": body["modelVersion"], "readResult": body["readResult"], **size}]
    bodies += [body for _, body in constructed("azure", "read_text") if "readResult" in (body or {})]
    assert len(bodies) == 3
    assert sum(same_text_4(listening, body) for body in bodies) >= 3


def test_documents_as_the_package_reads_them(recordings: Path) -> None:
    """Pages, lines, words, places, angles and handwriting of Read 3.2 are those that Microsoft's package reads."""
    bodies = [body for _, body in recorded(recordings, "azure/vision-v3.2-read") if "analyzeResult" in (body or {})]
    bodies += [body for _, body in constructed("azure", "read_text") if "analyzeResult" in body]
    assert len(bodies) == 3
    for body in bodies:
        same_pages(body)


def same_pages(body: Any) -> None:
    """Require that both read one reply of a job alike."""
    theirs = Deserializer({k: v for k, v in vars(models_3).items() if isinstance(v, type)})("ReadOperationResult", body)
    taken = Response(202, {"operation-location": f"{ENDPOINT}/vision/v3.2/read/analyzeResults/1"}, b"")
    script = Script(taken, Response(200, {}, json.dumps(body).encode()))
    with Client(Azure(key=KEY, endpoint=ENDPOINT), send=script, sleep=lambda _: None) as client:
        ours = client.read_text(pdf(len(theirs.analyze_result.read_results)))
    assert ours.meta.model == theirs.analyze_result.model_version or "model-version" in body["analyzeResult"]
    for page, read in zip(ours.pages, theirs.analyze_result.read_results, strict=True):
        assert (page.number, page.angle, page.width, page.height) == (read.page, read.angle, read.width, read.height)
        assert page.unit == {"pixel": "px", "inch": "inch"}[read.unit]
        lines = [line for block in page.blocks for line in block.lines]
        agree(
            [(ln.text, corners_of(ln), [(w.text, w.confidence, corners_of(w)) for w in ln.words]) for ln in lines],
            [
                (ln.text, ln.bounding_box, [(w.text, w.confidence, w.bounding_box) for w in ln.words])
                for ln in read.lines
            ],
        )
        styles = [ln.appearance.style.name if ln.appearance else None for ln in read.lines]
        assert [ln.handwritten for ln in lines] == [None if s is None else s == "handwriting" for s in styles]


def corners_of(thing: Any) -> list[float]:
    """Return the corners of a line or a word, as Azure writes them."""
    return [number for point in thing.polygon for number in (point.x, point.y)]


def their_faces(listening: Listening, body: Any, attributes: list[str], **options: Any) -> Any:
    """Return the same reply as Microsoft's package reads it."""
    listening.reply = body
    with FaceClient(ENDPOINT, AzureKeyCredential(KEY)) as client:
        return client.detect(
            PNG, return_face_id=False, return_face_landmarks=True, return_face_attributes=attributes, **options
        )


def same_faces(listening: Listening, body: Any) -> None:
    """Require that both read one reply alike."""
    ours, _ = ask("detect_faces", PNG, body, landmarks=True)
    theirs = their_faces(
        listening, body, ["headPose"], detection_model="detection_03", recognition_model="recognition_04"
    )
    theirs = sorted(theirs, key=lambda f: -f.face_rectangle.width * f.face_rectangle.height)
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        box, said = their.face_rectangle, their.face_attributes
        agree(place(our.box), (box.left, box.top, box.width, box.height))
        marks = {n: p for n, p in (their.face_landmarks or {}).items() if n in LANDMARKS}
        agree(
            {n: (p.x, p.y) for n, p in (our.landmarks or {}).items() if not n.startswith("azure:")},
            {LANDMARKS[n]: (p["x"], p["y"]) for n, p in marks.items()},
        )
        if said is None:
            continue
        agree(our.pose.model_dump() if our.pose else None, said.head_pose.as_dict() if said.head_pose else None)
        agree(our.age.years if our.age else None, said.age)
        agree(
            (our.blur.word, our.blur.score) if our.blur else None,
            (said.blur.blur_level, said.blur.value) if said.blur else None,
        )
        agree(our.exposure.score if our.exposure else None, said.exposure.value if said.exposure else None)
        assert our.quality == said.quality_for_recognition
        assert our.mask == (said.mask.type if said.mask else None)
        if said.occlusion:
            covered = (said.occlusion.forehead_occluded, said.occlusion.eye_occluded, said.occlusion.mouth_occluded)
            assert (our.occlusion["forehead"], our.occlusion["eyes"], our.occlusion["mouth"]) == covered
        if said.glasses:
            assert our.glasses in ("none", "reading", "sun", "swimming")
            assert said.glasses.lower().startswith("no" if our.glasses == "none" else our.glasses)


def test_recorded_faces(recordings: Path, listening: Listening) -> None:
    """Every recorded reply of Face, from before and after the end of ages, is read alike."""
    for folder in ("face-v1.0", "face-v1.2"):
        for name, body in recorded(recordings, f"azure/{folder}"):
            print(name)
            same_faces(listening, body)


def test_constructed_faces(listening: Listening) -> None:
    """So are our own fixtures."""
    for operation in ("detect_faces", "estimate_age"):
        for name, body in constructed("azure", operation):
            print(name)
            same_faces(listening, body)


def test_what_we_send_to_face(listening: Listening) -> None:
    """The same parameters; the package asks a preview of v1.2, and always names the model of recognition."""
    _, ours = ask("detect_faces", PNG, [], landmarks=True, attributes=["pose", "quality"])
    their_faces(
        listening,
        [],
        ["headPose", "qualityForRecognition"],
        detection_model="detection_03",
        recognition_model="recognition_04",
    )
    (theirs,) = listening.asked
    assert theirs.path == "/face/v1.2/detect" or theirs.path.startswith("/face/v1.2-preview")
    theirs.path = ours.path
    same_request(ours, theirs)


def their_sentiment(listening: Listening, texts: list[dict[str, str]], body: Any) -> list[Any]:
    """Return the same reply as Microsoft's package reads it."""
    listening.reply = body
    client = TextAnalyticsClient(ENDPOINT, AzureKeyCredential(KEY), api_version="2023-04-01")
    return client.analyze_sentiment(  # type: ignore[return-value]
        texts, show_opinion_mining=True, string_index_type="UnicodeCodePoint", model_version="latest"
    )


def same_sentiment(listening: Listening, name: str, body: Any) -> None:
    """Require that both read the documents of one reply alike."""
    results = body["results"]
    texts = [{"id": d["id"], "text": "".join(s["text"] for s in d["sentences"])} for d in results["documents"]]
    theirs = their_sentiment(listening, texts, body)
    read = [result for result in theirs if not result.is_error]
    assert len(read) == len(texts), name
    for document, given, their in zip(results["documents"], texts, read, strict=True):
        alone = {"kind": body.get("kind"), "results": {**results, "documents": [document], "errors": []}}
        our, _ = ask("sentiment", given["text"], alone, language="en")
        shares = their.confidence_scores
        assert our.label == their.sentiment
        agree(our.confidences.model_dump(), {n: getattr(shares, n) for n in ("positive", "neutral", "negative")})
        agree(our.score, shares.positive - shares.negative)
        agree(
            [(s.text, s.start, s.end - s.start, s.label, s.confidences.negative) for s in our],
            [(s.text, s.offset, s.length, s.sentiment, s.confidence_scores.negative) for s in their.sentences],
        )
        agree(
            [[opinion(o) for o in s.opinions or ()] for s in our],
            [[mined(o) for o in s.mined_opinions or ()] for s in their.sentences],
        )


def opinion(o: Any) -> tuple[Any, ...]:
    """Return our opinion."""
    words = [(a.text, a.start, a.label, a.negated) for a in o.assessments]
    return o.text, o.start, o.label, o.confidences.positive, words


def mined(o: Any) -> tuple[Any, ...]:
    """Return their mined opinion."""
    words = [(a.text, a.offset, a.sentiment, a.is_negated) for a in o.assessments]
    return o.target.text, o.target.offset, o.target.sentiment, o.target.confidence_scores.positive, words


def test_recorded_sentiment(recordings: Path, listening: Listening) -> None:
    """Every recorded document, opinions among them, is read alike."""
    bodies = [
        (n, b) for n, b in recorded(recordings, "azure/language-analyze-text") if "Sentiment" in b.get("kind", "")
    ]
    assert len(bodies) == 6
    for name, body in bodies:
        same_sentiment(listening, name, body)


def test_constructed_sentiment(listening: Listening) -> None:
    """So are our own fixtures."""
    bodies = [
        (n, b) for n, b in constructed("azure", "sentiment") if b["results"]["documents"] and "Sentiment" in b["kind"]
    ]
    assert len(bodies) == 2
    for name, body in bodies:
        same_sentiment(listening, name, body)


def test_what_we_send_to_language(listening: Listening) -> None:
    """The same request, to the letter but the empty settings the package adds."""
    reply = json.loads((FIXTURES / "azure" / "sentiment-detected.json").read_text("utf-8"))
    body = reply["exchanges"][1]["response"]["body"]
    _, ours = ask("sentiment", "A table.", body, language="en")
    their_sentiment(listening, [{"id": "0", "text": "A table.", "language": "en"}], body)
    same_request(ours, listening.asked[0])


def test_recorded_language_detection(recordings: Path, listening: Listening) -> None:
    """The language of every recorded document is read alike, and the request is theirs."""
    replies = recorded(recordings, "azure/language-analyze-text")
    bodies = [body for _, body in replies if body.get("kind") == "LanguageDetectionResults"]
    assert len(bodies) >= 2
    for body in bodies:
        for document in body["results"]["documents"]:
            same_detection(listening, {**document, "id": "0"})


def same_detection(listening: Listening, document: Any) -> None:
    """Compare one detection, as ours and Microsoft's package read it, and the requests for it."""
    body = {"kind": "LanguageDetectionResults", "results": {"documents": [document], "errors": [], "modelVersion": "1"}}
    sentiment = next(b for n, b in constructed("azure", "sentiment") if n.startswith("sentiment-detected.json#1"))
    script = Script(*[Response(200, {}, json.dumps(each).encode()) for each in (body, sentiment)])
    with Client(Azure(key=KEY, endpoint=ENDPOINT), send=script) as client:
        ours = client.sentiment("A table.")
    listening.reply, listening.asked = body, []
    package = TextAnalyticsClient(ENDPOINT, AzureKeyCredential(KEY), api_version="2023-04-01")
    text = {"id": "0", "text": "A table.", "country_hint": "none"}
    (theirs,) = package.detect_language([text], model_version="latest")
    assert ours.language == theirs.primary_language.iso6391_name
    theirs_asked = listening.asked[0]
    # The package writes "none" as an empty text, and so do we: the service then assumes no country.
    assert theirs_asked.body["analysisInput"]["documents"][0].pop("countryHint") == ""
    ours_asked = asked(script.requests[0])
    assert ours_asked.body["analysisInput"]["documents"][0].pop("countryHint") == ""
    same_request(ours_asked, theirs_asked)
