"""The numbers of a comparison equal those of independent packages: scipy and scikit-learn."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudai.compare import statistics
from cloudai.compare.choosing import measure_for
from cloudai.compare.matching import distance, head_word, matches, shared_years, words_of
from cloudai.compare.measures import Boxed, Faces, Labels, Texts, Words
from cloudai.compare.pictures import Captions, Objects
from cloudai.compare.truth import rows_by_item, rows_of
from cloudai.errors import InputError, SettingsError
from cloudai.models.base import Box
from cloudai.models.face import Age, Face, FaceAge


def box(x: float, y: float, width: float, height: float) -> Box:
    """Return a box."""
    return Box(x=x, y=y, width=width, height=height)


def boxes(chance: random.Random, n: int) -> list[Box]:
    """Return boxes anywhere."""
    return [
        box(chance.uniform(0, 300), chance.uniform(0, 300), chance.uniform(20, 90), chance.uniform(20, 90))
        for _ in range(n)
    ]


def overlaps(ones: list[Box], others: list[Box]) -> Any:
    """Return the overlap of every pair, by arrays."""
    a, b = (
        np.array([[o.x, o.y, o.x + o.width, o.y + o.height] for o in some]).reshape(-1, 4) for some in (ones, others)
    )
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (a, b)]
    return both / (areas[0][:, None] + areas[1][None, :] - both)


def test_matching_equals_the_best_assignment() -> None:
    """Of 300 random sets the faces that are matched one after the other are those of the best assignment."""
    from scipy.optimize import linear_sum_assignment

    chance, equal = random.Random(1), 0  # noqa: S311
    for _ in range(300):
        ones = boxes(chance, chance.randrange(1, 12))
        others = [
            box(o.x + chance.gauss(0, 8), o.y + chance.gauss(0, 8), o.width + chance.gauss(0, 3), o.height)
            for o in ones
        ]
        others += boxes(chance, 2)
        chance.shuffle(others)
        shares = overlaps(ones, others)
        for i, one in enumerate(ones):
            for j, other in enumerate(others):
                assert one.overlap(other) == pytest.approx(shares[i, j])
        rows, columns = linear_sum_assignment(np.where(shares >= 0.5, shares, 0), maximize=True)
        best = [(i, j) for i, j in zip(rows, columns, strict=True) if shares[i, j] >= 0.5]
        ours = matches(ones, others, 0.5)
        equal += [(i, j) for i, j, _ in ours] == best
        assert len({i for i, _, _ in ours}) == len({j for _, j, _ in ours}) == len(ours)
    assert equal >= 298  # where faces lie on each other, the nearest pair is taken first


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from(["positive", "negative", "neutral"])] * 2), min_size=1))
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    """Cohen's kappa, of any labels; where both always say one word there is none."""
    from sklearn.metrics import cohen_kappa_score

    ours = statistics.kappa(pairs)
    if len({word for pair in pairs for word in pair}) == 1:
        assert ours is None
    else:
        assert ours == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))


def levenshtein(one: list[str], other: list[str]) -> int:
    """Return the edit distance, by the table of the textbooks."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one):
        last, row[0] = row[0], i + 1
        for j, b in enumerate(other):
            last, row[j + 1] = row[j + 1], min(row[j + 1] + 1, row[j] + 1, last + (a != b))
    return row[-1]


KOREAN = st.text("가나다라 ab.,!", max_size=30)


@settings(max_examples=100, deadline=None)
@given(KOREAN, KOREAN)
def test_texts_are_compared_as_the_textbook_does(one: str, other: str) -> None:
    """Words without case and punctuation, characters without blanks; an empty text differs by all of the other one."""
    assert distance(one, other, by="words")[0] == levenshtein(words_of(one), words_of(other))
    dense = ["".join(text.casefold().split()) for text in (one, other)]
    assert distance(one, other, by="characters") == (
        levenshtein(list(dense[0]), list(dense[1])),
        len(dense[0]),
        len(dense[1]),
    )


def test_texts() -> None:
    """A composed and a decomposed syllable are one letter, and a rate is by the reference."""
    assert distance("한글", "한글", by="characters") == (0, 2, 2)
    assert words_of("“Hello,” she said.") == ["hello", "she", "said"]
    row = Texts().row("오늘 날씨가 좋다", "오늘 날씨 좋다")
    assert row["agreement"] == pytest.approx(1 - 1 / 7)
    assert row["agreement_words"] == pytest.approx(1 - 1 / 3)
    truth = Texts().against([("오늘 날씨 좋다", "오늘 날씨가 좋다"), ("가 나 다 라", "가 나")])
    assert truth["word_error_rate"] == pytest.approx((1 + 2) / (3 + 2))
    assert truth["character_error_rate"] == pytest.approx((1 + 2) / (7 + 2))


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("sports car", "car"),
        ("Glass of Wine", "glass"),
        ("나무", "나무"),
        ("of", "of"),
        ("큰 나무", "나무"),
        ("Car", "car"),
    ],
)
def test_head_words(name: str, head: str) -> None:
    """The word that says what kind of thing it is stands at the end in English and Korean, and before "of"."""
    assert head_word(name) == head


def test_tags_have_the_precision_and_recall_of_scikit_learn() -> None:
    """Over all inputs together, as the micro averages of scikit-learn."""
    from sklearn.metrics import precision_recall_fscore_support
    from sklearn.preprocessing import MultiLabelBinarizer

    chance = random.Random(3)  # noqa: S311
    words = [f"word {n}" for n in range(9)]
    answers = [tuple(chance.sample(words, chance.randrange(6)) for _ in range(2)) for _ in range(200)]
    binary = MultiLabelBinarizer().fit([words])
    said, true = (binary.transform([pair[end] for pair in answers]) for end in (0, 1))
    precision, recall, f1, _ = precision_recall_fscore_support(true, said, average="micro")
    row = Words().against(answers)  # type: ignore[arg-type]
    assert (row["precision"], row["recall"], row["f1"]) == pytest.approx((precision, recall, f1))
    rows = [Words().row(one, other) for one, other in answers]
    assert Words().pair(rows)["agreement"] == pytest.approx(f1)
    assert Words().row([], [])["agreement"] == 1.0


def test_intervals_are_those_of_scipy() -> None:
    """The percentile bootstrap has the bounds that scipy's has, but for the draw."""
    from scipy.stats import bootstrap

    chance = random.Random(5)  # noqa: S311
    values = [chance.gauss(10, 3) for _ in range(120)]
    [(low, high)] = statistics.intervals(values, [statistics.mean])
    theirs = bootstrap(
        (np.array(values),), np.mean, n_resamples=5_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert low == pytest.approx(theirs.low, abs=0.08)
    assert high == pytest.approx(theirs.high, abs=0.08)
    assert statistics.intervals(values, [statistics.mean]) == [(low, high)]  # the same each time
    assert statistics.intervals([1.0], [statistics.mean]) == [None]
    counts = [(chance.randrange(3), 3) for _ in range(80)]

    def rate(some: Any) -> float | None:
        return statistics.ratio(sum(a for a, _ in some), sum(b for _, b in some))

    [ours] = statistics.intervals(counts, [rate])
    theirs = bootstrap(
        (np.array([a for a, _ in counts]),),
        lambda a, axis: a.sum(axis=axis) / (3 * a.shape[axis]),
        n_resamples=5_000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert ours == pytest.approx(tuple(theirs), abs=0.02)


def test_ages_are_compared_by_their_ranges() -> None:
    """A range by what it shares with another, a number as a range of no width; against a reference by the middle."""
    assert shared_years((20, 30), (25, 35)) == pytest.approx(5 / 15)
    assert shared_years((20, 20), (20, 20)) == 1.0
    assert shared_years((20, 20), (21, 21)) == 0.0
    assert shared_years((20, 30), (25, 25)) == 0.0
    measure = Faces(0.5)
    one = measure.of([FaceAge(box=box(0, 0, 10, 10), low=20, high=30), FaceAge(box=box(50, 0, 10, 10), years=41)])  # type: ignore[arg-type]
    other = measure.of([Face(box=box(1, 0, 10, 10), age=Age(low=25, high=35)), Face(box=box(90, 0, 9, 9))])  # type: ignore[arg-type]
    row = measure.row(one, other)
    assert (row["matched"], row["only_one"], row["only_other"]) == (1, 1, 1)
    assert row["overlap"] == pytest.approx(90 / 110)
    assert row["age_overlap"] == pytest.approx(5 / 15)
    true = measure.given(
        [
            {"x": "0", "y": "0", "width": "10", "height": "10", "age": "27"},
            {"x": 50, "y": 0, "width": 10, "height": 10, "age_low": 30, "age_high": 32},
        ]
    )
    truth = measure.against([(one, true)] * 2)
    assert truth["age_error"] == pytest.approx((2 + 10) / 2)
    assert truth["age_bias"] == pytest.approx((-2 + 10) / 2)
    assert truth["ages"] == 4
    assert measure.given([{"x": "", "y": None}]) == []
    assert [face["overlap"] for face in measure.matched(one, other)] == [pytest.approx(90 / 110), None, None]


def test_moods_are_compared_by_their_sign() -> None:
    """Positive, negative, and neutral for 0; the label counts where there is no score."""
    from sklearn.metrics import cohen_kappa_score

    measure = Labels("label")
    assert measure.given([{"score": "-0.1"}]) == "negative"
    assert measure.given([{"score": None, "label": "mixed"}]) == "neutral"
    assert [measure.given([{"label": each}]) for each in ("Positive", "부정", " 중립 ")] == [
        "positive",
        "negative",
        "neutral",
    ]
    assert measure.given([{"label": "positive"}]) == "positive"
    assert Boxed("positive") in measure.things("positive")
    truth = measure.against([("positive", "positive"), ("neutral", "positive"), ("neutral", "neutral")])
    assert truth["accuracy"] == pytest.approx(2 / 3)
    assert truth["kappa"] == pytest.approx(cohen_kappa_score(["a", "b", "b"], ["a", "a", "b"]))


@pytest.mark.parametrize(
    ("measure", "rows"),
    [
        (Labels("label"), [{"lable": "positive"}]),
        (Labels("label"), [{"label": ""}]),
        (Labels("label"), [{"label": "happy"}]),
        (Labels("label"), [{"label": "positive"}, {"label": "negative"}]),
        (Labels("language"), [{"language": None}]),
        (Words(), [{"tag": "나무"}]),
        (Texts(), [{"texts": "가"}]),
        (Faces(0.5), [{"left": 1}]),
        (Objects(0.5), [{"x": 1, "y": 1, "width": 1, "height": 1}]),
    ],
)
def test_a_reference_that_says_nothing_is_an_error(measure: Any, rows: Any) -> None:
    """A column that is missing, a cell that is empty or unknown, and two answers to one input count as no answer."""
    with pytest.raises(InputError, match="the reference cannot be read"):
        measure.true({0: rows})


def test_captions_are_compared_by_their_content_words() -> None:
    """Articles and prepositions say nothing of a picture; the other words count once, in any order, in Korean too."""
    measure = Captions()
    row = measure.row("A man and a dog on the beach", "a dog with a man at the Beach.")
    assert row["agreement_content"] == 1.0
    assert row["agreement_words"] < 1
    assert row["characters_differ"] == levenshtein(list("amanandadogonthebeach"), list("adogwithamanatthebeach."))
    assert measure.row("나무 옆에 있는 고양이", "고양이 및 나무")["agreement_content"] == 1.0
    half = measure.row("a red car", "a blue car")
    assert half["agreement_content"] == pytest.approx(2 * 1 / 4)
    pair = measure.pair([row, half])
    assert pair["agreement_content"] == pytest.approx(2 * (3 + 1) / (6 + 4))
    [match] = measure.matched("a red car", "a blue car")
    assert (match["in_common"], match["only_one"], match["only_other"]) == ("car", "red", "blue")
    truth = measure.against([("a red car", "the car")])
    assert (truth["precision"], truth["recall"]) == (0.5, 1.0)
    assert measure.row("", "")["agreement_content"] == 1.0


def test_objects_are_those_of_the_best_assignment_of_each_name() -> None:
    """Objects of one name are matched as faces are; by boxes alone whatever their names."""
    from scipy.optimize import linear_sum_assignment

    chance = random.Random(11)  # noqa: S311
    measure, rows, same, same_boxes, said = Objects(0.5), [], 0, 0, 0
    names = ("car", "sports car", "나무", "dog")
    for _ in range(100):
        ones = [Boxed(chance.choice(names), each) for each in boxes(chance, chance.randrange(7))]
        others = [
            Boxed(
                chance.choice([thing.name, thing.name, *names]),
                box(thing.box.x + chance.gauss(0, 7), thing.box.y, thing.box.width, thing.box.height),  # type: ignore[union-attr]
            )
            for thing in ones
            if chance.random() < 0.8
        ]
        rows.append(measure.row(ones, others))
        said += len(ones) + len(others)
        shares = overlaps(*([thing.box for thing in some if thing.box] for some in (ones, others)))
        if not shares.size:
            continue
        alike = np.array([[one.name == other.name for other in others] for one in ones])
        for kind, allowed in (("names", shares * alike), ("boxes", shares)):
            at = linear_sum_assignment(np.where(allowed >= 0.5, allowed, 0), maximize=True)
            n = int((allowed[at] >= 0.5).sum())
            same += n if kind == "names" else 0
            same_boxes += n if kind == "boxes" else 0
        assert sum(row["overlap"] is not None for row in measure.matched(ones, others)) == rows[-1]["matched_boxes"]
    pair = measure.pair(rows)
    assert (pair["matched"], pair["n_one"] + pair["n_other"]) == (same, said)
    assert abs(pair["matched_boxes"] - same_boxes) <= 1
    assert pair["agreement"] == pytest.approx(2 * same / said)
    assert pair["matched"] <= pair["matched_heads"] <= pair["matched_boxes"]
    true = measure.given(
        [{"name": "Car", "x": "0", "y": 0, "width": 9, "height": 9}, {"name": "", "x": "", "y": "", "width": ""}]
    )
    assert measure.against([([Boxed("car", box(0, 0, 9, 9)), Boxed("dog", box(0, 0, 9, 9))], true)])["precision"] == 0.5


def test_what_of_a_picture_is_compared_has_to_be_asked_for() -> None:
    """The first of tags, caption and objects that is asked for is compared; what is not asked for is refused."""
    kinds = [
        type(measure_for("analyze_image", 0.5, feature=feature, features=features)).__name__  # type: ignore[arg-type]
        for feature, features in (
            (None, None),
            (None, ["caption"]),
            ("objects", None),
            ("objects", ["tags", "objects"]),
        )
    ]
    assert kinds == ["Words", "Captions", "Objects", "Objects"]
    for feature, features in ((None, ["faces", "text"]), ("caption", ["tags"]), ("brands", None)):
        with pytest.raises(SettingsError):
            measure_for("analyze_image", 0.5, feature=feature, features=features)  # type: ignore[arg-type]
    with pytest.raises(SettingsError):
        measure_for("sentiment", 0.5, feature="tags")


FACE = {"x": 1, "y": 1, "width": 9, "height": 9}


@pytest.mark.parametrize(
    ("measure", "row"),
    [
        (Faces(0.5), {**FACE, "age": "nan"}),
        (Faces(0.5), {**FACE, "age": "inf"}),
        (Labels("label"), {"score": "nan"}),
    ],
)
def test_a_reference_with_a_number_that_is_none_is_refused(measure: Any, row: dict[str, Any]) -> None:
    """A number that is not finite would make every mean NaN, and is told before anything is sent."""
    with pytest.raises(InputError, match="not a finite number"):
        measure.true({0: [row]})


def test_the_ends_of_an_age_may_be_exchanged() -> None:
    """Who writes 40 to 30 means 30 to 40, which overlaps with the same age of others."""
    [face] = Faces(0.5).given([{**FACE, "age_low": "40", "age_high": "30"}])
    assert face.years == (30, 40)


def test_the_rows_of_a_data_frame_are_read_as_they_are_meant() -> None:
    """A whole number may be written as 3.0, as pandas does beside an empty cell, and NaN says that nothing is known."""
    rows = rows_of([{"item": "1.0", "name": "dog"}, {"item": math.nan, "input": "a.jpg", "name": math.nan}])
    assert rows_by_item(rows, ["a.jpg", "b.jpg"]) == {
        1: [{"item": "1.0", "name": "dog"}],
        0: [{"item": None, "input": "a.jpg", "name": None}],
    }
    assert measure_for("key_phrases", 0.5).given(rows) == ["dog"]
    with pytest.raises(InputError, match=r"'1\.5', which is no input"):
        rows_by_item([{"item": "1.5"}], ["a.jpg", "b.jpg"])
