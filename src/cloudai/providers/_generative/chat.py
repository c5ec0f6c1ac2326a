"""Define what is sent to a chat model and what comes back, and what a vendor with a chat model must have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, ClassVar, NamedTuple, Protocol, Self

from cloudai.core.flow import Blob, Flow
from cloudai.media import AudioLimits, Image, ImageLimits
from cloudai.models.base import Meta, Usage
from cloudai.models.face import Faces
from cloudai.models.image import Feature
from cloudai.providers._generative.models import price_of

__all__ = ["MOST_TOKENS", "VERSIONS", "Chat", "Part", "Prompt", "Reply", "meta_of", "usage_of"]

VERSIONS: Mapping[str, int] = {
    "analyze_image": 1,
    "detect_faces": 1,
    "estimate_age": 1,
    "read_text": 1,
    "sentiment": 1,
    "detect_language": 1,
    "key_phrases": 1,
    "translate": 1,
    "speech_to_text": 2,
}
"""The version of each prompt, which belongs to the key of a call that is paid for. Raise it with every change of a
prompt's text or schema."""

MOST_TOKENS = 32_000
"""The most tokens that any answer may have, the model's thinking included: a request for more than a model gives is
refused, and gpt-4.1 gives the least of those in `cloudai.providers._generative.models`, 32,768.

https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/models-sold-directly-by-azure
"""

Part = str | Blob
"""A part of the user's message: a text, or a picture or recording."""


@dataclass(frozen=True)
class Prompt:
    """The request to a chat model. No tool is offered to it, and its answer has to fit a closed schema.

    Args:
        name: The name of the prompt, which is also that of the schema: "sentiment".
        version: The version of the prompt; another text or another schema has another.
        rules: The text in the role of the system. It is cloudai's own, and holds nothing that was given to the call
            but the codes of languages and numbers.
        parts: The parts in the role of the user: the data, and cloudai's own words between them.
        schema: The schema of the answer; see `cloudai.providers._generative.schema`.
        most_tokens: The most tokens of the answer, the model's thinking included.
    """

    name: str
    version: int
    rules: str
    parts: Sequence[Part]
    schema: Mapping[str, Any]
    most_tokens: int

    @property
    def title(self) -> str:
        """The name with the version, as `Meta.prompt` has it."""
        return f"{self.name}/{self.version}"

    def again(self, problem: str) -> Self:
        """Return the same prompt, with what was wrong with the first answer to it.

        The first answer is not repeated: it may hold words of the data.
        """
        note = f"An earlier answer to this was refused, because it does not fit the schema: {problem}. Answer anew."
        return replace(self, parts=(*self.parts, note))


class Reply(NamedTuple):
    """The answer of a chat model, before it is read."""

    text: str
    model: str | None = None
    usage: Usage | None = None


class Chat(Protocol):
    """A vendor with a chat model."""

    chat_name: ClassVar[str]
    """The name of the service in errors: "Gemini"."""
    chat_pictures: ClassVar[ImageLimits]
    chat_sounds: ClassVar[AudioLimits | None]
    """The recordings that the model takes; None where the vendor documents none."""
    chat_boxes: ClassVar[bool]
    """True if the vendor documents how its models give boxes: [top, left, bottom, right] in thousandths."""

    def generative_features(self) -> tuple[Feature, ...]:
        """Return what the model can look for in a picture."""

    def chat(self, prompt: Prompt) -> Flow[Reply]:
        """Send a prompt to the model, and return its answer.

        Raises:
            NoAnswerError: There is no answer; the class says why.
            ServiceError: The service refused.
        """

    def faces_in(self, image: Image, max_faces: int) -> Flow[Faces]:
        """Return the faces that a detector finds in a picture, largest first; no chat model is asked."""


def meta_of(prompt: Prompt, replies: Sequence[Reply], **facts: Any) -> Meta:
    """Return what `Meta` says of answers to a prompt.

    Args:
        prompt: The prompt.
        replies: All replies, those that did not fit included: their tokens are billed too.
        facts: Further fields of `Meta`.
    """
    # A deployment may be moved to another version of its model between two requests of one call.
    models = ", ".join(dict.fromkeys(reply.model for reply in replies if reply.model))
    counted = [reply.usage for reply in replies if reply.usage]
    usage = reduce(Usage.plus, counted) if counted else None
    return Meta(method="generative", model=models or None, prompt=prompt.title, usage=usage, **facts)


def usage_of(
    model: str | None, given: int | None, answered: int | None, thought: int | None, total: int | None
) -> Usage:
    """Return the tokens that a reply counts, with what they cost by the list price of its model.

    Args:
        model: The model that the reply names.
        given: Tokens of the prompt.
        answered: Tokens of the answer, without the model's thinking; where they are missing, they are the rest of
            all tokens.
        thought: Tokens of the thinking.
        total: All tokens.
    """
    if answered is None and given is not None and total is not None:
        answered = max(0, total - given - (thought or 0))
    usage = Usage(input_tokens=given, output_tokens=answered, thinking_tokens=thought, total_tokens=total)
    price = price_of(model)
    if price is None or given is None or answered is None:
        return usage  # a cost without a part of the tokens would be too low
    return usage.model_copy(update={"cost": price.cost(usage), "price_date": price.checked})
