"""`cloudai demo` with photos of one's own: their names, those that fail, and how many become cards."""

from __future__ import annotations

from pathlib import Path

import PIL.Image
import pytest

from cloudai.cli import demo, main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two photos named alike, a damaged one, and a folder with another photo."""
    photos = tmp_path / "사진"
    (photos / "더").mkdir(parents=True)
    for name in ("강.jpg", "강.png", "더/별.png"):
        PIL.Image.new("RGB", (40, 30), "pink").save(photos / name)
    (photos / "깨짐.jpg").write_bytes(b"\xff\xd8 damaged")
    return photos


def test_photos_named_alike_keep_their_endings(folder: Path) -> None:
    """Two photos of one stem are told apart by their endings; the others have the stem alone."""
    assert [name for name, _ in demo.own_photos(str(folder))] == ["강.jpg", "강.png", "깨짐"]


@pytest.mark.long
def test_what_fails_is_told_once_and_what_is_left_out_too(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged photo is told once, by its name in the table; the output says how many photos have become cards."""
    monkeypatch.setattr(demo, "MOST_CARDS", 3)
    assert main(["demo", str(folder), "--out", str(tmp_path / "결과")]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("깨짐: ") == 1
    assert "깨짐.jpg: " not in printed.err
    assert "The cards show" not in printed.out
    monkeypatch.setattr(demo, "MOST_CARDS", 1)
    assert main(["demo", str(folder), "--out", str(tmp_path / "결과")]) == 1
    assert "The cards show the first 1 photos." in capsys.readouterr().out


@pytest.mark.long
def test_no_card_of_an_earlier_run_stays(tmp_path: Path) -> None:
    """A demo of other photos into the same folder leaves its own cards there, and what the user has put beside them."""
    for names in (("강", "산", "별"), ("달",)):
        photos = tmp_path / names[0]
        photos.mkdir()
        for name in names:
            PIL.Image.new("RGB", (40, 30), "pink").save(photos / f"{name}.png")
        assert main(["demo", str(photos), "--out", str(tmp_path / "결과")]) == 0
        (tmp_path / "결과" / "cards" / "0009-mine.png").touch()
    left = {file.name for file in (tmp_path / "결과" / "cards").glob("*.png")}
    assert [name for name in left if "달" in name]
    assert not [name for name in left if set(name) & set("강산별")]
    assert "0009-mine.png" in left


def test_the_demo_speaks_of_no_flag_that_it_lacks(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The folders in the folder, such as the demo's own, are passed over without advice that cannot be followed."""
    demo.own_photos(str(folder))
    assert "folders" not in caplog.text
    assert "--recursive" not in caplog.text


def test_an_empty_folder_to_write_to_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """`--out ""`, as from a variable that is not set, does not write into the folder one happens to be in."""
    with pytest.raises(SystemExit) as caught:
        main(["demo", "--out", ""])
    assert caught.value.code == 2
    assert "--out: it is empty" in capsys.readouterr().err
