"""A batch that a chat model answers: its plan names hosts, requests and what is unknown; its table has the tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, Request, Response
from cloudai.cli import main
from cloudai.providers._generative.models import price_of
from cloudai.providers.local import Local
from tests.support.generative import CHATS, KEY, is_chat
from tests.support.played import PICTURE
from tests.unit.providers._generative.test_answers import HOPPER

GOOD = {
    "text": {"label": "positive", "score": 1},
    "sentences": [{"sentence": 0, "label": "positive", "score": 1}],
    "language": "ko",
}
COUNTS = {"promptTokenCount": 1_000, "candidatesTokenCount": 200, "thoughtsTokenCount": 50, "totalTokenCount": 1_250}


def send(request: Request) -> Response:
    """Return the reply of Gemini to any text, with the tokens that it counted."""
    assert is_chat(request)
    candidate = {"content": {"parts": [{"text": json.dumps(GOOD)}]}, "finishReason": "STOP"}
    whole = {"candidates": [candidate], "usageMetadata": COUNTS, "modelVersion": "gemini-3.8-flash"}
    return Response(200, {"content-type": "application/json"}, json.dumps(whole).encode())


def refuse(_: Request) -> Any:
    """Fail, because a plan sends nothing."""
    raise AssertionError


def test_the_tokens_and_their_cost_are_columns(tmp_path: Path) -> None:
    """Each input has the tokens it was billed for; a copy has none, so that the sum is what the vendor bills."""
    for _ in range(2):  # the second run answers from the journal
        with (
            Client(CHATS["google"](), send=send) as client,
            client.batch(
                "sentiment", ["좋아요", "좋아요", "최고"], options={"method": "generative"}, journal=tmp_path / "a.db"
            ) as job,
        ):
            list(job)
            table = job.table()
            rows = list(table)
        (copy,) = (row for row in rows if row["duplicate_of"] is not None)
        assert (copy["input_tokens"], copy["token_cost"]) == (None, None)
        asked = [row for row in rows if row is not copy]
        price = price_of("gemini-3.8-flash")
        assert price
        for row in asked:
            assert [row[name] for name in ("input_tokens", "output_tokens", "thinking_tokens")] == [1_000, 200, 50]
            assert row["token_cost"] == pytest.approx(1_000e-6 * price.input + 250e-6 * price.output)
            assert row["token_price_date"] == price.checked
        assert len(asked) == 2
        assert table.units["token_cost"] == "USD"


def test_a_classic_batch_has_no_columns_for_tokens() -> None:
    """Where no chat model has answered, the table stays as it is."""
    with Client("local") as client, client.batch("sentiment", ["좋아요"]) as job:
        list(job)
        assert "input_tokens" not in job.table().columns


@pytest.mark.parametrize(
    ("vendor", "operation", "options", "requests", "hosts"),
    [
        ("google", "estimate_age", {}, 2, ("vision.googleapis.com", "generativelanguage.googleapis.com")),
        (
            "google",
            "analyze_image",
            {"features": ["caption", "faces"], "method": "generative"},
            3,
            ("generativelanguage.googleapis.com", "vision.googleapis.com"),
        ),
        ("google", "analyze_image", {"method": "generative"}, 1, ("generativelanguage.googleapis.com",)),
        ("azure", "detect_faces", {"method": "generative"}, 2, ("example.cognitiveservices.azure.com",)),
        ("watson", "estimate_age", {}, 1, ("us-south.ml.cloud.ibm.com",)),
    ],
)
def test_a_plan_names_every_host_that_sees_the_picture(
    vendor: str, operation: str, options: Any, requests: int, hosts: tuple[str, ...]
) -> None:
    """The detector's host and the model's both stand in the plan, and it says that the tokens are not known."""
    with Client(CHATS[vendor](), send=refuse) as client, client.batch(operation, [HOPPER], options=options) as job:
        plan = job.plan()
    assert (plan.requests, plan.hosts) == (requests, hosts)
    assert "token; how many there will be is not known beforehand" in str(plan)
    asks_for_faces = "how many a picture has" in str(plan)
    assert asks_for_faces or operation == "analyze_image"


def test_a_plan_looks_for_no_faces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The detector of this machine is not run, and no pixel is decoded; a file that is no picture is named."""

    def run(*_: Any, **__: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr("cloudai.providers.local.faces.find", run)
    monkeypatch.setattr("cloudai.media.image.Image.pixels", run)
    broken = tmp_path / "깨진.jpg"
    broken.write_bytes(PICTURE.read_bytes()[:20])
    with Client(CHATS["watson"](), send=refuse) as client, client.batch("estimate_age", [HOPPER, broken]) as job:
        plan = job.plan()
    assert plan.requests == 1
    assert [name for name, _ in plan.refused] == [str(broken)]


def test_a_plan_says_that_the_detector_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra for the detector of this machine no picture can be sent, and the plan says what to install."""
    monkeypatch.setattr(Local, "missing", lambda *_: "opencv is not installed")
    with Client(CHATS["watson"](), send=refuse) as client, client.batch("estimate_age", [HOPPER]) as job:
        plan = job.plan()
    assert plan.requests == 0
    assert "finding faces on this machine needs an optional package" in plan.refused[0][1]


def test_a_plan_counts_the_parts_of_a_translation() -> None:
    """A text that is translated in three parts takes three requests."""
    with (
        Client(CHATS["google"](), send=refuse) as client,
        client.batch("translate", ["방이 깨끗해요. " * 2_500], options={"to": "en", "method": "generative"}) as job,
    ):
        plan = job.plan()
    assert (plan.requests, plan.units) == (3, 3)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["sentiment", "좋아요", "--provider", "google"], "글 1,000자; 한 달에 5,000까지 무료 (2026-11-27)"),
        (
            ["sentiment", "좋아요", "--provider", "google", "--method", "generative"],
            "토큰. 몇 개일지는 미리 알 수 없음 (2026-11-27)",
        ),
    ],
)
def test_a_plan_speaks_korean(
    command: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What a vendor bills, and what is not known beforehand, is said in the language of the user."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    monkeypatch.setenv("CLOUDAI_LANG", "ko")
    assert main([*command, "--plan"]) == 0
    assert told in capsys.readouterr().out
