"""Texts that are too long are cut at the ends of sentences, and joined they are the same again."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudai.providers._parts import beginning, framed, graphemes, parts
from tests.support.length import length

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
TEXT = st.lists(st.sampled_from([*"ab .!?。\n　가나", "\r\n", FAMILY, "e\u0301"]), max_size=200).map("".join)


@given(TEXT, st.integers(1, 40))
def test_parts_are_short_enough_and_make_up_the_text(text: str, most: int) -> None:
    """No part is longer than it may be, none is empty, and none is lost."""
    cut = parts(text, most)
    assert "".join(cut) == text
    assert all(0 < len(part) <= most for part in cut) or cut == [text]


@given(TEXT, st.integers(8, 40))
def test_graphemes_stay_whole(text: str, most: int) -> None:
    """Where graphemes are counted none is cut, so that a family or an accent stays together."""
    cut = parts(text, most, graphemes)
    assert "".join(cut) == text
    assert sum(map(graphemes, cut)) == graphemes(text)


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("One. Two. Three.", 10, ["One. Two. ", "Three."]),
        ("하나다. 둘이다! 셋?", 10, ["하나다. 둘이다! ", "셋?"]),
        ("東京。大阪。京都。", 6, ["東京。大阪。", "京都。"]),
        ("It costs 3.50 and more. Yes", 24, ["It costs 3.50 and more. ", "Yes"]),
        ("a\n\nb c\n\nd", 6, ["a\n\n", "b c\n\nd"]),
        ("word word word", 6, ["word ", "word ", "word"]),
        ("ababababab", 4, ["abab", "abab", "ab"]),
        ('He said "yes." Then no.', 16, ['He said "yes." ', "Then no."]),
        ("short", 10, ["short"]),
    ],
)
def test_where_a_text_is_cut(text: str, most: int, expected: list[str]) -> None:
    """Paragraphs, sentences, words, characters: a cut is at the largest of these that fits."""
    assert parts(text, most) == expected


@pytest.mark.long
@pytest.mark.parametrize("piece", [".", "!?", ". ", "\n", "\n ", " ", "a", '."', "。", "가\u0301", "a.a", "🙂"])
def test_no_text_takes_long_to_cut(piece: str) -> None:
    """Whatever a text consists of, a megabyte of it is cut in a moment, and not in the square of its length."""
    text = piece * (length(200_000, 400_000, 400_000) // len(piece))
    began = time.process_time()
    cut = parts(text, 50_000)
    assert time.process_time() - began < length(2.5, 10, 10)
    assert "".join(cut) == text


def test_white_space_is_kept_apart() -> None:
    """It stands around the words of a part, and a blank part has no words."""
    assert framed("  a b \n") == ("  ", "a b", " \n")
    assert framed(" \n ") == (" \n ", "", "")


def test_the_beginning_says_how_much_it_is() -> None:
    """A text that is short enough is whole, and has no note."""
    assert beginning("abc", 3) == ("abc", None)
    assert beginning("  one two three", 8) == ("one two ", "the first 8 of 15 characters")
    assert beginning("      one two  ", 8) == ("one two", None)
