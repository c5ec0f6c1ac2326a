"""The files that the examples write, run in this process, and one of them in a process of its own."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from cloudai import frames
from cloudai.cli.demo import sample_photos
from cloudai.media import Frame, as_image
from tests.support.examples import hangul_font, run_example
from tests.support.films import film
from tests.support.paths import EXAMPLES

PHOTOS = dict(sample_photos())


def run_as_a_user(example: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an example in a process of its own."""
    environment = {**os.environ, "CLOUDAI_FONT": hangul_font(), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, str(EXAMPLES / f"{example}.py"), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of photos with Korean names, one of them no photo."""
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
    done = run_example("lawmaker_photos", str(source), "--out", str(tmp_path / "결과"), "--language", "ko")
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
    done = run_example("card_news", str(photos), "--out", str(tmp_path / "결과"), "--language", "ko")
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
    done = run_as_a_user("lawmaker_photos", str(source), "--out", str(tmp_path))
    assert done.returncode == 2
    assert "no column photo or 사진" in done.stderr
    assert "The file has: 성, 주소." in done.stderr
    assert "Traceback" not in done.stderr


MODEL = "https://generativelanguage.googleapis.com/v1/models/gemini-3.8-flash:generateContent"
SAID = {
    "김하나.jpg": ("안경을 쓴 사람이 군복을 입고 정면을 바라본다", ["제복", "안경", "초상"]),
    "커피.png": ("나무 탁자 위에 놓인 커피 한 잔", ["커피", "잔", "탁자"]),
}
"""The answer of the model about each photo."""
FACE = {"vertices": [{"x": 160, "y": 70}, {"x": 350, "y": 70}, {"x": 350, "y": 290}, {"x": 160, "y": 290}]}


def answered(photo: Path | Frame, kind: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Return an exchange in which Gemini answers a prompt with one picture."""
    picture = {"inlineData": {"mimeType": f"image/{kind}", "data": {"sha256": as_image(photo).key}}}
    parts = [picture] if "faces" not in answer else [{"text": "Picture 0:"}, picture]
    body = {"systemInstruction": "REDACTED", "generationConfig": "REDACTED"}
    reply = {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": json.dumps(answer, ensure_ascii=False)}]},
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {"promptTokenCount": 400, "candidatesTokenCount": 40, "totalTokenCount": 440},
        "modelVersion": "gemini-3.8-flash",
    }
    return {
        "kind": "constructed",
        "request": {
            "method": "POST",
            "url": MODEL,
            "body": {**body, "contents": [{"role": "user", "parts": parts}]},
        },
        "response": {"status": 200, "headers": {"content-type": "application/json; charset=UTF-8"}, "body": reply},
    }


def faces_in(photo: Path | Frame, faces: list[Any]) -> dict[str, Any]:
    """Return an exchange in which Vision finds the faces in a photo."""
    kind = photo.suffix[1:].replace("jpg", "jpeg") if isinstance(photo, Path) else "jpeg"
    image = {"content": {"sha256": as_image(photo).key, "media_type": f"image/{kind}"}}
    asked = {"image": image, "features": [{"type": "FACE_DETECTION", "maxResults": 100}]}
    return {
        "kind": "constructed",
        "request": {
            "method": "POST",
            "url": "https://vision.googleapis.com/v1/images:annotate",
            "body": {"requests": [asked]},
        },
        "response": {"status": 200, "body": {"responses": [{"faceAnnotations": faces} if faces else {}]}},
    }


def cassette(path: Path, exchanges: list[dict[str, Any]]) -> str:
    """Write a cassette, and return its path."""
    path.write_text(json.dumps({"version": 1, "exchanges": exchanges}, ensure_ascii=False), "utf-8")
    return str(path)


GENERATIVE = ("--provider", "google", "--method", "generative", "--language", "ko")


def test_card_news_with_korean_captions(tmp_path: Path, photos: Path) -> None:
    """Each card has the model's Korean caption; the table says that a chat model answered."""
    exchanges = [
        answered(photos / name, "jpeg" if name.endswith("jpg") else "png", {"caption": caption, "tags": tags})
        for name, (caption, tags) in SAID.items()
    ]
    replies, out = cassette(tmp_path / "답.json", exchanges), tmp_path / "결과"
    done = run_example("card_news", str(photos), "--out", str(out), "--replay", replies, *GENERATIVE)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO((out / "cards.csv").read_text("utf-8-sig"))))
    captions = {row["input"]: (row["name"], row["method"], row["language"]) for row in rows if row["kind"] == "caption"}
    assert captions == {name: (caption, "generative", "ko") for name, (caption, _) in SAID.items()}
    assert len(list((out / "cards").glob("*.png"))) == 2


def test_portraits_with_korean_captions_and_expressions(tmp_path: Path, photos: Path) -> None:
    """The gallery has the caption, the face that the detector found, and the expression that the model guessed."""
    calm = dict.fromkeys(("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise"), "very unlikely")
    exchanges = []
    for name, (caption, _) in SAID.items():
        photo, kind = photos / name, "jpeg" if name.endswith("jpg") else "png"
        exchanges.append(answered(photo, kind, {"caption": caption}))
        found = [{"boundingPoly": FACE, "fdBoundingPoly": FACE, "detectionConfidence": 0.98}]
        exchanges.append(faces_in(photo, found if kind == "jpeg" else []))
    exchanges.append(
        answered(photos / "김하나.jpg", "jpeg", {"faces": [{"picture": 0, **calm, "neutral": "very likely"}]})
    )
    replies, out = cassette(tmp_path / "답.json", exchanges), tmp_path / "결과"
    done = run_example("lawmaker_photos", str(photos), "--out", str(out), "--replay", replies, *GENERATIVE)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO((out / "faces.csv").read_text("utf-8-sig"))))
    told = {row["input"]: (row["status"], row["method"], row["emotion_top"]) for row in rows}
    assert told["김하나"] == ("ok", "generative", "neutral")
    assert told["커피"] == ("none_found", "generative", "")
    page = (out / "gallery.html").read_text("utf-8")
    assert SAID["김하나.jpg"][0] in page
    assert "표정(어림)" in page
    assert "무표정" in page


WORDS = ("very unlikely", "unlikely", "possible", "likely", "very likely")


def test_expressions_over_time_of_three_speeches(tmp_path: Path) -> None:
    """Three speeches become a table, a page, videos with bars, moments, and one plot with all three on its axis."""
    with PIL.Image.open(PHOTOS["Eileen Collins"]) as photo:
        views = [photo.convert("RGB").crop((x, 0, x + 320, 300)).resize((160, 150)) for x in range(0, 60, 10)]
    speeches = [tmp_path / f"{name}.mp4" for name in ("첫째", "둘째", "셋째")]
    for n, speech in enumerate(speeches):
        speech.write_bytes(film(views[n:] + views[:n], range(0, 3000, 500)))
    exchanges = []
    corners = [{"x": x, "y": y} for x, y in ((40, 30), (100, 30), (100, 110), (40, 110))]
    box = {"boundingPoly": {"vertices": corners}, "fdBoundingPoly": {"vertices": corners}}
    quiet = dict.fromkeys(("anger", "contempt", "disgust", "fear", "surprise"), "very unlikely")
    for n, frame in enumerate(frames(speeches, every=1)):
        exchanges.append(faces_in(frame, [box]))
        mood = {"happiness": WORDS[n % 5], "sadness": WORDS[4 - n % 5], "neutral": "possible"}
        exchanges.append(answered(frame, "jpeg", {"faces": [{"picture": 0, **quiet, **mood}]}))
    out, replies = tmp_path / "결과", cassette(tmp_path / "답.json", exchanges)
    asked = ("--replay", replies, "--every", "1s", "--without", "sadness", "--smooth", "2", *GENERATIVE)
    done = run_example("video_emotion", *map(str, speeches), "--out", str(out), *asked)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO((out / "faces.csv").read_text("utf-8-sig"))))
    assert [(row["video"], float(row["time_s"]), row["track"]) for row in rows] == [
        (speech.name, time, "1") for speech in speeches for time in (0.0, 1.0, 2.0)
    ]
    assert [row["happiness"] for row in rows[:3]] == ["0.0", "0.25", "0.5"]
    page = (out / "timeline.html").read_text("utf-8")
    assert page.count("<figure") == 9
    assert page.count("선을 매끄럽게 다듬지 않았습니다") == 1  # likelihood words, by which the example does not end
    assert page.count("<svg ") == 3
    assert len(list(out.glob("*, drawn.mp4"))) == len(list(out.glob("*.webp"))) == 3
    assert all(speech.name in (out / "speeches.html").read_text("utf-8") for speech in speeches)
