"""Whatever a report is made of comes into one form, and nobody is asked for it again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cloudai import InputError, JournalError, Outcome, Table, tidy
from cloudai.cli import main
from cloudai.errors import TooLargeError
from cloudai.media import Image as ImageOf
from cloudai.report import Subject, gallery, subjects_of
from cloudai.report.photos import Photos
from cloudai.report.subjects import reading
from tests.unit.report import made


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the journal of a finished run."""
    made.sent.clear()
    return made.finished(tmp_path_factory.mktemp("run"))


def test_a_journal_is_read_without_asking_anybody(journal: Path) -> None:
    """A journal gives each picture its name, its own columns, its result, and the translation of its caption."""
    before = len(made.sent)
    read = reading(journal)
    assert before == len(made.sent) == 4  # three pictures, and their captions in one request
    assert [subject.name for subject in read.subjects] == list(made.NAMES)
    assert [subject.row["동"] for subject in read.subjects] == [0, 1, 2]
    assert [len(subject.results) for subject in read.subjects] == [1, 1, 1]
    assert {language for _, language in read.translations} == {"ko"}
    assert len(read.translations) == 3


def test_a_name_may_be_another_column(journal: Path) -> None:
    """The user says which column holds the names; one that is not there is an error that lists those that are."""
    assert [subject.name for subject in subjects_of(journal, "누리집")][2] == "https://example.org/2"
    assert [subject.name for subject in subjects_of(journal, "동")] == ["0", "1", "2"]
    with pytest.raises(InputError, match="이름, 사진, 동"):
        subjects_of(journal, "성명")


def test_two_operations_on_one_picture_are_one_subject(tmp_path: Path) -> None:
    """A picture that was analysed and read has one subject with both results; a later result takes the place of one."""
    faces = made.analysis().faces
    both = [made.outcome(0, "a.jpg"), Outcome(0, "a.jpg", faces, operation="detect_faces")]
    (subject,) = subjects_of(both)
    assert [type(result).__name__ for result in subject.results] == ["ImageAnalysis", "Faces"]
    again = [made.outcome(0, "a.jpg"), Outcome(0, "a.jpg", made.analysis("later"), operation="other")]
    (subject,) = subjects_of(again)
    assert [result.caption.text for result in subject.results] == ["later"]  # type: ignore[attr-defined]


def test_two_people_with_one_photo_stay_two() -> None:
    """Two persons with the same photo have a subject each, and a second operation belongs to both."""
    facts = {"sha256": "ab" * 32}
    first = [
        Outcome(n, "a.jpg", made.analysis(), row={"name": n}, operation="analyze_image", facts=facts) for n in "가나"
    ]
    first = [
        Outcome(n, one.input, one.result, row=one.row, operation=one.operation, facts=facts)
        for n, one in enumerate(first)
    ]
    second = [Outcome(0, "b.jpg", made.analysis().faces, operation="detect_faces", facts=facts)]
    subjects = subjects_of([*first, *second])
    assert [(subject.name, len(subject.results)) for subject in subjects] == [("가", 2), ("나", 2)]


def test_a_table_of_faces_is_read_back(tmp_path: Path) -> None:
    """The CSV that the command writes gives the faces back: boxes, ages, expressions, and the user's own columns."""
    failed = Outcome(1, "b.jpg", error=TooLargeError("too large"), operation="detect_faces", row={"동": "2"})
    faces = made.analysis().faces
    table = tidy([Outcome(0, "a.jpg", faces, row={"동": "1"}, operation="detect_faces"), failed])
    table.to_csv(tmp_path / "얼굴.csv")
    first, second = subjects_of(tmp_path / "얼굴.csv")
    (back,) = first.results
    (face,) = back.faces  # type: ignore[attr-defined]
    assert (face.box, face.box.image_size) == (made.face().box, (300, 400))
    assert (face.age.low, face.emotions.top, face.confidence) == (30, "happiness", 0.9)
    assert (first.row, second.row) == ({"동": "1"}, {"동": "2"})
    assert isinstance(second.error, TooLargeError)
    assert (second.status, second.results) == ("failed", ())


def test_a_table_of_pictures_is_read_back(tmp_path: Path) -> None:
    """The CSV of an analysis gives the caption, the tags and the objects with their boxes back."""
    tidy([made.outcome(0, "a.jpg")]).to_csv(tmp_path / "a.csv")
    (subject,) = subjects_of(tmp_path / "a.csv")
    (back,) = subject.results
    assert back.caption.text == "a person"  # type: ignore[attr-defined]
    assert [tag.name for tag in back.tags] == ["person", "suit"]  # type: ignore[attr-defined]
    assert back.objects[0].box.x == 140  # type: ignore[attr-defined]


def test_the_lines_of_json_are_read_back(journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What --json has printed gives the very results back, with their origin."""
    assert main(["journal", str(journal), "--json"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if '"analyze_image"' in line]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), "utf-8")
    back, kept = subjects_of(tmp_path / "a.jsonl"), subjects_of(journal)
    assert [subject.results for subject in back] == [subject.results for subject in kept]
    assert [subject.results[0].meta.provider for subject in back] == ["azure"] * 3
    (tmp_path / "b.jsonl").write_text(lines[0] + '\n{"item": 1}\n', "utf-8")
    with pytest.raises(InputError, match="line 2"):
        subjects_of(tmp_path / "b.jsonl")


def test_what_holds_no_results_is_told(tmp_path: Path) -> None:
    """Tables of inputs or of texts, files that are not there, and things that are no results are refused."""
    (tmp_path / "a.csv").write_text("name,photo\nA,a.jpg\n", "utf-8")
    with pytest.raises(InputError, match="no table of results"):
        subjects_of(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("item,input,status,provider,sentence\n0,a,ok,azure,1\n", "utf-8")
    with pytest.raises(InputError, match="no table of faces or of pictures"):
        subjects_of(tmp_path / "b.csv")
    (tmp_path / "c.csv").write_text(
        "item,input,status,provider,face,x,y,width,height\n0,a,ok,azure,0,?,1,2,3\n", "utf-8"
    )
    with pytest.raises(InputError, match="damaged"):
        subjects_of(tmp_path / "c.csv")
    with pytest.raises(JournalError):
        subjects_of(tmp_path / "no.journal")
    with pytest.raises(InputError, match="not made of a int"):
        subjects_of([1])  # type: ignore[list-item]


def test_pictures_are_found_wherever_they_went(journal: Path, tmp_path: Path) -> None:
    """A picture is found by its path; below a folder by its name, or under another name by its digest."""
    subjects = subjects_of(journal)
    assert [Photos().of(subject) for subject in subjects] == [Path(subject.address) for subject in subjects]
    moved = tmp_path / "다른 곳"
    (moved / "안").mkdir(parents=True)
    for subject in subjects[:2]:
        shutil.copy(subject.address, moved / "안" / Path(subject.address).name)
    shutil.copy(subjects[2].address, moved / "새 이름.jpeg")
    lost = [Subject(s.item, s.name, f"/없는/{Path(s.address).name}", s.digest) for s in subjects]
    where = Photos(below=moved)
    assert [where.of(subject) for subject in lost] == [
        moved / "안/홍길동.jpg",
        moved / "안/김하나.jpg",
        moved / "새 이름.jpeg",
    ]
    # A file of the same name with another content is not the picture that was paid for.
    (moved / "안" / "홍길동.jpg").write_bytes(b"another")
    assert Photos(below=moved).of(lost[0]) is None
    assert Photos().of(lost[0]) is None


def test_no_path_leads_out_of_line(tmp_path: Path) -> None:
    """A name that no file can have is a picture that is not found, and no error."""
    for address in ("", "a\0b", "x" * 5000, "https://example.org/a.jpg"):
        assert Photos([tmp_path], tmp_path).of(Subject(0, "a", address)) is None


def test_json_of_a_failure(tmp_path: Path) -> None:
    """A failure in the lines of --json keeps its reason and its kind, also where jq has written a U+2028 as it is."""
    line = {
        "item": 0,
        "input": "줄\u2028바꿈.jpg",
        "operation": "analyze_image",
        "status": "failed",
        "error_type": "TooLargeError",
        "error": "too large",
    }
    (tmp_path / "a.jsonl").write_text(json.dumps(line, ensure_ascii=False), "utf-8")
    (subject,) = subjects_of(tmp_path / "a.jsonl")
    assert isinstance(subject.error, TooLargeError)
    assert str(subject.error) == "too large"


@pytest.mark.parametrize(("tiles", "count"), [("pictures", 2), ("portraits", 2), ("faces", 3)])
def test_what_there_is_a_tile_for(tmp_path: Path, tiles: Any, count: int) -> None:
    """A gallery has a tile a picture, one of its largest face, or one a face; a picture without a face has its own."""
    path = made.photo(tmp_path / "a.jpg")
    two = made.analysis(faces=[made.face(), made.face(20, 250, 60, 70)])
    rows = [made.outcome(0, path, two), made.outcome(1, path, made.analysis(faces=[]))]
    page = gallery(rows, tmp_path / "a.html", title="T", tiles=tiles).read_text("utf-8")
    assert page.count("<li ") == count
    # The tile of a picture has its small copy; a tile of faces keeps one copy behind the two faces that are cut out of
    # it.
    assert page.count(" data-whole=") == (0 if tiles == "pictures" else 1)
    assert page.count("no face found") == (0 if tiles == "pictures" else 2)


def test_a_photo_that_was_replaced_is_not_taken_for_the_one_that_was_given(tmp_path: Path) -> None:
    """Cameras give many pictures one name: below a folder the digest decides, also where the path leads to a file."""
    journal = made.finished(tmp_path)
    folder = tmp_path / "사진"
    (folder / "홍길동.jpg").rename(folder / "옮긴 것.jpg")
    made.photo(folder / "홍길동.jpg", "white")
    (subject, *_) = subjects_of(journal)
    assert Photos(below=folder).of(subject) == folder / "옮긴 것.jpg"
    (folder / "옮긴 것.jpg").unlink()
    assert Photos(below=folder).of(subject) == folder / "홍길동.jpg"  # a picture of that name is better than none


def test_no_pictures_in_it(tmp_path: Path) -> None:
    """A journal of texts, and a file without a line, are errors, and not an empty page."""
    with made.client_of_azure() as client:
        settings = {"options": {"to": "ko"}, "journal": tmp_path / "글.journal", "cache": False}
        with client.batch("translate", ["a"], **settings) as job:
            list(job)
    with pytest.raises(InputError, match="no results of pictures"):
        subjects_of(tmp_path / "글.journal")
    (tmp_path / "빈.jsonl").write_text("", "utf-8")
    with pytest.raises(InputError, match="no results of pictures"):
        subjects_of(tmp_path / "빈.jsonl")


def test_a_journal_that_is_being_written(tmp_path: Path) -> None:
    """What a running batch has finished is shown, without waiting for its end."""
    photos = [str(made.photo(tmp_path / f"{n}.jpg", colour)) for n, colour in enumerate(("red", "blue"))]
    asked: Any = {"options": {"features": ["caption"]}, "journal": tmp_path / "j.journal", "cache": False}
    with made.client_of_azure() as client, client.batch("analyze_image", photos, concurrency=1, **asked) as job:
        next(iter(job))
        first, second = subjects_of(tmp_path / "j.journal")
        assert first.results
        assert second.name == "1"


def test_names_that_a_spreadsheet_would_run(tmp_path: Path) -> None:
    """The apostrophe that tables put before a formula is no part of the name of a photo."""
    photo = made.photo(tmp_path / "=가.jpg")
    tidy([made.outcome(0, photo.name, row={"메모": "@x"})]).to_csv(tmp_path / "a.csv")
    (subject,) = subjects_of(tmp_path / "a.csv")
    assert (subject.address, subject.row["메모"]) == ("=가.jpg", "@x")
    assert Photos([tmp_path]).of(subject) == photo


@pytest.mark.parametrize(
    "name", ["가" * 80, "가\0", "없음/가", "가/../나"], ids=["too long", "NUL", "no folder", "dots"]
)
def test_a_name_that_no_disk_has(name: str, tmp_path: Path) -> None:
    """A Korean name that is not there in any spelling, and one too long in pieces, is a file that there is not."""
    assert Photos([tmp_path]).of(Subject(0, "가", f"{name}.jpg")) is None
    with pytest.raises(InputError):
        ImageOf(tmp_path / f"{name}.jpg").open()


LINE = {"item": 0, "input": "가.jpg", "operation": "detect_faces", "status": "failed"}


@pytest.mark.parametrize(
    "line",
    [
        json.dumps({**LINE, "input": 5}),
        json.dumps({**LINE, "item": "0"}),
        json.dumps({**LINE, "item": -1}),
        json.dumps({**LINE, "status": "broken"}),
        json.dumps({**LINE, "status": ["ok"]}),
        json.dumps({**LINE, "row": [1]}),
        json.dumps({**LINE, "operation": ["detect_faces"]}),
        "[" * 100_000,
    ],
)
def test_a_line_that_json_has_not_printed(line: str, tmp_path: Path) -> None:
    """A line whose facts are of other types than those of a result is named by its number."""
    file = tmp_path / "r.jsonl"
    file.write_text(f"{json.dumps(LINE)}\n{line}\n", "utf-8")
    with pytest.raises(InputError, match=r"line 2 of r\.jsonl is no result"):
        gallery(file, tmp_path / "g.html")


@pytest.mark.parametrize("odd", [{"status": "broken"}, {"item": "-1"}, {"image_width": "inf"}, {"item": float("inf")}])
def test_a_table_that_was_damaged(odd: dict[str, Any], tmp_path: Path) -> None:
    """A cell that no table of results has, in a column of ours, is an error that names the table."""
    cells = {"x": 1, "y": 1, "width": 9, "height": 9, "image_width": 90, "image_height": 90}
    row = {"item": 0, "input": "가.jpg", "status": "ok", "provider": "azure", "face": 0, **cells, **odd}
    with pytest.raises(InputError, match="the table is damaged"):
        gallery(Table([row]), tmp_path / "g.html")
