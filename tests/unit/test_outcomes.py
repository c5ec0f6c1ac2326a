"""Tables of outcomes: one for each kind of thing, with inputs spelled alike, also after the batch was closed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, JournalError, Outcome, Sentiment, SettingsError, Table, UnsupportedOperationError, tidy
from cloudai.cli.summary import TABLES_OF, summary
from cloudai.models.base import Box, Level, Meta, Point
from cloudai.models.columns import TYPES
from cloudai.models.face import Emotions, Face, Faces
from cloudai.models.image import Block, Crop, ImageAnalysis, Line, Page, Tag, Text, Web
from cloudai.models.tables import TABLES
from cloudai.operations import OPERATIONS
from tests.made_up.provider import MadeUp, ok
from tests.support.batches import both

META = Meta(provider="azure", operation="analyze_image", image_size=(90, 60))
BOX = Box(x=1.04, y=2.06, width=30.123, height=40.0, image_size=(90, 60))
EMOTIONS = Emotions(scale="likelihood", happiness=Level(score=0.75, word="LIKELY"))
FACE = Face(box=BOX, emotions=EMOTIONS, landmarks={"nose_tip": Point(x=5, y=6)}, blur=Level(score=0.5))
TEXT = Text(text="가", pages=(Page(blocks=(Block(lines=(Line(text="가", box=BOX),)),)),))


def analysis(**parts: object) -> ImageAnalysis:
    """Return an analysis with its origin."""
    return ImageAnalysis(**parts)._with(META, None)


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ({"faces": Faces(faces=(FACE,))}, "face"),
        ({"text": TEXT}, "text"),
        ({"crops": (Crop(box=BOX),)}, "crop"),
        ({"web": Web(best_guesses=("나무",))}, "web"),
    ],
)
def test_whatever_an_analysis_has_found_has_a_row(part: dict[str, object], kind: str) -> None:
    """An answer that is paid for never reads "none_found" where something was found."""
    rows = analysis(**part).to_rows()
    assert [(row["status"], row["kind"], row["operation"]) for row in rows] == [("ok", kind, "analyze_image")]


def test_one_table_for_each_kind() -> None:
    """Faces, tags, text and long tables of one analysis; an input whose reply says nothing of it has a row too."""
    outcomes = [
        Outcome(0, "가.jpg", analysis(faces=Faces(faces=(FACE,)), tags=(Tag(name="tree"),), text=TEXT)),
        Outcome(1, "나.jpg", analysis(tags=())),
        Outcome(2, "다.jpg", error=UnsupportedOperationError("no"), operation="analyze_image"),
    ]
    faces = tidy(outcomes, "faces")
    assert faces["status"] == ["ok", "unsupported", "unsupported"]
    assert faces["face"] == [0, None, None]
    assert "was not asked" in faces[1]["error"]
    assert tidy(outcomes, "tags")["name"] == ["tree", None, "가", None, None]
    assert tidy(outcomes, "text").filter(status="ok")["text"] == ["가"]
    (emotion,) = tidy(outcomes, "emotions").filter(status="ok")
    assert (emotion["emotion"], emotion["score"], emotion["word"]) == ("happiness", 0.75, "LIKELY")
    assert tidy(outcomes, "landmarks").filter(status="ok")["landmark"] == ["nose_tip"]
    bare = [Outcome(0, "가.jpg", Faces(faces=(Face(box=BOX),))), Outcome(1, "나.jpg", Faces(faces=()))]
    for kind in ("landmarks", "emotions"):
        assert tidy(bare, kind)["status"] == ["unsupported", "none_found"], "faces without them were not asked for them"
    with pytest.raises(SettingsError, match="Did you mean faces"):
        tidy(outcomes, "face")
    with pytest.raises(SettingsError, match="no table of words"):
        tidy(outcomes, "words")


def test_every_column_has_one_type() -> None:
    """A column of a result has a declared type, so that a vendor that does not give it leaves no column of nothing."""
    for operation in OPERATIONS.values():
        kind = operation.result
        assert set(kind.model_construct()._columns()) - {**TYPES, **kind.types}.keys() == set(), operation.name
    for name, table in TABLES.items():
        assert set(table.columns) - TYPES.keys() == set(), name
    blur = analysis(faces=Faces(faces=(FACE,)))
    assert tidy([Outcome(0, "x", blur)], "faces")["blur"] == ["0.5"], "a word or a number is a text"


def test_the_command_knows_the_kinds_of_tables() -> None:
    """What --table offers for an operation is what its results have."""
    for operation, kinds in TABLES_OF.items():
        result = OPERATIONS[operation].result
        never = {"landmarks"} if operation == "analyze_image" else set()
        assert {name for name, table in TABLES.items() if issubclass(result, table.results)} - never == set(kinds)
        for kind in kinds:
            asked = TABLES[kind].asked_by.get(operation, {})
            assert asked.keys() <= OPERATIONS[operation].options.keys()


def test_pixels_have_one_decimal_in_csv() -> None:
    """In a file the noise of arithmetic is left out, and the table keeps it."""
    table = tidy([Outcome(0, "x.jpg", analysis(faces=Faces(faces=(FACE,)), text=TEXT))], "faces")
    assert table["x"] == [1.04]
    assert "1.0,2.1,30.1,40.0" in table.to_csv()
    assert "1.0,2.1,30.1,40.0" in tidy([Outcome(0, "x.jpg", analysis(text=TEXT))], "text").to_csv()


def test_where_results_come_from() -> None:
    """With meta=True each row says which model has answered, and when."""
    table = tidy([Outcome(0, "x", analysis(tags=(Tag(name="tree"),)))], meta=True)
    assert table.columns[-8:] == [
        *("service", "api_version", "model", "request_id", "called_at", "replayed", "error_type", "error")
    ]


@both
def test_an_input_is_spelled_alike_in_all_tables(colour: str, tmp_path: Path) -> None:
    """The tables of what was found and of how it went join by ``input``, ``item`` and ``operation``."""
    from tests.support.batches import Batcher

    folder = tmp_path / "학교" / "사진"
    folder.mkdir(parents=True)
    for name in ("홍길동.jpg", "김하나.jpg"):
        (folder / name).write_bytes(b"no picture")
    done = Batcher(colour, "local")("detect_faces", sorted(folder.iterdir()))
    for column in ("item", "input", "operation", "status"):
        assert done.tidy[column] == done.table[column]
    assert done.tidy["input"] == ["김하나.jpg", "홍길동.jpg"]


def test_tables_after_the_batch_was_closed(tmp_path: Path) -> None:
    """A closed batch still has its tables, from a journal with a path or without one; one that never ran has none."""
    for journal in (None, tmp_path / "j"):
        with (
            Client(MadeUp(key="not-a-real-key"), send=lambda _: ok({"score": 0.5})) as client,
            client.batch("sentiment", ["가", "나"], journal=journal) as job,
        ):
            list(job)
        assert job.tidy()["input"] == ["가", "나"]
        assert job.table()["status"] == ["ok", "ok"]
        assert len(list(job)) == 2
    with Client("local") as client, client.batch("sentiment", ["가"]) as job:
        pass
    with pytest.raises(JournalError, match="the batch is closed"):
        job.tidy()


def test_a_summary_counts_things_and_inputs() -> None:
    """Several faces in one photo count as such, and what has no result is told at the end."""
    statuses = ["ok", "ok", "ok", "none_found", "failed", "unsupported", "in_doubt", "not_started"]
    rows = [{"item": max(0, n - 1), "status": status} for n, status in enumerate(statuses)]
    told = "3 faces in 2 of 7 photos, 1 failed, 1 unsupported, 1 in doubt, 1 not started"
    assert summary(Table(rows), "detect_faces") == told
    assert json.dumps(rows)


def test_what_is_printed_can_be_read() -> None:
    """A face, an origin, an outcome and a whole-text sentiment are a few lines; the path of a file is in none."""
    face, origin = str(FACE), str(META.model_copy(update={"source": "/home/me/가.jpg", "input": "가.jpg"}))
    assert "\n  box: x 1.04, y 2.06, width 30.123, height 40" in face
    assert "\n  input: 가.jpg" in origin
    assert "/home" not in origin
    done = str(Outcome(0, "가.jpg", Faces(faces=(FACE,)), operation="detect_faces"))
    assert done.startswith("가.jpg: ok (detect_faces)\nFaces: 1 face\n")
    assert str(Outcome(1, "나.jpg", error=SettingsError("no key"))) == "나.jpg: failed\nno key"
    assert max(len(line) for text in (face, origin, done) for line in text.splitlines()) <= 120
    assert "0 sentences" not in str(Sentiment(label="positive", score=0.5))
    kind: Any = "faces"
    with pytest.raises(SettingsError, match="takes no kind"):
        Faces(faces=(FACE,)).table(kind)
