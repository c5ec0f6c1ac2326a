"""Transcripts and files of subtitles as they should not be: hasty answers, words without times, odd blank lines."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from cloudai import InputError, Transcript
from cloudai.models.joining import Heard, joined_pieces
from cloudai.models.speech import Segment, SpokenWord
from cloudai.models.subtitles import LONGEST, MOST_WIDTH, SHORTEST, cues_of, width

FIRST, SECOND = "00:00:01,000 --> 00:00:02,000", "00:00:02,000 --> 00:00:03,000"


def said(*segments: Segment) -> Transcript:
    """Return a transcript of these segments."""
    return Transcript(text=" ".join(segment.text for segment in segments), segments=segments, language="ko-KR")


@pytest.mark.parametrize("speakers", [("1",), ("1", "2")])
def test_hasty_answers_do_not_delay_what_follows(speakers: tuple[str, ...]) -> None:
    """Twelve answers of less than a second are shown when they are said, and not ever later."""
    answers = [
        Segment(text="네.", start=n * 0.5, end=n * 0.5 + 0.4, speaker=speakers[n % len(speakers)]) for n in range(12)
    ]
    cues = cues_of([*answers, Segment(text="그럼 시작합시다.", start=6.5, end=8.0, speaker="1")], "ko")
    assert cues[-1].start == pytest.approx(6.5, abs=0.1)
    assert sum(cue.text.count("네.") for cue in cues) == 12
    assert all(SHORTEST <= cue.end - cue.start + 0.001 <= LONGEST for cue in cues)
    assert all(cue.text.count("- ") == (2 if len(speakers) == 2 else 0) for cue in cues[:-1])
    assert [cue.speaker for cue in cues[:-1]] == [None if len(speakers) == 2 else "1"] * (len(cues) - 1)


def test_a_word_without_a_time_is_not_lost() -> None:
    """A word for which the vendor gives no time is shown behind the one before it."""
    words = (
        SpokenWord(text="영"),
        SpokenWord(text="하나", start=1.0, end=2.0),
        SpokenWord(text="둘"),
        SpokenWord(text="셋", start=2.4, end=3.0),
    )
    assert [cue.text for cue in cues_of([Segment(text="영 하나 둘 셋", words=words, start=1.0, end=3.0)], "ko")] == [
        "영 하나 둘 셋"
    ]


def test_a_word_of_a_hundred_syllables_shares_its_time() -> None:
    """The parts of a word that is wider than two lines follow each other within its time."""
    word = SpokenWord(text="가" * 100, start=0.0, end=9.0)
    cues = cues_of([Segment(text=word.text, words=(word,), start=0.0, end=9.0)], "ko")
    assert [round(cue.start, 1) for cue in cues] == [0.0, 3.8, 7.6]
    assert all(width(line) <= MOST_WIDTH for cue in cues for line in cue.text.split("\n"))


@pytest.mark.parametrize("write", [Transcript.to_srt, Transcript.to_vtt, Transcript.cues])
def test_a_text_without_times_makes_no_empty_subtitles(write: Any) -> None:
    """Where nothing has a time, the error says what to ask for; a recording in which nobody speaks has no subtitle."""
    for segment in (Segment(text="안녕하세요"), Segment(text="안녕하세요", end=3.0)):
        with pytest.raises(InputError, match=r"no times.*words=True"):
            write(said(segment))
    write(Transcript(language="ko-KR"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"1\n{FIRST}\nA\n2\n{SECOND}\nB\n", ["A", "B"]),
        (f"1\r\r\n{FIRST}\r\r\nA\r\r\nB\r\r\n\r\r\n2\r\r\n{SECOND}\r\r\nC\r\r\n", ["A B", "C"]),
        (f"1\n{FIRST}\nA\n\nB\n\n2\n{SECOND}\nC\n\nD\n", ["A B", "C D"]),
        (f"1\n{FIRST}\n\n2\n{SECOND}\nB\n", ["B"]),
        (f"1\n{FIRST}\n7\n\n2\n{SECOND}\n8\n", ["7", "8"]),
        (f"{FIRST}\nA\n\n{SECOND}\nB\n", ["A", "B"]),
        (f"1\n{FIRST}\n{{\\an8}}위\\N아래\n", ["위 아래"]),
        (f"1\n{FIRST}\nx<y 이고 z>w, <font color='red'>3 < 5</font>\n", ["x<y 이고 z>w, 3 < 5"]),
        (f"WEBVTT\n\n{FIRST}\n\nNOTE 메모\n\n둘\n{SECOND}\nB\n\nNOTE 끝\n", ["B"]),
    ],
)
def test_files_with_odd_lines_are_read(text: str, expected: list[str]) -> None:
    """Blank lines within a subtitle, none between two, empty subtitles, numbers, marks: only what is said is left."""
    assert [segment.text for segment in Transcript.from_subtitles(text, "ko")] == expected


def test_subtitles_come_in_the_order_of_time() -> None:
    """Subtitles in another order, hours above 99, one that ends before it begins: the last end is the length."""
    text = f"1\n100:00:05,000 --> 100:00:09,500\nC\n\n2\n{FIRST}\nA\n\n3\n00:00:05,000 --> 00:00:04,000\nB\n"
    read = Transcript.from_subtitles(text, "ko")
    assert [(s.text, s.start, s.end) for s in read] == [("A", 1.0, 2.0), ("B", 5.0, 5.0), ("C", 360_005.0, 360_009.5)]
    assert read.duration == 360_009.5
    assert "100:00:05,000 --> 100:00:09,500" in read.to_srt()


@pytest.mark.parametrize("encoding", ["euc-kr", "utf-16", "utf-8-sig"])
def test_subtitles_in_old_encodings_are_read(encoding: str, tmp_path: Path) -> None:
    """Korean subtitles in EUC-KR or UTF-16 are read as well."""
    path = tmp_path / "강의 자막.srt"
    path.write_bytes(f"1\r\n{FIRST}\r\n안녕하세요 여러분, 반갑습니다\r\n".encode(encoding))
    assert Transcript.from_subtitles(path, "ko").text == "안녕하세요 여러분, 반갑습니다"


@pytest.mark.parametrize("many", [" ", "\t", "1", "1:", "<", "<v ", "<i ", "{\\", "\n ", "\n1"])
def test_a_hostile_file_is_read_in_its_time(many: str) -> None:
    """A hundred thousand of one character do not keep the computer busy for minutes."""
    begin = time.process_time()
    Transcript.from_subtitles(f"1\n{FIRST}\nA {many * 50_000}\n", "ko")
    assert time.process_time() - begin < 2.0


@pytest.mark.parametrize(("early", "late"), [(9.95, 10.1), (10.1, 9.95)])
def test_a_word_on_either_side_of_a_seam_comes_once(early: float, late: float) -> None:
    """Two pieces hear the word in the middle of their overlap in two ways, one before and one behind the middle."""

    def piece(begin: float, *words: tuple[str, float]) -> Heard:
        spoken = tuple(SpokenWord(text=text, start=at - begin, end=at - begin + 0.4) for text, at in words)
        segment = Segment(text=" ".join(text for text, _ in words), words=spoken, start=spoken[0].start, end=99.0)
        return Heard(Transcript(text=segment.text, segments=(segment,), language="ko-KR"), begin, begin + 11.5)

    one = piece(0.0, ("처음", 8.0), ("구름", early))
    two = piece(8.5, ("그름", late), ("끝", 12.0))
    words = joined_pieces([one, two], 20.0, words=True).text.split()
    assert words in (["처음", "구름", "끝"], ["처음", "그름", "끝"])


def test_numbers_in_full_width_are_numbers() -> None:
    """Japanese and Korean writers put digits in full width, which is no error of the transcript."""
    pytest.importorskip("rapidfuzz")
    assert Transcript(text="３월 １일").compare("3월 1일").wer == 0.0
