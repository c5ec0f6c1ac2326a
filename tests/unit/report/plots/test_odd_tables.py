"""Plots of tables that nobody hoped for: odd numbers, dates, names and ages, many rows, missing pictures."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from PIL import Image

from cloudai import Client, Outcome
from cloudai.cli.demo import sample_photos
from cloudai.errors import InputError, SettingsError
from cloudai.models.base import Box, Meta
from cloudai.models.columns import TYPES
from cloudai.models.face import Age, Face, Faces
from cloudai.models.tables import TABLES
from cloudai.report import MissingFontError, plot, save_plots
from cloudai.report.plots.plot_words import words_of
from cloudai.report.plots.smoothing import smoothed

HOSTILE = "<img src=x onerror=alert(1)>"
SEOUL = timezone(timedelta(hours=9))


def over(column: str, places: list[Any], **more: Any) -> list[dict[str, Any]]:
    """Return a table with a value for each position."""
    return [{column: at, "value": n, **more} for n, at in enumerate(places)]


def test_numbers_too_far_apart_are_an_error() -> None:
    """Two numbers whose distance is more than a computer can count are told, and the smallest there are get an axis."""
    with pytest.raises(InputError, match="are too far apart to be drawn"):
        plot([{"name": "a", "value": 1.7e308}, {"name": "b", "value": -1.7e308}])
    assert "<svg" in plot([{"name": "a", "value": 5e-324}, {"name": "b", "value": 0}]).svg()


def test_a_long_time_has_few_ticks() -> None:
    """Days, and even millions of years, of seconds have a handful of ticks: billions of them would fill the memory."""
    for span in (720_000.0, 1e15):
        assert 3 <= len(plot(over("time_s", [0.0, span / 2, span])).chart.x.ticks) <= 13


def test_ten_thousand_values_are_few_elements() -> None:
    """Spots that tell nothing are one element, and a wide window of smoothing joins neighbours by their means."""
    rows = [{"time_s": n / 10, "value": n % 10} for n in range(10_000)]
    drawn = plot(rows, smooth=500).svg()
    assert drawn.count("<") < 8000
    assert drawn.count("h0") > 8000
    line = smoothed([(float(n), 2.0 * n) for n in range(5000)], 900.0)
    assert len(line) <= 1600
    assert all(abs(y - 2 * x) < 1e-6 for x, y in line[200:-200])


@pytest.mark.parametrize(
    "written",
    [
        ["2008-01-15", "2009-02-01"],
        ["2008.1.15", "2009.2.1"],
        ["2008. 1. 15.", "2009. 2. 1."],
        ["2008/01/15", "2009/2/1"],
        ["2008년 1월 15일", "2009년 2월 1일"],
    ],
)
def test_dates_in_every_usual_spelling(written: list[str]) -> None:
    """A column has dates with hyphens, dots, slashes and Korean words, as the names of files have."""
    assert [dot.x for dot in plot(over("date", written), kind="lines").chart.dots()] == [13893.0, 14276.0]


def test_times_of_several_zones_are_in_their_order() -> None:
    """Ten o'clock in Seoul is before two o'clock in UTC; times of one zone stay as they are written."""
    mixed = [datetime(2008, 1, 15, 10, tzinfo=SEOUL), datetime(2008, 1, 15, 2, tzinfo=UTC)]
    first, second = plot(over("date", mixed), kind="lines").chart.dots()
    assert second.x - first.x == pytest.approx(1 / 24)
    alone = plot(over("date", ["2008-01-15T10:00+09:00", "2008-01-15T12:00+09:00"]), kind="lines").chart
    assert alone.x.told(alone.dots()[0].x) == "2008-01-15 10:00"


def test_times_of_a_day_have_ticks() -> None:
    """Three times within minutes have an axis with the time of the day, and are told with it."""
    chart = plot(over("date", ["2008-01-15T10:00", "2008-01-15T10:01", "2008-01-15T10:02:30"]), kind="lines").chart
    assert [text for _, text in chart.x.ticks][:2] == ["10:00:00", "10:00:30"]
    assert chart.x.told(chart.dots()[2].x) == "2008-01-15 10:02:30"


def test_all_dates_of_the_calendar() -> None:
    """From the year 1 to the year 9999 there are few ticks, also of ages, whose axis has a margin."""
    assert len(plot(over("date", ["0001-01-01", "9999-12-31"]), kind="lines").chart.x.ticks) < 14
    rows = [{"date": at, "age_years": 30} for at in ("0001-01-01", "9999-12-31")]
    assert len(plot(rows).chart.dots()) == 2


def test_two_values_of_one_date_are_told_by_the_date() -> None:
    """The error names the date as a reader writes it, and not the number of its day."""
    with pytest.raises(InputError, match="value has two values at 2008-01-15"):
        plot(over("date", ["2008-01-15", "2008-01-15"]), kind="lines")


def test_a_value_without_a_series_is_not_given_to_another_one() -> None:
    """A row that has a value, and none of the words that tell series apart, is a series of its own."""
    rows = [{"name": "가", "value": 1, "who": "azure"}, {"name": "나", "value": 2, "who": None}]
    chart = plot(rows, by="who", language="ko").chart
    assert {series.name: series.dots[0].y for series in chart.series} == {"azure": 1.0, "(없음)": 2.0}


def test_a_name_cannot_add_to_a_notebook() -> None:
    """What a notebook shows has the names of inputs without an age as text, and not as elements."""
    rows = [{"input": "a", "age_years": 30}, {"input": HOSTILE, "age_years": None}]
    shown = plot(rows, title=HOSTILE)._repr_html_()
    assert "&lt;img src=x" in shown
    assert "<img" not in shown


def test_names_of_very_many_ages_do_not_cover_each_other() -> None:
    """Of two hundred names along the bottom only as many stand there as have room."""
    rows = [{"item": n, "input": f"사람 {n}", "age_low": 20, "age_high": 30} for n in range(200)]
    assert plot(rows).svg().count('text-anchor="middle"') < 60


@pytest.mark.long
def test_a_file_in_several_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nanum: Path) -> None:
    """Korean, Hebrew and Arabic names, and an emoji of several signs, are drawn; matplotlib's own font has letters."""
    monkeypatch.setenv("CLOUDAI_FONT", str(nanum))
    rows = [{"name": name, "value": 1} for name in ("홍길동", "שלום", "مرحبا", "👩‍👩‍👧‍👦")]
    plain, named = (plot(rows[:n]).save(tmp_path / f"{n}.svg").read_text("utf-8") for n in (3, 4))
    assert "woman" not in plain
    assert len(named) > len(plain)
    with pytest.raises(MissingFontError, match="no glyph for 𒀀"):
        plot([{"name": "𒀀", "value": 1}]).save(tmp_path / "a.png")


@pytest.mark.long
def test_a_picture_does_not_depend_on_settings_of_matplotlib(tmp_path: Path) -> None:
    """A user who has margins cut off, and another background, gets the same file as everybody."""
    before = plot(over("t", [1, 2]), kind="lines", x="t").save(tmp_path / "a.png").read_bytes()
    with mpl.rc_context({"savefig.bbox": "tight", "lines.marker": "o", "savefig.transparent": True}):
        assert plot(over("t", [1, 2]), kind="lines", x="t").save(tmp_path / "b.png").read_bytes() == before


@pytest.mark.parametrize("ending", ["html", "png"])
def test_a_file_without_room_leaves_the_earlier_one(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk is full, the earlier plot is whole, and no half of the new one is left beside it."""
    path = plot(over("t", [1, 2]), kind="lines", x="t").save(tmp_path / f"그림.{ending}")
    earlier = path.read_bytes()

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        plot(over("t", [1, 5]), kind="lines", x="t").save(path)
    assert path.read_bytes() == earlier
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_age_without_an_upper_end() -> None:
    """80 and more is told so, from the words of a table as from a result, and its range has an arrow."""
    rows = [{"input": "가", "age_low": 66, "age_high": "80+"}, {"input": "나", "age_low": "80세 이상"}]
    chart = plot([*rows, {"input": "다", "age_low": 50, "age_high": 40}], language="ko").chart
    assert [(dot.low, dot.high, dot.open_ended) for dot in chart.dots()] == [
        (66, 80, True),
        (80, 80, True),
        (40, 50, False),
    ]
    drawn = plot(rows, language="ko").svg()
    assert "범위: 66 세 – 80 세 이상" in drawn
    assert "범위: 80 세 이상" in drawn
    assert drawn.count("<path") == 2
    ages = (Age(low=66, high=80, open_ended=True), Age(low=30, high=40))
    box = Box(x=0, y=0, width=9, height=9)
    faces = Faces(meta=Meta(provider="local"), faces=tuple(Face(box=box, age=age) for age in ages))
    known = plot([Outcome(0, "a.jpg", faces)], kind="ages").chart.dots()
    assert [dot.open_ended for dot in known] == [True, False]


def test_a_picture_older_than_the_person() -> None:
    """A date of birth after a picture is an error, and no age below 0."""
    rows = [{"input": f"{year}.jpg", "age_years": 3} for year in (2008, 2010)]
    with pytest.raises(SettingsError, match="a picture of 2008-01-01 is older than the date of birth"):
        plot(rows, born="2009-01-01")


def test_a_picture_without_a_date_is_told() -> None:
    """Where most pictures have a date, the others are named below the plot, and the dates stay."""
    rows = [{"input": name, "age_years": 30} for name in ("2001.jpg", "2005.jpg", "언제인지 모름.jpg")]
    chart = plot(rows, language="ko").chart
    assert chart.x.scale == "date"
    assert "날짜가 없음: 언제인지 모름." in chart.notes


def test_a_row_without_a_place_is_told_by_its_number() -> None:
    """A row without a date is named below the plot, also where it has no name; of many rows the first ones are."""
    ages = [{"날짜": at, "age_low": 20, "age_high": 25} for at in ("2001-01-01", "2010-12-01", "")]
    assert plot(ages, kind="ages", x="날짜", language="ko").chart.notes[0] == "날짜가 없음: 3번째 줄."
    drawn = plot(over("date", ["2001-01-01", None, "2002-01-01"]), kind="lines")
    assert drawn.chart.notes == ("Without a place along the bottom: row 2.",)
    many = plot(over("date", ["2001-01-01", *[None] * 40]), kind="lines").chart.notes[0]
    assert many.endswith("row 12, row 13 … (+28).")


def test_a_cell_that_is_no_date_is_told_by_its_row() -> None:
    """An error names the row of a date, or of a true age, that cannot be read."""
    ages = [{"날짜": at, "age_low": 20} for at in ("2001-01-01", "2010-13-01")]
    with pytest.raises(InputError, match="row 2 of the column 날짜 has something that is no date"):
        plot(ages, kind="ages", x="날짜")
    with pytest.raises(InputError, match="row 2 of the column 나이 has something that is no number"):
        plot([{"age_low": 20, "나이": 21}, {"age_low": 20, "나이": "스물"}], kind="ages")


@pytest.mark.parametrize("nothing", ["NA", "#N/A", "NaN", " "])
def test_a_cell_that_another_program_left_empty_has_no_value(nothing: str) -> None:
    """What R and Excel write into a cell without a value is a gap, and the column keeps its numbers."""
    rows = [{"name": name, "value": value} for name, value in (("서울", "1"), ("부산", nothing), ("NA", "3"))]
    drawn = plot(rows).chart
    assert [dot.y for dot in drawn.series[0].dots] == [1, None, 3]
    assert [text for _, text in drawn.x.ticks] == ["서울", "부산", "NA"]
    words = plot([{"name": "a", "score": "LIKELY"}, {"name": "b", "score": nothing}]).chart
    assert [dot.y for dot in words.series[0].dots] == [3, None]


def test_a_thumbnail_that_is_missing_is_a_mark() -> None:
    """Beside the faces that are there, a frame says that one has no picture."""
    rows = [{"item": n, "input": f"{n}", "age_years": 30} for n in range(3)]
    drawn = plot(rows, pictures=[Image.new("RGB", (30, 40)), "없음.jpg"], language="ko").svg()
    assert drawn.count("<image ") == 1
    assert drawn.count(">사진 없음<") == 2


def test_a_map_shows_the_pictures_of_its_positions_alone() -> None:
    """The picture of a row without a position does not stand below the map, for no position leads to it."""
    rows = [{"item": 0, "name": "궁", "latitude": 37.6, "longitude": 127}, {"item": 1, "name": "글", "latitude": None}]
    chart = plot(rows, kind="map", pictures=[Image.new("RGB", (9, 9)), Image.new("RGB", (9, 9))]).chart
    assert list(chart.pictures) == ["picture-1"]


@pytest.mark.parametrize("item", [None, "가", -1])
def test_pictures_need_numbers_of_inputs(item: Any) -> None:
    """A table whose column "item" numbers no picture is told so, and a number with decimals of 0 is one."""
    with pytest.raises(InputError, match="which numbers no picture"):
        plot([{"item": item, "value": 1}], pictures=["a"])
    assert plot([{"item": "0.0", "value": 1}], pictures=["a"]).chart.pictures


def test_a_width_that_is_no_number() -> None:
    """The width of smoothing is a finite number."""
    for width in ("breit", float("inf")):
        with pytest.raises(SettingsError, match="smooth="):
            plot(over("time_s", [1, 2]), smooth=width)  # type: ignore[arg-type]


def test_two_batches_of_one_journal_are_not_mixed(tmp_path: Path) -> None:
    """The first inputs of two batches are two groups, though both have the number 0."""
    asked = {"detect_faces": {}, "analyze_image": {"features": ["faces"]}}
    for (operation, options), (_, photo) in zip(asked.items(), sample_photos()[:2], strict=True):
        with (
            Client("local") as client,
            client.batch(operation, [photo], journal=tmp_path / "둘.journal", options=options) as job,
        ):
            assert len(list(job)) == 1
    assert len(plot(tmp_path / "둘.journal", kind="bars", table="faces", y="width").chart.x.ticks) == 2


def test_events_and_stretches_of_ages() -> None:
    """A note is a line, two dates with a slash shade the stretch between them, and what is outside is left out."""
    rows = [{"input": f"{year}.jpg", "age_years": year - 1960} for year in (2000, 2010)]
    events = {"2003-05-01": "결혼", "2004-01-01/2008-01-01": "임기", "1950": "전"}
    drawn = plot(rows, events=events).svg()
    assert 'aria-label="임기, 2004-01-01 – 2008-01-01"' in drawn
    assert drawn.count('class="stretch"') == 1
    assert drawn.count('class="note-line"') == 1
    assert "전" not in drawn
    seconds = plot(over("time_s", [0, 9]), events={"3/8": HOSTILE}).svg()
    assert seconds.count('class="stretch"') == 1
    assert "&lt;img src" in seconds


@pytest.mark.parametrize(
    ("rows", "at", "told"),
    [
        (over("time_s", [0, 9]), "2008-01-01", "Give a number, or two for a stretch"),
        (over("time_s", [0, 9]), "5/2", "ends before it begins"),
        (over("date", ["2008", "2009"]), "gestern", "Give a date such as 2008-01-15"),
        ([{"name": "a", "value": 1}], "3", "no dates or numbers along the bottom"),
    ],
)
def test_an_event_that_is_nowhere(rows: Any, at: str, told: str) -> None:
    """An event that has no position on the axis is an error that says how to write it."""
    with pytest.raises(SettingsError, match=told):
        plot(rows, events={at: "연설"}, kind="lines" if "name" not in rows[0] else None)


def test_a_drawing_has_a_name_for_screen_readers() -> None:
    """The drawing is a group with its title as its name."""
    assert 'role="group" aria-label="표정 &lt;비교&gt;"' in plot([{"name": "a", "value": 1}], title="표정 <비교>").svg()


def test_a_korean_plot_is_wholly_korean() -> None:
    """An input without a name, the reason why it failed, and units are Korean, as are all numbers of ours."""
    with Client("local") as client:
        moods = client.map("sentiment", ["Good!", " "], language="en")
    drawn = plot(moods, language="ko", table="sentences")
    assert [text for _, text in drawn.chart.x.ticks] == ["Good!", "입력 1"]
    assert "input" not in drawn.svg()
    assert "the text is empty" not in drawn.svg()
    assert "글이 비어 있습니다" in drawn.svg()
    ages = [{"item": 0, "input": "가.jpg", "status": "ok", "age_years": 30.0}]
    assert plot(ages, kind="bars", y="age_years", language="ko").chart.y.unit == "세"
    numbers = {name for kind in TABLES.values() for name in kind.columns if TYPES.get(name) in (int, float)}
    assert not numbers - words_of("ko").keys()


def test_a_picture_that_is_damaged_is_left_out(tmp_path: Path) -> None:
    """A picture of Pillow whose file is cut off takes nothing from the page but itself."""
    whole = io.BytesIO()
    Image.effect_noise((300, 300), 50).save(whole, "PNG")
    rows = [{"input": "가", "score": 1, "picture": Image.open(io.BytesIO(whole.getvalue()[:2000]))}]
    page = plot(rows, tmp_path / "a.html", picture="picture") and (tmp_path / "a.html").read_text("utf-8")
    assert "가" in page
    assert "data:image" not in page


def test_ages_of_the_frames_of_a_video_stand_side_by_side() -> None:
    """The seconds of a video are no dates: ages of its frames are drawn one beside the other."""
    rows = [{"input": f"연설.mp4#t={n}", "time_s": n + 0.5, "age_low": 20, "age_high": 30} for n in range(3)]
    chart = plot(rows, kind="ages").chart
    assert (chart.x.scale, len(chart.dots())) == ("category", 3)


def test_lines_of_json_without_end(tmp_path: Path) -> None:
    """A file that is nested deeper than Python reads is no JSON Lines, and no plot is written of nothing."""
    (tmp_path / "a.jsonl").write_text("[" * 100_000, "utf-8")
    with pytest.raises(InputError, match="is not JSON Lines"):
        plot(tmp_path / "a.jsonl")
    with pytest.raises(InputError, match="there is no plot"):
        save_plots([], tmp_path / "a.html")


def test_an_event_at_a_number_or_a_date_of_python() -> None:
    """The position of an event may be what Python has for it, and need not be written as a text."""
    assert plot(over("time_s", [0, 9]), events={3: "가"}).chart.events[0].start == 3  # type: ignore[dict-item]
    dated = over("date", ["2008-01-01", "2010-01-01"])
    assert plot(dated, kind="lines", events={date(2009, 1, 1): "나"}).chart.events[0].text == "나"  # type: ignore[dict-item]


def test_two_events_with_the_same_words() -> None:
    """Each tells its own date, although both are called alike."""
    events = {"2003-05-01": "선거", "2007-12-19": "선거"}
    drawn = plot(over("date", ["2000-01-01", "2010-01-01"]), kind="lines", events=events).svg()
    assert 'aria-label="선거, 2003-05-01"' in drawn
    assert 'aria-label="선거, 2007-12-19"' in drawn


def test_a_stretch_that_ends_where_counting_begins() -> None:
    """A stretch to 1970-01-01, from which days are counted, is cut off at the end of the axis as any other is."""
    dated = over("date", ["1960-01-01", "1965-01-01"])
    ends = [
        plot(dated, kind="lines", events={f"1962-01-01/{end}": "임기"}).svg() for end in ("1970-01-01", "1970-01-02")
    ]
    one, other = (
        re.search(r'class="stretch" [^>]*width="[^"]+"|width="[^"]+"[^>]*class="stretch"', svg) for svg in ends
    )
    assert one is not None
    assert other is not None
    assert one[0] == other[0]
