"""Subtitles that can be read in their time, in SRT and WebVTT, and read back; paragraphs of a transcript."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cloudai import InputError, OutputError, Transcript
from cloudai.models.speech import Segment, SpokenWord
from cloudai.models.subtitles import LONGEST, MOST_WIDTH, SHORTEST, cues_of, width

KOREAN = "안녕하세요, 여러분. 오늘은 클라우드에서 음성을 글로 바꾸는 방법을 살펴보겠습니다. 먼저 자막을 만들어 봅시다!"


def spoken(text: str, start: float = 0.0, each: float = 0.6, **more: Any) -> Segment:
    """Return a segment whose words follow each other; the words lack the punctuation of the text."""
    texts = text.split()
    words = tuple(
        SpokenWord(text=word.strip(",.!?"), start=start + each * n, end=start + each * (n + 1) - 0.05)
        for n, word in enumerate(texts)
    )
    return Segment(text=text, words=words, start=words[0].start, end=words[-1].end, **more)


def transcript(*segments: Segment, language: str = "ko-KR") -> Transcript:
    """Return a transcript of these segments."""
    return Transcript(text=" ".join(s.text for s in segments), segments=segments, language=language)


def test_a_hangul_syllable_is_as_wide_as_two_letters() -> None:
    """Korean and Chinese characters count double, accents do not count, and a composed letter counts once."""
    assert [width(text) for text in ("한글", "abc", "漢字", "é", "é")] == [4, 3, 4, 1, 1]


def test_subtitles_of_korean_in_srt() -> None:
    """Sentences become subtitles of two lines at most, with the punctuation of the text and the times of the words."""
    said = transcript(spoken(KOREAN)).to_srt()
    assert said == (
        "1\n00:00:00,000 --> 00:00:01,150\n안녕하세요, 여러분.\n\n"
        "2\n00:00:01,200 --> 00:00:05,350\n오늘은 클라우드에서 음성을 글로\n바꾸는 방법을 살펴보겠습니다.\n\n"
        "3\n00:00:05,400 --> 00:00:07,750\n먼저 자막을 만들어 봅시다!\n"
    )


def test_a_full_subtitle_ends_at_a_comma() -> None:
    """Where a sentence is too long for a subtitle, it is cut behind a comma, and not in the middle of a clause."""
    text = "긴 녹음은 쉬는 곳에서 여러 조각으로 잘라 보내고, 받은 글을 다시 하나로 이어 붙여 자막으로 씁니다."
    cues = cues_of([spoken(text, each=0.4)], "ko")
    assert [cue.text.replace("\n", " ") for cue in cues] == [text[: text.index(",") + 1], text[text.index(",") + 2 :]]


@pytest.mark.parametrize("seed", range(6))
def test_every_subtitle_can_be_read(seed: int) -> None:
    """Whatever is said: 42 letters a line, two lines, 1 to 7 s, none over the next one, and no word lost or doubled."""
    chance = random.Random(seed)  # noqa: S311  # the same subtitles each time
    segments, at = [], 0.0
    for _ in range(30):
        n = chance.randint(1, 40)
        known = ["네", "그렇습니다.", "음성", "transcription", "a", "방법을,", "가" * 50]
        texts = [chance.choice(known) for _ in range(n)]
        segments.append(spoken(" ".join(texts), at, chance.choice([0.15, 0.4, 1.2])))
        at = (segments[-1].end or 0.0) + chance.choice([0.0, 0.5, 4.0])
    cues = cues_of(segments, "ko")
    for cue in cues:
        assert len(cue.text.split("\n")) <= 2
        assert max(map(width, cue.text.split("\n"))) <= MOST_WIDTH
        assert SHORTEST - 0.001 <= cue.end - cue.start <= LONGEST + 0.001
    assert all(one.end <= two.start for one, two in pairwise(cues))
    everything = "".join("".join(segment.text.split()) for segment in segments)
    assert "".join("".join(cue.text.split()) for cue in cues) == everything


def test_a_segment_without_words_shares_its_time() -> None:
    """Where the vendor names no words, a long segment is cut by the width of its words, within its time."""
    cues = cues_of([Segment(text=KOREAN * 2, start=10.0, end=30.0)], "ko")
    assert len(cues) > 3
    assert (cues[0].start, cues[-1].end) == (10.0, pytest.approx(30.0, abs=0.01))


def test_japanese_is_broken_between_characters() -> None:
    """A language without spaces has lines all the same."""
    text = "今日は天気がいいので公園まで歩いて行きましょうと彼は言いました"
    [cue] = cues_of([Segment(text=text, start=0.0, end=5.0)], "ja")
    assert [width(line) <= MOST_WIDTH for line in cue.text.split("\n")] == [True, True]


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_subtitles_are_read_back(kind: str, tmp_path: Path) -> None:
    """What is written is read back with the same texts and times, and in WebVTT with the speakers."""
    given = transcript(spoken("<5%> & 그 이상", speaker="김"), spoken(KOREAN, 10.0, speaker="이"))
    path = tmp_path / "강의 자막.srt"
    text = given.to_srt(path) if kind == "srt" else given.to_vtt(path)
    again = Transcript.from_subtitles(path, "ko")
    expected = [(cue.text.replace("\n", " "), cue.start, cue.end) for cue in cues_of(given.segments, "ko")]
    if kind == "vtt":
        assert [s.speaker for s in again] == ["김", "이", "이", "이"]
        assert [(s.text, s.start, s.end) for s in again] == [pytest.approx(row) for row in expected]
        assert again.to_vtt() == text
    assert [s.start for s in again] == pytest.approx([start for _, start, _ in expected])
    assert again == Transcript.from_subtitles(text, "ko")


def test_subtitles_of_other_programs_are_read() -> None:
    """Marks, positions, notes, numbers, short times and the line ends of Windows are no part of what is said."""
    text = (
        "\ufeffWEBVTT - 제목\r\n\r\nNOTE 메모\r\n\r\n1\r\n00:01.5 --> 00:03.250 align:start\r\n"
        "<i>첫</i> {\\an8}줄\r\n둘째 &amp; 셋째\r\n\r\n2\r\n1:00:00,000 --> 1:00:01,000\r\n끝\r\n"
    )
    read = Transcript.from_subtitles(text, "ko")
    assert [(s.text, s.start, s.end) for s in read] == [("첫 줄 둘째 & 셋째", 1.5, 3.25), ("끝", 3600.0, 3601.0)]
    with pytest.raises(InputError, match="no subtitle"):
        Transcript.from_subtitles("00:00:01 -->", "ko")


def test_a_translation_keeps_the_times() -> None:
    """The subtitles of a transcript with translated texts have the times of the original."""
    cues = transcript(spoken(KOREAN)).cues()
    english = cues.with_texts(["Hello, everyone.", "Today we look at speech.", "Let us make subtitles!"], "en")
    for written, cue in zip(Transcript.from_subtitles(english.to_srt()), cues, strict=True):
        assert (written.start, written.end) == pytest.approx((cue.start, cue.end), abs=0.001)
    assert english.text == "Hello, everyone. Today we look at speech. Let us make subtitles!"
    with pytest.raises(InputError, match="2 texts for 3 segments"):
        cues.with_texts(["a", "b"])


def test_each_turn_of_a_speaker_is_a_paragraph() -> None:
    """Segments of one speaker are one paragraph; without speakers a paragraph ends at a pause."""
    talk = transcript(
        spoken("네.", speaker="1"), spoken("맞습니다.", 5.0, speaker="1"), spoken("아니요.", 6.0, speaker="2")
    )
    assert talk.to_text() == "1: 네. 맞습니다.\n\n2: 아니요."
    assert transcript(spoken("하나."), spoken("둘.", 1.0), spoken("셋.", 9.0)).to_text() == "하나. 둘.\n\n셋."
    assert Transcript(text="전부").to_text() == "전부"


def test_a_transcript_is_written_with_a_text_that_has_half_a_character(tmp_path: Path) -> None:
    """A translation may hold one, which no file can; and a folder that is not there is cloudai's error."""
    told = Transcript(segments=(Segment(text="a", start=0.0, end=1.0),)).with_texts(["안녕\ud800"])
    told.to_text(tmp_path / "x.txt")
    assert (tmp_path / "x.txt").read_text("utf-8") == "안녕\\ud800"
    with pytest.raises(OutputError, match=r"x\.txt cannot be written"):
        told.to_text(tmp_path / "none" / "x.txt")


def test_words_of_nobody_are_in_nobodys_mouth() -> None:
    """A short answer without a speaker is not joined to the line of the second speaker of a dialogue."""
    short = [
        Segment(text="네", start=0.0, end=0.2, speaker="1"),
        Segment(text="응", start=0.3, end=0.4, speaker="2"),
        Segment(text="어", start=0.5, end=0.6),
    ]
    assert [cue.text for cue in cues_of(short, "ko")] == ["- 네\n- 응", "어"]


def test_a_speaker_is_on_one_line() -> None:
    """In WebVTT a blank line ends a subtitle, and the label of a speaker may have one."""
    told = Transcript(segments=(Segment(text="안녕", start=0.0, end=1.0, speaker="김\n\n하나"),))
    assert "<v 김  하나>안녕\n" in told.to_vtt()
