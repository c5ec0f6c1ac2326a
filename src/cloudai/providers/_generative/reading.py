"""Read the answer of a chat model: find the one JSON object in its text, and check that it fits.

Models put prose, fences or their thinking around the object, although they are asked not to. An answer is read only
where there is no doubt what it says: of two objects, or of two values for one field, none is chosen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

__all__ = ["Answer", "UnfitError", "read"]

A = TypeVar("A", bound="Answer")


class Answer(BaseModel):
    """The base of all answers, and of their parts."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class UnfitError(Exception):
    """An answer does not fit; ``problem`` says why in cloudai's own words, without a word of the answer."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def read(model: type[A], text: str, check: Callable[[A], str | None] | None = None) -> A:
    """Return the answer that a text holds.

    Args:
        model: The model of the answer.
        text: The text of the chat model.
        check: A function that returns what is wrong with an answer of the right shape, or None.

    Raises:
        UnfitError: The text holds no JSON object or several, or the one that it holds does not fit.
    """
    try:
        answer = model.model_validate(_object_in(text))
    except ValidationError as error:
        # The input is left out: it is an answer, which may have words of the data, and the text goes into the next
        # prompt and into an error.
        told = error.errors(include_input=False, include_url=False, include_context=False)
        raise UnfitError("; ".join(_problem(each["loc"], each["type"], each["msg"]) for each in told[:FEW])) from None
    if check and (problem := check(answer)):
        raise UnfitError(problem)
    return answer


FEW = 5
"""The most problems that a model is told of."""
MOST_TEXT = 400_000
"""The most characters of an answer; the longest that can be asked for has fewer."""
MOST_TRIES = 200
"""The most places in a text at which an object is looked for."""
UNREADABLE = (ValueError, RecursionError)
"""The errors of the parser: the text is no JSON, is nested too deep, or has a number of thousands of digits."""
BROKEN = re.compile(r'\{\s*"')
"""The beginning of an object with a field; a brace in prose has none."""


def _problem(where: tuple[Any, ...], kind: str, message: str) -> str:
    """Return what is wrong with a field. The name of a field that nobody asked for is not repeated."""
    if kind == "extra_forbidden":
        where, message = where[:-1], "there is a field that the schema does not have"
    # The messages of pydantic name the values that are expected, and not the one that came.
    return f"{'.'.join(map(str, where)) or 'the answer'}: {message}"


def _object_in(text: str) -> dict[str, Any]:
    """Return the one JSON object in a text.

    Raises:
        UnfitError: There is none, or there are several, or one of them is broken.
    """
    if len(text) > MOST_TEXT:
        raise UnfitError("the answer is too long")
    try:
        # The usual answer is the object alone. It is read first, because its texts may have "</think>" or braces in
        # them.
        whole, end = DECODER.raw_decode(text.strip())
    except UNREADABLE:
        whole, end = None, 0
    if isinstance(whole, dict) and end == len(text.strip()):
        return whole
    # Thinking may hold drafts of the answer. Where its end is missing, nothing tells them from the answer.
    text = text.rpartition("</think>")[2]
    if "<think>" in text:
        raise UnfitError("the thinking has no end")
    objects = list(_objects(text))
    if len(objects) != 1:
        raise UnfitError("the answer holds several JSON objects" if objects else "the answer holds no JSON object")
    return objects[0]


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield each JSON object in a text that is not within another one."""
    at = tries = 0
    while (at := text.find("{", at)) >= 0:
        tries += 1
        try:
            value, at = DECODER.raw_decode(text, at)
        except UNREADABLE:
            if BROKEN.match(text, at) or tries > MOST_TRIES:
                raise UnfitError("the answer holds an object that is not JSON") from None
            at += 1
        else:
            yield value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    # json itself would take the last of two values, and say nothing.
    if len(fields) < len(pairs):
        raise UnfitError("a field occurs twice")
    return fields


def _not_finite(_: str) -> NoReturn:
    raise UnfitError("a number is not finite")


DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_not_finite)
