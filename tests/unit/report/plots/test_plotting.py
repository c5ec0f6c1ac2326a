"""The plots that `cloudai.plot` makes of tables: the four kinds, their values, and the errors."""

from __future__ import annotations

import re
from typing import Any

import pytest
from PIL import Image

import cloudai
from cloudai.errors import InputError, SettingsError
from cloudai.report import plot
from cloudai.report.plots.canvas import width_of
from cloudai.report.plots.chart import Chart

WORDS = ("VERY_UNLIKELY", "UNLIKELY", "POSSIBLE", "LIKELY", "VERY_LIKELY")


def face(item: int, name: str, **values: Any) -> dict[str, Any]:
    """Return a row of a table of faces."""
    return {"item": item, "input": name, "status": "ok", "face": 0, **values}


def word(item: int, name: str, emotion: str, rank: int | None) -> dict[str, Any]:
    """Return a row of a table of emotions, as Google gives them."""
    said = {"word": "UNKNOWN", "score": None} if rank is None else {"word": WORDS[rank], "score": rank / 4}
    return face(item, name, emotion=emotion, scale="likelihood", provider="google", **said)


def values(chart: Chart) -> dict[str, list[float | None]]:
    """Return the values of each series."""
    return {series.name: [dot.y for dot in series.dots] for series in chart.series}


def test_emotions_are_grouped_bars() -> None:
    """A table of faces becomes a group for each face, and a series for each emotion; 0 stays 0 and nothing nothing."""
    rows = [
        face(0, "사진/가.jpg", happiness=0.9, anger=0.0, emotion_scale="probability"),
        face(1, "사진/나.jpg", happiness=0.1, anger=None, emotion_scale="probability"),
    ]
    chart = plot(rows, language="ko").chart
    assert values(chart) == {"분노": [0.0, None], "기쁨": [0.9, 0.1]}
    assert [text for _, text in chart.x.ticks] == ["가", "나"]
    assert (chart.y.low, chart.y.high, chart.y.name) == (0, 1, "확률")


def test_two_people_of_one_name_have_two_groups() -> None:
    """A group is known by the number of its input, and of several faces in a picture each has its own."""
    rows = [face(0, "홍길동", happiness=0.2), face(1, "홍길동", happiness=0.4), face(1, "홍길동", happiness=0.6)]
    rows[2]["face"] = 1
    chart = plot(rows, language="ko").chart
    assert [text for _, text in chart.x.ticks] == ["홍길동", "홍길동 · 얼굴 1", "홍길동 · 얼굴 2"]
    assert values(chart) == {"기쁨": [0.2, 0.4, 0.6]}


def test_likelihood_words_are_steps() -> None:
    """Words are ranks from 0 to 4 with their words as ticks; UNKNOWN is nothing, and a failed input keeps its group."""
    rows = [word(0, "가", "anger", 4), word(0, "가", "sadness", 0), word(1, "나", "anger", None)]
    failed = {"item": 2, "input": "다", "status": "failed", "error": "다 is not an image. Give another."}
    chart = plot([*rows, failed]).chart
    assert values(chart) == {"anger": [4.0, None, None], "sadness": [0.0]}
    assert [text for _, text in chart.y.ticks] == [
        "very unlikely",
        "unlikely",
        "possible",
        "likely",
        "very likely",
    ]
    assert [text for _, text in chart.x.ticks] == ["가", "나", "다"]
    assert chart.series[0].dots[2].label == "다 is not an image"
    assert any("nothing is averaged" in note for note in chart.notes)


def test_likelihood_words_are_never_averaged() -> None:
    """Several words for one bar are an error, and so is asking for their mean."""
    rows = [word(0, "가", "anger", 4), word(1, "나", "anger", 0)]
    with pytest.raises(InputError, match="anger has 2 values for one bar"):
        plot(rows, x="provider")
    with pytest.raises(SettingsError, match="likelihood words are not averaged"):
        plot(rows, x="provider", average=True)


def test_numbers_are_averaged_only_on_request() -> None:
    """Several numbers for one bar are an error; their mean, if asked for, keeps the values."""
    rows = [{"반": "가", "score": 0.2}, {"반": "가", "score": 0.6}]
    with pytest.raises(InputError, match="score has 2 values for one bar"):
        plot(rows, x="반")
    (dot,) = plot(rows, x="반", average=True).chart.series[0].dots
    assert dot.y == pytest.approx(0.4)
    assert dot.raw == (0.2, 0.6)


def test_sentiment_is_drawn_by_its_score() -> None:
    """Of a table of sentences the scores of the whole texts are drawn, not the column "neutral" of expressions."""
    rows = [
        {"item": 0, "input": "좋아요", "sentence": -1, "score": 0.8, "neutral": 0.1},
        {"item": 0, "input": "좋아요", "sentence": 0, "score": 0.7, "neutral": 0.1},
        {"item": 1, "input": "싫어요", "sentence": -1, "score": -0.8, "neutral": 0.1},
        {"item": 2, "input": "input 2", "sentence": None, "score": None, "error": "the text is empty"},
    ]
    chart = plot(rows).chart
    assert values(chart) == {"score": [0.8, -0.8, None]}
    assert (chart.y.low, chart.y.high) == (-1, 1)
    assert not chart.notes


def test_the_number_of_a_bar_does_not_cover_its_name() -> None:
    """The number left of a bar that goes to the lowest value has its own room beside the name of the bar."""
    rows = [{"input": f"아주 긴 이름을 가진 후기 번호 {n}", "score": score} for n, score in enumerate([-1.0, 1.0])]
    svg = plot(rows).svg()
    (name,) = re.findall(r'<text x="([\d.]+)"[^>]*>[^<]*번호 0</text>', svg)
    (number,) = re.findall(r'<text x="([\d.]+)"[^>]*class="number halo">−1</text>', svg)
    assert float(name) + 4 <= float(number) - width_of("−1", 13)


def test_numbers_from_a_csv_file_are_numbers(tmp_path: Any) -> None:
    """A CSV in CP949 with text cells is drawn as a table of numbers is."""
    path = tmp_path / "표.csv"
    path.write_text("이름,점수\n김하나,3\n박둘,−1.5\n최셋,\n", "utf-8-sig")
    assert values(plot(path, x="이름", y="점수").chart) == {"점수": [3.0, -1.5, None]}


def test_a_gap_interrupts_a_line() -> None:
    """A line over seconds ends where a face was away, and smoothing does not lead across either."""
    rows = [{"time_s": t / 2, "happiness": 0.5} for t in range(40) if not 15 < t < 30]
    chart = plot(rows, smooth=3.0).chart
    (series,) = chart.series
    assert [dot.x for dot in series.dots if dot.y is None] == [11.25]
    assert [len(run) for run in series.smooth] == [16, 10]
    assert len(series.dots) == 27  # the raw values are all there
    assert chart.x.scale == "seconds"


def test_lines_are_told_apart_by_tracks() -> None:
    """Two faces in a video are two lines, and "without" leaves an emotion out; without the track it is an error."""
    rows = [
        {"time_s": t, "track": track, "happiness": 0.1 * track, "neutral": 0.5} for t in range(3) for track in (1, 2)
    ]
    assert list(values(plot(rows, without=["neutral"]).chart)) == ["track 1", "track 2"]
    for row in rows:
        row["누구"] = row.pop("track")
    with pytest.raises(InputError, match="happiness has two values at 0"):
        plot(rows, y="happiness")


def test_likelihood_words_over_time_are_steps_and_never_smoothed() -> None:
    """A line of words goes in steps, and smoothing it is an error."""
    rows = [{"time_s": t, "anger": WORDS[t % 5]} for t in range(6)]
    drawn = plot(rows, y="anger")
    assert values(drawn.chart) == {"anger": [0, 1, 2, 3, 4, 0]}
    assert "H" in drawn.svg().split('class="line"')[1].split("/>")[0]
    with pytest.raises(SettingsError, match="likelihood words are not smoothed"):
        plot(rows, y="anger", smooth=2)


def test_dates_are_an_axis() -> None:
    """A column of dates is an axis of dates, in order; a year alone is a date in a column of that name."""
    rows = [{"날짜": "2010-01-01", "값": 2}, {"날짜": "2008-06-01", "값": 1}, {"날짜": "2012-03-04", "값": 3}]
    chart = plot(rows, kind="lines", y="값").chart
    assert values(chart) == {"값": [1, 2, 3]}
    assert chart.x.scale == "date"
    years = plot([{"연도": y, "값": y % 7} for y in (2001, 2003)], kind="lines", x="연도", y="값").chart
    assert years.x.told(years.series[0].dots[0].x) == "2001-01-01"


def test_a_value_leads_to_its_target() -> None:
    """With a column of ids each value is a link to the element of that id, which needs no script."""
    rows = [{"time_s": 0.5, "happiness": 0.4, "frame": "frame-1"}, {"time_s": 1.0, "happiness": 0.6, "frame": None}]
    svg = plot(rows, y="happiness", target="frame").svg()
    assert svg.count('<a class="dot"') == 1
    assert 'href="#frame-1"' in svg
    assert 'data-value="0.5"' in svg


def test_ages_are_ranges_beside_the_true_age() -> None:
    """The dates come from the names of the files, and the true age from the date of birth; a photo without is named."""
    rows = [
        face(0, "2001-05-05.jpg", age_low=18, age_high=24, age_years=20.5),
        face(1, "1991-05-05.jpg", age_low=8, age_high=12, age_years=None),
        face(2, "2011-05-05.jpg", age_low=None, age_high=None, age_years=None),
    ]
    chart = plot(rows, born="1981-05-05").chart
    seen, true = chart.series
    assert [(dot.low, dot.y, dot.high) for dot in seen.dots] == [(8, None, 12), (18, 20.5, 24)]
    assert [dot.y for dot in true.dots] == [10.0, 20.0, 30.0]
    assert true.dashed
    assert "Without an age: 2011-05-05." in chart.notes
    assert any("guesses" in note for note in chart.notes)


def test_ages_without_dates_stand_side_by_side() -> None:
    """Without dates every face has its own position, and a column of the user holds the true age."""
    rows = [face(n, name, age_low=30, age_high=40, 나이=35 + n) for n, name in enumerate(["김하나", "박둘"])]
    chart = plot(rows, language="ko").chart
    assert [text for _, text in chart.x.ticks] == ["김하나", "박둘"]
    assert values(chart) == {"겉보기 나이(어림)": [None, None], "실제 나이": [35, 36]}


def test_thumbnails_are_the_faces() -> None:
    """The picture of a value is cut to its face, and each is in the drawing and reached by a click."""
    picture = Image.new("RGB", (200, 100), "teal")
    box = {"x": 150, "y": 40, "width": 20, "height": 20, "image_width": 200, "image_height": 100}
    rows = [face(n, f"{name}.jpg", age_years=30, **box) for n, name in enumerate(["가", "나"])]
    drawn = plot(rows, kind="ages", pictures=[picture, picture])
    left, top, right, bottom = drawn.chart.pictures["picture-1"].box or (0, 0, 0, 0)
    assert (round(left, 3), round(top, 3), round(right, 3), round(bottom, 3)) == (0.705, 0.31, 0.895, 0.69)
    assert drawn.svg().count("<image ") == 2


def test_landmarks_are_positions() -> None:
    """Latitudes and longitudes become positions with their names; a degree of longitude is narrower in the north."""
    rows = [
        {"name": "경복궁", "latitude": 37.58, "longitude": 126.977},
        {"name": "N서울타워", "latitude": 37.551, "longitude": 126.988},
        {"name": "어딘가", "latitude": None, "longitude": None},
    ]
    chart = plot(rows, language="ko").chart
    assert [(dot.label, dot.y, dot.x) for dot in chart.dots()] == [
        ("경복궁", 37.58, 126.977),
        ("N서울타워", 37.551, 126.988),
    ]
    across, up = chart.x.high - chart.x.low, chart.y.high - chart.y.low
    assert across / up == pytest.approx(2.0 / 0.7926, rel=1e-3)  # cos 37.57°
    assert "위치가 없음: 어딘가." in chart.notes


def test_positions_on_both_sides_of_the_date_line_stand_side_by_side() -> None:
    """Fiji and Samoa are neighbours on the map, and the axis names their own longitudes."""
    rows = [
        {"name": "Fiji", "latitude": -17.7, "longitude": 178.0},
        {"name": "A", "latitude": -13.8, "longitude": -172},
    ]
    chart = plot(rows, kind="map").chart
    assert [dot.x for dot in chart.dots()] == [178.0, 188.0]
    assert chart.x.told(188.0) == "172°W"
    assert chart.x.high - chart.x.low < 20


ROWS = [{"item": 0, "input": "가", "score": 0.5, "x": 3.0, "label": "좋음", "mixed": 1, "provider": "google"}]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([], {}, "the table has no rows. There is nothing to draw."),
        (ROWS, {"y": "scores"}, "no column scores. Did you mean score?"),
        (ROWS, {"y": "label"}, "the column label has no numbers. Columns with numbers: item, score, x, mixed."),
        (ROWS, {"by": "누구"}, "no column 누구"),
        (ROWS, {"where": {"provider": "azure"}}, "the table has no rows"),
        ([*ROWS, {**ROWS[0], "mixed": "많음"}], {"y": "mixed"}, "row 2 of the column mixed is '많음', and no number"),
        ([{**ROWS[0], "score": float("inf")}], {"y": "score"}, "the column score has no numbers"),
        (ROWS, {"kind": "ages"}, "the table has no ages"),
        (ROWS, {"kind": "lines", "x": "label", "y": "score"}, "the column label has neither numbers nor dates"),
        (ROWS, {"kind": "pie"}, "there is no kind of plot pie"),
        (ROWS, {"smooth": -1}, "smooth=-1"),
        (ROWS, {"born": "gestern"}, "born='gestern' is no date"),
        (ROWS, {"language": "fr"}, "a report does not speak 'fr'"),
        ([{"latitude": 127.0, "longitude": 37.5}], {}, "row 1 is at latitude 127, longitude 37.5"),
        ([{"latitude": "북쪽", "longitude": 37.5}], {}, "row 1 has a position that is no number"),
        ([{"age_low": "어림"}], {}, "row 1 has an age that is no number"),
        ([3], {}, "a plot is not made of int"),
        (
            [
                word(0, "가", "anger", 4),
                {**word(1, "나", "anger", 4), "word": None, "scale": "probability", "provider": "azure"},
            ],
            {},
            "the column score mixes likelihood and probability",
        ),
    ],
)
def test_an_error_says_what_is_wrong(rows: Any, options: dict[str, Any], message: str) -> None:
    """Bad input gets one typed error that names the column or the row, and what there is."""
    with pytest.raises((InputError, SettingsError)) as caught:
        plot(rows, **options)
    assert message in str(caught.value)


def test_columns_with_several_units_are_an_error() -> None:
    """Pixels and degrees have no common axis."""
    table = cloudai.Table([{"x": 3.0, "roll": 1.0}], units={"x": "px", "roll": "degrees"})
    with pytest.raises(InputError, match=r"several units: x \(px\), roll \(degrees\)"):
        plot(table, y=["x", "roll"])


@pytest.mark.long
def test_tables_and_frames_of_every_kind(tmp_path: Any) -> None:
    """The same numbers come from Parquet, JSON Lines, pandas and polars; a damaged file is an error."""
    table = cloudai.Table(
        [{"이름": "가\u2028나", "점수": 1.5}, {"이름": "다", "점수": None}, {"이름": "라", "점수": 2.0}]
    )
    table.to_parquet(tmp_path / "표.parquet")
    table.to_jsonl(tmp_path / "표.jsonl")
    sources = [table, tmp_path / "표.parquet", tmp_path / "표.jsonl", table.to_pandas(), table.to_polars()]
    for source in sources:
        assert values(plot(source, x="이름").chart) == {"점수": [1.5, None, 2.0]}, source
    (tmp_path / "깨짐.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        plot(tmp_path / "깨짐.parquet")
    (tmp_path / "깨짐.jsonl").write_text("{", "utf-8")
    with pytest.raises(InputError, match="is not JSON Lines"):
        plot(tmp_path / "깨짐.jsonl")


def test_the_values_are_given_back_as_a_table() -> None:
    """A plot has its values as a table, with a column for each series."""
    rows = [word(0, "가", "anger", 4), word(0, "가", "sadness", 0)]
    assert plot(rows).table().rows == [{"Name": "가", "anger": "very likely", "sadness": "very unlikely"}]
