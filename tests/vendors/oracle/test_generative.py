"""The vendors' own packages as oracle of the chat models: they send what we send, and read replies as we do.

https://googleapis.github.io/python-genai/
https://github.com/openai/openai-python
https://ibm.github.io/watsonx-ai-python-sdk/
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from cloudai import Client, CloudAIError, Google, MalformedResponseError, NoAnswerError, Request, Response
from cloudai.core.flow import Blob, checked
from cloudai.providers._generative.completions import Completion, reply_of
from cloudai.providers._generative.schema import closed
from cloudai.providers.google import gemini
from tests.support.generative import CHATS, KEY, data_of, is_chat, reply, rules_of, schema_of
from tests.support.played import GREETING, PICTURE
from tests.unit.providers._generative.test_schema import ANSWERS

CALLS: list[tuple[str, Any, dict[str, Any]]] = [
    ("sentiment", "국이 뜨겁습니다.", {"language": "ko"}),
    ("analyze_image", PICTURE, {"language": "ko"}),
    ("translate", "국이 뜨겁습니다.", {"to": "en"}),
]


def ours(vendor: str, operation: str, given: Any, **options: Any) -> Request:
    """Return the request that we send to a chat model."""
    requests: list[Request] = []

    def send(request: Request) -> Response:
        requests.append(request)
        return reply(vendor, "{}")

    with Client(CHATS[vendor](), send=send, offline=True) as client, pytest.raises(CloudAIError):
        getattr(client, operation)(given, method="generative", **options)
    return next(filter(is_chat, requests))


class Listening:
    """A transport of httpx2 that writes down what is sent, and answers."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request."""
        self.requests.append(request)
        return httpx2.Response(200, json=self.body)

    @property
    def json(self) -> Any:
        """The JSON of the only request."""
        (request,) = self.requests
        return json.loads(request.content)


CANDIDATE = {"candidates": [{"content": {"parts": [{"text": "{}"}]}, "finishReason": "STOP"}]}
CHOICE = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"} | {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "{}"}, "finish_reason": "stop"}]
}


@pytest.mark.parametrize(("operation", "given", "options"), [*CALLS, ("speech_to_text", GREETING, {"language": "ko"})])
def test_google_genai_sends_what_we_send(operation: str, given: Any, options: dict[str, Any]) -> None:
    """The same prompt by google-genai has the same address, the same key and the same JSON."""
    from google import genai
    from google.genai import types

    asked = ours("google", operation, given, **options)
    wire = Listening(CANDIDATE)
    settings = {"client_args": {"transport": httpx2.MockTransport(wire)}}
    client = genai.Client(api_key=KEY, http_options=settings)
    parts = [
        types.Part.from_bytes(data=part.data, mime_type=part.media_type)
        if isinstance(part, Blob)
        else types.Part.from_text(text=part)
        for part in data_of(asked)
    ]
    client.models.generate_content(
        model="gemini-3.8-flash",
        contents=[types.Content(role="user", parts=parts)],
        config=types.GenerateContentConfig(
            system_instruction=rules_of(asked),
            response_mime_type="application/json",
            response_json_schema=schema_of(asked),
            max_output_tokens=asked.json["generationConfig"]["maxOutputTokens"],
        ),
    )
    (theirs,) = wire.requests
    assert theirs.url.path == asked.url.partition("googleapis.com")[2]
    assert theirs.headers["x-goog-api-key"] == KEY
    said = wire.json
    # We leave out the role of a system instruction, which has only one.
    said["systemInstruction"].pop("role", None)
    for part in said["contents"][0]["parts"]:
        if "inlineData" in part:  # they send base64 for addresses and a name in small letters; the API reads both
            data = base64.urlsafe_b64decode(part["inlineData"]["data"])
            kind = part["inlineData"]["mime_type"]
            part["inlineData"] = {"mimeType": kind, "data": base64.b64encode(data).decode()}
    assert said == json.loads(asked.json_bytes())


@pytest.mark.parametrize(("operation", "given", "options"), CALLS)
def test_openai_sends_what_we_send(operation: str, given: Any, options: dict[str, Any]) -> None:
    """The same prompt by openai has the same address and the same JSON, as Microsoft's pages ask for it."""
    import openai

    asked = ours("azure", operation, given, **options)
    wire = Listening(CHOICE)
    client = openai.OpenAI(
        api_key=KEY,
        base_url="https://example.cognitiveservices.azure.com/openai/v1/",
        http_client=httpx2.Client(transport=httpx2.MockTransport(wire)),
    )
    body = json.loads(asked.json_bytes())
    client.chat.completions.create(**body)
    (theirs,) = wire.requests
    assert wire.json == body
    assert str(theirs.url) == asked.url


@pytest.mark.parametrize("location", ["global", "us", "eu", "asia-northeast3"])
def test_google_genai_sends_to_the_same_host_of_vertex_ai(location: str) -> None:
    """The whole world, several regions and a single one each have a host of their own form."""
    from google import genai
    from google.auth.credentials import AnonymousCredentials

    theirs = genai.Client(vertexai=True, project="p", location=location, credentials=AnonymousCredentials())
    ours = Google(vertex=True, project="p", location=location).chat_address()
    assert ours.startswith(str(theirs._api_client._http_options.base_url))


def test_openai_has_the_key_in_the_same_header() -> None:
    """The client for Azure says ``api-key``, as we do."""
    import openai

    wire = Listening(CHOICE)
    client = openai.AzureOpenAI(
        api_key=KEY,
        azure_endpoint="https://example.cognitiveservices.azure.com",
        api_version="2025-04-01-preview",
        http_client=httpx2.Client(transport=httpx2.MockTransport(wire)),
    )
    client.chat.completions.create(model="luna", messages=[{"role": "user", "content": "x"}])
    assert wire.requests[0].headers["api-key"] == KEY
    signed = CHATS["azure"]().sign(Request("POST", "https://a.example", service="openai"), None)
    assert signed.headers == {"api-key": KEY}


@pytest.mark.parametrize(("operation", "given", "options"), CALLS)
def test_ibm_watsonx_ai_sends_what_we_send(operation: str, given: Any, options: dict[str, Any]) -> None:
    """The same prompt by ibm-watsonx-ai has the same path and the same JSON.

    The package is no part of the extra ``oracle``: it asks for pandas 2 and an old jmespath. Install it beside cloudai
    in a virtual environment of its own, and this test runs.
    """
    pytest.importorskip("ibm_watsonx_ai", reason="it holds back pandas and jmespath; see the docstring")
    from ibm_watsonx_ai.foundation_models.inference.fm_model_inference import FMModelInference
    from ibm_watsonx_ai.foundation_models.schema import TextChatParameters
    from ibm_watsonx_ai.href_definitions import HrefDefinitions

    asked = ours("watson", operation, given, **options)
    body = json.loads(asked.json_bytes())
    client = SimpleNamespace(default_project_id=body["project_id"], default_space_id=None)
    inference = FMModelInference.__new__(FMModelInference)
    vars(inference).update(model_id=body["model_id"], params=None, _client=client)
    parameters = TextChatParameters(
        response_format=body["response_format"], max_completion_tokens=body["max_completion_tokens"]
    )
    assert inference._prepare_chat_payload(body["messages"], parameters) == body
    hrefs = HrefDefinitions.__new__(HrefDefinitions)
    vars(hrefs)["url"] = "https://us-south.ml.cloud.ibm.com"
    assert hrefs.get_fm_chat_href("chat") == asked.url


@pytest.mark.parametrize("name", ANSWERS)
def test_both_packages_take_our_schemas_as_they_are(name: str) -> None:
    """openai's own transformer finds nothing to change for strict mode, and google-genai's types read all of it."""
    from google.genai import types
    from openai.lib._pydantic import _ensure_strict_json_schema

    schema = json.loads(json.dumps(closed(ANSWERS[name])))
    strict = _ensure_strict_json_schema(json.loads(json.dumps(schema)), path=(), root=schema)
    assert strict == schema
    read = types.JSONSchema.model_validate(schema)
    types.Schema.from_json_schema(json_schema=read, raise_error_on_unsupported_field=True)


@pytest.mark.filterwarnings("ignore:.* is not a valid:UserWarning", "ignore:there are non-text parts")
def test_google_genai_reads_recorded_replies_as_we_do(recordings: Path) -> None:
    """Of every good reply the same text, model and tokens; where we raise, the reply itself says why."""
    from google import genai

    read, wire = 0, Listening(None)
    client = genai.Client(api_key=KEY, http_options={"client_args": {"transport": httpx2.MockTransport(wire)}})
    for path in sorted((recordings / "google" / "gemini").glob("*.json")):
        exchange = json.loads(path.read_text("utf-8"))
        if exchange["response"]["status"] != 200 or not exchange["request"]["url"].endswith(":generateContent"):
            continue
        body = exchange["response"]["body"]
        wire.body = body
        try:
            theirs = client.models.generate_content(model="m", contents="x")
        except ValueError:  # a signature of a thought that was cut off where the recording was published
            with pytest.raises(NoAnswerError):
                gemini._reply(checked(gemini.Generated, body))
            continue
        try:
            answer = gemini._reply(checked(gemini.Generated, body))
        except NoAnswerError:
            whole = json.dumps(body)
            told = ("functionCall", "MAX_TOKENS", "SAFETY", "MODEL_ARMOR", "blockReason")
            assert not (theirs.text or "").strip() or any(word in whole for word in told), path.name
            continue
        except MalformedResponseError:
            assert theirs.text is None, path.name
            continue
        read += 1
        texts = [p.text for c in theirs.candidates or () for p in c.content.parts or () if p.text and not p.thought]
        assert answer.text == "".join(texts), path.name
        assert answer.model == theirs.model_version, path.name
        if answer.usage and theirs.usage_metadata:
            assert answer.usage.input_tokens == theirs.usage_metadata.prompt_token_count, path.name
            assert answer.usage.output_tokens == theirs.usage_metadata.candidates_token_count, path.name
            assert answer.usage.total_tokens == theirs.usage_metadata.total_token_count, path.name
    assert read > 30


def test_openai_reads_recorded_replies_as_we_do(recordings: Path) -> None:
    """Of every chat completion, of Azure's and IBM's, the same text and the same tokens."""
    from openai.types.chat import ChatCompletion

    read = 0
    for folder in ("azure/openai-chat", "ibm/watsonx-chat"):
        for path in sorted((recordings / folder).glob("*.json")):
            reply = json.loads(path.read_text("utf-8"))["response"]
            if reply["status"] != 200:
                continue
            theirs = ChatCompletion.model_validate(
                {"id": "x", "object": "chat.completion", "created": 1, "model": "m", **reply["body"]}
            )
            message = theirs.choices[0].message
            try:
                answer = reply_of(checked(Completion, reply["body"]), "")
            except NoAnswerError:
                assert not message.content or message.tool_calls, path.name
                continue
            read += 1
            assert answer.text == message.content, path.name
            if theirs.usage:
                assert answer.usage
                assert answer.usage.input_tokens == theirs.usage.prompt_tokens
                both = (answer.usage.output_tokens or 0) + (answer.usage.thinking_tokens or 0)
                assert both == theirs.usage.completion_tokens, path.name
    assert read > 5
