"""Answers of models that are almost right: each is understood as the answer that it is, or is a typed error."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cloudai import Client, MalformedResponseError, NoAnswerError, Response
from cloudai.testing import Script
from tests.support.generative import CHATS, reply

TEXT = "국이 뜨겁습니다. 맛있어요!"
GOOD: dict[str, tuple[dict[str, Any], Any]] = {
    "sentiment": (
        {},
        {
            "text": {"label": "positive", "score": 0.7},
            "sentences": [
                {"sentence": 0, "label": "neutral", "score": 0.0},
                {"sentence": 1, "label": "positive", "score": 0.9},
            ],
            "language": "ko",
        },
    ),
    "key_phrases": ({}, {"phrases": ["국", "맛있어요"], "language": "ko"}),
    "detect_language": ({}, {"code": "ko", "name": "Korean"}),
    "translate": (
        {"to": ["en", "ja"]},
        {"source": "ko", "translations": [{"to": "en", "text": "Hot."}, {"to": "ja", "text": "熱い。"}]},
    ),
}
"""The options of each operation, and an answer that fits."""


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to each value within a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*before, key)
        yield from paths(each, (*before, key))


def changed(answer: Any, path: tuple[Any, ...], value: Any = None, *, drop: bool = False) -> str:
    """Return the JSON of an answer in which the value at a path is another one, or is not there."""
    answer = copy.deepcopy(answer)
    inner = answer
    for key in path[:-1]:
        inner = inner[key]
    if drop:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return json.dumps(answer, ensure_ascii=False)


def at(answer: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        answer = answer[key]
    return answer


NULLABLE = ("language", "code", "name", "source")


def damaged(answer: Any) -> Iterator[str]:
    """Yield texts that do not hold the answer."""
    whole = json.dumps(answer, ensure_ascii=False)
    for path in paths(answer):
        value = at(answer, path)
        yield changed(answer, path, drop=True) if isinstance(path[-1], str) else changed(answer, path, 5)
        yield changed(answer, path, [] if isinstance(value, dict | str) else {})
        yield changed(answer, path, [value])
        yield changed(answer, path, True)
        yield changed(answer, path, str(value) if isinstance(value, int | float) else 7.5)
        if path[-1] not in NULLABLE:
            yield changed(answer, path, None)
        if isinstance(value, dict):
            yield changed(answer, path, {**value, "note": "IGNORE"})
    yield json.dumps({**answer, "note": "IGNORE"})
    yield f"{whole}\n{whole}"
    yield f"{whole} or rather {whole}"
    yield f"{whole[:-1]}, }} or rather {whole}"
    yield f"[{whole}, {whole}]"
    yield f"<think>{whole}"
    yield f"<think>maybe {whole}</think>"
    yield whole[:-1]
    yield whole[: len(whole) // 2]
    yield whole.replace(": ", ": NaN, ", 1)
    yield whole.replace("{", "{" + whole[1 : whole.index(",") + 1], 1)  # the first field occurs twice
    yield from ("null", "[]", "true", "{}", "7", '"positive"', "positive", "```json\n```", "{" * 500, '{"a":' * 2_000)
    yield whole.replace('"', "'")


def wrapped(answer: Any) -> Iterator[str]:
    """Yield texts that hold the answer without a doubt."""
    whole, lines = json.dumps(answer, ensure_ascii=False), json.dumps(answer, indent=2)
    yield whole
    yield lines
    yield f"  \n{whole}\n\n"
    yield f"```json\n{lines}\n```"
    yield f"Here is the answer you asked for: {whole}"
    yield f"{whole}\nI hope this helps {{smile}}!"
    yield f"<think>It could be {{}} or {whole}.</think>{whole}"
    yield f"<think>흠…</think><response>{whole}</response>"
    yield json.dumps(dict(reversed(list(answer.items()))))
    yield f"[{whole}]"


def asked(vendor: str, operation: str, *texts: str) -> Any:
    """Return the result of an operation whose model gives these answers."""
    options, _ = GOOD[operation]
    script = Script(*[reply(vendor, text) for text in texts])
    with script, Client(CHATS[vendor](), send=script, offline=True) as client:
        return getattr(client, operation)(TEXT, method="generative", **options)


BAD = [(operation, n, text) for operation in GOOD for n, text in enumerate(damaged(GOOD[operation][1]))]
WELL = [(operation, n, text) for operation in GOOD for n, text in enumerate(wrapped(GOOD[operation][1]))]
VENDORS = list(CHATS)


def test_there_are_enough() -> None:
    """More than two hundred mutated answers are tried."""
    assert len({text for _, _, text in BAD}) > 200


@pytest.mark.parametrize("operation", GOOD)
def test_a_damaged_answer_is_asked_for_anew_and_then_an_error(operation: str) -> None:
    """No damaged answer becomes a result: the next answer does, and where there is none, a typed error."""
    good = json.dumps(GOOD[operation][1])
    wanted = asked("google", operation, good)
    for _, n, text in (each for each in BAD if each[0] == operation):
        vendor = VENDORS[n % len(VENDORS)]
        assert asked(vendor, operation, text, good) == wanted, text
        with pytest.raises(MalformedResponseError) as raised:
            asked(vendor, operation, text, text)
        assert "IGNORE" not in str(raised.value)


@pytest.mark.parametrize("operation", GOOD)
def test_an_answer_in_wrappings_is_understood(operation: str) -> None:
    """Prose, fences, thinking, line breaks and another order of fields change nothing."""
    wanted = asked("google", operation, json.dumps(GOOD[operation][1]))
    for _, n, text in (each for each in WELL if each[0] == operation):
        assert asked(VENDORS[n % len(VENDORS)], operation, text) == wanted, text


@pytest.mark.parametrize(
    ("parts", "is_read"),
    [
        ([{"text": '{"code": "ko", '}, {"text": '"name": "Korean"}'}], True),
        ([{"text": "thinking {}", "thought": True}, {"text": '{"code": "ko", "name": "Korean"}'}], True),
        ([{"text": ""}, {"text": '{"code": "ko", "name": "Korean"}', "thoughtSignature": "x"}], True),
        ([{}, {"text": '{"code": "ko", "name": "Korean"}'}], True),
        ([{"text": '{"code": "ko", "name": "Korean"}', "thought": True}], False),
        ([{"functionCall": {"name": "f"}}, {"text": '{"code": "ko", "name": "Korean"}'}], False),
        ([{}], False),
        ([], False),
    ],
)
def test_the_parts_of_an_answer_are_joined_and_its_thoughts_left_out(parts: Any, is_read: bool) -> None:
    """Gemini gives an answer in parts; a thought is none of it, nor is the call of a tool."""
    body = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}
    script = Script(Response(200, {"content-type": "application/json"}, json.dumps(body).encode()))
    with Client(CHATS["google"](), send=script, offline=True) as client:
        if is_read:
            assert client.detect_language("국", method="generative").code == "ko"
        else:
            with pytest.raises(NoAnswerError):
                client.detect_language("국", method="generative")


@pytest.mark.parametrize(
    ("operation", "path", "value"),
    [
        ("sentiment", ("text", "score"), 1.5),
        ("sentiment", ("text", "label"), "very positive"),
        ("sentiment", ("sentences", 1, "sentence"), 0),
        ("sentiment", ("sentences", 1, "sentence"), 2),
        ("sentiment", ("language",), "Korean language"),
        ("key_phrases", ("phrases", 0), "찌개"),
        ("detect_language", ("code",), "한국어"),
        ("translate", ("translations", 0, "to"), "fr"),
        ("translate", ("translations", 0, "text"), " "),
    ],
)
def test_a_value_that_cannot_be_is_refused(operation: str, path: tuple[Any, ...], value: Any) -> None:
    """Ranges, numbers of sentences, words of the text and codes are checked, although the schema cannot say them."""
    bad = changed(GOOD[operation][1], path, value)
    with pytest.raises(MalformedResponseError, match="does not fit"):
        asked("azure", operation, bad, bad)
