"""The two examples, run as a user runs them, and what they write."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import PIL.Image
import pytest

from cloudai.cli.demo import sample_photos
from tests.support.paths import EXAMPLES

PHOTOS = dict(sample_photos())


def run(example: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an example with a font that has Hangul."""
    spec = find_spec("koreanize_matplotlib")
    assert spec
    assert spec.origin
    font = Path(spec.origin).parent / "fonts" / "NanumGothic.ttf"
    environment = {**os.environ, "CLOUDAI_FONT": str(font), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, str(EXAMPLES / f"{example}.py"), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of photos with Korean names, one of them no photo."""
    folder = tmp_path / "사진"
    folder.mkdir()
    shutil.copy(PHOTOS["Grace Hopper"], folder / "김하나.jpg")
    shutil.copy(PHOTOS["Coffee"], folder / "커피.png")
    (folder / "파일.jpg").write_text("<!DOCTYPE html>", "utf-8")
    return folder


def test_a_korean_csv_becomes_a_table_and_a_gallery(tmp_path: Path, photos: Path) -> None:
    """CP949 from Excel, two people of one name, one photo that is none: each has a row and a tile."""
    source = tmp_path / "의원.csv"
    source.write_text("이름,사진\n김하나,사진/김하나.jpg\n김하나,사진/커피.png\n<b>박둘</b>,사진/파일.jpg\n", "cp949")
    done = run("lawmaker_photos", str(source), "--out", str(tmp_path / "결과"), "--language", "ko")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO((tmp_path / "결과" / "faces.csv").read_text("utf-8-sig"))))
    assert [(row["item"], row["input"], row["status"]) for row in rows] == [
        ("0", "김하나", "ok"),
        ("1", "김하나", "none_found"),
        ("2", "<b>박둘</b>", "failed"),
    ]
    page = (tmp_path / "결과" / "gallery.html").read_text("utf-8")
    assert page.count('src="data:image/webp;base64,') == 2  # the face, and the picture without one
    assert "<b>박둘" not in page
    assert "&lt;b&gt;박둘" in page
    assert "얼굴을 찾지 못함" in page
    assert "default-src 'none'" in page
    assert photos.is_dir()


def test_a_folder_becomes_card_news(tmp_path: Path, photos: Path) -> None:
    """A card for each photo, all of one size, and the GIF; what is no photo is told and left out."""
    done = run("card_news", str(photos), "--out", str(tmp_path / "결과"), "--language", "ko")
    assert done.returncode == 0, done.stderr
    with PIL.Image.open(tmp_path / "결과" / "cards.gif") as gif:
        assert gif.n_frames == 2  # type: ignore[attr-defined]
        assert gif.info["loop"] == 0
    cards = list((tmp_path / "결과" / "cards").glob("*.png"))
    assert len(cards) == 2
    for card in cards:
        with PIL.Image.open(card) as shown:
            assert shown.size == (1080, 1080)
    assert "a web page saved under that name" in (tmp_path / "결과" / "cards.csv").read_text("utf-8-sig")


def test_a_csv_without_the_columns_is_told(tmp_path: Path) -> None:
    """One line with the columns there are."""
    source = tmp_path / "의원.csv"
    source.write_text("성,주소\n", "utf-8")
    done = run("lawmaker_photos", str(source), "--out", str(tmp_path))
    assert done.returncode == 2
    assert "no column photo or 사진" in done.stderr
    assert "The file has: 성, 주소." in done.stderr
    assert "Traceback" not in done.stderr
