"""The chat model of Google, Gemini, by the Gemini API with a key, or by Vertex AI with a login and a project.

https://ai.google.dev/api/generate-content
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from pydantic import Field

from cloudai.core.flow import Blob, Flow, Request, Response
from cloudai.errors import (
    BlockedError,
    EmptyAnswerError,
    MalformedResponseError,
    NoAnswerError,
    SettingsError,
    ToolCallError,
    TruncatedError,
)
from cloudai.media import AudioLimits, ImageLimits
from cloudai.providers._generative.chat import Part, Prompt, Reply, usage_of
from cloudai.providers._generative.models import CHECKED, GEMINI, another, notice_of
from cloudai.providers._generative.provider import Generative, generative
from cloudai.providers.base import Capability
from cloudai.providers.google._service import YES, GoogleService
from cloudai.providers.replies import Fault
from cloudai.providers.wire import Wire, left_out

__all__ = ["Gemini"]

VERTEX = "{location}-aiplatform.googleapis.com"
# https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations
VERTEX_ELSEWHERE: Mapping[str, str] = {
    "global": "aiplatform.googleapis.com",
    "us": "aiplatform.us.rep.googleapis.com",
    "eu": "aiplatform.eu.rep.googleapis.com",
}
"""The hosts of Vertex AI for the locations that are no single region."""
SET_UP = "GEMINI_API_KEY, or GOOGLE_GENAI_USE_VERTEXAI=true with a login"
ASK = 'or ask for it by method="generative", which GOOGLE_API_KEY serves too'
NEEDS = "gemini: GEMINI_API_KEY, or GOOGLE_GENAI_USE_VERTEXAI=true with a login and GOOGLE_CLOUD_PROJECT"
# A request may have 20 MB, and base64 adds a third: https://ai.google.dev/gemini-api/docs/image-understanding
MOST_BYTES = 14_000_000


class Gemini(Generative, GoogleService):
    """The operations that Gemini answers."""

    chat_name: ClassVar[str] = "Gemini"
    chat_service: ClassVar[str] = "gemini"
    chat_pictures: ClassVar[ImageLimits] = ImageLimits(
        who="Gemini", formats=frozenset({"JPEG", "PNG", "WEBP"}), max_bytes=MOST_BYTES, max_side=3_072
    )
    # https://ai.google.dev/gemini-api/docs/audio
    chat_sounds: ClassVar[AudioLimits | None] = AudioLimits(
        who="Gemini",
        formats=frozenset({"wav", "mp3", "flac", "ogg-vorbis", "aac"}),
        max_bytes=MOST_BYTES,
        max_seconds=3_600.0,
        advice="Split it, or put it in a Cloud Storage bucket and use the classic service.",
        mixes=True,
    )
    chat_detector: ClassVar[str] = "vision"
    chat_boxes: ClassVar[bool] = True  # https://ai.google.dev/gemini-api/docs/image-understanding#object-detection
    generative: ClassVar[Mapping[str, Capability]] = generative(
        NEEDS, "https://ai.google.dev/gemini-api/docs/structured-output", CHECKED
    )

    def chat(self, prompt: Prompt) -> Flow[Reply]:
        """Send a prompt to Gemini, and return its answer."""
        response: Response = yield Request(
            "POST",
            f"{self.chat_address()}:generateContent",
            service="gemini",
            api="v1",
            endpoint=self.endpoint_of("gemini"),
            json={
                "systemInstruction": {"parts": [{"text": prompt.rules}]},
                "contents": [{"role": "user", "parts": [_part(part) for part in prompt.parts]}],
                "generationConfig": {
                    # Temperature and top-p are not sent, because newer models refuse them: see docs/vendors.md.
                    "responseMimeType": "application/json",
                    "responseJsonSchema": prompt.schema,
                    "maxOutputTokens": prompt.most_tokens,
                },
            },
        )
        return _reply(response.parse(Generated))

    def chat_model(self) -> str:
        """Return the model that is set, or the default of `cloudai.providers._generative.models`."""
        # A model that is ended is not replaced by another one in silence: answers would change from one day to the
        # next.
        return self.setting("gemini_model") or GEMINI

    def generative_notice(self) -> str | None:
        """Return when Google ends the model that is set, and the names of others, where that is soon."""
        model = self.chat_model()
        return another("google", model, "GEMINI_MODEL") if notice_of(model) else None

    def fault(self, response: Response) -> Fault:
        """Return what an error reply says; that the model is not there names others."""
        fault = super().fault(response)
        # The address has the name of the model in it, so a 404 may mean the model or the whole path.
        if response.status != 404 or "models/" not in fault.message:  # noqa: PLR2004
            return fault
        return replace(fault, gone=True, advice=another("google", self.chat_model(), "GEMINI_MODEL"))

    def require_chat(self, *, asked: bool) -> None:
        """Check that there is a key for the Gemini API, or a login and a project for Vertex AI."""
        # The key for Google's classic services serves Gemini as well, but only where the user asks for the chat model:
        # a picture must not go there because of a key for something else.
        if not asked and not (self.setting("gemini_api_key") or self._vertex_is_set()):
            raise SettingsError("Gemini is not set up", advice=f"Set {SET_UP}, {ASK}.")
        if not self.by_vertex():
            if not self._key_of("gemini"):
                raise SettingsError("no key for Gemini", advice=f"Set {SET_UP}.")
            return
        login = self._login()
        if login is None:
            raise SettingsError("Vertex AI needs a login", advice="Set GOOGLE_APPLICATION_CREDENTIALS.")
        if not self.setting("project"):
            raise SettingsError("Vertex AI needs a project", advice="Set GOOGLE_CLOUD_PROJECT.")
        login.require_package()

    def by_vertex(self) -> bool:
        """Return whether Vertex AI answers in place of the Gemini API: where that is set, or there is only a login."""
        # An explicit "false" keeps a login from choosing Vertex AI, which bills a project.
        if self.setting("vertex"):
            return self._vertex_is_set()
        return not (self.setting("gemini_api_key") or self._key()) and self._login() is not None

    def _vertex_is_set(self) -> bool:
        return self.setting("vertex") in YES

    def _key_of(self, service: str) -> str | None:
        """Return the key that serves a service; Gemini's own goes before the key for all services."""
        if service != "gemini":
            return super()._key_of(service)
        # A call to Vertex AI carries the token of a login, and no key.
        return None if self.by_vertex() else self.setting("gemini_api_key") or super()._key_of(service)

    def destinations(self) -> tuple[str, ...]:
        """Return the hosts that data goes to; that of Gemini only where Gemini is set up."""
        chat = () if self.chat_missing(asked=False) else (urlsplit(self.chat_address()).netloc,)
        return tuple(dict.fromkeys((*super().destinations(), *chat)))

    def chat_address(self) -> str:
        """Return the address of the model, without the method."""
        # A name with a slash or "?" in it must not become another path.
        model = quote(self.chat_model().removeprefix("models/"), safe="")
        # google-genai 3 asks v1. The recorded replies of v1beta have the same shape.
        if not self.by_vertex():
            return f"{self.base('gemini')}/v1/models/{model}"
        location = self.setting("location") or "global"
        host = VERTEX_ELSEWHERE.get(location) or VERTEX.format(location=location)
        project = f"projects/{self.setting('project') or '{project}'}/locations/{location}"
        return f"{self.base('gemini', host)}/v1/{project}/publishers/google/models/{model}"


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, Blob):
        return {"inlineData": {"mimeType": part.media_type, "data": part}}
    return {"text": part}


class WirePart(Wire):
    """A part of an answer: a text, a thought, or something that nobody asked for."""

    text: str | None = None
    thought: bool = False
    function_call: dict[str, Any] | None = None


class Content(Wire):
    parts: list[WirePart] = Field(default_factory=list)


class Candidate(Wire):
    content: Content = left_out(Content)
    finish_reason: str | None = None
    finish_message: str | None = None


class PromptFeedback(Wire):
    block_reason: str | None = None
    block_reason_message: str | None = None


class UsageMetadata(Wire):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    total_token_count: int | None = None


class Generated(Wire):
    """The reply. A prompt that was blocked has no candidates."""

    candidates: list[Candidate] = Field(default_factory=list)
    prompt_feedback: PromptFeedback = left_out(PromptFeedback)
    usage_metadata: UsageMetadata | None = None
    model_version: str | None = None


# https://ai.google.dev/api/generate-content#FinishReason
TRUNCATED = "MAX_TOKENS"
TOOLS = ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS")
BLOCKED = (
    *("SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER"),
)
FINE = (None, "STOP", "FINISH_REASON_UNSPECIFIED")
"""The reasons beside which an empty answer is no more than empty."""


def _reply(generated: Generated) -> Reply:
    """Return the answer of a reply, or raise the error for a reply without one."""
    feedback = generated.prompt_feedback
    if not generated.candidates:
        if feedback.block_reason or feedback.block_reason_message:
            said = feedback.block_reason_message or feedback.block_reason or ""
            raise _no_answer(BlockedError, f"what was sent was blocked: {said}", feedback.block_reason)
        raise MalformedResponseError("the reply has no candidate, and does not say why")
    if len(generated.candidates) > 1:
        raise MalformedResponseError("the reply has several candidates, and one was asked for")
    candidate = generated.candidates[0]
    why, said = candidate.finish_reason, f"{candidate.finish_reason} {candidate.finish_message or ''}".strip()
    parts = candidate.content.parts
    # An answer that is cut off is not looked at. In one recorded reply there is none at all, because the model has used
    # up all its tokens by thinking.
    if why == TRUNCATED:
        raise _no_answer(TruncatedError, "the answer reached the most tokens", why)
    if why in TOOLS or any(part.function_call is not None for part in parts):
        raise _no_answer(ToolCallError, "the model asked for a tool", why)
    # Models that think send their thoughts as parts of their own, and may cut the answer into several.
    text = "".join([part.text for part in parts if part.text and not part.thought])
    # If there is a text beside a reason that is not known, the schema decides whether it is an answer.
    if why in BLOCKED:
        raise _no_answer(BlockedError, f"the answer was blocked: {said}", why)
    if not text.strip():
        raise _no_answer(EmptyAnswerError, f"the answer is empty{'' if why in FINE else f': {said}'}", why)
    counted, model = generated.usage_metadata, generated.model_version
    # Nobody knows what such a reply costs, and a cost of 0 would be false.
    if counted is None:
        return Reply(text, model)
    counts = counted.prompt_token_count, counted.candidates_token_count, counted.thoughts_token_count
    return Reply(text, model, usage_of(model, *counts, counted.total_token_count))


def _no_answer(kind: type[NoAnswerError], message: str, code: str | None) -> NoAnswerError:
    return kind(message, advice=ADVICE.get(kind), status=200, code=code)


ADVICE: Mapping[type[NoAnswerError], str] = {
    BlockedError: "Google's filters decide this; the classic services have none.",
    TruncatedError: "Send less, or name a model that thinks less: GEMINI_MODEL.",
    EmptyAnswerError: "Try again, or name another model: GEMINI_MODEL.",
    ToolCallError: "Name another model: GEMINI_MODEL.",
}
