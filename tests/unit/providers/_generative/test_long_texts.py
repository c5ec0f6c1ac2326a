"""Long texts: no request asks for more tokens than the models give, and a long translation is made in parts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloudai import Client, InputError, Request, Response
from cloudai.providers._generative.chat import MOST_TOKENS
from tests.support.generative import CHATS, TOKEN, data_of, is_chat, reply

VENDORS = pytest.mark.parametrize("vendor", CHATS)


def most_tokens(request: Request) -> int:
    """Return the most tokens of the answer to a request."""
    if request.service == "gemini":
        return int(request.json["generationConfig"]["maxOutputTokens"])
    return int(request.json["max_completion_tokens"])


@VENDORS
def test_a_long_translation_is_made_in_parts(vendor: str) -> None:
    """A text of 30,000 characters goes out in parts cut at sentences, and the white space between them stays."""
    sent: list[Request] = []

    def send(request: Request) -> Response:
        if not is_chat(request):
            return TOKEN
        sent.append(request)
        (given,) = data_of(request)
        inner = str(given).partition("\n")[2].rpartition("\n")[0]
        answers = [{"to": code, "text": f"{code}:{inner}"} for code in ("en", "ja")]
        return reply(vendor, json.dumps({"source": "ko", "translations": answers}))

    text = "\n\n".join(f"문단 {n}. " + "방이 깨끗했어요. " * 100 for n in range(30)).strip()
    with Client(CHATS[vendor](), send=send) as client:
        translation = client.translate(text, to=["en", "ja"], method="generative")
    assert translation.parts == len(sent) > 1
    assert max(map(most_tokens, sent)) <= MOST_TOKENS
    english, japanese = (each.text for each in translation)
    assert english.replace("en:", "") == text
    assert japanese.replace("ja:", "") == text
    assert english.count("en:") == len(sent)
    assert translation.detected == "ko"
    assert translation.meta.method == "generative"


@VENDORS
def test_too_many_sentences_are_refused_before_they_are_paid_for(vendor: str) -> None:
    """An answer about 12,000 sentences would be cut off at the most tokens, so that nothing is sent."""
    sent: list[Request] = []

    def send(request: Request) -> Any:
        sent.append(request)
        raise AssertionError

    with Client(CHATS[vendor](), send=send) as client, pytest.raises(InputError, match=r"12,000 sentences.*at most"):
        client.sentiment("네. " * 12_000, method="generative")
    assert sent == []
