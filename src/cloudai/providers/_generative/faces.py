"""Ask a chat model about faces: apparent expressions and ages, which are guesses about appearance.

A detector finds the faces, and gives their boxes: the vendor's own, else that of this machine. Each face is cut out of
the picture, and the model describes the cuts. It never sees the whole picture, and is told to name nobody.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from cloudai.core.flow import Blob, Flow, call, parallel
from cloudai.errors import InputError, MalformedResponseError, UnsupportedOperationError
from cloudai.media import Image
from cloudai.models.base import Box, Meta
from cloudai.models.face import EMOTIONS, Ages, Emotions, Face, FaceAge, Faces
from cloudai.providers._generative.answers import (
    AgeAnswer,
    AgesAnswer,
    ExpressionAnswer,
    ExpressionsAnswer,
    level,
)
from cloudai.providers._generative.asking import asked
from cloudai.providers._generative.chat import Chat, Prompt, Reply, meta_of
from cloudai.providers._generative.prompts import numbered, prompt
from cloudai.providers._generative.reading import Answer
from cloudai.providers.base import require_known

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["detect_faces", "estimate_age", "expressions"]

A = TypeVar("A", bound=Answer)

ATTRIBUTES = ("emotions",)
"""The attributes that the model guesses for each face."""
AT_ONCE = 8
"""The most faces in one request: Azure takes ten pictures."""
SIDE = 4_096
"""The longer side of the picture that the faces are cut out of, px."""
CUT_SIDE, QUALITY, MARGIN = 512, 90, 0.4
"""The longer side of a cut at most, px; the quality of its JPEG; its margin, as a share of the face's longer side."""
TOKENS = 4_000
TOKENS_OF_A_FACE = 200


def detect_faces(
    vendor: Chat, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int
) -> Flow[Faces]:
    """Find the faces in a picture, and describe the expression of each."""
    require_known(attributes, ATTRIBUTES, "attribute")
    if landmarks:
        raise UnsupportedOperationError(
            "a chat model gives no landmarks", advice='Leave method="generative" out, or landmarks=True.'
        )
    faces = yield from expressions(vendor, image, max_faces)
    return faces


def expressions(vendor: Chat, image: Image, max_faces: int) -> Flow[Faces]:
    """Return the faces in a picture, each with its apparent expression."""
    detected = yield from vendor.faces_in(image, max_faces)
    judged, meta = yield from _described(vendor, image, detected, ExpressionsAnswer, _no_check)
    faces = [
        face.model_copy(update={"emotions": _emotions(judged[number])}) for number, face in enumerate(detected.faces)
    ]
    return Faces(faces=tuple(map(_only_what_was_asked, faces)), truncated=detected.truncated, meta=meta)


def estimate_age(vendor: Chat, image: Image, *, max_faces: int) -> Flow[Ages]:
    """Guess how old the faces in a picture look, each as a range."""
    detected = yield from vendor.faces_in(image, max_faces)
    judged, meta = yield from _described(vendor, image, detected, AgesAnswer, _wrong_range)
    ages = tuple(
        FaceAge(box=face.box, low=judged[number].low, high=judged[number].high)
        for number, face in enumerate(detected.faces)
    )
    return Ages(ages=ages, truncated=detected.truncated, meta=meta)


def _described(
    vendor: Chat, image: Image, detected: Faces, model: type[A], wrong: Any
) -> Flow[tuple[Mapping[int, Any], Meta]]:
    """Return what the model says of each face, by the number of the face, and the origin of that.

    Args:
        vendor: The vendor of the chat model.
        image: The picture.
        detected: The faces; where there are none, nothing is asked.
        model: The model of an answer.
        wrong: A function that returns what is wrong with what the model says of one face, or None.
    """
    if not detected.faces:
        return {}, Meta(method="generative", service=detected.meta.service)
    cuts = yield from _cuts(image, [face.box for face in detected.faces])
    groups = [cuts[begin : begin + AT_ONCE] for begin in range(0, len(cuts), AT_ONCE)]
    prompts = [prompt(NAMES[model], numbered(group), model, TOKENS + TOKENS_OF_A_FACE * len(group)) for group in groups]
    # Each group is a step of its own, so that a batch keeps the answers of the others where one fails.
    answers: list[tuple[A, list[Reply]]] = yield from parallel(
        [_group(vendor, asking, model, len(group), wrong) for asking, group in zip(prompts, groups, strict=True)]
    )
    judged = {
        # The pictures of each request are numbered from 0.
        begin * AT_ONCE + each.picture: each
        for begin, (answer, _) in enumerate(answers)
        for each in answer.faces  # type: ignore[attr-defined]
    }
    return judged, meta_of(prompts[0], [reply for _, replies in answers for reply in replies])


NAMES: Mapping[type[Answer], str] = {ExpressionsAnswer: "detect_faces", AgesAnswer: "estimate_age"}
"""The names of the prompts, by the answers that they ask for."""


def _group(vendor: Chat, asking: Prompt, model: type[A], pictures: int, wrong: Any) -> Flow[tuple[A, list[Reply]]]:
    """Ask for the faces of one request."""

    def check(answer: Any) -> str | None:
        # An entry that is missing or double would give a face the age of its neighbour.
        if sorted(each.picture for each in answer.faces) != list(range(pictures)):
            return f"faces has to have one entry for each picture from 0 to {pictures - 1}"
        return next(filter(None, map(wrong, answer.faces)), None)

    return asked(vendor, asking, model, check)


def _no_check(_: ExpressionAnswer) -> str | None:
    return None


def _wrong_range(age: AgeAnswer) -> str | None:
    # The schema cannot express these rules, so they are checked here.
    if (age.low is None) != (age.high is None):
        return "low and high are both numbers, or both null"
    return "low is above high" if age.low is not None and age.high is not None and age.low > age.high else None


def _emotions(answer: ExpressionAnswer) -> Emotions:
    """Return the expression of a face. The grades are ranks of words, as Google's are, and no probabilities."""
    grades = {name: level(getattr(answer, name)) for name in EMOTIONS if name in ExpressionAnswer.model_fields}
    return Emotions(scale="likelihood", **grades)


def _only_what_was_asked(face: Face) -> Face:
    """Return a face with its box and its expression; what a detector says beside them is not the chat model's."""
    return Face(box=face.box, head_box=face.head_box, confidence=face.confidence, emotions=face.emotions)


def _cuts(image: Image, boxes: Sequence[Box]) -> Flow[list[Blob]]:
    """Return each face, cut out of the picture, as a JPEG without metadata.

    If only the saved facts or the header of the picture are here, the cuts cannot be loaded. Their saved replies can be
    read, and their requests planned.
    """
    if image.is_recalled or image.is_draft:
        return [Blob(image.key, _not_kept, "image/jpeg") for _ in boxes]
    frame = image.frame
    shown = yield from image.pixels(SIDE)
    image.frame = frame or image.frame  # `Meta` says of the picture what the detector was sent
    if not shown.width or not shown.height:
        raise MalformedResponseError("the picture has no size")
    # Boxes count in the upright original, and the picture that is cut here may have been shrunk.
    across, down = shown.image.width / shown.width, shown.image.height / shown.height
    cuts: list[bytes] = yield from call(_cut, shown.image, boxes, across, down)
    return [Blob(image.key, partial(bytes, data), "image/jpeg") for data in cuts]


def _cut(picture: PIL.Image.Image, boxes: Sequence[Box], across: float, down: float) -> list[bytes]:
    """Return the faces in the boxes as JPEGs.

    Args:
        picture: The picture.
        boxes: The boxes, in pixels of the upright original.
        across: The width of a pixel of the original in the picture.
        down: The height of a pixel of the original in the picture.
    """
    files = []
    for box in boxes:
        room = MARGIN * max(box.width, box.height)
        left, top = max(0.0, (box.x - room) * across), max(0.0, (box.y - room) * down)
        right = min(float(picture.width), (box.x + box.width + room) * across)
        bottom = min(float(picture.height), (box.y + box.height + room) * down)
        # To ask about a cut without a face would be billed for nothing.
        if right - left < 1 or bottom - top < 1:
            raise MalformedResponseError("a face was found outside the picture")
        # Rounding must not make a narrow cut empty.
        cut = picture.crop(
            (round(left), round(top), max(round(right), round(left) + 1), max(round(bottom), round(top) + 1))
        )
        cut.thumbnail((CUT_SIDE, CUT_SIDE))
        file = io.BytesIO()
        cut.save(file, "JPEG", quality=QUALITY)
        files.append(file.getvalue())
    return files


def _not_kept() -> bytes:
    raise InputError("the picture itself is not kept", advice="Give the file again.")
