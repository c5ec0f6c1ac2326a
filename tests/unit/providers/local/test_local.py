"""The offline engine on real photos, and the words of texts."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import time
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

import cloudai
from cloudai import AsyncClient, Client, Local, MissingExtraError, SettingsError, UnsupportedOperationError
from cloudai.cli.demo import sample_photos
from tests.conftest import Caller
from tests.support.length import length

PHOTOS = dict(sample_photos())
HOPPER = PHOTOS["Grace Hopper"]
FORWARD_ORIENTATION = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""EXIF orientation to the turn that a camera held so would have stored."""


@pytest.mark.parametrize(("title", "n"), [("Grace Hopper", 1), ("Eileen Collins", 1), ("Coffee", 0), ("Rocket", 0)])
def test_faces_on_real_photos(call: Caller, title: str, n: int) -> None:
    """The two people are found, and nobody where there is nobody."""
    faces = call("local", "detect_faces", PHOTOS[title])
    assert len(faces) == n
    assert faces.meta.method == "local"
    assert (faces.meta.billed_min, faces.meta.billed_max, faces.meta.attempts) == (0, 0, 0)


def test_a_face_has_pixels_of_the_original(call: Caller) -> None:
    """The box is around the face, within the picture."""
    (face,) = call("local", "detect_faces", HOPPER)
    assert 160 <= face.box.x <= 200
    assert 140 <= face.box.width <= 200
    assert face.box.image_size == (512, 600)


@pytest.mark.long
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_gives_the_same_box(tmp_path: Path, orientation: int) -> None:
    """However the camera was held, boxes are in the upright picture and the crop is upright."""
    upright = PIL.Image.open(HOPPER)
    turn = FORWARD_ORIENTATION[orientation]
    stored = upright if turn is None else upright.transpose(PIL.Image.Transpose(turn))
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "세로 사진.jpg"
    stored.save(path, exif=exif, quality=95)
    with cloudai.Client("local") as client:
        (face,) = client.detect_faces(path)
        (expected,) = client.detect_faces(HOPPER)
    assert face.box.image_size == (512, 600)
    assert abs(face.box.x - expected.box.x) < 15
    assert abs(face.box.y - expected.box.y) < 15
    width, height = face.crop(path, margin=0).size
    assert abs(width - face.box.width) < 1
    assert abs(height - face.box.height) < 1


@pytest.mark.long
def test_the_number_of_faces_is_kept_to(call: Caller) -> None:
    """Two people side by side, one asked for: one face, and the result says there may be more."""
    both = PIL.Image.new("RGB", (1024, 512))
    astronaut = PIL.Image.open(PHOTOS["Eileen Collins"])
    both.paste(astronaut, (0, 0))
    both.paste(astronaut, (512, 0))
    assert len(call("local", "detect_faces", both)) == 2
    few = call("local", "detect_faces", both, max_faces=1)
    assert (len(few), few.truncated) == (1, True)


@pytest.mark.long
def test_what_can_be_measured_of_a_picture(call: Caller) -> None:
    """Size, format, colours that sum to less than one, sharpness: blurred is less sharp."""
    found = call("local", "analyze_image", HOPPER)
    assert (found.width, found.height, found.format) == (512, 600, "JPEG")
    assert len(found.faces) == 1
    assert 0 < sum(color.fraction for color in found.colors) <= 1
    assert found.tags is None
    assert found.caption is None
    blurred = PIL.Image.open(HOPPER).resize((64, 75)).resize((512, 600))
    assert call("local", "analyze_image", blurred).sharpness < found.sharpness / 4


def test_one_colour_is_named(call: Caller) -> None:
    """A red card is red, all of it."""
    (color,) = call("local", "analyze_image", PIL.Image.new("RGB", (80, 60), (250, 5, 5)), features=["colors"]).colors
    assert (color.name, color.fraction) == ("red", 1.0)


@pytest.mark.long
def test_what_is_lacking_is_refused_or_reported(call: Caller) -> None:
    """A caption is not to be had: an error by default, listed on request, never made up."""
    with pytest.raises(UnsupportedOperationError, match=r"local: no caption on this machine.*google"):
        call("local", "analyze_image", HOPPER, features=["caption", "colors"])
    found = call("local", "analyze_image", HOPPER, features=["caption", "colors"], missing="report")
    assert found.unsupported == ("caption",)
    assert found.colors


def test_english_sentiment(call: Caller) -> None:
    """Sentences are where they say; negation is understood."""
    text = "I love this place. The food was awful!\nNot good at all."
    found = call("local", "sentiment", text)
    assert [s.label for s in found] == ["positive", "negative", "negative"]
    assert all(text[s.start : s.end] == s.text for s in found)


def test_korean_needs_a_lexicon(call: Caller) -> None:
    """The text says exactly what to do, also where no language is given."""
    for language in ("ko", "ko-KR", None):
        with pytest.raises(UnsupportedOperationError) as raised:
            call("local", "sentiment", "맛있어요!", language=language)
        assert str(raised.value) == "local: no Korean sentiment; give Local(lexicon=…), or use azure or google."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_korean_with_a_lexicon(call: Caller, tmp_path: Path, encoding: str) -> None:
    """A CSV as Excel saves it; endings attached to a word do not hide it."""
    path = tmp_path / "낱말.csv"
    path.write_text("낱말,점수\n맛있,2.0\n별로,-1.5\n", encoding)
    found = call(Local(lexicon=path), "sentiment", "맛있어요! 서비스는 별로였어요.", language="ko")
    assert [s.label for s in found] == ["positive", "negative"]
    assert found.score == pytest.approx(0.5 / (0.25 + 15) ** 0.5)


@pytest.mark.parametrize("content", ["좋다,1\n나쁘다,많이\n", "좋다,1\n나쁘다,nan\n", "", "word,score\n"])
def test_a_wrong_lexicon_is_told(call: Caller, tmp_path: Path, content: str) -> None:
    """The file and the line, in one line."""
    path = tmp_path / "낱말.csv"
    path.write_text(content, "utf-8")
    with pytest.raises(SettingsError, match=r"낱말\.csv(, line 2| has no words)"):
        call(Local(lexicon=path), "sentiment", "좋아요", language="ko")


@pytest.mark.parametrize(
    ("module", "operation", "given"),
    [
        ("cv2", "detect_faces", HOPPER),
        ("vaderSentiment.vaderSentiment", "sentiment", "good"),
    ],
)
def test_a_missing_package_is_told_with_the_install_line(
    call: Caller, monkeypatch: pytest.MonkeyPatch, module: str, operation: str, given: Any
) -> None:
    """Without OpenCV or VADER: an ImportError with the command that helps."""
    from cloudai.providers.local import lexicon

    lexicon._vader.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r'pip install "\.\[local\]"'):
        call("local", operation, given)


@pytest.mark.long
def test_the_event_loop_never_waits_for_a_picture() -> None:
    """Several photos of 12 MP are read elsewhere at once: the event loop's thread works for no 50 ms at a time."""
    import numpy as np

    noise = np.random.default_rng(7).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    out = io.BytesIO()
    PIL.Image.fromarray(noise).resize((4000, 3000)).save(out, "JPEG", quality=85)
    photos = [out.getvalue() + bytes([number]) for number in range(length(2, 4, 4))]  # not the same input

    async def scene() -> float:
        worked = [0.0]

        async def beat() -> None:
            while True:
                # The thread's own time, because a machine that is busy with something else holds up any heartbeat.
                began = time.thread_time()
                await asyncio.sleep(0.005)
                worked.append(time.thread_time() - began)

        async with AsyncClient("local") as client:
            heart = asyncio.create_task(beat())
            await asyncio.gather(*(client.detect_faces(photo) for photo in photos))
            await asyncio.sleep(0.02)  # a beat that was held up is counted too
            heart.cancel()
        return max(worked)

    assert asyncio.run(scene()) < 0.05


def test_a_face_of_another_picture_is_not_cut_out(call: Caller) -> None:
    """A box outside the picture is an InputError that says which picture to give."""
    (face,) = call("local", "detect_faces", HOPPER)
    small = PIL.Image.new("RGB", (60, 60))
    with pytest.raises(cloudai.InputError, match="not inside this picture"):
        face.crop(small)


def test_an_edited_lexicon_is_read_anew(call: Caller, tmp_path: Path) -> None:
    """A file that changes while the program runs, as in a notebook, gives its own scores, to a batch as well."""
    path, labels, names = tmp_path / "낱말.csv", [], []
    for second, score in enumerate((2, 0, -2), start=1):
        path.write_text(f"맛있,{score}\n", "utf-8")
        os.utime(path, (second, second))
        labels.append(call(Local(lexicon=path), "sentiment", "맛있어요", language="ko").label)
        names.append(Local(lexicon=path).api_variant("sentiment"))
    assert labels == ["positive", "neutral", "negative"]
    assert len(set(names)) == 3


@pytest.mark.parametrize(
    "words",
    [
        {"맛있": "좋음"},
        {"맛있": float("nan")},
        {"맛있": float("inf")},
        {"맛있": 1e300},
        {"맛있": None},
        {3: 1.0},
        {},
        [],
        7,
    ],
)
def test_a_lexicon_that_is_none_is_told_at_once(words: Any) -> None:
    """Words with scores that are no finite numbers are refused where they are given, with an example of good ones."""
    with pytest.raises(SettingsError, match=r"lexicon= .*Give the path of a CSV file"):
        Local(lexicon=words)


def test_scores_as_high_as_allowed_stay_numbers() -> None:
    """The highest scores, many of them, give a score up to 1, and no reply is called malformed."""
    with Client(Local(lexicon={"맛있": 1e6, "별로": -1e6})) as client:
        assert client.sentiment("맛있어요 " * 50, language="ko").score == pytest.approx(1)
        assert client.sentiment("별로예요", language="ko").score == pytest.approx(-1)


def test_each_operation_needs_its_own_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OpenCV texts can be judged, and without VADER by a lexicon; without both no picture is looked at."""
    absent = {"cv2", "numpy"}
    monkeypatch.setattr("cloudai.providers.local.find_spec", lambda name: None if name in absent else object())
    assert Local().missing("sentiment") is None
    assert "cv2, numpy not installed" in str(Local().missing("detect_faces"))
    absent.add("vaderSentiment")
    assert str(Local().missing("sentiment")).startswith("vaderSentiment not installed")
    assert Local(lexicon={"맛있": 1.0}).missing("sentiment") is None
    assert Local(lexicon={"맛있": 1.0}).supports("sentiment")
    assert "cv2, numpy, vaderSentiment" in str(Local(lexicon={"맛있": 1.0}).missing())


def test_a_guide_with_a_lexicon_that_is_given_in_code() -> None:
    """A lexicon is words in code as well as a file, and the table says that it is used."""
    assert "by your lexicon" in Local(lexicon={"맛있": 2.0}).guide()
    assert "by your lexicon" not in Local().guide()


def test_colours_that_are_cut_off_are_told(call: Caller) -> None:
    """As many colours as were asked for are perhaps not all; without a number nothing is cut off."""
    some = call("local", "analyze_image", HOPPER, features=["colors"], max_results=2)
    assert (len(some.colors), some.truncated) == (2, True)
    assert not call("local", "analyze_image", HOPPER, features=["colors"]).truncated
