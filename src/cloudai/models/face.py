"""Define the results about faces and ages.

Emotions and ages are a machine's guesses about appearance: not what a person feels, nor how old they are.
Left and right are sides of the image: ``left_eye`` is the one further left in the picture. Angles are in degrees: a
positive roll is clockwise as seen, a positive yaw turns the nose to the image's right, a positive pitch is up. This
holds for Azure's roll. The recordings do not prove the signs of its yaw and pitch, which are given as they come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from pydantic import Field

from cloudai.errors import InputError, SettingsError
from cloudai.models.base import Box, Level, Many, Model, Point, UnitFloat
from cloudai.models.columns import TRACK
from cloudai.models.notebook import picture_with_boxes
from cloudai.text import repeated

if TYPE_CHECKING:
    import PIL.Image

    from cloudai.media import ImageInput

__all__ = ["Age", "Ages", "Emotion", "Emotions", "Face", "FaceAge", "Faces", "Pose"]

Emotion = Literal[
    "anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise", "calm", "confused"
]
EMOTIONS: tuple[Emotion, ...] = get_args(Emotion)


def _is_none(value: object) -> bool:
    """Return whether a field is left out of JSON, because only faces of videos have it."""
    return value is None


class Pose(Model):
    """The angles by which a head is turned, in degrees; None for one that the vendor does not give."""

    roll: float | None = None
    pitch: float | None = None
    yaw: float | None = None


class Emotions(Model):
    """The apparent expression of a face, which is a guess; None for an emotion that the vendor does not offer.

    ``scale`` says what the scores are: "probability" (Azure: they sum to 1), "likelihood" (Google: the
    rank of a word, 0 to 1) or "confidence" (each on its own). Never average or compare across scales.
    """

    scale: Literal["probability", "likelihood", "confidence"]
    anger: Level | None = None
    contempt: Level | None = None
    disgust: Level | None = None
    fear: Level | None = None
    happiness: Level | None = None
    neutral: Level | None = None
    sadness: Level | None = None
    surprise: Level | None = None
    calm: Level | None = None
    confused: Level | None = None

    def scores(self) -> dict[str, float]:
        """Return the score of each emotion that has one."""
        levels = {name: getattr(self, name) for name in EMOTIONS}
        return {name: level.score for name, level in levels.items() if level and level.score is not None}

    @property
    def top(self) -> str | None:
        """The emotion with the highest score; None if no score is above 0, or two emotions share the highest."""
        ranked = sorted(self.scores().items(), key=lambda pair: -pair[1])
        # Google says VERY_UNLIKELY to all four emotions of a face at rest: to name one of them would be made up.
        if not ranked or ranked[0][1] == 0 or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
            return None
        return ranked[0][0]


class Age(Model):
    """An apparent age in years, which is a guess: a range if the vendor gives one, else a number."""

    low: float | None = None
    high: float | None = None
    years: float | None = None
    open_ended: bool = False
    """True where ``high`` is the model's last class, which stands for itself and all ages above: 80 and more."""

    @property
    def span(self) -> str:
        """The range for a reader: "38–50", "66–80+", or "80+"; "" where there is none."""
        if self.open_ended and self.high is not None:
            high = f"{self.high:.0f}+"
            return high if self.low in (None, self.high) else f"{self.low:.0f}–{high}"
        return "–".join(dict.fromkeys(f"{end:.0f}" for end in (self.low, self.high) if end is not None))


class Face(Model):
    """One face; a field is None if the vendor does not offer it or was not asked for it."""

    box: Box
    """The face itself, brow to chin (Google's ``fdBoundingPoly``)."""
    head_box: Box | None = None
    """The whole head, where the vendor gives it (Google's ``boundingPoly``)."""
    confidence: UnitFloat | None = None
    """Confidence that this is a face at all, 0 to 1."""
    landmarks: Mapping[str, Point] | None = None
    """Points by our names ("left_eye", "nose_tip" …); one that we have no name for is "vendor:NAME"."""
    landmarks_confidence: UnitFloat | None = None
    pose: Pose | None = None
    emotions: Emotions | None = None
    age: Age | None = None
    glasses: str | None = None
    """The kind of glasses: "none", "reading", "sun" or "swimming"."""
    blur: Level | None = None
    exposure: Level | None = None
    """A grade of the exposure.

    Google grades under-exposure; for Azure 0 is too dark and 1 too bright, and its word says which.
    """
    headwear: Level | None = None
    occlusion: Mapping[str, bool] | None = None
    """For "forehead", "eyes" and "mouth", True if something is in front of them."""
    mask: str | None = None
    """The vendor's word for what covers nose and mouth."""
    quality: str | None = None
    """The vendor's word for how suitable the face is for a closer analysis: "low", "medium", "high"."""
    track: int | None = Field(default=None, exclude_if=_is_none)
    """The number under which `cloudai.track` follows the face through the frames of a video, from 1."""

    def crop(self, image: ImageInput, *, margin: float = 0.4, aspect: float | None = None) -> PIL.Image.Image:
        """Return this face, cut out of the upright picture.

        The cut ends at the edges of the picture, so that it may be smaller there, and of another ``aspect``.

        Args:
            image: The picture that was given to the call.
            margin: The margin on each side, as a share of the box's longer side, -0.5 to 100; a negative one cuts into
                the box.
            aspect: Width over height of the cut, for example ``3 / 4``: the box with its margins is made wider or
                higher until it has this ratio, 0.001 to 1000. None leaves it as it is.

        Raises:
            SettingsError: ``margin`` or ``aspect`` is no number in its range.
            NeedsImageError: The size of the picture is not known, because it was passed on by URL.
            InputError: The face is not inside this picture, or ``image`` is no picture, is damaged or too large, or is
                an address.
            MissingExtraError: ``image`` is HEIC, and pillow-heif is not installed.
        """
        # The module of pictures is loaded only where one is cut out: most programs read boxes alone.
        from cloudai.media import as_image

        _require_between("margin", margin, MARGINS)
        if aspect is not None:
            _require_between("aspect", aspect, ASPECTS)
        self.box.normalized  # noqa: B018  # it raises if the picture's size is unknown
        upright = as_image(image).open()
        room = margin * max(self.box.width, self.box.height)
        width, height = self.box.width + 2 * room, self.box.height + 2 * room
        if aspect is not None:
            # The box only grows, so that no part of the face is cut off.
            width, height = max(width, height * aspect), max(height, width / aspect)
        middle_x, middle_y = self.box.x + self.box.width / 2, self.box.y + self.box.height / 2
        left, top = max(0.0, middle_x - width / 2), max(0.0, middle_y - height / 2)
        right, bottom = (
            min(float(upright.width), middle_x + width / 2),
            min(float(upright.height), middle_y + height / 2),
        )
        cut = round(left), round(top), round(right), round(bottom)
        # A cut of no pixel would be a picture that cannot be saved. Both edges of a narrow one may be rounded to one.
        if right - left < 1 or bottom - top < 1 or cut[0] == cut[2] or cut[1] == cut[3]:
            raise InputError("The face is not inside this picture. Give the picture that was given to the call.")
        return upright.crop(cut)


# At -0.5 nothing is left of the longer side of a box.
MARGINS, ASPECTS = (-0.5, 100.0), (0.001, 1000.0)
"""The least and the most of the two arguments of `Face.crop`."""


def _require_between(name: str, value: object, limits: tuple[float, float]) -> None:
    """Raise SettingsError if an argument is no number between the limits; NaN and True are none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not limits[0] <= value <= limits[1]:
        raise SettingsError(f"{name}={repeated(value)}", advice=f"Give a number from {limits[0]:g} to {limits[1]:g}.")


class Faces(Many[Face]):
    """The faces in a picture, largest first. It iterates over them."""

    faces: tuple[Face, ...] = ()
    truncated: bool = False
    """True if as many faces came back as were asked for: there may be more."""

    units: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("x", "y", "width", "height", "image_width", "image_height"), "px"),
        **dict.fromkeys(("roll", "pitch", "yaw"), "degrees"),
        **dict.fromkeys(("age_low", "age_high", "age_years"), "years"),
    }

    things: ClassVar[tuple[str, str]] = ("face", "faces")

    def _items(self) -> Sequence[Face]:
        return self.faces

    @property
    def caveat(self) -> str:
        """The sentence that goes with any text that shows ages or expressions; "" if there are none."""
        return _caveat(self.meta.method, [face for face in self.faces if face.age or face.emotions])

    def _repr_html_(self) -> str:
        boxes = [(face.box, str(number)) for number, face in enumerate(self)]
        return picture_with_boxes(self.meta, boxes) + _with_caveat(super()._repr_html_(), self.caveat)

    def _columns(self) -> Sequence[str]:
        return (*_track_column(self.faces), *FACE_COLUMNS)

    def _nothing(self) -> dict[str, Any]:
        return {"n_faces": 0, **_size(self.meta.image_size)}

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                **track_of(face),
                # The number is the place by size, so that face 0 of two vendors is likely the same.
                "face": index,
                "n_faces": len(self.faces),
                **_rectangle(face.box),
                "confidence": face.confidence,
                **(face.pose or Pose()).model_dump(),
                **_age(face.age),
                **(face.emotions.scores() if face.emotions else {}),
                "emotion_top": face.emotions.top if face.emotions else None,
                "emotion_scale": face.emotions.scale if face.emotions else None,
                "glasses": face.glasses,
                "blur": _word(face.blur),
                "occlusion": ", ".join(sorted(k for k, v in face.occlusion.items() if v)) if face.occlusion else None,
            }
            for index, face in enumerate(self.faces)
        ]


FACE_COLUMNS = (
    *("face", "n_faces", "x", "y", "width", "height", "image_width", "image_height", "confidence"),
    *("roll", "pitch", "yaw", "age_low", "age_high", "age_years"),
    *EMOTIONS,
    *("emotion_top", "emotion_scale", "glasses", "blur", "occlusion"),
)


def largest_first(faces: Sequence[Face]) -> tuple[Face, ...]:
    """Return faces in the order of all results: by area, and among equals in the vendor's order."""
    # sorted() keeps the order of what is equal, so that the numbers of faces do not change from one run to the next.
    return tuple(sorted(faces, key=lambda face: -face.box.area))


class FaceAge(Age):
    """An apparent age, and the box of the face that it belongs to."""

    box: Box
    track: int | None = Field(default=None, exclude_if=_is_none)
    """The number under which `cloudai.track` follows the face through the frames of a video, from 1."""


class Ages(Many[FaceAge]):
    """The apparent ages of the faces in a picture, largest face first. It iterates over them."""

    ages: tuple[FaceAge, ...] = ()
    truncated: bool = False

    units: ClassVar[Mapping[str, str]] = Faces.units

    things: ClassVar[tuple[str, str]] = ("face", "faces")

    def _items(self) -> Sequence[FaceAge]:
        return self.ages

    @property
    def caveat(self) -> str:
        """The sentence that goes with any text that shows the ages; "" if there are none."""
        return _caveat(self.meta.method, self.ages)

    def _repr_html_(self) -> str:
        boxes = [(age.box, str(number)) for number, age in enumerate(self)]
        return picture_with_boxes(self.meta, boxes) + _with_caveat(super()._repr_html_(), self.caveat)

    def _columns(self) -> Sequence[str]:
        return (
            *_track_column(self.ages),
            *("face", "n_faces", "x", "y", "width", "height", "image_width", "image_height"),
            *("age_low", "age_high", "age_years"),
        )

    def _nothing(self) -> dict[str, Any]:
        return {"n_faces": 0, **_size(self.meta.image_size)}

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {**track_of(age), "face": index, "n_faces": len(self.ages), **_rectangle(age.box), **_age(age)}
            for index, age in enumerate(self.ages)
        ]


def _word(level: Level | None) -> str | None:
    """Return the word of a grade, or its number as a text where the vendor has no word; a column has one type."""
    if level is None:
        return None
    return level.word or (None if level.score is None else f"{level.score:g}")


def _caveat(method: str, guessed: Sequence[object]) -> str:
    """Return what is to be said of the guesses that a method has made; "" if there are none."""
    # The sentence stands wherever ages and expressions are shown, because a reader of a table has not read the
    # documentation.
    who = "a baseline model's guesses" if method == "local" else "guesses"
    return f"Ages and expressions are {who} from appearance." if guessed else ""


def _with_caveat(html: str, caveat: str) -> str:
    return f"{html}<p>{caveat}</p>" if caveat else html


def track_of(face: Face | FaceAge) -> dict[str, Any]:
    """Return the column of the number under which a face is followed; there is none for a face that is not."""
    return {} if face.track is None else {TRACK: face.track}


def _track_column(faces: Sequence[Face] | Sequence[FaceAge]) -> tuple[str, ...]:
    return (TRACK,) if any(face.track is not None for face in faces) else ()


def _rectangle(box: Box) -> dict[str, Any]:
    """Return the columns of a box: its position, its size, and the size of the picture."""
    return {"x": box.x, "y": box.y, "width": box.width, "height": box.height, **_size(box.image_size)}


def _size(size: tuple[int, int] | None) -> dict[str, int | None]:
    across, down = size or (None, None)
    return {"image_width": across, "image_height": down}


def _age(age: Age | None) -> dict[str, float | None]:
    """Return the columns of an age; there are none if there is no age."""
    return {"age_low": age.low, "age_high": age.high, "age_years": age.years} if age else {}
