"""Guess the age and the expression of faces with models that the user has installed or points at.

Both are a baseline model's guess from appearance. docs/local.md describes the input and the output of each model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cloudai.errors import SettingsError
from cloudai.models.base import Level
from cloudai.models.face import Age, Emotions
from cloudai.providers.local.faces import Detection
from cloudai.providers.local.networks import answering, libraries, network

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["AGE_MODEL", "EMOTION_MODEL", "ages", "aligned", "emotions"]

AGE_MODEL, EMOTION_MODEL = "age_model", "emotion_model"
"""The settings that give the paths of the models."""
SIDE = 64
"""The side of an aligned face in px, which both models expect."""
PADDING = 0.2
"""The room on each side of the mean face, as a share of its width."""
MEAN_FACE = ((0.2273, 0.2214), (0.7528, 0.2212), (0.4901, 0.5156), (0.2541, 0.7802), (0.7261, 0.7802))
"""The eyes, the tip of the nose and the corners of the mouth in the mean face by which dlib aligns faces.

https://github.com/davisking/dlib/blob/master/dlib/image_transforms/interpolation.h
"""
MEANS, AGE_SCALE = (122.782, 117.001, 104.298), 256.0
"""The mean of red, green and blue that is subtracted for the model of ages, and what the rest is divided by."""
YEARS = (0.25, *range(1, 81))
"""The age in years of each of the model's probabilities; the last one stands for 80 and more."""
TAIL = 0.05
"""The share of the distribution below the lowest age of the range, and above the highest."""
ROUNDING = 0.01
"""The most by which the sum of a model's probabilities may differ from 1."""
EXPRESSIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""Our names of the seven probabilities of the model of expressions, in its order."""


def aligned(image: PIL.Image.Image, face: Detection) -> Any:
    """Return a face as 64 x 64 px of RGB whose eyes, nose and mouth are where those of the mean face are.

    Args:
        image: The picture in RGB in which the face was found.
        face: The face.
    """
    cv2, np = libraries()
    target = (np.array(MEAN_FACE) + PADDING) / (1 + 2 * PADDING) * SIDE
    across, turned, offset = _similarity(np.array(face.points), target)
    # A face that is larger than its chip is cut out in its own size first, so that shrinking it takes all pixels.
    times = max(1, math.ceil(1 / math.hypot(across, turned)))
    matrix = times * np.array([[across, -turned, offset[0]], [turned, across, offset[1]]])
    matrix[:, 2] += (times - 1) / 2  # a pixel of the chip lies in the middle of those that it is made of
    chip = cv2.warpAffine(np.asarray(image), matrix, (times * SIDE, times * SIDE), flags=cv2.INTER_LINEAR)
    return cv2.resize(chip, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _similarity(points: Any, target: Any) -> tuple[float, float, Any]:
    """Return the turn, the scale and the shift that bring points closest to others, by least squares.

    Returns:
        Scale times cosine, scale times sine, and the shift (x, y).
    """
    middle, wanted = points.mean(0), target.mean(0)
    own, other = points - middle, target - wanted
    square = (own**2).sum()
    across = (own * other).sum() / square
    turned = (own[:, 0] * other[:, 1] - own[:, 1] * other[:, 0]).sum() / square
    x, y = middle
    return float(across), float(turned), wanted - (across * x - turned * y, turned * x + across * y)


def ages(image: PIL.Image.Image, faces: Sequence[Detection], model: str) -> list[Age]:
    """Return the age that each face seems to have: 5 to 95 % of the model's distribution, and its mean.

    Args:
        image: The picture in RGB in which the faces were found.
        faces: The faces.
        model: The path of the model.

    Raises:
        SettingsError: The file cannot be read, or is no model of ages as docs/local.md describes it.
    """
    _, np = libraries()
    chips = [aligned(image, face).astype(np.float32) for face in faces]
    # The model wants the colours apart, red first; see docs/local.md.
    inputs = [((chip - np.float32(MEANS)) / np.float32(AGE_SCALE)).transpose(2, 0, 1) for chip in chips]
    return [_age(probabilities) for probabilities in _outputs(inputs, model, AGE_MODEL, len(YEARS))]


def _age(probabilities: Any) -> Age:
    _, np = libraries()
    # The range is read off the model's own distribution, so it is wide where the model is not sure.
    below = np.cumsum(probabilities)
    low, high = (int(np.searchsorted(below, limit)) for limit in (TAIL, 1 - TAIL))
    high = min(high, len(YEARS) - 1)
    mean = float(probabilities @ np.array(YEARS))
    return Age(low=YEARS[low], high=YEARS[high], years=mean, open_ended=high == len(YEARS) - 1)


def emotions(image: PIL.Image.Image, faces: Sequence[Detection], model: str) -> list[Emotions]:
    """Return the apparent expression of each face, as probabilities that sum to 1; see `ages` for arguments and errors.

    The model sees a face in grey, with -1 for black and 1 for white.
    """
    cv2, np = libraries()
    grey = [cv2.cvtColor(aligned(image, face), cv2.COLOR_RGB2GRAY) for face in faces]
    inputs = [(chip.astype(np.float32) / np.float32(127.5) - 1)[None] for chip in grey]
    found_scores = _outputs(inputs, model, EMOTION_MODEL, len(EXPRESSIONS))
    return [
        Emotions(
            scale="probability",
            **{name: Level(score=float(score)) for name, score in zip(EXPRESSIONS, scores, strict=True)},
        )
        for scores in found_scores
    ]


def _outputs(inputs: Sequence[Any], model: str, setting: str, classes: int) -> list[Any]:
    """Return the probabilities that a model gives for each input, made to sum to exactly 1.

    Raises:
        SettingsError: The model takes another input, or gives anything but so many probabilities.
    """
    _, np = libraries()
    net = network(model, setting)
    outputs = []
    # The faces are given one by one, because the models take an input of one picture; see docs/local.md.
    for each in inputs:
        with answering(model, setting):
            net.setInput(np.ascontiguousarray(each[None]))
            scores = net.forward().reshape(-1).astype(np.float64)
        # A comparison with a score that is not a number is false, too.
        if len(scores) != classes or not ((scores >= 0).all() and abs(scores.sum() - 1) < ROUNDING):
            raise SettingsError(
                f"{model} does not give {classes} probabilities for a face of {SIDE} x {SIDE} px",
                advice=f"Give {setting}= the model that docs/local.md describes.",
            )
        # Rounding leaves the sum a little beside 1, and a result of the scale "probability" promises 1.
        outputs.append(scores / scores.sum())
    return outputs
