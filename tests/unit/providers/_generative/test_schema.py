"""The schemas and the prompts: what all vendors accept, our own names, and versions that change with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from cloudai import Client, MalformedResponseError
from cloudai.models.base import Box
from cloudai.models.face import EMOTIONS, Face, Faces
from cloudai.models.image import FEATURES
from cloudai.models.text import LABELS
from cloudai.providers._generative import answers, prompts
from cloudai.providers._generative.answers import picture_answer
from cloudai.providers._generative.pictures import OF_THE_PICTURE
from cloudai.providers._generative.reading import Answer
from cloudai.providers._generative.schema import closed
from cloudai.testing import Script
from tests.support.generative import CHATS, objects_in, reply
from tests.support.played import GREETING, PICTURE

ANSWERS: dict[str, type[Answer]] = {
    "analyze_image": picture_answer(OF_THE_PICTURE, boxes=True),
    "detect_faces": answers.ExpressionsAnswer,
    "estimate_age": answers.AgesAnswer,
    "read_text": answers.TextAnswer,
    "sentiment": answers.SentimentAnswer,
    "detect_language": answers.LanguageAnswer,
    "key_phrases": answers.KeyPhrasesAnswer,
    "translate": answers.TranslationAnswer,
    "speech_to_text": answers.TranscriptAnswer,
}
WORDS = {"type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "description"}
"""The words of JSON Schema that all three vendors accept."""


def schemas_in(value: Any) -> Iterator[dict[str, Any]]:
    """Yield each schema within a schema."""
    yield value
    inner = [*value.get("properties", {}).values(), *value.get("anyOf", ())]
    for each in [*inner, *([value["items"]] if "items" in value else [])]:
        yield from schemas_in(each)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_schema_has_only_what_all_vendors_accept(name: str) -> None:
    """No reference, bound, default or title; all fields required; the root is an object."""
    schema = closed(ANSWERS[name])
    assert schema["type"] == "object"
    for each in schemas_in(schema):
        assert each.keys() <= WORDS
        assert ("type" in each) != ("anyOf" in each)
        assert all(isinstance(word, str) for word in each.get("enum", ()))
    for each in objects_in(schema):
        assert each["additionalProperties"] is False
        assert each["required"] == list(each["properties"])
    assert len(json.dumps(schema)) < 5_000


def test_the_names_are_those_of_our_models() -> None:
    """Emotions, labels, features and ages have the names that results have."""
    expression = closed(answers.ExpressionsAnswer)["properties"]["faces"]["items"]["properties"]
    assert set(expression) - {"picture"} <= set(EMOTIONS)
    assert len(expression) == 9
    assert expression["anger"]["anyOf"][0]["enum"] == list(answers.LIKELIHOODS)
    mood = closed(answers.SentimentAnswer)["properties"]["text"]["properties"]
    assert mood["label"]["enum"] == list(LABELS)
    assert set(closed(ANSWERS["analyze_image"])["properties"]) <= set(FEATURES)
    age = closed(answers.AgesAnswer)["properties"]["faces"]["items"]["properties"]
    assert set(age) == {"picture", "low", "high"}
    assert "0 to 120" in age["low"]["description"]


def test_only_what_is_asked_for_is_in_the_schema() -> None:
    """A caption alone has one field; boxes are asked of models that document them."""
    assert list(closed(picture_answer(("caption",), boxes=True))["properties"]) == ["caption"]
    assert '"box"' not in json.dumps(closed(picture_answer(("dense_captions",), boxes=False)))


DIGESTS = {
    "analyze_image/1": "82df07140183",
    "detect_faces/1": "49e52198e05f",
    "estimate_age/1": "f57507500b2a",
    "read_text/1": "59767e51219d",
    "sentiment/1": "246bb6217f6c",
    "detect_language/1": "6548e8748247",
    "key_phrases/1": "9fec003b4b9d",
    "translate/1": "bdb1e1da7f56",
    "speech_to_text/2": "4f65dfd065cc",
}
"""The beginning of the digest of what is sent to Gemini for each version of a prompt. A change of a prompt, of a schema
or of a wish needs another version in `prompts.VERSIONS`, because an answer that was paid for is found by it."""

CALLS: dict[str, tuple[Any, dict[str, Any]]] = {
    "analyze_image": (PICTURE, {"features": OF_THE_PICTURE, "language": "ko", "gender_neutral": True}),
    "detect_faces": (PICTURE, {}),
    "estimate_age": (PICTURE, {}),
    "read_text": (PICTURE, {"language": "ko"}),
    "sentiment": ("좋아요. 또 올게요!", {"language": "ko"}),
    "detect_language": ("좋아요", {}),
    "key_phrases": ("좋아요", {"language": "ko"}),
    "translate": ("좋아요", {"to": ["en", "ja"], "source": "ko"}),
    "speech_to_text": (GREETING, {"language": "ko", "speakers": 2}),
}


def _one_face(*_: Any) -> Any:
    return Faces(faces=(Face(box=Box(x=1, y=1, width=9, height=9, image_size=(640, 480))),))
    yield


@pytest.mark.parametrize("name", prompts.VERSIONS)
def test_another_prompt_has_another_version(name: str) -> None:
    """Whoever changes what is asked raises the version of the prompt, and writes the new digest here."""
    assert CALLS.keys() == prompts.VERSIONS.keys() == ANSWERS.keys()
    provider = CHATS["google"]()
    vars(provider)["faces_in"] = _one_face
    given, options = CALLS[name]
    script = Script(reply("google", "{}"), reply("google", "{}"))
    with Client(provider, send=script, offline=True) as client, pytest.raises(MalformedResponseError):
        getattr(client, name)(given, method="generative", **options)
    text = json.dumps([request.json for request in script.requests], default=lambda _: "upload", sort_keys=True)
    assert DIGESTS[f"{name}/{prompts.VERSIONS[name]}"] == sha256(text.encode()).hexdigest()[:12]
