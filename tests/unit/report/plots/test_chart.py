"""The ticks of axes, and how their values are written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudai.report.plots.cells import date_in, day
from cloudai.report.plots.chart import Axis, axis_of, clock


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
@settings(max_examples=150, deadline=None)
def test_ticks_are_few_and_within_the_axis(low: float, span: float) -> None:
    """An axis of any range has two to thirteen ticks, all within it and in ascending order."""
    axis = axis_of("v", [low, low + span])
    places = [at for at, _ in axis.ticks]
    assert 2 <= len(places) <= 13
    assert places == sorted(places)
    slack = (axis.high - axis.low) * 1e-6
    assert axis.low <= low + slack
    assert axis.high >= low + span - slack
    assert all(axis.low - slack <= at <= axis.high + slack for at in places)


@given(st.integers(-20000, 40000), st.floats(1, 30000))
@settings(max_examples=150, deadline=None)
def test_dates_have_readable_ticks(low: int, span: float) -> None:
    """An axis of a day to eighty years has at most 13 ticks, none of them twice."""
    axis = axis_of("d", [low, low + span], scale="date", ends=(low, low + span))
    assert len(axis.ticks) <= 13
    assert len({at for at, _ in axis.ticks}) == len(axis.ticks)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (125, "2:05"), (3725, "1:02:05"), (61.5, "1:01.5")])
def test_long_times_are_minutes_and_seconds(seconds: float, text: str) -> None:
    """Seconds are written as minutes and seconds, with hours where there are any."""
    assert clock(seconds) == text


def test_a_value_is_told_in_its_unit() -> None:
    """A number has its unit, a longitude beyond the date line its own side, and a likelihood its word."""
    assert axis_of("age", [30, 50], unit="years").told(41.5) == "41.5 years"
    assert Axis("", 0, 0, (), "longitude").told(190) == "170°W"
    assert Axis("", 0, 0, (), "latitude").told(-33.8568) == "33.857°S"
    assert Axis("", 0, 1, ((0.0, "unlikely"), (1.0, "likely")), "likelihood").told(1.0) == "likely"


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("가족 2008-01-15.jpg", "2008-01-15"),
        ("20080115_001.jpg", "2008-01-15"),
        ("2008년 1월 5일.jpg", "2008-01-05"),
        ("1999.02.03 졸업.png", "1999-02-03"),
        ("여행 2010-06.jpg", "2010-06-01"),
        ("2010.jpg", "2010-01-01"),
        ("IMG_1234.jpg", None),
        ("2008-13-45 2011-02-03.jpg", "2011-02-03"),
    ],
)
def test_a_date_is_read_from_the_name_of_a_file(name: str, date: str | None) -> None:
    """The usual spellings of dates are read, also in Korean; what is no date is passed over."""
    assert date_in(name) == (None if date is None else day(date))


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, 1e17, 1e-9])
def test_a_single_value_has_an_axis(value: float) -> None:
    """All values being the same, also an enormous one, is no division by zero."""
    axis = axis_of("v", [value, value])
    assert axis.low <= value <= axis.high
    assert axis.low < axis.high
