"""The ways in which a range of ages is shown."""

from __future__ import annotations

import pytest

from cloudai.models.face import Age
from cloudai.report.facts import _years
from cloudai.report.words import words_in


@pytest.mark.parametrize(
    ("age", "span", "shown"),
    [
        (Age(low=38, high=50, years=41.2), "38–50", "38–50, mean 41"),
        (Age(low=66, high=80, years=77, open_ended=True), "66–80+", "66–80+, mean 77"),
        (Age(low=80, high=80, years=80, open_ended=True), "80+", "80+"),
        (Age(low=80, high=80, years=80), "80", "80"),
        (Age(high=80, open_ended=True), "80+", "80+"),
        (Age(years=33), "", "33"),
        (Age(), "", ""),
    ],
)
def test_a_range_that_ends_with_the_last_class_says_so(age: Age, span: str, shown: str) -> None:
    """The upper end of a model's last class has a plus sign, in the gallery too; a single number is no range."""
    assert age.span == span
    assert str(_years(age, words_in("en"))) == shown
