"""Ask a chat model, and once more where its answer does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cloudai.core.flow import Flow
from cloudai.errors import MalformedResponseError
from cloudai.providers._generative.chat import Chat, Prompt, Reply
from cloudai.providers._generative.reading import Answer, UnfitError, read

__all__ = ["asked"]

A = TypeVar("A", bound=Answer)


def asked(
    vendor: Chat, prompt: Prompt, model: type[A], check: Callable[[A], str | None] | None = None
) -> Flow[tuple[A, list[Reply]]]:
    """Return the model's answer, and the replies that it took.

    Args:
        vendor: The vendor of the chat model.
        prompt: The prompt.
        model: The model of the answer.
        check: A function that returns what is wrong with an answer of the right shape, or None.

    Raises:
        MalformedResponseError: Neither of two answers fits. Both are billed.
        NoAnswerError: There is no answer.
    """
    replies = [(yield from vendor.chat(prompt))]
    try:
        return read(model, replies[0].text, check), replies
    except UnfitError as error:
        problem = error.problem
    # Each answer is billed, so there is one more try, and no third.
    replies.append((yield from vendor.chat(prompt.again(problem))))
    try:
        # Both replies are returned, because the tokens of the first one are billed, too.
        return read(model, replies[1].text, check), replies
    except UnfitError as error:
        problem = error.problem
    # The error is raised without its cause, which holds the answer.
    raise MalformedResponseError(
        f"{vendor.chat_name} was asked twice, and its answer does not fit: {problem}",
        advice="Try again, or name another model.",
    )
