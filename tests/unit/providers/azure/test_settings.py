"""The sources of Azure's keys and endpoints, and the errors where they are missing."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from cloudai import Azure, Client, Resource, Response, SettingsError
from cloudai.testing import Script
from tests.conftest import Caller
from tests.support.played import GREETING, PICTURE

ONE, ALL = "https://one.cognitiveservices.azure.com", "https://all.cognitiveservices.azure.com"
HOW = "(Windows: setx, then open a new window)."


@pytest.mark.parametrize(
    ("operation", "given", "name"),
    [("analyze_image", PICTURE, "VISION"), ("detect_faces", PICTURE, "FACE"), ("sentiment", "좋아요", "LANGUAGE")],
)
def test_no_key_is_one_line_that_says_what_to_do(call: Caller, operation: str, given: Any, name: str) -> None:
    """The text a newcomer meets first names the variables of the very service."""
    with pytest.raises(SettingsError) as raised:
        call("azure", operation, given, send=Script())
    assert str(raised.value) == f"azure: no key. Set {name}_KEY and {name}_ENDPOINT {HOW}"


def test_a_key_without_a_place(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is there: only the endpoint is asked for, and where to find it."""
    monkeypatch.setenv("SPEECH_KEY", "not-a-real-key")
    with pytest.raises(SettingsError, match=r"azure: no endpoint\. Set SPEECH_ENDPOINT, .* Azure portal"):
        call("azure", "speech_to_text", GREETING, send=Script(), language="ko")


@pytest.mark.parametrize(
    ("environment", "azure", "expected"),
    [
        ({"VISION_KEY": "a", "VISION_ENDPOINT": ONE}, {}, ("a", ONE)),
        ({"AZURE_AI_SERVICES_KEY": "b", "AZURE_AI_SERVICES_ENDPOINT": ALL}, {}, ("b", ALL)),
        (
            {
                "VISION_KEY": "a",
                "VISION_ENDPOINT": ONE,
                "AZURE_AI_SERVICES_KEY": "b",
                "AZURE_AI_SERVICES_ENDPOINT": ALL,
            },
            {},
            ("a", ONE),
        ),
        ({"VISION_KEY": "a", "VISION_ENDPOINT": ONE}, {"key": "c", "endpoint": ALL}, ("c", ALL)),
        ({"VISION_KEY": "a", "VISION_ENDPOINT": ONE}, {"key": "c"}, ("c", ONE)),
        ({}, {"key": "c", "endpoint": ALL, "vision": Resource("d", ONE)}, ("d", ONE)),
        ({}, {"key": "c", "endpoint": ALL, "vision": Resource(endpoint=ONE)}, ("c", ONE)),
        (
            {"VISION_ENDPOINT": ONE, "VISION_KEY": " a \n"},
            {"region": "koreacentral"},
            ("a", "https://koreacentral.api.cognitive.microsoft.com"),
        ),
    ],
)
def test_precedence(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], azure: dict[str, Any], expected: tuple[str, str]
) -> None:
    """In code before the environment, of one service before that of all; key and place each on their own."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    provider = Azure(**azure)
    assert (provider.resource("vision").key, provider.base("vision")) == expected


@pytest.mark.parametrize(
    "given",
    [
        "https://one.cognitiveservices.azure.com/",
        " https://one.cognitiveservices.azure.com/vision/v3.2/analyze?x=1",
        "https://one.cognitiveservices.azure.com/vision/v1.0",
        "https://one.cognitiveservices.azure.com/sts/v1.0/issuetoken",
        "https://one.cognitiveservices.azure.com/computervision/imageanalysis:analyze",
        "https://one.cognitiveservices.azure.com/api/projects/demo",
        "one.cognitiveservices.azure.com",
    ],
)
def test_an_endpoint_as_pages_give_it(given: str) -> None:
    """With a slash, with the path of an API: the resource's address is meant."""
    assert Azure(key="k", endpoint=given).base("vision") == ONE


def test_an_endpoint_behind_a_gateway() -> None:
    """A path of one's own stays."""
    assert Azure(key="k", endpoint="https://gate.example/azure/").base("vision") == "https://gate.example/azure"


@pytest.mark.parametrize("given", ["one.example", "koreacentral", "ftp://one.example"])
def test_an_endpoint_that_is_no_address(call: Caller, given: str) -> None:
    """The error says what one looks like; `missing` knows it before a call."""
    azure = Azure(key="not-a-real-key", endpoint=given)
    with pytest.raises(SettingsError, match=r"endpoint= is no address\. It looks like https://"):
        call(azure, "analyze_image", PICTURE, send=Script())
    assert "no address" in (azure.missing("analyze_image") or "")
    assert not azure.supports("analyze_image")


def test_what_can_be_called_depends_on_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key for one service is none for another; ages need approval besides."""
    monkeypatch.setenv("FACE_APIKEY", "not-a-real-key")
    monkeypatch.setenv("FACE_ENDPOINT", ONE)
    client = Client("azure")
    assert client.supports("detect_faces")
    assert not client.supports("analyze_image")
    assert not client.supports("estimate_age")
    assert Client(Azure(face_approved=True)).supports("estimate_age")
    assert Azure().missing() is None
    assert "approval" in (Azure().missing("estimate_age") or "")


def test_keys_do_not_show() -> None:
    """Neither in a resource nor in the provider; endpoints do."""
    azure = Azure(vision=Resource("not-a-real-key", ONE))
    assert repr(azure) == f"Azure(vision_key='…', vision_endpoint='{ONE}')"
    assert "not-a-real-key" not in repr(Resource("not-a-real-key"))


def test_pickling(monkeypatch: pytest.MonkeyPatch) -> None:
    """With settings of the environment it pickles, and keeps its options; with keys it refuses."""
    monkeypatch.setenv("FACE_KEY", "not-a-real-key")
    data = pickle.dumps(Azure(api="3.2", face_approved=True))
    assert b"not-a-real-key" not in data
    again = pickle.loads(data)
    assert (again.api(), again.face_approved) == ("3.2", True)
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(Azure(key="not-a-real-key"))


def test_an_api_that_is_none() -> None:
    """A slip is told with the two there are."""
    with pytest.raises(SettingsError, match=r"api= .*4\.0.*3\.2"):
        Azure(api="3.1")


def test_a_cassette_of_one_resource_replays_for_another(tmp_path: Any) -> None:
    """The user's resource is not written down, and need not be known to replay."""
    from cloudai.testing import record, replaying

    path = tmp_path / "얼굴.json"
    reply = Response(200, {}, b"[]")
    recorder = record(path, lambda _: reply)
    with Client(Azure(key="not-a-real-key", endpoint=ONE), send=recorder) as client:
        client.detect_faces(PICTURE)
    text = path.read_text("utf-8")
    assert "one.cognitiveservices" not in text
    assert "https://{endpoint}/face/v1.0/detect" in text
    assert "not-a-real-key" not in text
    with replaying("azure", path) as client:
        assert len(client.detect_faces(PICTURE)) == 0
    with replaying(Azure(endpoint=ALL), path) as client:
        assert len(client.detect_faces(PICTURE)) == 0
