"""The provider of Amazon Rekognition: faces with ages and expressions, and what is in a picture.

https://docs.aws.amazon.com/rekognition/latest/APIReference/
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, cast

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from pydantic import ConfigDict, with_config
from pydantic.alias_generators import to_pascal
from typing_extensions import TypedDict

from cloudai.core.flow import Flow, Request, Response, waiting
from cloudai.core.tokens import Token
from cloudai.errors import (
    AuthError,
    ForbiddenError,
    RateLimitedError,
    ServerError,
    ServiceError,
    SettingsError,
    TooLargeError,
    UnavailableError,
    UnsupportedMediaError,
    UnsupportedOperationError,
)
from cloudai.languages import base as language_of
from cloudai.media import Image, ImageLimits, Picture
from cloudai.models.base import Box, Level, Meta
from cloudai.models.face import Age, Ages, Emotions, Face, FaceAge, Faces, Pose, largest_first
from cloudai.models.image import (
    FEATURES,
    Block,
    Category,
    Feature,
    ImageAnalysis,
    Line,
    Object,
    Page,
    Person,
    Tag,
    Text,
    Word,
)
from cloudai.providers.base import Capability, Provider, capability, require_known, with_headers
from cloudai.providers.replies import Fault, error_body, readable
from cloudai.providers.settings import Setting
from cloudai.providers.wire import NUMBERS
from cloudai.providers.wire import Wire as CamelCase

__all__ = ["Rekognition"]

CHECKED = "2026-11-24"
NEEDS = "AWS credentials, and AWS_REGION"
LIMITS = ImageLimits(  # https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
    who="Amazon Rekognition",
    formats=frozenset({"JPEG", "PNG"}),
    max_bytes=5_242_880,
    max_side=10_000,
    min_side=80,
)
# DetectFaces finds the 100 largest faces and says nothing of more, so a result with 100 counts as cut off.
MOST_FACES = 100
MOST_LABELS = 100
SURE_FROM = 55.0
"""The lowest confidence of a label, in percent. It is Rekognition's own default, sent so that it cannot change."""

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "pose": (),  # the reply always has it
    "age": ("AGE_RANGE",),
    "emotions": ("EMOTIONS",),
    "glasses": ("EYEGLASSES", "SUNGLASSES"),
}
NOT_SAID = ("blur", "exposure", "gender", "headwear", "mask", "occlusion", "quality", "smile")
"""Attributes of other providers. What Rekognition has by such a name means something else, and stays in ``raw``."""

EMOTIONS: Mapping[str, str] = {
    "HAPPY": "happiness",
    "SAD": "sadness",
    "ANGRY": "anger",
    "SURPRISED": "surprise",
    "FEAR": "fear",
    "DISGUSTED": "disgust",
    "CALM": "calm",  # which is not the same as neutral
    "CONFUSED": "confused",
}

LANDMARKS: Mapping[str, str] = {
    "eyeLeft": "left_eye",
    "eyeRight": "right_eye",
    "leftPupil": "left_pupil",
    "rightPupil": "right_pupil",
    "leftEyeLeft": "left_eye_outer",
    "leftEyeRight": "left_eye_inner",
    "leftEyeUp": "left_eye_top",
    "leftEyeDown": "left_eye_bottom",
    "rightEyeLeft": "right_eye_inner",
    "rightEyeRight": "right_eye_outer",
    "rightEyeUp": "right_eye_top",
    "rightEyeDown": "right_eye_bottom",
    "leftEyeBrowLeft": "left_eyebrow_outer",
    "leftEyeBrowRight": "left_eyebrow_inner",
    "leftEyeBrowUp": "left_eyebrow_top",
    "rightEyeBrowLeft": "right_eyebrow_inner",
    "rightEyeBrowRight": "right_eyebrow_outer",
    "rightEyeBrowUp": "right_eyebrow_top",
    "nose": "nose_tip",
    "noseLeft": "left_nostril",
    "noseRight": "right_nostril",
    "mouthLeft": "mouth_left",
    "mouthRight": "mouth_right",
    "mouthUp": "upper_lip_top",
    "mouthDown": "lower_lip_bottom",
    "chinBottom": "chin",
    "midJawlineLeft": "left_jaw_mid",
    "midJawlineRight": "right_jaw_mid",
    "upperJawlineLeft": "left_jaw_upper",
    "upperJawlineRight": "right_jaw_upper",
}

HAS: tuple[Feature, ...] = ("tags", "objects", "people", "categories")

KINDS: Mapping[str, type[ServiceError]] = {
    **dict.fromkeys(
        (
            "ExpiredTokenException",
            "IncompleteSignatureException",
            "InvalidSignatureException",
            "MissingAuthenticationTokenException",
            "UnrecognizedClientException",
        ),
        AuthError,
    ),
    **dict.fromkeys(("AccessDeniedException", "OptInRequired", "SubscriptionRequiredException"), ForbiddenError),
    **dict.fromkeys(
        (
            "LimitExceededException",
            "ProvisionedThroughputExceededException",
            "ServiceQuotaExceededException",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
        RateLimitedError,
    ),
    "ImageTooLargeException": TooLargeError,
    "InvalidImageFormatException": UnsupportedMediaError,
    "InternalFailure": ServerError,
    "InternalServerError": ServerError,
    "ServiceUnavailableException": UnavailableError,
}
"""Our errors by AWS's name: the HTTP status is 400 both for a used-up quota and for a refused key."""
ADVICE: Mapping[type[ServiceError], str] = {
    AuthError: "Check the access key, its secret and the clock of this machine; or log in anew.",
    ForbiddenError: "Allow the user or role rekognition:DetectFaces, :DetectLabels and :DetectText in IAM.",
}

NO_CREDENTIALS = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (Windows: setx, then open a new window), or AWS_PROFILE."
)
NO_REGION = "Set AWS_REGION, for example to ap-northeast-2 (Windows: setx, then open a new window)."
UNTIL_CHANGED = 10.0**10
"""The end, in epoch seconds, of credentials that have none: keys given in code."""
ASK_AGAIN = 900.0
"""Seconds after which botocore's chain is asked again, because it may have renewed the credentials."""


@dataclass(frozen=True)
class Credentials(Token):
    """The credentials that sign a request; they take the role of a bearer token, which AWS does not have."""

    frozen: ReadOnlyCredentials = field(kw_only=True)

    __repr__ = Token.__repr__


class Rekognition(Provider):
    """The provider of Amazon Rekognition.

    Args:
        access_key_id: An access key, given with its ``secret_access_key``.
        secret_access_key: The secret of the access key.
        session_token: The token that belongs to a temporary access key.
        region: The region to which pictures are sent, for example "ap-northeast-2".
        profile: A profile of ``~/.aws`` instead of keys.

    A setting that is not given is looked for where all AWS tools look: in the environment, in ``~/.aws`` and on the
    machine.

    Example:
        >>> Rekognition(access_key_id="AKIDEXAMPLE", secret_access_key="not-a-real-key", region="ap-northeast-2")
        Rekognition(access_key_id='…', secret_access_key='…', region='ap-northeast-2')
    """

    name: ClassVar[str] = "rekognition"
    # cloudai compares this number with its own, so that a provider written for another contract is refused by name, and
    # does not fail in the middle of a call.
    contract: ClassVar[int] = 2
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("access_key_id", ("AWS_ACCESS_KEY_ID",), secret=True, purpose="an access key", kind="key"),
        Setting("secret_access_key", ("AWS_SECRET_ACCESS_KEY",), secret=True, purpose="its secret", kind="key"),
        Setting("session_token", ("AWS_SESSION_TOKEN",), secret=True, purpose="of temporary credentials", kind="key"),
        Setting("region", ("AWS_REGION", "AWS_DEFAULT_REGION"), purpose="where pictures are sent to", kind="region"),
        Setting("profile", ("AWS_PROFILE",), purpose="of ~/.aws, in place of keys"),
    )
    hosts: ClassVar[tuple[str, ...]] = ("rekognition.{region}.amazonaws.com",)
    absent: ClassVar[Mapping[str, Capability]] = {
        operation: Capability(operation, "absent", "Rekognition looks at pictures only")
        for operation in (
            "sentiment",
            "detect_language",
            "key_phrases",
            "translate",
            "speech_to_text",
            "text_to_speech",
        )
    }
    request_id_headers: ClassVar[tuple[str, ...]] = ("x-amzn-requestid",)

    def __init__(
        self,
        *,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
        session_token: str | None = None,
        region: str | None = None,
        profile: str | None = None,
    ) -> None:
        # A secret without its key would be ignored, and botocore's chain would find credentials of another account than
        # the one that was meant.
        if bool(access_key_id) != bool(secret_access_key):
            raise SettingsError(
                "access_key_id= and secret_access_key= belong together", advice="Give both, or neither."
            )
        self._given = {
            "access_key_id": access_key_id,
            "secret_access_key": secret_access_key,
            "session_token": session_token,
            "region": region,
            "profile": profile,
        }

    @capability(
        "open",
        needs=NEEDS,
        note="labels in English, some with boxes",
        page="https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectLabels.html",
        checked=CHECKED,
    )
    def analyze_image(
        self,
        image: Image,
        *,
        features: Sequence[Feature] | None,
        language: str | None,
        max_results: int | None,
        missing: Literal["error", "report"],
        gender_neutral: bool,  # noqa: ARG002  # to Rekognition "Man" and "Woman" are labels like any other
    ) -> Flow[ImageAnalysis]:
        """Say what is in a picture: labels, and the boxes of those that have one."""
        asked: tuple[Feature, ...] = ("tags", "objects") if features is None else tuple(dict.fromkeys(features))
        require_known(asked, FEATURES, "feature")
        unsupported = tuple(feature for feature in asked if feature not in HAS)
        if unsupported and missing == "error":
            raise UnsupportedOperationError(
                f"Rekognition has no {', '.join(unsupported)}",
                advice=f'It has: {", ".join(HAS)}. missing="report" goes on without.',
            )
        if language and language_of(language) != "en":
            raise UnsupportedOperationError("labels are in English only", advice="Leave out language=, and translate.")
        picture = yield from image.fit(LIMITS)
        # Without MaxLabels the service returns up to 1,000 labels.
        most = min(max_results or MOST_LABELS, MOST_LABELS)
        response: Response = yield self._request(
            "DetectLabels", picture, MaxLabels=most, MinConfidence=SURE_FROM, Features=["GENERAL_LABELS"]
        )
        reply = response.parse(Labels)
        return ImageAnalysis(
            tags=tuple(_tag(label) for label in reply.labels) if "tags" in asked else None,
            objects=tuple(_objects(reply.labels, picture)) if "objects" in asked else None,
            people=tuple(_people(reply.labels, picture)) if "people" in asked else None,
            categories=tuple(_categories(reply.labels)) if "categories" in asked else None,
            width=picture.width,
            height=picture.height,
            format=picture.format,
            unsupported=unsupported,
            truncated=len(reply.labels) >= most,
            meta=Meta(model=reply.label_model_version, language_sent="en" if language else None),
        )

    @capability(
        "open",
        needs=NEEDS,
        note="expressions and ages are guesses about appearance",
        page="https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectFaces.html",
        checked=CHECKED,
    )
    def detect_faces(self, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int) -> Flow[Faces]:
        """Find the faces in a picture, with the landmarks and attributes that are asked for."""
        _require_offered(attributes)
        faces = yield from self._faces(image, landmarks, attributes)
        return Faces(faces=faces[:max_faces], truncated=len(faces) >= min(max_faces, MOST_FACES))

    @capability(
        "open",
        needs=NEEDS,
        note="a range, a guess about appearance",
        page="https://docs.aws.amazon.com/rekognition/latest/APIReference/API_AgeRange.html",
        checked=CHECKED,
    )
    def estimate_age(self, image: Image, *, max_faces: int) -> Flow[Ages]:
        """Guess how old the faces in a picture look; each gets a range of years."""
        faces = yield from self._faces(image, landmarks=False, attributes=("age",))
        ages = tuple(FaceAge(box=face.box, **(face.age or Age()).model_dump()) for face in faces[:max_faces])
        return Ages(ages=ages, truncated=len(faces) >= min(max_faces, MOST_FACES))

    @capability(
        "open",
        needs=NEEDS,
        note="at most 100 words, in the Latin alphabet, Arabic and Russian; no Korean",
        page="https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectText.html",
        checked="2026-11-27",
    )
    def read_text(
        self,
        image: Image,
        *,
        language: str | None,  # noqa: ARG002  # Rekognition takes no hint
        dense: bool | None,
    ) -> Flow[Text]:
        """Read the text in a picture: lines, and the words of each."""
        if dense:
            raise UnsupportedOperationError("Rekognition reads signs, and no pages", advice="Leave out dense=.")
        picture = yield from image.fit(LIMITS)
        response: Response = yield self._request("DetectText", picture)
        reply = response.parse(DetectedText)
        lines = tuple(_line(found, reply.text_detections, picture) for found in reply.text_detections if found.is_line)
        page = Page(blocks=(Block(lines=lines),), width=picture.width, height=picture.height)
        return Text(
            text="\n".join(line.text for line in lines),
            pages=(page,) if lines else (),
            meta=Meta(model=reply.text_model_version),
        )

    def features(self) -> tuple[Feature, ...]:
        """Return the features that can be made from labels."""
        return HAS

    def _faces(self, image: Image, landmarks: bool, attributes: Sequence[str]) -> Flow[tuple[Face, ...]]:
        picture = yield from image.fit(LIMITS)
        # The word DEFAULT stands for the box, the landmarks, the pose and the quality. Asking for an attribute by its
        # name and not by ALL keeps the gender out of the reply.
        asked = ["DEFAULT", *(word for attribute in attributes for word in ATTRIBUTES[attribute])]
        response: Response = yield self._request("DetectFaces", picture, Attributes=asked)
        return largest_first([_face(face, picture, landmarks) for face in response.parse(Detected).face_details])

    def _request(self, operation: str, picture: Picture, **options: Any) -> Request:
        return Request(
            "POST",
            f"{self._base()}/",
            service="rekognition",
            api="2016-06-27",
            endpoint=self._base(),
            # The operation is in a header, because all operations of AWS's JSON protocol share one address.
            headers={
                "content-type": "application/x-amz-json-1.1",
                "x-amz-target": f"RekognitionService.{operation}",
            },
            json={"Image": {"Bytes": picture.blob}, **options},
        )

    def _base(self) -> str:
        """Return the address in the region, or a placeholder where no region is set: sending then fails."""
        region = self.setting("region")
        # Hosts in China have an ending of their own.
        ending = ".cn" if region and region.startswith("cn-") else ""
        return f"https://rekognition.{region}.amazonaws.com{ending}" if region else "https://{endpoint}"

    def sources(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield the environment, then the region of the profile in ``~/.aws``."""
        yield from super().sources()
        if self._region_of_profile:
            yield " in ~/.aws/config", {"AWS_REGION": self._region_of_profile}

    @cached_property
    def _region_of_profile(self) -> str | None:
        session = botocore.session.Session(profile=self._given["profile"])
        return cast("str | None", _or_none(lambda: session.get_scoped_config().get("region")))

    def missing(self, operation: str | None = None) -> str | None:  # noqa: ARG002  # one account serves all
        """Return what is not there: a region, or any sign of credentials.

        The credentials of a machine in AWS are not seen here: they only show in a call, which asks for them.
        """
        if not self.setting("region"):
            return f"no region. {NO_REGION}"
        if self.setting("access_key_id") or self.setting("profile"):
            return None
        return None if _or_none(lambda: botocore.session.Session().available_profiles) else f"no key. {NO_CREDENTIALS}"

    def token(self, service: str) -> Flow[Token]:  # noqa: ARG002  # one account serves all
        """Return the flow that gets the credentials.

        They are those given in code, else those of botocore's chain, which may read files and ask the machine.
        """
        # Called directly, botocore could wait for the machine longer than the call may take, and would block the event
        # loop of an awaiting client meanwhile.
        return waiting(self._credentials)

    def _credentials(self) -> Token:
        if self._given["access_key_id"]:
            given = (self._given[name] for name in ("access_key_id", "secret_access_key", "session_token"))
            return Credentials("given", UNTIL_CHANGED, frozen=ReadOnlyCredentials(*given))
        try:
            credentials = botocore.session.Session(profile=self._given["profile"]).get_credentials()
            # Temporary credentials are renewed by botocore at any time, so reading them one by one may mix the old key
            # with the new secret. The frozen ones are a consistent set.
            frozen = credentials.get_frozen_credentials() if credentials else None
        except BotoCoreError as error:
            raise SettingsError(f"no credentials: {error}", advice=NO_CREDENTIALS) from error
        if frozen is None:
            raise SettingsError("no key", advice=NO_CREDENTIALS)
        return Credentials("found", time.time() + ASK_AGAIN, frozen=frozen)

    def sign(self, request: Request, token: Token | None) -> Request:
        """Return the request with a signature of its headers and body (version 4).

        A signature is valid for some minutes, so that each attempt gets one of its own.
        """
        region = self.setting("region")
        if not region:
            raise SettingsError("no region", advice=NO_REGION)
        # The signature covers the SHA-256 of the body, so it has to be made of the very bytes that are sent.
        signed = AWSRequest(request.method, request.url, dict(request.headers), request.json_bytes())
        SigV4Auth(cast("Credentials", token).frozen, "rekognition", region).add_auth(signed)
        return with_headers(request, dict(signed.headers.items()))

    def fault(self, response: Response) -> Fault:
        """Return what an error reply says.

        The name of the error is in a header or in ``__type``, with a namespace before it or an address behind it.
        """
        body = error_body(response)
        body = body if isinstance(body, dict) else {}
        named = response.headers.get("x-amzn-errortype") or body.get("__type") or ""
        code = str(named).partition(":")[0].rpartition("#")[2] or None
        kind = KINDS.get(code or "")
        message = body.get("message") or body.get("Message")
        return Fault(
            message=str(message) if message else code or readable(response),
            code=code,
            kind=kind,
            advice=ADVICE.get(kind) if kind else None,
        )


def _require_offered(attributes: Sequence[str]) -> None:
    """Raise UnsupportedOperationError for an attribute of a face that Rekognition does not give."""
    require_known(attributes, (*ATTRIBUTES, *NOT_SAID), "attribute")
    if unsaid := [attribute for attribute in attributes if attribute in NOT_SAID]:
        raise UnsupportedOperationError(
            f"Rekognition does not say {', '.join(unsaid)} of a face", advice=f"It says: {', '.join(ATTRIBUTES)}."
        )


def _or_none(read: Any) -> Any:
    """Return what a function reads from ``~/.aws``, or None where it cannot.

    A file that cannot be read, or has no such profile, is an error of the call that needs it.
    """
    try:
        return read()
    except BotoCoreError:
        return None


class Wire(CamelCase):
    """A part of a reply, with its fields in PascalCase."""

    model_config = ConfigDict(alias_generator=to_pascal)


class BoundingBox(Wire):
    """A box in fractions of the picture; it may reach over the edge."""

    left: float
    top: float
    width: float
    height: float


class Range(Wire):
    """A range of years."""

    low: int | None = None
    high: int | None = None


class Said(Wire):
    """A yes or a no."""

    value: bool | None = None


class Expression(Wire):
    """One of eight expressions, or UNKNOWN. Each has a confidence of its own; they do not add up to 100."""

    type: str
    confidence: float | None = None


@with_config({**NUMBERS, "alias_generator": to_pascal})
class Landmark(TypedDict):
    """A point in fractions of the picture. A face has 30: they stay dicts, which the result checks all at once."""

    Type: str
    X: float
    Y: float


class Angles(Wire):
    """The angles of a head, in degrees."""

    roll: float | None = None
    yaw: float | None = None
    pitch: float | None = None


class FaceDetail(Wire):
    """One face, without the attributes that were not asked for."""

    bounding_box: BoundingBox
    confidence: float | None = None
    age_range: Range | None = None
    emotions: list[Expression] | None = None
    eyeglasses: Said = Said()
    sunglasses: Said = Said()
    landmarks: list[Landmark] = []
    pose: Angles | None = None


class Detected(Wire):
    """The reply of DetectFaces."""

    face_details: list[FaceDetail]


class Instance(Wire):
    """One of the things in the picture that a label is about."""

    bounding_box: BoundingBox
    confidence: float | None = None


class Named(Wire):
    """A parent or a category of a label."""

    name: str


class Label(Wire):
    """A word for something in the picture."""

    name: str
    confidence: float | None = None
    instances: list[Instance] = []
    parents: list[Named] = []
    categories: list[Named] = []


class Labels(Wire):
    """The reply of DetectLabels."""

    labels: list[Label]
    label_model_version: str | None = None


class Corner(Wire):
    """A corner in fractions of the picture."""

    x: float
    y: float


class Geometry(Wire):
    """The place of a text: the rectangle around it, and its corners, which are turned as the text is."""

    bounding_box: BoundingBox
    polygon: list[Corner] = []


class TextDetection(Wire):
    """A line, or a word of the line ``parent_id``."""

    detected_text: str
    type: str
    id: int | None = None
    parent_id: int | None = None
    confidence: float | None = None
    geometry: Geometry

    @property
    def is_line(self) -> bool:
        """True for a line."""
        return self.type == "LINE"


class DetectedText(Wire):
    """The reply of DetectText."""

    text_detections: list[TextDetection]
    text_model_version: str | None = None


def _line(line: TextDetection, found: Sequence[TextDetection], picture: Picture) -> Line:
    words = [each for each in found if each.type == "WORD" and each.parent_id == line.id]
    return Line(words=tuple(Word(**_read(word, picture)) for word in words), **_read(line, picture))


def _read(text: TextDetection, picture: Picture) -> dict[str, Any]:
    corners = [picture.fraction(corner.x, corner.y) for corner in text.geometry.polygon]
    return {
        "text": text.detected_text,
        "confidence": _share(text.confidence),
        "box": _box(text.geometry.bounding_box, picture),
        "polygon": tuple(corner for corner in corners if corner),
    }


def _box(box: BoundingBox, picture: Picture) -> Box:
    # There is no box only where a picture was sent as an address, and Rekognition takes no addresses.
    return cast("Box", picture.box_from_fraction(box.left, box.top, box.width, box.height))


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _face(face: FaceDetail, picture: Picture, landmarks: bool) -> Face:
    across, down = cast("tuple[int, int]", picture.size)
    points: Any = {
        LANDMARKS.get(p["Type"], f"rekognition:{p['Type']}"): {"x": p["X"] * across, "y": p["Y"] * down}
        for p in face.landmarks
    }
    return Face(
        box=_box(face.bounding_box, picture),
        confidence=_share(face.confidence),
        landmarks=points or None if landmarks else None,
        pose=Pose(roll=face.pose.roll, pitch=face.pose.pitch, yaw=face.pose.yaw) if face.pose else None,
        emotions=_emotions(face.emotions),
        age=Age(low=face.age_range.low, high=face.age_range.high) if face.age_range else None,
        glasses=_glasses(face),
    )


def _emotions(expressions: Sequence[Expression] | None) -> Emotions | None:
    if expressions is None:
        return None
    # UNKNOWN is left out: it is no expression.
    known = {EMOTIONS[e.type]: Level(score=_share(e.confidence)) for e in expressions if e.type in EMOTIONS}
    return Emotions(scale="confidence", **known)


def _glasses(face: FaceDetail) -> str | None:
    """Return the kind of glasses: "sun", or "reading" for any others, or "none"; None where it was not asked for."""
    if face.sunglasses.value:
        return "sun"
    if face.eyeglasses.value is None:
        return None
    return "reading" if face.eyeglasses.value else "none"


def _tag(label: Label) -> Tag:
    return Tag(name=label.name, confidence=_share(label.confidence), language="en")


def _objects(labels: Sequence[Label], picture: Picture) -> Iterator[Object]:
    for label in labels:
        for instance in label.instances:
            yield Object(
                name=label.name,
                confidence=_share(instance.confidence),
                language="en",
                box=_box(instance.bounding_box, picture),
                parent=label.parents[0].name if label.parents else None,
            )


def _people(labels: Sequence[Label], picture: Picture) -> Iterator[Person]:
    """Yield the people under the label "Person"; labels such as "Man" and "Woman" repeat the same ones."""
    for instance in (instance for label in labels if label.name == "Person" for instance in label.instances):
        yield Person(confidence=_share(instance.confidence), box=_box(instance.bounding_box, picture))


def _categories(labels: Sequence[Label]) -> Iterator[Category]:
    """Yield each category once; Rekognition gives categories no confidence."""
    for name in dict.fromkeys(category.name for label in labels for category in label.categories):
        yield Category(name=name)
