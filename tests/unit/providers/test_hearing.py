"""Recordings of any length: pieces that are cut in pauses, and joined without a word lost or doubled."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from cloudai import (
    Azure,
    Client,
    Google,
    InputError,
    Provider,
    Resource,
    Response,
    SettingsError,
    Transcript,
    UnsupportedOperationError,
    Watson,
)
from cloudai.core.flow import Request
from cloudai.media import cutting
from cloudai.models.joining import Heard, joined_pieces
from cloudai.models.speech import Segment, SpokenWord
from cloudai.providers.azure import speech as azure
from cloudai.providers.watson import speech as watson
from tests.made_up.provider import Clock
from tests.support.journals import replies_in
from tests.support.listening import Listener, Said, recording, words_of

KEY = "canary-key-4711"
PROVIDERS: Mapping[str, Callable[[], Provider]] = {
    "google v1": lambda: Google(api_key=KEY),
    "google v2": lambda: Google(api_key=KEY, project="p-1"),
    "azure fast": lambda: Azure(speech=Resource(KEY, "https://example.cognitiveservices.azure.com")),
    "azure short": lambda: Azure(speech=Resource(KEY, region="koreacentral")),
    "watson": lambda: Watson(speech_to_text=Resource(KEY, "https://api.kr-seo.speech-to-text.watson.cloud.ibm.com")),
}


@pytest.fixture(scope="module")
def said() -> Said:
    """Return a recording of forty sentences in more than two minutes, with music over some of them."""
    return recording(40, music=[(44, 52), (112, 127)])


@pytest.fixture(scope="module")
def sung() -> Said:
    """Return a recording of twenty-four sentences without an audible pause: music is as loud as the words."""
    return recording(24, music=[(0, 80)])


@pytest.fixture(scope="module")
def drawn() -> Said:
    """Return a recording of twenty sentences under music, with a word of four seconds where it is cut."""
    said = recording(20, music=[(0, 75)], drawn={49: 4.0})
    middle = len(said.samples) / 16_000 / 2
    assert said.words[49][1] < middle - 1.7
    assert said.words[49][2] > middle + 1.7
    return said


@pytest.fixture(autouse=True)
def _by_levels_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no network look for pauses, because to it a tone is no speech."""
    monkeypatch.setattr("cloudai.media.unpacked.find_spec", lambda _: None)


@pytest.fixture(autouse=True)
def _short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Azure and Watson take a minute only, because hours would take a test too long."""
    for vendor in (azure, watson):
        monkeypatch.setattr(vendor, "LIMITS", replace(vendor.LIMITS, max_seconds=60.0, piece_seconds=58.0))


def text_of(said: Said) -> str:
    """Return all words of a recording."""
    return " ".join(word for word, _, _ in said.words)


def require_times(transcript: Transcript, said: Said) -> None:
    """Fail if a word is lost, doubled or in the wrong place, or if a time is more than 0.2 s away from the true one."""
    assert [word.text for word in transcript.words] == [word for word, _, _ in said.words]
    for word, (_, begin, end) in zip(transcript.words, said.words, strict=True):
        assert word.start == pytest.approx(begin, abs=0.2)
        assert word.end == pytest.approx(end, abs=0.2)


@pytest.mark.parametrize("who", PROVIDERS)
def test_every_word_of_a_long_recording_comes_once(who: str, said: Said) -> None:
    """Each vendor gets pieces; the transcript has every word once, in order, with its time in the whole recording."""
    listener = Listener(who)
    with Client(PROVIDERS[who](), send=listener) as client:
        transcript = client.speech_to_text(said.wav(), language="ko")
    assert len(listener.heard) == 4
    assert transcript.text.replace(".", "") == text_of(said)
    assert {kind for kind, _ in listener.sent} == {"wav" if who == "azure short" else "flac"}
    assert transcript.duration == pytest.approx(len(said.samples) / 16_000, abs=0.01)
    assert str(transcript.meta.prepared).endswith("4 pieces")
    assert [row["part"] for row in transcript.to_rows()] == sorted(row["part"] for row in transcript.to_rows())
    if who != "azure short":  # it names no words
        require_times(transcript, said)


@pytest.mark.parametrize("who", ["google v1", "azure fast", "azure short"])
def test_pieces_overlap_where_there_is_no_pause(who: str, sung: Said) -> None:
    """Under music there is no pause to cut in: two pieces share some words, and the transcript has them once."""
    listener = Listener(who)
    with Client(PROVIDERS[who](), send=listener) as client:
        transcript = client.speech_to_text(sung.wav(), language="ko", words=who != "azure fast")
    assert sum(len(words) for words in listener.heard) > len(sung.words)
    assert transcript.text.replace(".", "") == text_of(sung)
    if who == "google v1":
        require_times(transcript, sung)
    if who == "azure fast":  # its words were asked for to join the pieces, and not by the user
        assert transcript.words == ()


@pytest.mark.parametrize("who", PROVIDERS)
def test_a_long_word_under_music_is_not_lost(who: str, drawn: Said) -> None:
    """A word of four seconds on a cut without a pause is whole in one piece, and the transcript has each word once."""
    listener = Listener(who)
    with Client(PROVIDERS[who](), send=listener) as client:
        transcript = client.speech_to_text(drawn.wav(), language="ko")
    assert len(listener.heard) == 2
    assert transcript.text.replace(".", "") == text_of(drawn)
    if who != "azure short":  # it names no words
        require_times(transcript, drawn)


LONG_AT_THE_SEAM: Mapping[str, tuple[list[tuple[str, float, float]], list[tuple[str, float, float]]]] = {
    "nothing is heard by both": ([("길", 42.0, 46.0), ("음", 46.1, 50.0)], [("음", 44.0, 46.0), ("고", 46.1, 50.1)]),
    "the first piece has it": ([("길", 43.5, 47.5), ("고", 48.0, 50.0)], [("음", 44.0, 47.5), ("고", 48.0, 51.0)]),
    "it is all there is": ([("길", 43.5, 49.0)], [("음", 44.0, 49.0), ("고", 50.2, 51.0)]),
    "the second piece has it": ([("길", 44.2, 44.6), ("음", 46.5, 50.0)], [("길", 44.2, 44.6), ("고", 46.5, 50.5)]),
}


@pytest.mark.parametrize("case", LONG_AT_THE_SEAM)
def test_a_word_that_is_cut_through_gives_way_to_the_whole_one(case: str) -> None:
    """What one piece has of a word that is cut at its edge is left out, even if both have no word in common."""
    pieces = [
        Heard(
            Transcript(
                text=" ".join(text for text, *_ in words),
                segments=tuple(
                    Segment(
                        text=text,
                        start=start - begin,
                        end=end - begin,
                        words=(SpokenWord(text=text, start=start - begin, end=end - begin),),
                    )
                    for text, start, end in words
                ),
                language="ko-KR",
            ),
            begin,
            begin + 50.0,
        )
        for words, begin in zip(LONG_AT_THE_SEAM[case], (0.0, 44.0), strict=True)
    ]
    assert joined_pieces(pieces, 94.0, words=True).text == "길 고"


def test_what_is_too_large_as_flac_is_cut_too(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording that is short enough, but has more bytes than the vendor takes, goes out in pieces."""
    monkeypatch.setattr(watson, "LIMITS", replace(watson.LIMITS, max_seconds=3_600.0, max_bytes=2_000_000))
    listener = Listener("watson")
    with Client(PROVIDERS["watson"](), send=listener) as client:
        transcript = client.speech_to_text(said.wav(), language="ko")
    assert max(size for _, size in listener.sent) <= 2_000_000
    assert len(listener.sent) == 4
    require_times(transcript, said)


def test_both_channels_of_a_long_recording_are_written_down(sung: Said) -> None:
    """Google gets both channels of a stereo call, and is told that there are two."""
    other = sung.samples[::-1].copy()
    seen: list[Any] = []
    listener = Listener("google v1")

    def send(request: Request) -> Response:
        seen.append(request.json["config"])
        return listener(request)

    with Client(PROVIDERS["google v1"](), send=send) as client:
        transcript = client.speech_to_text(sung.wav(other), language="ko")
    assert transcript.meta.channels == "each"
    assert {config["audioChannelCount"] for config in seen} == {2}


@pytest.mark.parametrize("hint", ["1", ""])
def test_a_piece_that_fails_is_sent_again_alone(hint: str, said: Said, tmp_path: Path) -> None:
    """One piece fails twice: it is sent three times, and each other piece once.

    If the service says when to come back, one run has the answer. If it does not, the piece may have been paid for, so
    that it is left to the next run.
    """
    listener = Listener("google v2", failing={"단어115": 2}, headers={"retry-after": hint} if hint else {})
    clock, runs = Clock(), []
    for _ in range(1 if hint else 2):
        with (
            Client(PROVIDERS["google v2"](), send=listener, clock=clock, sleep=clock.sleep) as client,
            client.batch(
                "speech_to_text", [said.wav()], options={"language": "ko"}, journal=tmp_path / "강의.journal"
            ) as job,
        ):
            runs += list(job)
    assert [outcome.status for outcome in runs] == (["ok"] if hint else ["in_doubt", "ok"])
    assert len(listener.sent) == len(listener.heard) + 2 == 6
    require_times(runs[-1].result, said)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.long
def test_a_crash_loses_no_piece(said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process is killed when two pieces are answered: the next run sends the others, cut as the first run did."""
    journal, path = tmp_path / "강의.journal", tmp_path / "강의.wav"
    path.write_bytes(said.wav())

    def run(listener: Listener) -> Transcript:
        with (
            Client(PROVIDERS["google v1"](), send=listener) as client,
            client.batch("speech_to_text", [path], options={"language": "ko"}, journal=journal, concurrency=1) as job,
        ):
            [outcome] = job
        assert isinstance(outcome.result, Transcript), outcome.error
        return outcome.result

    child = os.fork()
    if child == 0:
        dying = Listener("google v1")

        def die() -> None:
            if len(dying.heard) == 2:
                for _ in range(1_000):  # the second reply may still be on its way into the journal
                    if replies_in(journal) == 2:
                        os._exit(9)
                    time.sleep(0.01)

        dying.before_reply = die
        try:
            run(dying)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    monkeypatch.setattr(cutting, "FILLED", 0.5)  # a later version might cut in another way
    listener = Listener("google v1")
    transcript = run(listener)
    assert len(listener.heard) == 2
    require_times(transcript, said)


def test_a_plan_says_pieces_and_minutes(said: Said, tmp_path: Path) -> None:
    """The plan of a batch counts a request for each piece, and a unit for each second; nothing is sent or unpacked."""
    path = tmp_path / "강의.wav"
    path.write_bytes(said.wav())
    with (
        Client(PROVIDERS["google v1"](), send=Listener("google v1")) as client,
        client.batch("speech_to_text", [path], options={"language": "ko"}) as job,
    ):
        plan = job.plan()
    assert (plan.requests, plan.pieces) == (4, 4)
    assert plan.units == pytest.approx(len(said.samples) / 16_000, abs=4)
    assert "second of audio" in str(plan)
    assert plan.spoken == pytest.approx(len(said.samples) / 16_000 / 60, abs=0.01)
    assert "2 min, long ones in 4 pieces" in str(plan)


@pytest.mark.parametrize("who", PROVIDERS)
def test_each_second_is_a_unit(who: str, said: Said, tmp_path: Path) -> None:
    """The vendors bill seconds: the units of a plan, and those of the table, are the seconds that are sent.

    Google writes down both channels of a stereo call, and bills both.
    """
    path = tmp_path / "통화.wav"
    path.write_bytes(said.wav(said.samples))
    with (
        Client(PROVIDERS[who](), send=Listener(who)) as client,
        client.batch("speech_to_text", [path], options={"language": "ko"}, price=0.3) as job,
    ):
        plan = job.plan()
        [outcome] = job
        [row] = job.table().rows
    seconds = len(said.samples) / 16_000 * (2 if "google" in who else 1)
    assert plan.units == pytest.approx(seconds, abs=8)
    assert plan.cost == pytest.approx(plan.units * 0.0003)
    assert row["billed_min"] == row["billed_max"] == pytest.approx(seconds, abs=8)
    assert outcome.status == "ok"


def test_speakers_are_told_apart_by_piece() -> None:
    """A vendor that hears one piece at a time does not know whether two voices are one: the label names the piece."""
    parts = [
        Heard(
            Transcript(text="네", segments=(Segment(text="네", start=0.0, end=1.0, speaker="1"),), language="ko-KR"),
            number * 10.0,
            number * 10.0 + 10,
        )
        for number in range(2)
    ]
    joined = joined_pieces(parts, 20.0, words=True)
    assert [(segment.speaker, segment.part, segment.start) for segment in joined] == [("0.1", 0, 0.0), ("1.1", 1, 10.0)]


def test_pieces_in_a_language_without_spaces_are_joined() -> None:
    """Japanese has no spaces between words: what two pieces share is found by its characters."""
    parts = [
        Heard(Transcript(text=text, segments=(Segment(text=text),), language="ja-JP"), begin, begin + 10)
        for text, begin in (("今日は天気がいい", 0.0), ("気がいいですね", 8.0))
    ]
    assert joined_pieces(parts, 18.0, words=True).text == "今日は天気がいいですね"


def test_a_common_word_at_another_time_is_no_seam() -> None:
    """The same short word twice in the overlap is matched at its own time, and not at that of its double."""
    one = [("네", 8.2), ("네", 8.6), ("그", 9.2)]
    two = [("그", 9.2), ("네", 9.7), ("네", 10.1)]

    def piece(words: list[tuple[str, float]], begin: float) -> Heard:
        spoken = tuple(SpokenWord(text=text, start=at - begin, end=at - begin + 0.2) for text, at in words)
        text = " ".join(text for text, _ in words)
        segment = Segment(text=text, words=spoken, start=spoken[0].start, end=spoken[-1].end)
        return Heard(Transcript(text=text, segments=(segment,), language="ko-KR"), begin, begin + 10)

    assert joined_pieces([piece(one, 0.0), piece(two, 8.0)], 18.0, words=True).text == "네 네 그 네 네"


def test_the_made_up_server_hears_what_is_said(said: Said) -> None:
    """The server finds each tone at its time, so that a word that is lost in a transcript is not one it has missed."""
    assert [word for word, _, _ in words_of(said.wav())] == [word for word, _, _ in said.words]


MASKED = {
    "google v1": lambda request: request.json["config"].get("profanityFilter", False),
    "google v2": lambda request: request.json["config"]["features"].get("profanityFilter", False),
    "azure fast": lambda request: json.loads(request.files["definition"].content)["profanityFilterMode"],
    "azure short": lambda request: request.params["profanity"],
    "watson": lambda request: request.params["profanity_filter"],
}
"""The field of each vendor's request that says what becomes of swear words."""
TOLD = {
    "google v1": (False, True, None),
    "google v2": (False, True, None),
    "azure fast": ("None", "Masked", "Removed"),
    "azure short": ("raw", "masked", "removed"),
    "watson": ("false", "true", None),
}
"""The values of that field that keep swear words, mask them and remove them; None where the vendor cannot."""


@pytest.mark.parametrize("who", PROVIDERS)
def test_swear_words_are_kept_unless_asked(who: str) -> None:
    """Each vendor is told to keep them, or to mask or remove them where it can; else nothing is sent."""
    said, sent = recording(1), list[Any]()
    listener = Listener(who)

    def send(request: Request) -> Response:
        sent.append(MASKED[who](request))
        return listener(request)

    wishes: tuple[Literal["keep", "mask", "remove"], ...] = ("keep", "mask", "remove")
    with Client(PROVIDERS[who](), send=send) as client:
        client.speech_to_text(said.wav(), language="en-US")
        for wish, told in zip(wishes, TOLD[who], strict=True):
            if told is None:
                with pytest.raises(UnsupportedOperationError, match="removes none"):
                    client.speech_to_text(said.wav(), language="en-US", profanity=wish)
            else:
                client.speech_to_text(said.wav(), language="en-US", profanity=wish)
    assert sent == [TOLD[who][0], *(told for told in TOLD[who] if told is not None)]


def test_watson_masks_in_two_languages_alone() -> None:
    """What the service would not do is refused, and an unknown wish names those that there are."""
    with Client(PROVIDERS["watson"](), send=Listener("watson")) as client:
        with pytest.raises(UnsupportedOperationError, match="en-US and ja-JP"):
            client.speech_to_text(recording(1).wav(), language="ko", profanity="mask")
        with pytest.raises(SettingsError, match="keep"):
            client.speech_to_text(recording(1).wav(), language="ko", profanity="bleep")  # type: ignore[arg-type]


@pytest.mark.parametrize("phrases", [["낱말"] * 5_001, ["가" * 101], ["가" * 100] * 1_001])
def test_phrases_that_google_would_refuse_are_not_sent(phrases: list[str]) -> None:
    """More than 5,000, longer than 100 letters, or 100,000 letters in all: the error says so, and nothing is sent."""
    listener = Listener("google v1")
    with Client(PROVIDERS["google v1"](), send=listener) as client, pytest.raises(InputError, match="Google takes"):
        client.speech_to_text(recording(1).wav(), language="ko", phrases=phrases)
    assert listener.sent == []


def test_blank_phrases_are_left_out() -> None:
    """An empty line of a list of names is no name."""
    sent: list[Any] = []

    def send(request: Request) -> Response:
        sent.append(request.json["config"].get("speechContexts"))
        return Response(200, {}, b"{}")

    with Client(PROVIDERS["google v1"](), send=send) as client:
        client.speech_to_text(recording(1).wav(), language="ko", phrases=["", " ", "클라우드"])
        client.speech_to_text(recording(1).wav(), language="ko", phrases=[""])
    assert sent == [[{"phrases": ["클라우드"]}], None]
