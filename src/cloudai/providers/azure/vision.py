"""The operations of Azure Vision: ``analyze_image`` by Image Analysis 4.0, by 3.2, or by both and Face.

https://learn.microsoft.com/azure/ai-services/computer-vision/overview-image-analysis
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import MalformedResponseError, UnsupportedOperationError
from cloudai.languages import base
from cloudai.media import Image, ImageLimits, Picture
from cloudai.models.base import Meta
from cloudai.models.face import Faces
from cloudai.models.image import FEATURES, Feature, ImageAnalysis
from cloudai.providers.azure import _analysis_3, _analysis_4
from cloudai.providers.azure._service import picture_body
from cloudai.providers.azure.face import MOST_FACES, FaceService
from cloudai.providers.base import capability, require_known
from cloudai.providers.wire import Wire

__all__ = ["Vision"]

W = TypeVar("W", bound=Wire)

API_4 = "2023-10-01"
API_3 = "v3.2"

LIMITS_4 = ImageLimits(
    who="Azure Image Analysis 4.0",
    formats=frozenset({"JPEG", "PNG", "GIF", "BMP", "WEBP"}),
    max_bytes=20_971_520,
    max_side=16_000,
    min_side=50,
    by_url=True,
)
LIMITS_3 = ImageLimits(
    # These limits also hold where several APIs get the same picture: what fits 3.2 fits the others.
    who="Azure Image Analysis 3.2",
    formats=frozenset({"JPEG", "PNG", "GIF", "BMP"}),
    max_bytes=4_000_000,
    max_side=10_000,
    min_side=50,
    by_url=True,
)

FEATURES_4: Mapping[Feature, str] = {
    "caption": "caption",
    "dense_captions": "denseCaptions",
    "tags": "tags",
    "objects": "objects",
    "people": "people",
    "text": "read",
    "crops": "smartCrops",
}
FEATURES_3: Mapping[Feature, str] = {
    "caption": "Description",
    "tags": "Tags",
    "objects": "Objects",
    "faces": "Faces",
    # Landmarks stand in the details of the categories that may have some:
    # https://learn.microsoft.com/azure/ai-services/computer-vision/concept-detecting-domain-content
    "places": "Categories",
    "brands": "Brands",
    "categories": "Categories",
    "colors": "Color",
    "safety": "Adult",
}


class Vision(FaceService):
    """The operations on pictures."""

    @capability(
        "deprecated",
        needs="VISION_KEY and VISION_ENDPOINT; for faces FACE_KEY and FACE_ENDPOINT",
        until="2028-09-25",
        page="https://learn.microsoft.com/azure/ai-services/computer-vision/overview-image-analysis",
        checked="2026-11-24",
        free="20/min",
        note="captions by 4.0 in certain regions, in English; safety, brands, categories, colors, places by 3.2",
    )
    def analyze_image(
        self,
        image: Image,
        *,
        features: Sequence[Feature] | None,
        language: str | None,
        max_results: int | None,
        missing: Literal["error", "report"],
        gender_neutral: bool,
    ) -> Flow[ImageAnalysis]:
        """Say what is in a picture.

        A feature that 4.0 has comes from 4.0, any other from 3.2 or Face, unless ``api=`` names a version.
        """
        by_4, by_3, by_face, unsupported = self._divided(features)
        if unsupported and missing == "error":
            raise UnsupportedOperationError(
                f"{self._who()} has no {', '.join(unsupported)}",
                advice=f'It has: {", ".join(self.features())}. missing="report" goes on without.',
            )
        picture = yield from image.fit(LIMITS_3 if by_3 or by_face else LIMITS_4)
        code = base(language) if language else None
        frame: dict[str, Any] = {"width": picture.width, "height": picture.height, "format": picture.format}
        parts: dict[Feature, Any] = {}
        models: list[str] = []
        if by_4:
            reply_4 = yield from self._ask_4(picture, by_4, code, gender_neutral)
            parts |= {feature: _analysis_4.PARTS[feature](reply_4, picture, code or "en") for feature in by_4}
            frame = _known(picture, frame, reply_4.metadata)
            models += [reply_4.model_version] if reply_4.model_version else []
            # The garbage collector looks through all young objects once there are 700 of them, which the parts of the
            # reply and those of the result would be together.
            del reply_4
        if by_3:
            reply_3 = yield from self._ask_3(picture, by_3, code)
            parts |= {feature: _analysis_3.PARTS[feature](reply_3, picture, code or "en") for feature in by_3}
            frame = _known(picture, frame, reply_3.metadata)
            models += [reply_3.model_version] if reply_3.model_version else []
        if by_face:
            faces = yield from self.faces_of(picture, landmarks=False, attributes=())
            parts["faces"] = Faces(faces=faces, truncated=len(faces) >= MOST_FACES)
        kept = parts if max_results is None else {f: _first(things, max_results) for f, things in parts.items()}
        return ImageAnalysis(
            **frame,
            **kept,
            unsupported=unsupported,
            truncated=kept is not parts and kept != parts,
            meta=Meta(model=", ".join(models) or None, language_sent=code),
        )

    def _divided(
        self, features: Sequence[Feature] | None
    ) -> tuple[list[Feature], list[Feature], bool, tuple[Feature, ...]]:
        """Return the features to ask of 4.0, those to ask of 3.2, whether to ask Face, and the unsupported features.

        If ``features`` is None, these are caption, tags and objects.

        Raises:
            SettingsError: A feature is unknown.
        """
        asked: tuple[Feature, ...] = (
            ("caption", "tags", "objects") if features is None else tuple(dict.fromkeys(features))
        )
        require_known(asked, FEATURES, "feature")
        api = self.api()
        by_4 = [f for f in asked if f in FEATURES_4 and api != "3.2"]
        by_face = api is None and "faces" in asked
        by_3 = [
            f for f in asked if f in FEATURES_3 and f not in by_4 and api != "4.0" and not (by_face and f == "faces")
        ]
        unsupported = tuple(f for f in asked if f not in (*by_4, *by_3, *(("faces",) if by_face else ())))
        return by_4, by_3, by_face, unsupported

    def api_variant(self, operation: str) -> str:
        """Return the version of Image Analysis that was chosen for ``analyze_image``, or "" if none was.

        Other operations do not depend on it.
        """
        return (self.api() or "") if operation == "analyze_image" else super().api_variant(operation)

    def requests(self, operation: str, options: Mapping[str, Any]) -> int:
        """Return how many requests an input takes: a mix of features is asked of several APIs.

        Raises:
            SettingsError: A feature is unknown.
        """
        if operation != "analyze_image":
            return super().requests(operation, options)
        by_4, by_3, by_face, _ = self._divided(options.get("features"))
        return bool(by_4) + bool(by_3) + by_face

    def _ask_4(
        self, picture: Picture, features: Sequence[Feature], language: str | None, gender_neutral: bool
    ) -> Flow[_analysis_4.Reply]:
        """Send a picture to Image Analysis 4.0 and return its reply.

        https://learn.microsoft.com/rest/api/computervision/image-analysis/analyze-image
        """
        response: Response = yield Request(
            "POST",
            f"{self.base('vision')}/computervision/imageanalysis:analyze",
            service="vision",
            api=API_4,
            endpoint=self.base("vision"),
            params={
                "api-version": API_4,
                "features": ",".join([FEATURES_4[feature] for feature in features]),
                **({"language": language} if language else {}),
                **({"gender-neutral-caption": "true"} if gender_neutral else {}),
            },
            **picture_body(picture),
        )
        return _answering(response.parse(_analysis_4.Reply), features, _analysis_4.FIELDS)

    def _ask_3(self, picture: Picture, features: Sequence[Feature], language: str | None) -> Flow[_analysis_3.Reply]:
        """Send a picture to Image Analysis 3.2 and return its reply.

        https://learn.microsoft.com/rest/api/computervision/analyze-image
        """
        response: Response = yield Request(
            "POST",
            f"{self.base('vision')}/vision/{API_3}/analyze",
            service="vision",
            api=API_3,
            endpoint=self.base("vision"),
            params={
                "visualFeatures": ",".join(dict.fromkeys(FEATURES_3[feature] for feature in features)),
                # "Celebrities" is never asked for: it would name people.
                **({"details": "Landmarks"} if "places" in features else {}),
                **({"language": language} if language else {}),
            },
            **picture_body(picture),
        )
        return _answering(response.parse(_analysis_3.Reply), features, _analysis_3.FIELDS)

    def features(self) -> tuple[Feature, ...]:
        """Return the features of the chosen version, or of all APIs where none was chosen."""
        known = {None: {*FEATURES_4, *FEATURES_3}, "4.0": {*FEATURES_4}, "3.2": {*FEATURES_3}}[self.api()]
        return tuple(feature for feature in FEATURES if feature in known)

    def _who(self) -> str:
        return f"Azure Image Analysis {self.api()}" if self.api() else "Azure"


def _answering(reply: W, features: Sequence[Feature], fields: Mapping[Feature, tuple[str, ...]]) -> W:
    """Return a reply; raise MalformedResponseError where it answers none of the features."""
    # Any field of a reply may be missing, so every JSON object would pass for a picture in which nothing was found.
    if reply.model_fields_set.isdisjoint([name for feature in features for name in fields[feature]]):
        raise MalformedResponseError(f"the reply has nothing of what was asked for: {', '.join(features)}")
    return reply


def _known(picture: Picture, frame: dict[str, Any], metadata: Wire) -> dict[str, Any]:
    """Return width, height and format of a picture, from the reply if only the address of the picture was sent.

    Args:
        picture: The picture that was sent.
        frame: The width, height and format that are known so far.
        metadata: What the reply says of them; values that are None are left out.
    """
    if not picture.by_reference:
        return frame
    told = metadata.model_dump()
    format = told.get("format")  # noqa: A001  # the field's word
    told = {**told, **({"format": format.upper()} if format else {})}
    return {**frame, **{name: value for name, value in told.items() if value is not None}}


def _first(things: Any, most: int) -> Any:
    """Return at most the first ``most`` of some results, because Azure has no option for their number.

    A result that is not a list, such as a caption, is returned as it is. Faces
    are ``truncated`` where there were as many as ``most``.
    """
    if isinstance(things, Faces):
        return Faces(faces=things.faces[:most], truncated=things.truncated or len(things.faces) >= most)
    return things[:most] if isinstance(things, tuple) else things
