"""The chat completions of OpenAI's API, which Azure and watsonx.ai share: messages, and the reading of replies.

https://learn.microsoft.com/azure/ai-foundry/openai/latest
https://cloud.ibm.com/apidocs/watsonx-ai#text-chat
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cloudai.core.flow import Blob, DataUrl
from cloudai.errors import (
    BlockedError,
    EmptyAnswerError,
    MalformedResponseError,
    NoAnswerError,
    RefusedError,
    ServerError,
    TimeLimitError,
    ToolCallError,
    TruncatedError,
)
from cloudai.providers._generative.chat import Part, Prompt, Reply, usage_of
from cloudai.providers.wire import Wire, left_out

__all__ = ["Completion", "body_of", "reply_of"]


def body_of(prompt: Prompt) -> dict[str, Any]:
    """Return the fields of a request that both vendors name alike: the messages, the schema, the most tokens."""
    return {
        "messages": [
            # The inputs of a call never stand in the role of the system; see `prompts`.
            {"role": "system", "content": prompt.rules},
            {"role": "user", "content": [_part(part) for part in prompt.parts]},
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": prompt.name, "strict": True, "schema": prompt.schema},
        },
        # The older max_tokens is refused by models that think.
        "max_completion_tokens": prompt.most_tokens,
    }


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, Blob):
        return {"type": "image_url", "image_url": {"url": DataUrl(part.key, part.load, part.media_type)}}
    return {"type": "text", "text": part}


class Message(Wire):
    """The message of the model: a text, a refusal, or calls of tools that nobody offered."""

    content: str | None = None
    refusal: str | None = None
    tool_calls: list[Any] = Field(default_factory=list)
    function_call: Any = None


class Choice(Wire):
    """One of the answers; there is but one."""

    message: Message = left_out(Message)
    finish_reason: str | None = None


class OutputDetails(Wire):
    """The kinds of tokens in the answer."""

    reasoning_tokens: int | None = None


class Counted(Wire):
    """The tokens of a reply. Those of the thinking are among those of the completion."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    completion_tokens_details: OutputDetails = left_out(OutputDetails)
    total_tokens: int | None = None


class Completion(Wire):
    """The reply. Azure names the model as ``model``, watsonx.ai as ``model_id``."""

    choices: list[Choice]
    model: str | None = None
    model_id: str | None = None
    usage: Counted | None = None


def reply_of(completion: Completion, advice: str) -> Reply:
    """Return the answer of a reply.

    Args:
        completion: The reply.
        advice: How to name another model.

    Raises:
        NoAnswerError: There is no answer; the class says why.
        ServerError: The model ended with an error of its own.
        MalformedResponseError: The reply does not have one choice.
    """
    if len(completion.choices) != 1:
        raise MalformedResponseError(f"the reply has {len(completion.choices)} choices, and one was asked for")
    choice = completion.choices[0]
    message, why = choice.message, choice.finish_reason
    # A refusal goes first, because its finish_reason is "stop", like that of an answer.
    if message.refusal:
        raise _no_answer(RefusedError, f"the model refused: {message.refusal}", why, advice)
    # A message that calls a tool holds no answer, whatever its finish_reason is.
    if message.tool_calls or message.function_call is not None or why == "tool_calls":
        raise _no_answer(ToolCallError, "the model asked for a tool", why, advice)
    if why in ENDINGS:
        raise _no_answer(*ENDINGS[why], why, advice)
    # watsonx.ai ends an answer with these words where the service has failed, and another attempt may succeed.
    if why in ("error", "cancelled"):
        raise ServerError(f"the model ended with {why}", advice="Try again later.", status=200, code=why)
    if not (message.content or "").strip():
        raise _no_answer(EmptyAnswerError, "the answer is empty", why, advice)
    return Reply(message.content or "", *_counted(completion))


ENDINGS: Mapping[str | None, tuple[type[NoAnswerError], str]] = {
    "content_filter": (BlockedError, "the answer was blocked by the content filter"),
    "length": (TruncatedError, "the answer reached the most tokens"),
    "time_limit": (TimeLimitError, "the service's time for an answer was up"),
}
"""The reasons for which an answer ends before its end, as ``finish_reason`` has them."""


def _no_answer(kind: type[NoAnswerError], message: str, code: str | None, advice: str) -> NoAnswerError:
    return kind(message, advice=f"{ADVICE[kind]} {advice}", status=200, code=code)


ADVICE: Mapping[type[NoAnswerError], str] = {
    BlockedError: "The vendor's filter decides this; the classic services have none.",
    RefusedError: "The model decides this by itself.",
    TruncatedError: "Send less.",
    TimeLimitError: "Send less.",
    EmptyAnswerError: "Try again.",
    ToolCallError: "No tool was offered to it.",
}
"""The advice where there is no answer, which comes before the advice to name another model."""


def _counted(completion: Completion) -> tuple[str | None, Any]:
    model, counted = completion.model or completion.model_id, completion.usage
    if counted is None:
        return model, None
    thought, answered = counted.completion_tokens_details.reasoning_tokens, counted.completion_tokens
    # OpenAI counts the thinking among the tokens of the answer, and Google beside them. `Usage` has it apart.
    if thought and answered is not None:
        answered = max(0, answered - thought)
    return model, usage_of(model, counted.prompt_tokens, answered, thought, counted.total_tokens)
