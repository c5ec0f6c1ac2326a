"""The operations of Google Cloud Vision v1, which go to ``images:annotate``.

https://cloud.google.com/vision/docs/reference/rest/v1/images/annotate
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NotRequired

from pydantic import Field, with_config
from typing_extensions import TypedDict

from cloudai.core.flow import Blob, Flow, Request, Response, checked
from cloudai.errors import MalformedResponseError, ServiceError, UnsupportedOperationError
from cloudai.languages import base
from cloudai.media import Image, ImageLimits, Picture
from cloudai.models.base import Box, Level, Meta
from cloudai.models.face import Face, Faces, largest_first
from cloudai.models.image import (
    FEATURES,
    Brand,
    Crop,
    Feature,
    ImageAnalysis,
    Object,
    Person,
    Place,
    Web,
    WebEntity,
    WebPage,
)
from cloudai.providers.base import capability, require_known
from cloudai.providers.google._service import HOST, GoogleService, RpcStatus
from cloudai.providers.google._text import FullText, read
from cloudai.providers.google._wire import Poly
from cloudai.providers.replies import inside
from cloudai.providers.wire import NUMBERS, Known, KnownDicts, Wire, left_out

__all__ = ["MOST_JSON", "AnnotateReply", "Vision", "hint_of"]

PAGE = "https://cloud.google.com/vision/docs/features-list"
LIMITS = ImageLimits(
    who="Google Vision",
    formats=frozenset({"JPEG", "PNG", "GIF", "BMP", "WEBP"}),
    # A request may have 10 MB, and base64 adds a third: https://cloud.google.com/vision/quotas
    max_bytes=7_300_000,
    max_side=16_384,
    max_pixels=75_000_000,
    by_url=True,
    schemes=("https", "http", "gs"),
)

CHAT = 'Gemini has captions, also in Korean: method="generative".'

MOST_JSON = 10_000_000
"""The most bytes in one request: https://cloud.google.com/vision/quotas."""

TYPES: Mapping[Feature, str] = {
    "tags": "LABEL_DETECTION",
    "objects": "OBJECT_LOCALIZATION",
    "people": "OBJECT_LOCALIZATION",
    "faces": "FACE_DETECTION",
    "text": "TEXT_DETECTION",
    "places": "LANDMARK_DETECTION",
    "brands": "LOGO_DETECTION",
    "colors": "IMAGE_PROPERTIES",
    "crops": "CROP_HINTS",
    "web": "WEB_DETECTION",
    "safety": "SAFE_SEARCH_DETECTION",
}
UNCOUNTED = ("TEXT_DETECTION", "DOCUMENT_TEXT_DETECTION", "CROP_HINTS", "IMAGE_PROPERTIES", "SAFE_SEARCH_DETECTION")
"""The types of feature that take no maxResults."""
COUNTED: tuple[Feature, ...] = ("tags", "objects", "people", "faces", "places", "brands")
"""The features whose lists in a result end where the service was told to stop."""
MOST_RESULTS, MOST_FACES = 50, 100
"""The maxResults that are sent by default, for faces the second: without one the service stops at ten."""

# The attributes that the reply has for every face; none of them can be asked for.
ATTRIBUTES = ("emotions", "pose", "headwear", "blur", "exposure")

LIKELIHOODS = ("VERY_UNLIKELY", "UNLIKELY", "POSSIBLE", "LIKELY", "VERY_LIKELY")

LEVELS = {word: Level(score=rank / 4, word=word) for rank, word in enumerate(LIKELIHOODS)}
"""The grades of the words: their ranks, from 0 to 1. A word that is not in the list has no score."""

# Left and right are those of the viewer, for Google as in our results: LEFT_EYE is, as a rule, the person's right eye.
# https://cloud.google.com/vision/docs/reference/rest/v1/AnnotateImageResponse
LANDMARKS: Mapping[str, str] = {
    "LEFT_EYE": "left_eye",
    "RIGHT_EYE": "right_eye",
    "LEFT_EYE_PUPIL": "left_pupil",
    "RIGHT_EYE_PUPIL": "right_pupil",
    "LEFT_EYE_LEFT_CORNER": "left_eye_outer",
    "LEFT_EYE_RIGHT_CORNER": "left_eye_inner",
    "LEFT_EYE_TOP_BOUNDARY": "left_eye_top",
    "LEFT_EYE_BOTTOM_BOUNDARY": "left_eye_bottom",
    "RIGHT_EYE_LEFT_CORNER": "right_eye_inner",
    "RIGHT_EYE_RIGHT_CORNER": "right_eye_outer",
    "RIGHT_EYE_TOP_BOUNDARY": "right_eye_top",
    "RIGHT_EYE_BOTTOM_BOUNDARY": "right_eye_bottom",
    "LEFT_OF_LEFT_EYEBROW": "left_eyebrow_outer",
    "RIGHT_OF_LEFT_EYEBROW": "left_eyebrow_inner",
    "LEFT_EYEBROW_UPPER_MIDPOINT": "left_eyebrow_top",
    "LEFT_OF_RIGHT_EYEBROW": "right_eyebrow_inner",
    "RIGHT_OF_RIGHT_EYEBROW": "right_eyebrow_outer",
    "RIGHT_EYEBROW_UPPER_MIDPOINT": "right_eyebrow_top",
    "NOSE_TIP": "nose_tip",
    "NOSE_BOTTOM_LEFT": "left_nostril",
    "NOSE_BOTTOM_RIGHT": "right_nostril",
    "NOSE_BOTTOM_CENTER": "nose_bottom",
    "MIDPOINT_BETWEEN_EYES": "between_eyes",
    "MOUTH_LEFT": "mouth_left",
    "MOUTH_RIGHT": "mouth_right",
    "MOUTH_CENTER": "mouth_center",
    "UPPER_LIP": "upper_lip_top",
    "LOWER_LIP": "lower_lip_bottom",
    "CHIN_GNATHION": "chin",
    "CHIN_LEFT_GONION": "left_jaw_corner",
    "CHIN_RIGHT_GONION": "right_jaw_corner",
    "LEFT_EAR_TRAGION": "left_ear",
    "RIGHT_EAR_TRAGION": "right_ear",
    "LEFT_CHEEK_CENTER": "left_cheek",
    "RIGHT_CHEEK_CENTER": "right_cheek",
    "FOREHEAD_GLABELLA": "forehead",
}


class Vision(GoogleService):
    """The operations on pictures."""

    @capability(
        "open",
        needs="an API key or a login",
        page=PAGE,
        checked="2026-11-23",
        note="no captions and no categories; labels are in English",
    )
    def analyze_image(
        self,
        image: Image,
        *,
        features: Sequence[Feature] | None,
        language: str | None,
        max_results: int | None,
        missing: Literal["error", "report"],
        gender_neutral: bool,  # noqa: ARG002  # Vision has no captions, and its labels name no gender
    ) -> Flow[ImageAnalysis]:
        """Say what is in a picture."""
        asked = ("tags", "objects") if features is None else tuple(dict.fromkeys(features))
        require_known(asked, FEATURES, "feature")
        unsupported = tuple(feature for feature in asked if feature not in TYPES)
        if unsupported and missing == "error":
            raise UnsupportedOperationError(
                f"Google Vision has no {', '.join(unsupported)}",
                advice=f'It has: {", ".join(TYPES)}. missing="report" goes on without. {CHAT}',
            )
        picture = yield from image.fit(LIMITS)
        # Objects and people come from one type of feature, and each feature of a picture is billed:
        # https://cloud.google.com/vision/pricing
        types = dict.fromkeys(TYPES[feature] for feature in asked if feature in TYPES)
        if not types:  # nothing is left to ask for, so nothing is sent
            return ImageAnalysis(unsupported=unsupported)
        reply = yield from self.annotate(picture, [_feature(t, max_results) for t in types], language)
        parts = {f: PARTS[f](reply, picture) for f in asked if f in PARTS}
        full = [f for f in COUNTED if f in parts and len(parts[f]) >= _most(TYPES[f], max_results)]
        if "faces" in full:
            parts["faces"] = Faces(faces=parts["faces"].faces, truncated=True)
        return ImageAnalysis(
            **parts,
            width=picture.width,
            height=picture.height,
            format=picture.format,
            unsupported=unsupported,
            truncated=bool(full),
            meta=Meta(language_sent=hint_of(language)),
        )

    @capability(
        "open",
        needs="an API key or a login",
        page="https://cloud.google.com/vision/docs/detecting-faces",
        checked="2026-11-23",
        note="expressions as likelihoods of four emotions; no age, no gender",
    )
    def detect_faces(self, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int) -> Flow[Faces]:
        """Find the faces in a picture, with their pose and the likelihood of four expressions."""
        lacking = [attribute for attribute in attributes if attribute not in ATTRIBUTES]
        if lacking:
            raise UnsupportedOperationError(
                f"Google Vision does not say {', '.join(lacking)} of a face",
                advice=f"It says: {', '.join(ATTRIBUTES)}.",
            )
        picture = yield from image.fit(LIMITS)
        reply = yield from self.annotate(picture, [_feature("FACE_DETECTION", max_faces)], None)
        faces = [_face(annotation, picture, landmarks) for annotation in reply.face_annotations]
        return Faces(faces=largest_first(faces), truncated=len(faces) >= max_faces)

    def max_per_request(self, operation: str) -> int:
        """Return how many inputs fit into one request: 16 pictures, and one input of any other operation."""
        looks = operation in ("analyze_image", "detect_faces", "read_text")
        return ANNOTATE_TOGETHER.limit if looks else super().max_per_request(operation)

    def features(self) -> tuple[Feature, ...]:
        """Return the features that Vision can look for."""
        return tuple(TYPES)

    def annotate(self, picture: Picture, features: list[dict[str, Any]], language: str | None) -> Flow[AnnotateReply]:
        """Send one picture and return the reply to it; raise the error that the reply holds."""
        source = {"source": {"imageUri": picture.uri}} if picture.by_reference else {"content": picture.blob}
        item: dict[str, Any] = {"image": source, "features": features}
        if language:
            item["imageContext"] = {"languageHints": [hint_of(language)]}
        response: Response = yield Request(
            "POST",
            f"{self.vision_base()}/v1/images:annotate",
            service="vision",
            api="v1",
            endpoint=self.endpoint_of("vision"),
            json={"requests": [item]},
            merge=ANNOTATE_TOGETHER,
            # An error about the one picture has the status 200. `error_in` shows it to the engine, which tries again
            # where the service is at fault.
            error_in=partial(self._error_in, fetched=picture.by_reference),
        )
        replies = response.parse(Annotated).responses
        if len(replies) != 1:
            raise MalformedResponseError(f"one picture was sent, {len(replies)} replies came")
        body = inside(response.json(), "responses", 0)
        # An empty object is the answer about a picture in which nothing was found.
        if body and not any(name in body for name in KNOWN):
            raise MalformedResponseError("the reply to the picture holds nothing that is known")
        self.raise_for(replies[0].error, fetched=picture.by_reference)
        return replies[0]

    def _error_in(self, response: Response, *, fetched: bool) -> ServiceError | None:
        """Return the error of the one picture of a request that a reply of status 200 holds, or None."""
        error = inside(response.json(), "responses", 0, "error")
        return self.error_of(checked(RpcStatus, error), fetched=fetched) if isinstance(error, dict) else None

    def vision_base(self) -> str:
        """Return the address for pictures: of the location's host if it is "eu" or "us", else of the global one."""
        # Vision has hosts of its own for these two regions only: https://cloud.google.com/vision/docs/ocr
        location = self.setting("location")
        return self.base("vision", f"{location}-{HOST}" if location in ("eu", "us") else HOST)


def _feature(type_: str, most: int | None) -> dict[str, Any]:
    return {"type": type_} if type_ in UNCOUNTED else {"type": type_, "maxResults": _most(type_, most)}


def _most(type_: str, most: int | None) -> int:
    """Return the maxResults of a feature; None and 0 take the number that is sent by default."""
    return most or (MOST_FACES if type_ == "FACE_DETECTION" else MOST_RESULTS)


def hint_of(language: str | None) -> str | None:
    """Return the code of a language as the service spells it, or None where none is given."""
    code = base(language) if language else None
    return CODES.get(code, code) if code else None


CODES: Mapping[str, str] = {"he": "iw", "nb": "no"}
"""The codes that the service spells in a way of its own: https://cloud.google.com/vision/docs/languages"""


@dataclass(frozen=True)
class AnnotateTogether:
    """The rule by which requests for up to 16 pictures go out as one: https://cloud.google.com/vision/quotas."""

    limit: int = 16

    def key(self, request: Request) -> object:
        """Return a key that is the same for requests that differ in nothing but the item they hold."""
        items = request.json.get("requests")
        if not isinstance(items, list) or len(items) != 1 or not isinstance(_item(request).get("image"), dict):
            return object()  # extra= has changed the body, so it is merged with no other request
        rest = {name: part for name, part in request.json.items() if name != "requests"}
        return *request.addressed, json.dumps(rest, sort_keys=True) if rest else ""

    def slots(self, requests: Sequence[Request]) -> int:
        """Return how many items the merged request has: requests about one picture may share an item."""
        return len(_pictures(requests))

    def fits(self, requests: Sequence[Request]) -> bool:
        """Return whether the requests fit into one: at most 16 pictures, and ten megabytes of JSON."""
        pictures = _pictures(requests)
        # Requests about one picture share an item, so that the picture counts once.
        size = sum(requests[numbers[0]].upload_size for numbers in pictures)
        return len(pictures) <= self.limit and size <= MOST_JSON

    def join(self, requests: Sequence[Request]) -> Request:
        """Return one request with the items of all, in order; all that is asked of one picture becomes one item."""
        items: list[dict[str, Any]] = []
        for numbers in _pictures(requests):
            same = [_item(requests[number]) for number in numbers]
            items.append({**same[0], "features": [feature for item in same for feature in item["features"]]})
        return replace(
            requests[0], json={**requests[0].json, "requests": items}, billed=sum(r.billed for r in requests)
        )

    def split(self, response: Response, requests: Sequence[Request]) -> list[Response]:
        """Return the reply to each request as if it had been sent by itself, with only the features it asked for.

        Raises:
            MalformedResponseError: The reply does not have one part for each picture.
        """
        replies, pictures = inside(response.json(), "responses"), _pictures(requests)
        if not isinstance(replies, list) or len(replies) != len(pictures):
            raise MalformedResponseError(f"{len(pictures)} pictures were sent, and not as many replies came")
        parts: dict[int, Response] = {}
        for reply, numbers in zip(replies, pictures, strict=True):
            for number in numbers:
                own = reply if len(numbers) == 1 else _part_for(reply, requests[number])
                parts[number] = response.with_json({"responses": [own]})
        return [parts[number] for number in range(len(requests))]


def _item(request: Request) -> dict[str, Any]:
    """Return the only item of a request that has not been merged."""
    item: dict[str, Any] = request.json["requests"][0]
    return item


def _fields(request: Request) -> set[str] | None:
    """Return the fields of the reply that answer a request, or None where `FIELDS` lacks a feature it asks for."""
    types = [feature.get("type") for feature in _item(request).get("features", [])]
    return None if any(type_ not in FIELDS for type_ in types) else {name for type_ in types for name in FIELDS[type_]}


def _pictures(requests: Sequence[Request]) -> list[list[int]]:
    """Return the numbers of the requests in groups, one group for each item of the merged request.

    The requests of a group are about the same picture, with the same options, and ask for different features.
    """
    parts: list[list[int]] = []
    of_picture: dict[Any, list[list[int]]] = {}
    for number, request in enumerate(requests):
        content = _item(request)["image"].get("content")
        is_here = isinstance(content, Blob)
        # The key is that of the picture as it was given. Two calls may have prepared it in different ways, so the bytes
        # to send have to be the same as well.
        picture = (content.key, content.sha256) if is_here else json.dumps(_item(request)["image"])
        same = of_picture.setdefault(picture, [])
        for numbers in same:
            if _go_together(request, [requests[n] for n in numbers]):
                numbers.append(number)
                break
        else:
            same.append([number])
            parts.append(same[-1])
    return parts


def _go_together(request: Request, others: Sequence[Request]) -> bool:
    """Return whether one item can stand for all these requests: other features in each, all other options equal."""
    asked = [_fields(one) for one in (request, *others)]
    if any(fields is None for fields in asked):
        return False
    names = [name for fields in asked for name in fields or ()]
    rest = [{name: part for name, part in _item(one).items() if name not in NOT_OPTIONS} for one in (request, *others)]
    return all(one == rest[0] for one in rest) and len(set(names)) == len(names)


NOT_OPTIONS = ("image", "features")
"""The fields of an item that are not options of it."""


def _part_for(reply: Any, request: Request) -> Any:
    """Return the part of the reply to a picture that answers one of the requests about it."""
    others = EVERY_FIELD - (_fields(request) or set())
    return {name: part for name, part in reply.items() if name not in others} if isinstance(reply, dict) else reply


FIELDS: Mapping[str, tuple[str, ...]] = {
    "FACE_DETECTION": ("faceAnnotations",),
    "LANDMARK_DETECTION": ("landmarkAnnotations",),
    "LOGO_DETECTION": ("logoAnnotations",),
    "LABEL_DETECTION": ("labelAnnotations",),
    "OBJECT_LOCALIZATION": ("localizedObjectAnnotations",),
    "TEXT_DETECTION": ("textAnnotations", "fullTextAnnotation"),
    "DOCUMENT_TEXT_DETECTION": ("textAnnotations", "fullTextAnnotation"),
    "SAFE_SEARCH_DETECTION": ("safeSearchAnnotation",),
    "IMAGE_PROPERTIES": ("imagePropertiesAnnotation",),
    "CROP_HINTS": ("cropHintsAnnotation",),
    "WEB_DETECTION": ("webDetection",),
    "PRODUCT_SEARCH": ("productSearchResults",),
}
"""The fields of a reply that answer each type of feature:
https://cloud.google.com/vision/docs/reference/rest/v1/AnnotateImageResponse."""
EVERY_FIELD = {name for names in FIELDS.values() for name in names}
KNOWN = (*EVERY_FIELD, "error", "context")
"""The fields of the reply to one picture. In a picture where nothing is found, there is none of them."""


ANNOTATE_TOGETHER = AnnotateTogether()


@with_config(NUMBERS)
class Position(TypedDict):
    """A position, of which the reply leaves zeros out."""

    x: NotRequired[float]
    y: NotRequired[float]
    z: NotRequired[float]


@with_config(NUMBERS)
class Landmark(TypedDict):
    """A point of a face. It stays a dict, because nothing is made of it but its position."""

    type: NotRequired[str]
    position: NotRequired[Position]


class Landmarks(Wire):
    landmarks: list[Landmark]


class FaceAnnotation(Wire):
    bounding_poly: Poly = left_out(Poly)
    fd_bounding_poly: Poly = left_out(Poly)
    landmarks: list[Any] = Field(default_factory=list)
    """The `Landmark` dicts, of which each face has 34. They are read, and checked, only where they are asked for."""
    roll_angle: float = 0
    pan_angle: float = 0
    tilt_angle: float = 0
    detection_confidence: float | None = None
    landmarking_confidence: float | None = None
    joy_likelihood: str | None = None
    sorrow_likelihood: str | None = None
    anger_likelihood: str | None = None
    surprise_likelihood: str | None = None
    under_exposed_likelihood: str | None = None
    blurred_likelihood: str | None = None
    headwear_likelihood: str | None = None


class LatLng(Wire):
    latitude: float = 0
    longitude: float = 0


class Location(Wire):
    lat_lng: LatLng | None = None


@with_config(NUMBERS)
class Label(TypedDict):
    """A label, of which a reply has dozens. It stays a dict, because the result makes a model of it anyway.

    The fields that no result needs are here, so that they count as known:
    https://cloud.google.com/vision/docs/reference/rest/v1/AnnotateImageResponse#EntityAnnotation
    """

    mid: NotRequired[str]
    locale: NotRequired[str]
    confidence: NotRequired[float]
    topicality: NotRequired[float]
    properties: NotRequired[list[Any]]
    description: NotRequired[str]
    score: NotRequired[float]
    bounding_poly: NotRequired[Any]
    locations: NotRequired[Any]


class Entity(Known):
    """A landmark or a logo, with all the fields that a `Label` has, too."""

    mid: str | None = None
    locale: str | None = None
    confidence: float | None = None
    topicality: float | None = None
    properties: list[Any] = Field(default_factory=list)
    description: str = ""
    score: float | None = None
    bounding_poly: Poly = left_out(Poly)
    locations: list[Location] = Field(default_factory=list)


class ObjectAnnotation(Wire):
    mid: str | None = None
    name: str = ""
    score: float | None = None
    bounding_poly: Poly = left_out(Poly)


@with_config(NUMBERS)
class WireColor(TypedDict):
    red: NotRequired[float]
    green: NotRequired[float]
    blue: NotRequired[float]


@with_config(NUMBERS)
class ColorInfo(TypedDict):
    """A colour, of which a reply has ten; it stays a dict, like `Label`."""

    color: NotRequired[WireColor]
    score: NotRequired[float]
    pixel_fraction: NotRequired[float]


class DominantColors(Wire):
    colors: list[ColorInfo] = Field(default_factory=list)


class ImageProperties(Wire):
    dominant_colors: DominantColors = left_out(DominantColors)


class CropHint(Wire):
    bounding_poly: Poly = left_out(Poly)
    confidence: float | None = None
    importance_fraction: float | None = None


class CropHints(Wire):
    crop_hints: list[CropHint] = Field(default_factory=list)


class WebImage(Wire):
    url: str = ""
    score: float | None = None
    page_title: str | None = None


class WireWebEntity(Wire):
    entity_id: str | None = None
    description: str | None = None
    score: float | None = None


class WebLabel(Wire):
    label: str = ""


class WebDetection(Wire):
    web_entities: list[WireWebEntity] = Field(default_factory=list)
    full_matching_images: list[WebImage] = Field(default_factory=list)
    partial_matching_images: list[WebImage] = Field(default_factory=list)
    pages_with_matching_images: list[WebImage] = Field(default_factory=list)
    visually_similar_images: list[WebImage] = Field(default_factory=list)
    best_guess_labels: list[WebLabel] = Field(default_factory=list)


class AnnotateReply(Wire):
    """The reply to one picture. Parts that were not found, or not asked for, are missing."""

    face_annotations: list[FaceAnnotation] = Field(default_factory=list)
    label_annotations: KnownDicts[Label] = Field(default_factory=list)
    landmark_annotations: list[Entity] = Field(default_factory=list)
    logo_annotations: list[Entity] = Field(default_factory=list)
    localized_object_annotations: list[ObjectAnnotation] = Field(default_factory=list)
    text_annotations: list[Any] = Field(default_factory=list)
    full_text_annotation: FullText | None = None
    safe_search_annotation: dict[str, Any] = Field(default_factory=dict)
    image_properties_annotation: ImageProperties = left_out(ImageProperties)
    crop_hints_annotation: CropHints = left_out(CropHints)
    web_detection: WebDetection = left_out(WebDetection)
    error: RpcStatus = left_out(RpcStatus)


class Annotated(Wire):
    responses: list[AnnotateReply]


def _face(face: FaceAnnotation, picture: Picture, landmarks: bool) -> Face:
    # ``fdBoundingPoly`` is the face from brow to chin, ``boundingPoly`` the whole head.
    head = face.bounding_poly.fields(picture)
    box = face.fd_bounding_poly.fields(picture) or head
    if box is None:
        raise MalformedResponseError("a face came without a box")
    # All parts become models when the face is made, which checks them all at once.
    return Face.model_validate(
        {
            "box": box,
            "head_box": head,
            "confidence": face.detection_confidence,
            "landmarks": _landmarks(face.landmarks, picture) if landmarks else None,
            "landmarks_confidence": face.landmarking_confidence,
            "pose": {"roll": face.roll_angle, "pitch": face.tilt_angle, "yaw": face.pan_angle},
            "emotions": {
                "scale": "likelihood",
                "happiness": _level(face.joy_likelihood),
                "sadness": _level(face.sorrow_likelihood),
                "anger": _level(face.anger_likelihood),
                "surprise": _level(face.surprise_likelihood),
            },
            "blur": _level(face.blurred_likelihood),
            "exposure": _level(face.under_exposed_likelihood),
            "headwear": _level(face.headwear_likelihood),
        }
    )


def _landmarks(marks: Sequence[Any], picture: Picture) -> dict[str, dict[str, float]]:
    """Return the fields of the points of a face, by our names."""
    landmarks = Landmarks.model_validate({"landmarks": marks}).landmarks
    names = [mark.get("type", "UNKNOWN_LANDMARK") for mark in landmarks]
    points = picture.points_in_space([mark.get("position", {}) for mark in landmarks])
    return {LANDMARKS.get(name, f"google:{name}"): point for name, point in zip(names, points, strict=True)}


def _level(word: str | None) -> Level | None:
    return None if word is None else LEVELS.get(word) or Level(word=word)


def _objects(reply: AnnotateReply, picture: Picture) -> tuple[Object, ...]:
    return tuple(
        Object(name=o.name, confidence=o.score, vendor_id=o.mid, box=o.bounding_poly.box(picture))
        for o in reply.localized_object_annotations
    )


def _people(reply: AnnotateReply, picture: Picture) -> tuple[Person, ...]:
    return tuple(Person(confidence=o.confidence, box=o.box) for o in _objects(reply, picture) if o.name == "Person")


def _places(reply: AnnotateReply, picture: Picture) -> tuple[Place, ...]:
    def landmark_place(entity: Entity) -> Place:
        # There may be several places, that of the landmark and that of the camera, and nothing says which is which.
        where = next((location.lat_lng for location in entity.locations if location.lat_lng), None)
        return Place(
            name=entity.description,
            confidence=entity.score,
            vendor_id=entity.mid,
            box=entity.bounding_poly.box(picture),
            latitude=where.latitude if where else None,
            longitude=where.longitude if where else None,
        )

    return tuple(map(landmark_place, reply.landmark_annotations))


def _colors(reply: AnnotateReply, _: Picture) -> tuple[dict[str, Any], ...]:
    colors = reply.image_properties_annotation.dominant_colors.colors
    return tuple(
        [
            {"hex": _hex(each.get("color", {})), "score": each.get("score"), "fraction": each.get("pixel_fraction")}
            for each in colors
        ]
    )


def _hex(color: WireColor) -> str:
    parts = round(color.get("red", 0)), round(color.get("green", 0)), round(color.get("blue", 0))
    try:
        return f"#{bytes(parts).hex()}"
    except ValueError:  # a part is below 0 or above 255
        return f"#{bytes([min(255, max(0, part)) for part in parts]).hex()}"


def _crops(reply: AnnotateReply, picture: Picture) -> tuple[Crop, ...]:
    boxes: Iterator[tuple[CropHint, Box | None]] = (
        (hint, hint.bounding_poly.box(picture)) for hint in reply.crop_hints_annotation.crop_hints
    )
    return tuple(
        Crop(box=box, confidence=hint.confidence, importance=hint.importance_fraction) for hint, box in boxes if box
    )


def _web(reply: AnnotateReply, _: Picture) -> Web:
    web = reply.web_detection

    def pages(images: Sequence[WebImage]) -> tuple[WebPage, ...]:
        return tuple(WebPage(url=image.url, title=image.page_title, score=image.score) for image in images)

    return Web(
        best_guesses=tuple(label.label for label in web.best_guess_labels),
        entities=tuple(WebEntity(name=e.description, score=e.score, vendor_id=e.entity_id) for e in web.web_entities),
        pages=pages(web.pages_with_matching_images),
        full_matches=pages(web.full_matching_images),
        partial_matches=pages(web.partial_matching_images),
        similar=pages(web.visually_similar_images),
    )


def _safety(reply: AnnotateReply, _: Picture) -> dict[str, Level]:
    # A field that is no word is no grade. It stays in `raw`, and must not make the reply, which is paid for,
    # unreadable.
    words = {kind: word for kind, word in reply.safe_search_annotation.items() if isinstance(word, str)}
    return {kind: level for kind, word in words.items() if (level := _level(word))}


# Tags and colours, of which there are many, stay dicts: the result that they become a part of checks all at once.
PARTS: Mapping[Feature, Any] = {
    "tags": lambda reply, _: tuple(
        [
            {
                "name": label.get("description", ""),
                "confidence": label.get("score"),
                "language": "en",
                "vendor_id": label.get("mid"),
            }
            for label in reply.label_annotations
        ]
    ),
    "objects": _objects,
    "people": _people,
    "faces": lambda reply, picture: Faces(
        faces=largest_first([_face(face, picture, landmarks=False) for face in reply.face_annotations])
    ),
    "text": lambda reply, picture: read(reply.full_text_annotation, reply.text_annotations, picture),
    "places": _places,
    "brands": lambda reply, picture: tuple(
        Brand(name=e.description, confidence=e.score, vendor_id=e.mid, box=e.bounding_poly.box(picture))
        for e in reply.logo_annotations
    ),
    "colors": _colors,
    "crops": _crops,
    "web": _web,
    "safety": _safety,
}
