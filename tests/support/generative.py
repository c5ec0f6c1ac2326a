"""The three providers with a chat model that is set up, what their models are sent, and replies in their shapes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from cloudai import Azure, Google, Provider, Request, Resource, Response, Watson
from cloudai.core.flow import Blob

__all__ = ["CHATS", "KEY", "TOKEN", "data_of", "is_chat", "objects_in", "reply", "rules_of", "schema_of"]

KEY = "not-a-real-key"


def _google() -> Provider:
    return Google(gemini_api_key=KEY, api_key=KEY)


def _azure() -> Provider:
    resource = Resource(KEY, "https://example.cognitiveservices.azure.com")
    return Azure(openai=resource, face=resource, language=resource, openai_deployment="luna")


def _watson() -> Provider:
    resource = Resource(KEY, "https://us-south.ml.cloud.ibm.com")
    return Watson(watsonx=resource, watsonx_project="p-1", watsonx_model="meta-llama/llama-4-maverick")


CHATS: dict[str, Callable[[], Provider]] = {"google": _google, "azure": _azure, "watson": _watson}


def is_chat(request: Request) -> bool:
    """Return whether a request is for the chat model."""
    return request.service in ("gemini", "openai", "watsonx")


def rules_of(request: Request) -> str:
    """Return what a request says in the role of the system."""
    if request.service == "gemini":
        (part,) = request.json["systemInstruction"]["parts"]
        return str(part["text"])
    (message,) = [each for each in request.json["messages"] if each["role"] == "system"]
    return str(message["content"])


def data_of(request: Request) -> list[str | Blob]:
    """Return the parts that a request has in the role of the user."""
    if request.service == "gemini":
        (content,) = request.json["contents"]
        assert content["role"] == "user"
        return [part["text"] if "text" in part else part["inlineData"]["data"] for part in content["parts"]]
    (message,) = [each for each in request.json["messages"] if each["role"] != "system"]
    assert message["role"] == "user"
    return [part["text"] if part["type"] == "text" else part["image_url"]["url"] for part in message["content"]]


def schema_of(request: Request) -> Any:
    """Return the schema of a request."""
    if request.service == "gemini":
        return request.json["generationConfig"]["responseJsonSchema"]
    asked = request.json["response_format"]
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["strict"] is True
    return asked["json_schema"]["schema"]


def objects_in(schema: Any) -> Iterator[Any]:
    """Yield each object of a schema, at any depth."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for inner in schema.values():
            yield from objects_in(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects_in(inner)


def reply(vendor: str, text: str) -> Response:
    """Return the reply of a vendor's chat model with this text."""
    if vendor == "google":
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}
        body: Any = {"candidates": [candidate], "modelVersion": "gemini-3.8-flash"}
    else:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        body = {"choices": [choice], "model": "luna"}
    return Response(200, {"content-type": "application/json"}, json.dumps(body).encode())


TOKEN = Response(200, {"content-type": "application/json"}, b'{"access_token": "made-up", "expiration": 99999999999}')
"""The reply of IBM Cloud to the key of watsonx.ai."""
