"""Every recorded reply of a chat model is read with the text and the tokens that it holds, or is its class of error.

The recordings answer other prompts than ours, so that the text itself fits none of our schemas: what is held against
``chats.json`` is the answer before it is read. ``length`` is the number of its characters, ``sha256`` the beginning of
its digest, ``tokens`` those of the prompt, the answer, the thinking, and all; ``error`` is the class of error, and
``skip`` the reason why a file is left out.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import Response
from cloudai.providers._generative.chat import Prompt, Reply
from tests.support.generative import CHATS

MANIFEST = json.loads((Path(__file__).parent / "chats.json").read_text("utf-8"))
FOLDERS = ("google/gemini", "azure/openai-chat", "ibm/watsonx-chat", "ibm/watsonx-text-generation")
VENDORS = {"google": "google", "azure": "azure", "ibm": "watson"}
PROMPT = Prompt("sentiment", 1, "rules", ("data",), {"type": "object"}, 1_000)


def test_the_manifest_lists_every_file(recordings: Path) -> None:
    """A new recording must be read, or left out with a reason."""
    there = {f.relative_to(recordings).as_posix() for folder in FOLDERS for f in (recordings / folder).glob("*.json")}
    assert set(MANIFEST) == there


def answered(path: str, reply: dict[str, Any]) -> Reply:
    """Return the answer of a vendor's model, as its flow reads a reply; raise the error of an error reply."""
    provider: Any = CHATS[VENDORS[path.partition("/")[0]]]()
    response = Response(reply["status"], reply["headers"], json.dumps(reply["body"]).encode())
    if response.status != 200:
        raise provider.error(response)
    flow = provider.chat(PROMPT)
    next(flow)
    try:
        flow.send(response)
    except StopIteration as stop:
        answer: Reply = stop.value
        return answer
    raise AssertionError("a second request for one prompt")


def facts(answer: Reply) -> dict[str, Any]:
    """Return the facts about an answer that the manifest has."""
    usage = answer.usage
    tokens = [usage.input_tokens, usage.output_tokens, usage.thinking_tokens, usage.total_tokens] if usage else None
    digest = sha256(answer.text.encode()).hexdigest()[:12]
    return {"length": len(answer.text), "sha256": digest, "model": answer.model, "tokens": tokens}


@pytest.mark.parametrize("path", MANIFEST)
def test_a_recorded_reply_is_read(recordings: Path, path: str) -> None:
    """The answer has the text, the model and the tokens of the reply; an error reply becomes its class of error."""
    entry = MANIFEST[path]
    if reason := entry.get("skip"):
        pytest.skip(reason)
    reply = json.loads((recordings / path).read_text("utf-8"))["response"]
    if "error" in entry:
        with pytest.raises(cloudai.CloudAIError) as raised:
            answered(path, reply)
        assert type(raised.value).__name__ == entry["error"]
        assert {name: getattr(raised.value, name) for name in entry.get("expect", {})} == entry.get("expect", {})
    else:
        assert facts(answered(path, reply)) == entry
