"""Comparisons from the calls to the tables, by both clients; what was paid for is not paid for again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudai import AsyncClient, Azure, Client, InputError, Response, SettingsError, Table, UnsupportedOperationError
from cloudai.compare.matching import head_word
from cloudai.compare.results import Comparison
from cloudai.core.flow import Request
from cloudai.models.base import Box
from cloudai.report import save_comparison
from tests.made_up.calls import as_json
from tests.made_up.compared import Pictures
from tests.made_up.provider import Clock, ok, refused
from tests.made_up.several import NAMES, Vendors, asked
from tests.support.batches import both
from tests.support.length import length
from tests.unit.compare.test_measures import overlaps

N = length(150, 300, 300)


def compare(colour: str, providers: Any, send: Callable[[Request], Response], *args: Any, **options: Any) -> Comparison:
    """Compare providers through either client."""
    clock = Clock()
    if colour == "blocking":
        with Client(providers, send=send, clock=clock, sleep=clock.sleep) as client:
            return client.compare(*args, **options)

    async def scene() -> Comparison:
        async def asend(request: Request) -> Response:
            return send(request)

        async with AsyncClient(providers, send=asend, clock=clock, sleep=clock.asleep) as client:
            return await client.compare(*args, **options)

    return asyncio.run(scene())


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    """Return pictures with faces and tags in them."""
    return Pictures(N)


@pytest.fixture(scope="module")
def faces(pictures: Pictures) -> Comparison:
    """Return a comparison of the faces in the pictures, with what is true of them."""
    truth = [
        {"item": i, "x": x, "y": y, "width": w, "height": h}
        for i, some in enumerate(pictures.true)
        for x, y, w, h in some or [(None,) * 4]
    ]
    given = pictures.given
    return compare(
        "blocking", pictures.providers(), pictures, "detect_faces", given, truth=truth, prices={"azure": 1.0}
    )


def best(ones: Any, others: Any) -> list[float]:
    """Return the overlaps of the faces that the best assignment puts together."""
    from scipy.optimize import linear_sum_assignment

    shares = overlaps(*([Box(x=x, y=y, width=w, height=h) for x, y, w, h in some] for some in (ones, others)))
    if not shares.size:
        return []
    at = linear_sum_assignment(np.where(shares >= 0.5, shares, 0), maximize=True)
    return [float(share) for share in shares[at] if share >= 0.5]


def test_faces_agree_as_scipy_counts(pictures: Pictures, faces: Comparison) -> None:
    """Over all pictures, and in each, the faces in common and their overlap are those of the best assignment."""
    assert pictures.asked["azure", "faces"] == pictures.asked["google", "faces"] == N
    [pair] = faces.per_pair()
    shares = [best(*both) for both in zip(pictures.said["azure"], pictures.said["google"], strict=True)]
    n = [sum(map(len, pictures.said[vendor])) for vendor in ("azure", "google")]
    matched = sum(map(len, shares))
    assert (pair["one"], pair["other"], pair["n"]) == ("azure", "google", N)
    assert (pair["n_one"], pair["n_other"], pair["matched"]) == (*n, matched)
    assert (pair["only_one"], pair["only_other"]) == (n[0] - matched, n[1] - matched)
    assert pair["agreement"] == pytest.approx(2 * matched / sum(n))
    assert pair["overlap"] == pytest.approx(np.mean([share for each in shares for share in each]))
    per_input = {row["item"]: row for row in faces.per_input()}
    for i, each in enumerate(shares):
        assert per_input[i]["matched"] == len(each)
        assert per_input[i]["overlap"] == (pytest.approx(np.mean(each)) if each else None)
    agreements = [row["agreement"] for row in faces.per_input()]
    assert agreements == sorted(agreements)
    in_both = [row for row in faces.per_match() if row["overlap"] is not None]
    assert len(in_both) == matched
    assert len(faces.per_match()) == sum(n) - matched


def test_faces_against_a_reference(pictures: Pictures, faces: Comparison) -> None:
    """Precision and recall are the shares of what was said, and of what is there; the bounds lie around them."""
    table = faces.against_truth()
    assert [row["provider"] for row in table] == ["azure", "google"]
    for row in table:
        said = pictures.said[row["provider"]]
        hits = sum(len(best(*pair)) for pair in zip(said, pictures.true, strict=True))
        assert row["n"] == N
        assert row["precision"] == pytest.approx(hits / sum(map(len, said)))
        assert row["recall"] == pytest.approx(hits / sum(map(len, pictures.true)))
        for name in ("precision", "recall", "f1"):
            assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
            assert row[f"{name}_high"] - row[f"{name}_low"] < 0.1
    [azure, google] = faces.per_provider()
    assert (azure["answered"], azure["billed_max"], azure["cost_max"]) == (N, N, pytest.approx(N / 1000))
    assert "cost_max" not in google
    assert "intersection" in faces.method


def test_what_several_agree_on(pictures: Pictures, faces: Comparison) -> None:
    """agreed(2) has the faces in common with the mean of their boxes; agreed(1) has every face once."""
    [pair] = faces.per_pair()
    both = faces.agreed(2)
    assert len(both) == pair["matched"]
    assert {row["providers"] for row in both} == {"azure, google"}
    assert len(faces.agreed(1)) == pair["n_one"] + pair["n_other"] - pair["matched"]
    row = both.rows[0]
    near = [
        min(abs(x - row["x"]) + abs(y - row["y"]) for x, y, _, _ in pictures.said[vendor][row["item"]])
        for vendor in ("azure", "google")
    ]
    assert max(near) <= 30
    for k in (0, 3, True, 1.5):
        with pytest.raises(SettingsError):
            faces.agreed(k)  # type: ignore[arg-type]


def test_tags_agree_as_their_sets_do(pictures: Pictures) -> None:
    """Over all pictures exact tags and head words have the F1 of all pairs of sets, counted together (micro)."""
    options = {"features": ["tags"]}
    done = compare("awaiting", pictures.providers(), pictures, "analyze_image", pictures.given, options=options)
    [pair] = done.per_pair()
    assert pair["n"] == N
    for column, spelled in (("agreement", str.casefold), ("agreement_heads", head_word)):
        sets = [[set(map(spelled, tags)) for tags in pictures.tags[vendor]] for vendor in ("azure", "google")]
        shared_by_both = sum(len(one & other) for one, other in zip(*sets, strict=True))
        assert pair[column] == pytest.approx(2 * shared_by_both / sum(len(each) for some in sets for each in some))
    names = [(row["item"], row["name"]) for row in done.agreed(2)]
    shared = [
        (i, name)
        for i, tags in enumerate(pictures.tags["azure"])
        for name in dict.fromkeys(map(str.casefold, tags))
        if name in map(str.casefold, pictures.tags["google"][i])
    ]
    assert names == shared


def kappa(ones: list[Any], others: list[Any]) -> float:
    """Return Cohen's kappa by its definition; that ours is scikit-learn's is tested with the measures."""
    n = len(ones)
    seen = sum(one == other for one, other in zip(ones, others, strict=True)) / n
    by_chance = sum(ones.count(label) * others.count(label) for label in set(ones)) / n**2
    return (seen - by_chance) / (1 - by_chance)


@both
def test_moods_have_kappa(colour: str) -> None:
    """Three vendors have three pairs, each with Cohen's kappa over the texts that both have answered."""
    texts = [f"후기 {n}" for n in range(60)]

    def mood(factor: int) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            n = int(request.json["text"].split()[1])
            if factor == 7 and n == 3:
                return refused(400)
            return ok({"score": (n * factor % 3 - 1) / 2})

        return answer

    vendors = Vendors(**{name: mood(factor) for name, factor in zip(NAMES, (1, 2, 7), strict=True)})
    truth = Table([{"input": text, "label": "positive"} for text in texts[:10]])
    done = compare(colour, asked(), vendors, "sentiment", texts, truth=truth)
    assert [(row["one"], row["other"], row["n"]) for row in done.per_pair()] == [
        (NAMES[0], NAMES[1], 60),
        (NAMES[0], NAMES[2], 59),
        (NAMES[1], NAMES[2], 59),
    ]
    for row in done.per_pair():
        a, b = (done.answers(row[end]) for end in ("one", "other"))
        common = sorted(a.keys() & b.keys())
        assert row["kappa"] == pytest.approx(kappa([a[i] for i in common], [b[i] for i in common]))
    assert [row["n"] for row in done.against_truth()] == [10, 10, 9]
    assert all(len(set(row["providers"].split(", "))) == row["n"] >= 2 for row in done.agreed(2))
    assert {row["n"] for row in done.agreed(3)} <= {3}
    assert done.per_provider().rows[2]["answered"] == 59


@both
def test_a_batch_finds_what_a_comparison_has_paid_for(colour: str, tmp_path: Path) -> None:
    """The same comparison sends nothing a second time, and neither does a batch of the same vendors."""
    vendors, journal = Vendors(), tmp_path / "비교.journal"
    texts = [f"후기 {n}" for n in range(40)]
    whole = compare(colour, asked(NAMES[:2]), vendors, "sentiment", texts, journal=journal, concurrency=2)
    assert len(vendors.requests) == 80
    again = compare(colour, asked(NAMES[:2]), vendors, "sentiment", texts, journal=journal)
    assert again.per_pair().rows == whole.per_pair().rows
    with Client(asked(), send=vendors) as client, client.batch("sentiment", texts, journal=journal) as job:
        assert len(list(job)) == 40
    assert len(vendors.requests) == 80


class AzureKorea(Azure):
    """The same vendor under a second name, for another account."""

    name = "azure-korea"


@both
def test_one_journal_answers_for_tags_captions_and_objects(colour: str, tmp_path: Path) -> None:
    """Two accounts of one vendor under two names are asked once, and compared by each of the three."""
    hosts: list[str] = []

    def send(request: Request) -> Response:
        hosts.append(request.url.split("/")[2])
        first = "seoul" not in hosts[-1]
        values = [{"name": "tree", "confidence": 0.9}, {"name": "나무" if first else "sky", "confidence": 0.8}]
        things = [
            {"boundingBox": {"x": 10 + 2 * n, "y": 10, "w": 50, "h": 50}, "tags": [{"name": name, "confidence": 0.9}]}
            for n, name in enumerate(("car", "dog") if first else ("Car", "cat"))
        ]
        return ok(
            {
                "modelVersion": "1",
                "metadata": {"width": 400, "height": 400},
                "tagsResult": {"values": values},
                "captionResult": {"text": "a dog in a car" if first else "a cat in the car", "confidence": 0.7},
                "objectsResult": {"values": things},
            }
        )

    def account(kind: type[Azure], where: str) -> Azure:
        return kind(key=f"not-a-real-key-{where}", endpoint=f"https://{where}.cognitiveservices.azure.com")

    providers = [account(Azure, "tokyo"), account(AzureKorea, "seoul")]
    given = Pictures(3).given
    options: Any = {"journal": tmp_path / "사진.journal", "options": {"features": ["tags", "caption", "objects"]}}
    tags = compare(colour, providers, send, "analyze_image", given, **options)
    assert sorted(hosts) == ["seoul.cognitiveservices.azure.com"] * 3 + ["tokyo.cognitiveservices.azure.com"] * 3
    assert [(row["one"], row["other"], row["agreement"]) for row in tags.per_pair()] == [("azure", "azure-korea", 0.5)]
    captions = compare(colour, providers, send, "analyze_image", given, feature="caption", **options)
    assert captions.per_pair().rows[0]["agreement_content"] == 0.5
    assert {row["name"] for row in captions.agreed(2)} == {"car"}
    truth = [{"item": 0, "name": "car", "x": 12, "y": 10, "width": 50, "height": 50}]
    objects = compare(colour, providers, send, "analyze_image", given, feature="objects", truth=truth, **options)
    assert len(hosts) == 6  # all of it was paid for in the first comparison
    [pair] = objects.per_pair()
    assert (pair["agreement"], pair["agreement_boxes"], pair["overlap"]) == (0.5, 1.0, 1.0)
    assert [(row["provider"], row["precision"], row["recall"]) for row in objects.against_truth()] == [
        ("azure", 0.5, 1.0),
        ("azure-korea", 0.5, 1.0),
    ]
    assert [(row["name"], row["x"], row["providers"]) for row in objects.agreed(2)] == [
        ("car", 10.0, "azure, azure-korea")
    ] * 3
    path = save_comparison(objects, tmp_path / "사물.html", title="사물", language="ko", images=given)
    page = path.read_text("utf-8")
    assert page.count('<rect class="one"') == 6
    assert "같은 사물로 봅니다" in page
    page = save_comparison(captions, tmp_path / "글.html", title="설명", language="en").read_text("utf-8")
    assert "a dog in a car" in page
    with pytest.raises(SettingsError, match=r"azure is given twice.*two names.*subclass of Azure"):
        compare(colour, [providers[0], account(Azure, "seoul")], send, "analyze_image", given)


@both
def test_a_reference_is_checked_before_anything_is_paid(colour: str, tmp_path: Path) -> None:
    """A reference that cannot be read, and a price of nobody, are refused before the first request."""
    vendors, texts = Vendors(), ["좋아요", "나빠요"]
    wrong: list[tuple[Any, type[Exception]]] = [
        ({"truth": tmp_path / "없다.csv"}, InputError),
        ({"truth": [{"item": "둘", "label": "positive"}]}, InputError),
        ({"truth": {"item": 0, "label": "positive"}}, InputError),
        ({"truth": [{"item": 0, "lable": "positive"}]}, InputError),
        ({"truth": [{"input": "싫어요", "label": "positive"}]}, InputError),
        ({"prices": {"azure": 1.0}}, SettingsError),
        ({"prices": {NAMES[0]: "1"}}, SettingsError),
    ]
    for options, error in wrong:
        with pytest.raises(error):
            compare(colour, asked(), vendors, "sentiment", texts, **options)
    assert vendors.requests == []


@both
def test_who_has_not_answered_is_told_with_the_reason(colour: str) -> None:
    """What is printed names a provider without a key, and one that refuses an input."""
    no_key = asked(NAMES[:1], **{NAMES[0]: {"key": None}})
    vendors = Vendors(
        **{NAMES[1]: lambda request: refused(400) if "나빠" in request.json["text"] else ok({"score": 1})}
    )
    done = compare(colour, [*no_key, *asked(NAMES[1:])], vendors, "sentiment", ["좋아요", "나빠요"])
    assert f"{NAMES[0]}: no answer to 2 of 2 inputs: {NAMES[0]}: no key" in str(done)
    assert f"{NAMES[1]}: no answer to 1 of 2 inputs" in str(done)
    assert NAMES[2] not in done.unanswered


@both
def test_one_that_pauses_does_not_stop_the_other(colour: str, tmp_path: Path) -> None:
    """A spent quota ends the part of one vendor; what the others said is compared, and the same call goes on later."""
    journal = tmp_path / "비교.journal"
    spent = lambda _: Response(429, {}, as_json({"error": "spent", "quota": "day"}))  # noqa: E731
    vendors = Vendors(**{NAMES[0]: spent})
    texts = [f"후기 {n}" for n in range(10)]
    done = compare(colour, asked(), vendors, "sentiment", texts, journal=journal)
    assert list(done.problems) == [NAMES[0]]
    assert [(row["one"], row["other"]) for row in done.per_pair()] == [NAMES[1:]]
    assert vendors.count(NAMES[1]) == 10
    vendors.answers.clear()
    done = compare(colour, asked(), vendors, "sentiment", texts, journal=journal)
    assert done.problems == {}
    assert len(done.per_pair()) == 3
    assert vendors.count(NAMES[1]) == 10
    every = Vendors(**dict.fromkeys(NAMES, lambda _: refused(401)))
    with pytest.raises(Exception, match="no") as failure:
        compare(colour, asked(), every, "sentiment", texts)
    assert type(failure.value).__name__ == "AuthError"


@both
def test_what_cannot_be_compared_is_said_before_anything_is_sent(colour: str) -> None:
    """One provider, an operation without anything to compare, a bad option: nothing is asked."""
    vendors, texts = Vendors(), ["좋아요"]
    for providers, operation, options, error, said in (
        (asked(NAMES[:1]), "sentiment", {}, SettingsError, "one provider"),
        (asked(), "text_to_speech", {}, UnsupportedOperationError, "cannot be compared"),
        (asked(), "sentimnet", {}, SettingsError, "no operation"),
        (asked(), "sentiment", {"overlap": 0}, SettingsError, "overlap"),
        (asked(), "sentiment", {"price": 1.0}, SettingsError, "no option price"),
        (asked(), "sentiment", {"options": {"tone": 1}}, SettingsError, "no option"),
    ):
        with pytest.raises(error, match=said):
            compare(colour, providers, vendors, operation, texts, **options)
    assert vendors.requests == []
    for truth, said in (
        ([{"input": "나빠요", "label": "negative"}], "no input, or several"),
        ([{"label": "negative"}], "names no input"),
        ([{"item": 0, "score": "viel"}], "cannot be read"),
    ):
        with pytest.raises(InputError, match=said):
            compare(colour, asked(), vendors, "sentiment", texts, truth=truth)
    with pytest.raises(SettingsError, match="no reference"):
        compare(colour, asked(), vendors, "sentiment", texts).against_truth()


def test_providers_may_be_named_in_the_call(tmp_path: Path) -> None:
    """providers= takes the place of those of the client; an open file is read for all of them; a reference is a CSV."""
    pictures = Pictures(3)
    path = tmp_path / "나무.png"
    path.write_bytes(pictures.given[1])
    truth = tmp_path / "참.csv"
    truth.write_text("input,x,y,width,height\n나무.png,1,2,30,40\n", "utf-8")
    with path.open("rb") as file, Client("local", send=pictures) as client:
        done = client.compare("detect_faces", [file, str(path)], providers=pictures.providers(), truth=[])
        assert done.providers == ("azure", "google")
        assert [row["answered"] for row in done.per_provider()] == [2, 2]
        done = client.compare("detect_faces", [str(path)], providers=pictures.providers(), truth=truth)
        assert [row["n"] for row in done.against_truth()] == [1, 1]
