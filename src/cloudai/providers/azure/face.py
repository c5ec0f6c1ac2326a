"""The operations of Azure Face, without names and without identifiers of faces.

https://learn.microsoft.com/rest/api/face/face-detection-operations/detect
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, RootModel

from cloudai.core.flow import Flow, Request, Response, checked
from cloudai.errors import UnsupportedOperationError
from cloudai.media import Image, ImageLimits, Picture
from cloudai.models.base import Level, Point
from cloudai.models.face import Age, Ages, Emotions, Face, FaceAge, Faces, Pose, largest_first
from cloudai.providers.azure._service import AzureService, picture_body
from cloudai.providers.base import capability, require_known
from cloudai.providers.registry import who_can
from cloudai.providers.wire import Wire, left_out

__all__ = ["FaceService"]

LIMITS = ImageLimits(
    who="Azure Face",
    formats=frozenset({"JPEG", "PNG", "GIF", "BMP"}),
    max_bytes=6_000_000,
    max_side=10_000,
    min_side=36,  # the service finds no smaller face
    by_url=True,
)
MOST_FACES = 100

ATTRIBUTES: Mapping[str, str] = {
    "pose": "headPose",
    "mask": "mask",
    "blur": "blur",
    "quality": "qualityForRecognition",
    "exposure": "exposure",
    "glasses": "glasses",
    "occlusion": "occlusion",
    "headwear": "accessories",
}
NEWEST_MODEL = ("pose", "mask", "blur", "quality")
"""The attributes that detection_03 gives; detection_01 gives the others.

detection_03 is better at small, turned and covered faces.
"""
# The service refuses the whole request, faces included, where one of its attributes may not be given. So a call for a
# limited attribute fails before anything is sent.
LIMITED = ("age",)
"""The attributes that Microsoft gives to approved customers only."""
RETIRED = ("emotions", "gender", "smile")
"""The attributes that Face has not given to any customer since `SINCE`."""
SINCE = "2023-06-30"

LANDMARKS: Mapping[str, str] = {
    "pupilLeft": "left_pupil",
    "pupilRight": "right_pupil",
    "noseTip": "nose_tip",
    "mouthLeft": "mouth_left",
    "mouthRight": "mouth_right",
    "eyebrowLeftOuter": "left_eyebrow_outer",
    "eyebrowLeftInner": "left_eyebrow_inner",
    "eyebrowRightInner": "right_eyebrow_inner",
    "eyebrowRightOuter": "right_eyebrow_outer",
    "eyeLeftOuter": "left_eye_outer",
    "eyeLeftInner": "left_eye_inner",
    "eyeLeftTop": "left_eye_top",
    "eyeLeftBottom": "left_eye_bottom",
    "eyeRightInner": "right_eye_inner",
    "eyeRightOuter": "right_eye_outer",
    "eyeRightTop": "right_eye_top",
    "eyeRightBottom": "right_eye_bottom",
    "noseLeftAlarOutTip": "left_nostril",
    "noseRightAlarOutTip": "right_nostril",
    "upperLipTop": "upper_lip_top",
    "upperLipBottom": "upper_lip_bottom",
    "underLipTop": "lower_lip_top",
    "underLipBottom": "lower_lip_bottom",
}


class FaceService(AzureService):
    """The operations on faces."""

    @capability(
        "open",
        needs="FACE_KEY and FACE_ENDPOINT",
        page="https://learn.microsoft.com/azure/ai-services/computer-vision/concept-face-detection",
        checked="2026-11-24",
        free="20/min",
        note="no expressions since 2023-06-30; ages for approved customers only",
    )
    def detect_faces(self, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int) -> Flow[Faces]:
        """Find the faces in a picture, with the landmarks and attributes that are asked for."""
        # Attributes that cannot be asked for are refused before the picture is read and prepared.
        self._require(attributes)
        picture = yield from image.fit(LIMITS)
        faces = yield from self.faces_of(picture, landmarks=landmarks, attributes=attributes)
        # The reply does not say whether there were more faces than the service lists, so a full list counts as cut off.
        return Faces(faces=faces[:max_faces], truncated=len(faces) >= min(max_faces, MOST_FACES))

    @capability(
        "limited",
        needs="FACE_KEY and FACE_ENDPOINT, and Microsoft's approval: Azure(face_approved=True)",
        since=SINCE,
        page="https://learn.microsoft.com/azure/ai-services/computer-vision/concept-face-detection#attributes",
        checked="2026-11-24",
        free="20/min",
        note=f"since {SINCE} Azure Face gives ages to approved customers only",
    )
    def estimate_age(self, image: Image, *, max_faces: int) -> Flow[Ages]:
        """Guess how old the faces in a picture look; Azure gives one number, not a range."""
        self._require(("age",))
        picture = yield from image.fit(LIMITS)
        faces = yield from self.faces_of(picture, landmarks=False, attributes=("age",))
        ages = tuple(FaceAge(box=face.box, **(face.age or Age()).model_dump()) for face in faces[:max_faces])
        return Ages(ages=ages, truncated=len(faces) >= min(max_faces, MOST_FACES))

    def missing(self, operation: str | None = None) -> str | None:
        """Return what is not there for an operation; for ages that may be Microsoft's approval."""
        # The approval goes first: without it a key would be of no use.
        if operation == "estimate_age" and not self.face_approved:
            return f"since {SINCE} ages need Microsoft's approval: Azure(face_approved=True)."
        return super().missing(operation)

    def faces_of(self, picture: Picture, *, landmarks: bool, attributes: Sequence[str]) -> Flow[tuple[Face, ...]]:
        """Return all faces that the service finds in a picture, largest first; the attributes are not checked here."""
        # An attribute that is not in the table, such as "age", has the same name at the service.
        asked = [ATTRIBUTES.get(attribute, attribute) for attribute in attributes]
        # One request has one model. Where any attribute needs the older one, all faces are found by that.
        model = "detection_03" if set(attributes) <= set(NEWEST_MODEL) else "detection_01"
        response: Response = yield Request(
            "POST",
            f"{self.base('face')}/face/v1.0/detect",
            service="face",
            api="v1.0",
            endpoint=self.base("face"),
            params={
                # An identifier would need Microsoft's approval, and cloudai identifies nobody.
                "returnFaceId": "false",
                "returnFaceLandmarks": str(landmarks).lower(),
                **({"returnFaceAttributes": ",".join(asked)} if asked else {}),
                "detectionModel": model,
                # The quality is that for recognition, which the service only judges for its newer models of
                # recognition; nobody is recognised by it.
                **({"recognitionModel": "recognition_04"} if "quality" in attributes else {}),
            },
            **picture_body(picture),
        )
        return largest_first([_face(face, picture, landmarks) for face in response.parse(Detected).root])

    def _require(self, attributes: Sequence[str]) -> None:
        """Check that the attributes can be asked for.

        Raises:
            SettingsError: There is no such attribute.
            UnsupportedOperationError: An attribute is retired, or is for approved customers only.
        """
        require_known(attributes, (*ATTRIBUTES, *LIMITED, *RETIRED), "attribute")
        # Retired attributes are known by name, so that the error can say since when they are gone, and not that they
        # never were.
        gone = [attribute for attribute in attributes if attribute in RETIRED]
        if gone:
            raise UnsupportedOperationError(
                f"since {SINCE} Azure Face does not say {', '.join(gone)} of a face",
                advice=f'It says: {", ".join(ATTRIBUTES)}. A chat model guesses expressions: method="generative".',
            )
        if not self.face_approved and any(attribute in LIMITED for attribute in attributes):
            raise UnsupportedOperationError(
                f"since {SINCE} Azure Face gives ages to approved customers only",
                advice=f"If Microsoft has approved you: Azure(face_approved=True). {who_can('estimate_age')}",
            )


class Rectangle(Wire):
    top: float
    left: float
    width: float
    height: float


class WirePoint(Wire):
    x: float
    y: float


class HeadPose(Wire):
    pitch: float | None = None
    roll: float | None = None
    yaw: float | None = None


class Blur(Wire):
    blur_level: str | None = None
    value: float | None = None


class Exposure(Wire):
    exposure_level: str | None = None
    value: float | None = None


class Occlusion(Wire):
    forehead_occluded: bool | None = None
    eye_occluded: bool | None = None
    mouth_occluded: bool | None = None


class Accessory(Wire):
    type: str
    confidence: float | None = None


class Mask(Wire):
    type: str | None = None


class Emotion(Wire):
    """The expression of a face: eight shares that add up to 1. Only replies from before June 2023 have it."""

    anger: float | None = None
    contempt: float | None = None
    disgust: float | None = None
    fear: float | None = None
    happiness: float | None = None
    neutral: float | None = None
    sadness: float | None = None
    surprise: float | None = None


class Attributes(Wire):
    head_pose: HeadPose | None = None
    age: float | None = None
    emotion: Emotion | None = None
    glasses: str | None = None
    blur: Blur | None = None
    exposure: Exposure | None = None
    occlusion: Occlusion | None = None
    accessories: list[Accessory] = Field(default_factory=list)
    mask: Mask | None = None
    quality_for_recognition: str | None = None


class WireFace(Wire):
    face_rectangle: Rectangle
    # The points are not a model, because a name that is new would then make the whole reply, which is paid for,
    # unreadable.
    face_landmarks: dict[str, Any] = Field(default_factory=dict)
    """The points by their names. A new one that is no point is left out of the result."""
    face_attributes: Attributes = left_out(Attributes)


class Detected(RootModel[list[WireFace]]):
    """The reply: a bare list of faces, which is empty where there is none."""

    null_is_missing: ClassVar[bool] = True


def _face(face: WireFace, picture: Picture, landmarks: bool) -> Face:
    rectangle, said = face.face_rectangle, face.face_attributes
    # A landmark that is known has to be a point, or the reply is damaged. What is not known may be anything.
    named = [(name, value) for name, value in face.face_landmarks.items() if name in LANDMARKS or _is_point(value)]
    # Names that are newer than this table are kept with the vendor's name in front, and are never lost.
    positions = {LANDMARKS.get(name, f"azure:{name}"): checked(WirePoint, value) for name, value in named}
    points = {name: picture.point(point.x, point.y) for name, point in positions.items()}
    # The service has changed the case of its words over the years, so the word is compared in small letters.
    headwear = next((worn for worn in said.accessories if worn.type.lower() == "headwear"), None)
    return Face(
        box=picture.box(rectangle.left, rectangle.top, rectangle.width, rectangle.height),
        landmarks=_some(points) if landmarks else None,
        pose=Pose(roll=said.head_pose.roll, pitch=said.head_pose.pitch, yaw=said.head_pose.yaw)
        if said.head_pose
        else None,
        emotions=_emotions(said.emotion),
        age=Age(years=said.age) if said.age is not None else None,
        glasses=_glasses(said.glasses),
        blur=Level(score=said.blur.value, word=said.blur.blur_level) if said.blur else None,
        exposure=Level(score=said.exposure.value, word=said.exposure.exposure_level) if said.exposure else None,
        headwear=Level(score=headwear.confidence, word=headwear.type) if headwear else None,
        occlusion=_occlusion(said.occlusion),
        mask=said.mask.type if said.mask else None,
        quality=said.quality_for_recognition,
    )


def _is_point(value: Any) -> bool:
    return isinstance(value, dict) and {"x", "y"} <= value.keys()


def _some(points: dict[str, Point]) -> dict[str, Point] | None:
    """Return the landmarks, or None where the reply has none."""
    return points or None


def _emotions(emotion: Emotion | None) -> Emotions | None:
    if emotion is None:
        return None
    shares = {name: Level(score=score) for name, score in emotion.model_dump(exclude_none=True).items()}
    return Emotions(scale="probability", **shares)


def _glasses(word: str | None) -> str | None:
    """Return the kind of glasses: "reading" for "ReadingGlasses", whose case has changed over the years."""
    if word is None:
        return None
    # "NoGlasses", "ReadingGlasses", "Sunglasses" and "SwimmingGoggles" are what the service says.
    short = word.lower().removesuffix("glasses").removesuffix("goggles")
    return "none" if short == "no" else short


def _occlusion(occlusion: Occlusion | None) -> dict[str, bool] | None:
    if occlusion is None:
        return None
    parts = {
        "forehead": occlusion.forehead_occluded,
        "eyes": occlusion.eye_occluded,
        "mouth": occlusion.mouth_occluded,
    }
    return {part: covered for part, covered in parts.items() if covered is not None}
