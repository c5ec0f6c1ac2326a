"""The types that a type checker infers for users: read by mypy (`make types`), never run.

Every operation has its precise result in both clients, called once, in a batch and in `map`. A comment
``type: ignore`` stands where an error is expected: mypy tells one that is not needed.
"""

from __future__ import annotations

from typing import Literal, assert_type

from cloudai import (
    Ages,
    AsyncBatch,
    AsyncClient,
    Batch,
    Client,
    CloudAIError,
    Dictionary,
    Event,
    Face,
    Faces,
    Frame,
    Frames,
    ImageAnalysis,
    KeyPhrases,
    Language,
    Local,
    Outcome,
    Sentiment,
    Speech,
    Table,
    Text,
    Transcript,
    Translation,
    Voice,
    Voices,
    frames,
    track,
)
from cloudai.batch.batch import Mapped
from cloudai.compare.results import Comparison
from cloudai.models.base import Tried


def videos(client: Client) -> None:
    """Require that frames are inputs of a call, a map and a batch, and that followed outcomes keep their type."""
    chosen = frames(["a.mp4", b""], every="0.5s")
    assert_type(chosen, Frames)
    for frame in chosen:
        assert_type(frame, Frame)
        assert_type(client.detect_faces(frame), Faces)
    assert_type(track(client.batch("detect_faces", chosen)), list[Outcome[Faces]])


def single_calls(client: Client) -> None:
    """Require that one call gives the operation's result."""
    assert_type(client.analyze_image(b"", features=["tags"], missing="report"), ImageAnalysis)
    assert_type(client.detect_faces("team.jpg", landmarks=True, attributes=["age"], timeout=5.0), Faces)
    assert_type(client.estimate_age(b"", max_faces=3), Ages)
    assert_type(client.read_text(b"", language="ko", dense=True), Text)
    assert_type(client.sentiment("x", language="ko"), Sentiment)
    assert_type(client.detect_language("x", extra={"a": 1}), Language)
    assert_type(client.key_phrases("x"), KeyPhrases)
    assert_type(client.translate("x", to="ko"), Translation)
    assert_type(client.translate("x", to=["ko", "ja"], source="en").text, str)
    assert_type(client.dictionary("x", source="en", to="ko", examples=False), Dictionary)
    assert_type(client.speech_to_text("a.wav", language="ko-KR", speakers=2), Transcript)
    assert_type(client.text_to_speech("x", voice="a", format="mp3"), Speech)
    assert_type(client.voices("ko", timeout=5.0)[0], Voice)
    for face in client.detect_faces(b""):
        assert_type(face, Face)


def several_providers() -> None:
    """Require that a list of providers gives a client like any other, and a comparison its tables."""
    client = Client(["azure", Local()])
    assert_type(client.sentiment("x").meta.tried, tuple[Tried, ...])
    assert_type(client.compare("sentiment", ["x"], providers=["azure", "google"], in_doubt="skip"), Comparison)
    assert_type(client.compare("detect_faces", []).agreed(2), Table)
    client.compare("sentiment", ["x"], tone=1)  # type: ignore[call-arg]


async def awaited_calls(client: AsyncClient) -> None:
    """Require that one call by the awaiting client gives the operation's result."""
    assert_type(await client.analyze_image(b"", features=["tags"], missing="report"), ImageAnalysis)
    assert_type(await client.detect_faces("team.jpg", landmarks=True, attributes=["age"], timeout=5.0), Faces)
    assert_type(await client.estimate_age(b"", max_faces=3), Ages)
    assert_type(await client.read_text(b"", language="ko", dense=True), Text)
    assert_type(await client.sentiment("x", language="ko"), Sentiment)
    assert_type(await client.detect_language("x", extra={"a": 1}), Language)
    assert_type(await client.key_phrases("x"), KeyPhrases)
    assert_type(await client.translate("x", to="ko"), Translation)
    assert_type(await client.dictionary("x", source="en", to="ko"), Dictionary)
    assert_type(await client.speech_to_text("a.wav", language="ko-KR", speakers=2), Transcript)
    assert_type(await client.text_to_speech("x", voice="a", format="mp3"), Speech)
    assert_type(await client.voices(), Voices)


def batches(client: Client) -> None:
    """Require that a batch is typed by the name of its operation; a list of several gives whatever they give."""
    assert_type(client.batch("analyze_image", [b""]), Batch[ImageAnalysis])
    assert_type(client.batch("detect_faces", [b""], options={"landmarks": True}), Batch[Faces])
    assert_type(client.batch("estimate_age", [b""]), Batch[Ages])
    assert_type(client.batch("read_text", [b""]), Batch[Text])
    assert_type(client.batch("sentiment", ["x"], pace="20/min"), Batch[Sentiment])
    assert_type(client.batch("detect_language", ["x"]), Batch[Language])
    assert_type(client.batch("key_phrases", ["x"]), Batch[KeyPhrases])
    assert_type(client.batch("translate", ["x"]), Batch[Translation])
    assert_type(client.batch("speech_to_text", ["a.wav"]), Batch[Transcript])
    assert_type(client.batch("text_to_speech", ["x"]), Batch[Speech])
    assert_type(client.batch(["analyze_image", "detect_faces"], [b""]), Batch[ImageAnalysis | Faces | Ages | Text])
    with client.batch("detect_faces", [b""]) as job:
        for outcome in job:
            assert_type(outcome, Outcome[Faces])
            assert_type(outcome.result, Faces | None)


async def awaited_batches(client: AsyncClient) -> None:
    """Require that a batch of the awaiting client has the same types, and is run with ``async for``."""
    assert_type(client.batch("analyze_image", [b""]), AsyncBatch[ImageAnalysis])
    assert_type(client.batch("detect_faces", [b""], options={"landmarks": True}), AsyncBatch[Faces])
    assert_type(client.batch("estimate_age", [b""]), AsyncBatch[Ages])
    assert_type(client.batch("read_text", [b""]), AsyncBatch[Text])
    assert_type(client.batch("sentiment", ["x"], pace="20/min"), AsyncBatch[Sentiment])
    assert_type(client.batch("detect_language", ["x"]), AsyncBatch[Language])
    assert_type(client.batch("key_phrases", ["x"]), AsyncBatch[KeyPhrases])
    assert_type(client.batch("translate", ["x"]), AsyncBatch[Translation])
    assert_type(client.batch("speech_to_text", ["a.wav"]), AsyncBatch[Transcript])
    assert_type(client.batch("text_to_speech", ["x"]), AsyncBatch[Speech])
    assert_type(client.batch(["analyze_image", "detect_faces"], [b""]), AsyncBatch[ImageAnalysis | Faces | Ages | Text])
    async with client.batch("detect_faces", [b""]) as job:
        async for outcome in job:
            assert_type(outcome, Outcome[Faces])


def maps(client: Client) -> None:
    """Require that `map` is typed by the name of its operation."""
    assert_type(client.map("analyze_image", [b""]), Mapped[ImageAnalysis])
    assert_type(client.map("detect_faces", [b""], landmarks=True), Mapped[Faces])
    assert_type(client.map("estimate_age", [b""]), Mapped[Ages])
    assert_type(client.map("read_text", [b""]), Mapped[Text])
    assert_type(client.map("sentiment", ["x"], concurrency=2), Mapped[Sentiment])
    assert_type(client.map("detect_language", ["x"]), Mapped[Language])
    assert_type(client.map("key_phrases", ["x"]), Mapped[KeyPhrases])
    assert_type(client.map("translate", ["x"], to="ko"), Mapped[Translation])
    assert_type(client.map("speech_to_text", ["a.wav"], language="ko-KR"), Mapped[Transcript])
    assert_type(client.map("text_to_speech", ["x"]), Mapped[Speech])


async def awaited_maps(client: AsyncClient) -> None:
    """Require that `map` of the awaiting client is typed by the name of its operation."""
    assert_type(await client.map("analyze_image", [b""]), Mapped[ImageAnalysis])
    assert_type(await client.map("detect_faces", [b""], landmarks=True), Mapped[Faces])
    assert_type(await client.map("estimate_age", [b""]), Mapped[Ages])
    assert_type(await client.map("read_text", [b""]), Mapped[Text])
    assert_type(await client.map("sentiment", ["x"], concurrency=2), Mapped[Sentiment])
    assert_type(await client.map("detect_language", ["x"]), Mapped[Language])
    assert_type(await client.map("key_phrases", ["x"]), Mapped[KeyPhrases])
    assert_type(await client.map("translate", ["x"], to="ko"), Mapped[Translation])
    assert_type(await client.map("speech_to_text", ["a.wav"], language="ko-KR"), Mapped[Transcript])
    assert_type(await client.map("text_to_speech", ["x"]), Mapped[Speech])


def words(client: Client) -> None:
    """Require that a value that is one of a few words has a literal type, so that type checkers report another one."""
    for outcome in client.map("sentiment", ["x"]):
        assert_type(
            outcome.status, Literal["ok", "none_found", "failed", "unsupported", "in_doubt", "skipped", "not_started"]
        )
        if outcome.status == "fialed":  # type: ignore[comparison-overlap]
            pass

    def tell(event: Event) -> None:
        assert_type(event.kind, Literal["attempt", "reply", "failure", "wait", "result"])

    Client("local", on_event=tell)
    error = CloudAIError("x")
    assert_type(error.state, Literal["NOT_SENT", "REFUSED", "UNKNOWN", "DONE"] | None)
    able = client.provider.capabilities()["sentiment"]
    assert_type(able.status, Literal["open", "limited", "deprecated", "retired", "absent"])


def mistakes(client: Client, awaiting: AsyncClient) -> None:
    """Require that type checkers report a call that does not exist before the program runs."""
    client.translate("x")  # type: ignore[call-arg]
    client.sentiment(b"x")  # type: ignore[arg-type]
    client.detect_faces(b"", landmark=True)  # type: ignore[call-arg]
    client.analyze_image(b"", features=["moods"])  # type: ignore[list-item]
    client.batch("sentiment", ["x"], speed="20/min")  # type: ignore[call-overload]
    client.map("detect_moods", ["x"])  # type: ignore[call-overload]
    client.map("sentiment", [b"x"])  # type: ignore[call-overload]
    awaiting.batch("sentiment", ["x"], speed="20/min")  # type: ignore[call-overload]
