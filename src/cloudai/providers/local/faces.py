"""Face detection with OpenCV: the cascade that comes with it, or a YuNet model."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudai.errors import MissingExtraError, SettingsError

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["CASCADE", "SIDE", "Detection", "cascade", "yunet"]

SIDE = 1024
"""The longer side of the picture that is searched, px. A face must be a twelfth of the shorter side in any case."""
CASCADE = "haarcascade_frontalface_alt"
STEP, NEIGHBOURS, SMALLEST = 1.1, 5, 12
YUNET_SCORE = 0.7
"""The lowest score of a face. OpenCV's own sample uses 0.9, and misses faces that are turned."""

# Each thread has detectors of its own, because a detector keeps state while it searches.
_mine = threading.local()


@dataclass(frozen=True)
class Detection:
    """One face, in pixels of the picture that was searched."""

    box: tuple[float, float, float, float]
    confidence: float | None = None
    landmarks: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def cascade(image: PIL.Image.Image) -> list[Detection]:
    """Return the frontal faces that the Haar cascade finds; it gives no confidence, only weights without a scale."""
    cv2, np = _libraries()
    grey = cv2.equalizeHist(np.asarray(image.convert("L")))
    least = max(24, min(grey.shape) // SMALLEST)
    boxes = _cascade(cv2).detectMultiScale(grey, STEP, NEIGHBOURS, minSize=(least, least))
    return [Detection((float(x), float(y), float(width), float(height))) for x, y, width, height in boxes]


def _cascade(cv2: Any) -> Any:
    detector = getattr(_mine, "cascade", None)
    if detector is None:
        # The file is read as text, because OpenCV cannot open a path with Korean letters on Windows.
        text = files("cv2").joinpath("data", f"{CASCADE}.xml").read_text(encoding="utf-8")
        storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
        detector = cv2.CascadeClassifier()
        detector.read(storage.getFirstTopLevelNode())
        _mine.cascade = detector
    return detector


def yunet(image: PIL.Image.Image, model: str) -> list[Detection]:
    """Return the faces that a YuNet model finds, each with a confidence and five landmarks.

    The model is read once in a process; SettingsError is raised if its file cannot be read or is no YuNet model.

    https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet
    """
    cv2, np = _libraries()
    detector = _yunet(cv2, np, model)
    detector.setInputSize(image.size)
    _, rows = detector.detect(np.asarray(image)[:, :, ::-1])  # OpenCV takes blue, green, red
    return [_detection([float(value) for value in row]) for row in (rows if rows is not None else ())]


def _detection(row: list[float]) -> Detection:
    """Return the face of one row: x, y, width, height, five points and a score.

    YuNet names the sides as the person has them, our results as the picture shows them.
    """
    right_eye, left_eye, nose, right_mouth, left_mouth = zip(row[4:14:2], row[5:14:2], strict=True)
    landmarks = {
        "left_eye": right_eye,
        "right_eye": left_eye,
        "nose_tip": nose,
        "mouth_left": right_mouth,
        "mouth_right": left_mouth,
    }
    return Detection((row[0], row[1], row[2], row[3]), min(1.0, max(0.0, row[14])), landmarks)


def _yunet(cv2: Any, np: Any, model: str) -> Any:
    known = getattr(_mine, "yunet", {})
    if model not in known:
        try:
            weights = np.frombuffer(_model_bytes(model), dtype=np.uint8)
            nothing = np.empty(0, dtype=np.uint8)
            known[model] = cv2.FaceDetectorYN.create("onnx", weights, nothing, (320, 320), YUNET_SCORE)
        except cv2.error as error:
            raise SettingsError(
                f"{model} is not a YuNet model", advice="Give face_model= a face_detection_yunet_….onnx file."
            ) from error
        _mine.yunet = known
    return known[model]


@lru_cache(maxsize=4)
def _model_bytes(model: str) -> bytes:
    try:
        return Path(model).read_bytes()
    except OSError as error:
        raise SettingsError(
            f"cannot read the face model {model} ({error.strerror})",
            advice="Check face_model= or CLOUDAI_FACE_MODEL.",
        ) from error


def _libraries() -> tuple[Any, Any]:
    try:
        import cv2
        import numpy as np
    except ImportError as error:
        raise MissingExtraError("finding faces on this machine", "local") from error
    return cv2, np
