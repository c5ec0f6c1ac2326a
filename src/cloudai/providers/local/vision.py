"""Analyse pictures on this machine: colours, sharpness, faces, and guesses of ages and expressions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cloudai.core.flow import Flow, call
from cloudai.errors import SettingsError, UnsupportedOperationError
from cloudai.languages import base
from cloudai.media import Image
from cloudai.models.base import Meta
from cloudai.models.face import Age, Ages, Emotions, Face, FaceAge, Faces, Pose
from cloudai.models.image import FEATURES, Feature, ImageAnalysis
from cloudai.providers.base import Provider, capability, require_known
from cloudai.providers.local import colour_names, faces, guesses, models, networks, picture

__all__ = ["INSTALL_AGES", "NO_AGES", "Vision"]

NEEDS, CHECKED = "extra: local", "2026-11-27"
HAS: tuple[Feature, ...] = ("colors", "faces")
ATTRIBUTES = ("pose", "age", "emotions")
"""The attributes of a face; of the pose there is the roll alone."""
NO_AGES, INSTALL_AGES = "there is no model of ages on this computer", "Run: cloudai models install ages"


class Vision(Provider):
    """The operations on pictures; `Local` adds those on texts, and the settings."""

    def features(self) -> tuple[Feature, ...]:
        """Return the features that the local engine can look for."""
        return HAS

    def models_of_faces(self) -> tuple[str, str | None, str | None]:
        """Return what tells the models of faces, ages and expressions from others: the digests of their files."""
        paths = {
            faces.FACE_MODEL: self.setting(faces.FACE_MODEL),
            guesses.AGE_MODEL: self.age_model(),
            guesses.EMOTION_MODEL: self.setting(guesses.EMOTION_MODEL),
        }
        face, age, look = (networks.digest(path, name) if path else None for name, path in paths.items())
        return face or faces.YUNET, age, look

    def age_model(self) -> str | None:
        """Return the path of the model of ages: the one that is set, else the one that is installed, else None."""
        return self.setting("age_model") or models.path_of(models.AGES)

    def _face_model(self) -> str:
        """Return the path of the model of faces."""
        return self.file("face_model") or faces.yunet()

    @capability(
        "open",
        needs=NEEDS,
        checked=CHECKED,
        note="colours by English or Korean names, sharpness, and faces; no captions, tags or objects",
        page="https://xkcd.com/color/rgb/",
    )
    def analyze_image(
        self,
        image: Image,
        *,
        features: Sequence[Feature] | None,
        language: str | None,
        max_results: int | None,
        missing: Literal["error", "report"],
        gender_neutral: bool,  # noqa: ARG002
    ) -> Flow[ImageAnalysis]:
        """Measure a picture: its size, format, dominant colours and sharpness, and the faces in it.

        The faces come with all that the installed models can tell: also the age, and the expression.
        """
        asked = HAS if features is None else tuple(dict.fromkeys(features))
        require_known(asked, FEATURES, "feature")
        unsupported = tuple(feature for feature in asked if feature not in HAS)
        if unsupported and missing == "error":
            raise UnsupportedOperationError(
                f"no {', '.join(unsupported)} on this machine",
                advice=f'It has: {", ".join(HAS)}. missing="report" goes on without; azure and google have more.',
            )
        detections = None
        if "faces" in asked:
            able = {"age": self.age_model(), "emotions": self.setting("emotion_model")}
            attributes = [attribute for attribute, model in able.items() if model]
            detections = yield from self._faces(
                image, landmarks=False, attributes=attributes, max_faces=max_results or 100
            )
        # Colours are named in English where their names are not known in a language; `Meta.language_sent` says so.
        named = base(language) if language and base(language) in colour_names.LANGUAGES else "en"
        shown = yield from image.pixels(picture.SIDE)
        properties = yield from call(picture.measure, shown.image, named, shown.opacity)
        return ImageAnalysis(
            faces=detections,
            colors=properties.colors[:max_results] if "colors" in asked else None,
            sharpness=properties.sharpness,
            width=shown.width,
            height=shown.height,
            format=shown.format,
            unsupported=unsupported,
            truncated=bool(detections and detections.truncated)
            or ("colors" in asked and max_results is not None and len(properties.colors) >= max_results),
            meta=Meta(
                method="local",
                service="pillow+opencv",
                model=detections.meta.model if detections else None,
                language_sent=named,
            ),
        )

    @capability(
        "open",
        needs=NEEDS,
        checked=CHECKED,
        note="with landmarks, confidence and roll, by YuNet; ages and expressions with optional models",
        page="https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet",
    )
    def detect_faces(self, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int) -> Flow[Faces]:
        """Find the faces in a picture."""
        lacking = [attribute for attribute in attributes if attribute not in ATTRIBUTES]
        if lacking:
            raise UnsupportedOperationError(
                f"no {', '.join(lacking)} of a face on this machine", advice=f"It says: {', '.join(ATTRIBUTES)}."
            )
        return (yield from self._faces(image, landmarks=landmarks, attributes=attributes, max_faces=max_faces))

    def _faces(self, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int) -> Flow[Faces]:
        """Find faces with YuNet, and guess of each what the attributes ask for."""
        # A model that is missing is an error before the picture is decoded and searched.
        age_model = self._required_age_model() if "age" in attributes else None
        emotion_model = self._required_emotion_model() if "emotions" in attributes else None
        face_model = self._face_model()
        shown = yield from image.pixels(faces.SIDE)
        every = yield from call(faces.find, shown.image, face_model)
        # Ages and expressions are only guessed of the faces that are returned.
        some = every[:max_faces]
        years: Sequence[Age | None] = [None] * len(some)
        looks: Sequence[Emotions | None] = [None] * len(some)
        if age_model:
            years = yield from call(guesses.ages, shown.image, some, age_model)
        if emotion_model:
            looks = yield from call(guesses.emotions, shown.image, some, emotion_model)
        known = tuple(
            Face(
                box=shown.box(*one.box),
                confidence=one.confidence,
                landmarks={n: shown.point(*p) for n, p in one.landmarks.items()} if landmarks else None,
                pose=Pose(roll=one.roll),
                age=age,
                emotions=look,
            )
            for one, age, look in zip(some, years, looks, strict=True)
        )
        meta = Meta(method="local", service="opencv", model=_names(face_model, age_model, emotion_model))
        return Faces(faces=known, truncated=len(every) >= max_faces, meta=meta)

    @capability(
        "open",
        needs="extra: local, and the model of ages: cloudai models install ages",
        checked=CHECKED,
        note="a baseline model's guess from appearance",
        page="https://github.com/davisking/dlib-models",
    )
    def estimate_age(self, image: Image, *, max_faces: int) -> Flow[Ages]:
        """Guess how old each face in a picture looks: 5 to 95 % of the model's distribution, and its mean."""
        detections = yield from self._faces(image, landmarks=False, attributes=("age",), max_faces=max_faces)
        return Ages(
            ages=tuple(FaceAge(box=face.box, **(face.age or Age()).model_dump()) for face in detections),
            truncated=detections.truncated,
            meta=detections.meta,
        )

    def _required_age_model(self) -> str:
        path = self.file("age_model") or models.path_of(models.AGES)
        if path is None:
            raise SettingsError(NO_AGES, advice=f"{INSTALL_AGES}, or give Local(age_model=…).")
        return path

    def _required_emotion_model(self) -> str:
        path = self.file("emotion_model")
        if path is None:
            raise SettingsError(
                "there is no model of expressions on this computer",
                advice="Give Local(emotion_model=…) the path of one; docs/local.md says how to make it.",
            )
        return path


def _names(*paths: str | None) -> str:
    """Return the names of the models that have answered, by their files."""
    return ", ".join(Path(path).stem for path in paths if path)
