"""Prepare pictures for a vendor, and map the boxes in its replies back to the original.

A picture that is upright and within the limits is sent as it is, without its metadata. Any other is turned,
shrunk and encoded anew. Boxes are given in pixels of the upright original, whatever was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, Union

from cloudai.core.flow import Blob, Call, Flow, call
from cloudai.core.lazy import lazy
from cloudai.core.memory import budget
from cloudai.errors import InputError
from cloudai.media import decode, memory
from cloudai.media.colours import in_rgb, strip_rows, strips
from cloudai.media.decode import Header
from cloudai.media.mend import mended
from cloudai.media.source import FETCH, FileInput, Source
from cloudai.media.strip import STRIPPABLE, jpeg_segments, plain_jpeg_size, strip, without_metadata
from cloudai.models.base import Box, Point

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image

__all__ = ["Decoded", "Image", "ImageInput", "ImageLimits", "Picture", "as_image"]

ImageInput: TypeAlias = Union[FileInput, "PIL.Image.Image", "np.ndarray[Any, Any]", "Image"]

P = TypeVar("P", bound="Picture")

LOSSLESS_UP_TO = 4_000_000
"""The most pixels of a picture that is sent as PNG because it had no JPEG artefacts.

A larger one would take seconds to compress.
"""
QUALITIES = (90, 80, 70)
SHRINK = 0.75
SMALL = 262_144
"""The most bytes of a file that is looked at in the event loop. A thread would take longer to begin."""
X, Y = attrgetter("x"), attrgetter("y")
JPEG = b"\xff\xd8\xff"
"""The first bytes of a JPEG."""


@dataclass(frozen=True)
class ImageLimits:
    """The formats and sizes of pictures that one vendor accepts."""

    who: str
    """The vendor's name in error messages."""
    formats: frozenset[str]
    """The accepted formats by Pillow's names: "JPEG", "PNG" …"""
    max_bytes: int
    max_side: int
    """The greatest length of the longer side, in px."""
    min_side: int = 1
    """The least length of the shorter side, in px."""
    max_pixels: int | None = None
    by_url: bool = False
    """True if the vendor fetches addresses itself."""
    schemes: tuple[str, ...] = ("https", "http")


@dataclass(frozen=True)
class _Frame:
    """The sizes of the upright original and of the picture made of it; None if only the address is known."""

    width: int | None
    height: int | None
    sent_width: int | None
    sent_height: int | None
    format: str | None
    """Format of the file as given."""
    prepared: str | None
    """A note of what was done to the picture: "upright, 4000→1600 px"."""
    orientation: int = field(default=1, kw_only=True)
    """EXIF orientation of the file as given."""

    @lazy
    def _scale(self) -> tuple[float, float]:
        """The factors (across, down) from the picture that was sent to the original; both are 1 if no size is known."""
        if not (self.width and self.height and self.sent_width and self.sent_height):
            return 1.0, 1.0
        return self.width / self.sent_width, self.height / self.sent_height

    @lazy
    def size(self) -> tuple[int, int] | None:
        """Width and height of the upright original in px, or None if they are not known."""
        return (self.width, self.height) if self.width and self.height else None

    def box(self, x: float, y: float, width: float, height: float) -> Box:
        """Return the box in pixels of the upright original for a box in pixels of the picture that was sent.

        The box is not cut off at the edges of the picture. If the sizes are not known, the numbers stay as they are.
        """
        return Box(**self.box_fields(x, y, width, height))

    def box_fields(self, x: float, y: float, width: float, height: float) -> dict[str, Any]:
        """Return the fields of `box`, for a part of a result that makes and checks all its boxes at once."""
        across, down = self._scale
        return {
            "x": x * across,
            "y": y * down,
            "width": width * across,
            "height": height * down,
            "image_size": self.size,
        }

    def outline(self, corners: Sequence[Point]) -> dict[str, Any]:
        """Return the polygon with these corners and the box around it, as the fields ``polygon`` and ``box`` of a word.

        The box is no model yet: the result that it becomes a part of checks all of them at once.

        Args:
            corners: The corners in pixels of the picture that was sent. Where there are none, the dict is empty.
        """
        if not corners:
            return {}
        across, down = self._scale
        xs, ys = sorted(map(X, corners)), sorted(map(Y, corners))
        box = {
            "x": xs[0] * across,
            "y": ys[0] * down,
            "width": (xs[-1] - xs[0]) * across,
            "height": (ys[-1] - ys[0]) * down,
            "image_size": self.size,
        }
        # Most pictures are sent in their own size.
        return {"box": box, "polygon": tuple(corners) if across == down == 1 else self.points(corners)}

    def points(self, points: Sequence[Point]) -> tuple[Point, ...]:
        """Return points in pixels of the upright original for points in pixels of the picture that was sent."""
        if self._scale == (1, 1):
            return tuple(points)
        return tuple([self.point(p.x, p.y, p.z) for p in points])

    def points_in_space(self, points: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
        """Return the fields of some points, as `point` would place them.

        Args:
            points: ``x``, ``y`` and ``z`` in pixels of the picture that was sent; one that is missing is 0.
        """
        across, down = self._scale
        return [{"x": p.get("x", 0) * across, "y": p.get("y", 0) * down, "z": p.get("z", 0) * across} for p in points]

    def fraction(self, x: float, y: float) -> Point | None:
        """Return the point for a position in fractions of the picture, or None if the picture's size is not known."""
        return Point(x=x * self.size[0], y=y * self.size[1]) if self.size else None

    def point(self, x: float, y: float, z: float | None = None) -> Point:
        """Return the point in pixels of the upright original for a point in pixels of the picture that was sent.

        The depth ``z`` is scaled like the width. If the sizes are not known, the numbers stay as they are.
        """
        across, down = self._scale
        return Point(x=x * across, y=y * down, z=None if z is None else z * across)

    def box_from_fraction(self, x: float, y: float, width: float, height: float) -> Box | None:
        """Return a box in pixels for one in fractions of the picture, or None if the picture's size is not known."""
        if self.size is None:
            return None
        across, down = self.size
        return Box(x=x * across, y=y * down, width=width * across, height=height * down, image_size=self.size)


@dataclass(frozen=True)
class Picture(_Frame):
    """A picture that is ready to be sent, as bytes or as an address that the vendor fetches itself."""

    blob: Blob | None = None
    uri: str | None = None

    @property
    def by_reference(self) -> bool:
        """True if only the address is sent."""
        return self.uri is not None


@dataclass(frozen=True)
class Decoded(_Frame):
    """A decoded picture for an engine on this machine."""

    image: PIL.Image.Image
    """White is behind its transparent parts."""
    opacity: PIL.Image.Image | None = None
    """How opaque it is, 0 to 255, as a grey picture; None if it has no transparent parts."""


def as_image(given: Any) -> Image:
    """Return what a user gives as an `Image`; a frame of a video is one already."""
    return given if isinstance(given, Image) else Image(given)


class Image(Source):
    """A picture as the user gives it: a path, an address, bytes, an open file, a PIL image or a NumPy array.

    A file is open for reading bytes. An array is uint8, of the shape height x width, or height x width x 1 (grey),
    3 (RGB) or 4 (RGBA).

    Example:
        >>> Image("나무.jpg").name
        '나무.jpg'
    """

    kind = "an image"
    frame: _Frame | None = None
    """The result of the last `fit` or `pixels`."""
    is_draft = False
    """True if only the header is looked at, to tell what would be sent."""

    def fit(self, limits: ImageLimits) -> Flow[Picture]:
        """Prepare the picture so that it fits a vendor's limits, and return it.

        If the picture is at an address that the client does not fetch, only the address is returned.

        Raises:
            InputError: The file is no picture, is damaged or cannot be made to fit, or neither the client nor the
                vendor fetches its address. Nothing was sent to the vendor.
            MissingExtraError: The picture is HEIC, and pillow-heif is not installed.
        """
        yield from self.fetched()
        if self._memory:
            picture = self._recall(Picture)
        elif self.uri:
            picture = self._by_reference(limits)
        else:
            # To look at a small file in memory takes less time than to hand it to a thread.
            plain = self._plain(limits) if self._is_small else None
            picture = plain or (yield from self._fitted(limits))
        self.frame = picture
        return picture

    def pixels(self, max_side: int) -> Flow[Decoded]:
        """Decode the picture upright and in RGB, for an engine on this machine, and return it.

        Args:
            max_side: The greatest length of the longer side, in px; a larger picture is shrunk.

        Raises:
            InputError: The file is no picture, is damaged or too large, or is at an address that the client does not
                fetch.
            MissingExtraError: The picture is HEIC, and pillow-heif is not installed.
        """
        yield from self.fetched()
        header = yield from call(self._header)
        decoded: Decoded = yield Call(lambda: self._pixels(header, max_side), memory=self._cost(header, max_side))
        self.frame = decoded
        return decoded

    def whole(self, make: Callable[..., P], **facts: Any) -> P:
        """Return the input as it was given, whatever it holds, as what ``make`` returns for these facts about it."""
        unknown = dict.fromkeys(("width", "height", "sent_width", "sent_height"))
        uri = self.address() if self.uri else None
        whole = self._recall(make) if self._memory else make(**unknown, prepared="as given", uri=uri, **facts)
        self.frame = whole
        return whole

    @property
    def is_recalled(self) -> bool:
        """True if only the saved facts about the input are here, and not the input itself."""
        return bool(self._memory)

    @property
    def was_whole(self) -> bool:
        """True if the saved facts about the input are those of a document."""
        return "pages" in (self._memory or {}).get("fitted", {})

    def open(self, max_side: int | None = None) -> PIL.Image.Image:
        """Return the picture upright and in RGB.

        It waits for its share of the memory for pictures, like every picture that is prepared.

        Args:
            max_side: The greatest length of its longer side in px; a larger picture is shrunk, which takes less time
                and memory than to decode all of it. None keeps the full size.

        Raises:
            InputError: The file is no picture, is damaged or too large, or is at an address, which is not fetched here.
            MissingExtraError: The picture is HEIC, and pillow-heif is not installed.
        """
        header = self._header()
        share = budget().ask(self._cost(header, max_side))
        try:
            share.granted.result()
            return self._pixels(header, max_side).image
        finally:
            share.give_back()

    def look(self) -> None:
        """Read the file and check its header, so that most unusable pictures are noticed early.

        The pixels are not decoded, so that damage in them is not noticed.

        Raises:
            InputError: The file is no picture, has a damaged header, is too large, or is at an address, which is not
                fetched here.
            MissingExtraError: The picture is HEIC, and pillow-heif is not installed.
        """
        self._header()

    def facts(self) -> dict[str, Any]:
        """Return the facts about this picture that go into `Meta`; before `fit` or `pixels` there are none.

        They are ``sha256``, ``image_size``, ``prepared`` and ``by_reference``. If `fit` has made bytes to send, there
        are also ``sent_sha256`` and ``sent_bytes``.
        """
        frame = self.frame
        if self._memory:
            facts = self._memory["facts"]
            return {**facts, "image_size": facts["image_size"] and tuple(facts["image_size"])}
        if frame is None:
            return {}
        blob = frame.blob if isinstance(frame, Picture) else None
        sent = {"sent_sha256": blob.sha256, "sent_bytes": len(blob.data)} if blob else {}
        known = {"sha256": self.key, "image_size": frame.size, "prepared": frame.prepared}
        return {**known, "by_reference": self.uri is not None, **sent}

    def memory(self) -> dict[str, Any]:
        """Return the facts that a later run needs to read saved replies without the picture, to be given to `recalled`.

        They hold the sizes, the orientation and the address. The dict is empty if the last result was not one of `fit`.
        """
        return self._kept(self.frame) if isinstance(self.frame, Picture) else {}

    @property
    def is_at_hand(self) -> bool:
        """True if no file has to be read and no address to be fetched for the bytes or the pixels."""
        if self.has_pixels:
            return not getattr(self._given, "tile", None)  # Pillow has not read the file yet
        return super().is_at_hand

    def load(self) -> None:
        """Read the file, if that is not done yet; a PIL image may be of a file that was only opened.

        Raises:
            InputError: There are no bytes, they cannot be read, are damaged, or there are too many.
        """
        if not self.has_pixels:
            super().load()
            return
        header = self._header()
        memory.require_affordable(header, memory.needed(header, (1, 1)), self.name)
        with self._reading, decode.decoding(self.name, header.format):
            self._given.load()

    @lazy
    def has_pixels(self) -> bool:
        """True if a PIL image or a NumPy array was given."""
        return self._is_array or hasattr(self._given, "getexif")

    @property
    def _is_array(self) -> bool:
        # A PIL image has an __array_interface__ too, and makes a copy of its pixels when it is asked for that.
        return hasattr(self._given, "dtype") and hasattr(self._given, "__array_interface__")

    @lazy
    def key(self) -> str:
        """The sha256 (hex) of the bytes as given, of the pixels where those were given, or of the address."""
        if self.uri or not self.has_pixels:
            return sha256(self.uri.encode("utf-8", "surrogatepass") if self.uri else self.data).hexdigest()
        header, given = self._header(), self._given
        stored = (header.height, header.width) if header.turned else (header.width, header.height)
        digest = sha256(f"{header.mode} {stored} {header.orientation}".encode())
        # The digest is made strip by strip, because all rows at once would take the memory of the whole picture once
        # more.
        rows = strip_rows(stored[0])
        pieces = (
            (decode.from_array(given[top : top + rows]) for top in range(0, stored[1], rows))
            if self._is_array
            else strips(given)
        )
        for piece in pieces:
            digest.update(piece.tobytes())
        return digest.hexdigest()

    @lazy
    def _mended(self) -> tuple[bytes, bool]:
        """The file without blanks before it, and with the end that a JPEG lacks; and whether it lacked that."""
        return mended(self.data)

    def _header(self) -> Header:
        """Return the header of the picture; no pixel is decoded for it."""
        if self.uri:
            raise InputError(f"{self.name} is an address", advice=FETCH)
        if self._is_array:
            return decode.array_header(self._given)
        if self.has_pixels:
            # The usual name of a picture without a path is made of its digest, which is made of this header.
            return decode.from_pillow(self._given, self._own_name or "the picture")[1]
        return decode.header_of(self._mended[0], self.name)

    def _opened(self) -> PIL.Image.Image:
        if self._is_array:
            return decode.from_array(self._given)
        return self._given if self.has_pixels else decode.opened(self._mended[0], self.name)

    def _cost(self, header: Header, max_side: int | None) -> int:
        """Return how many bytes it takes to decode the picture with this longer side.

        Raises:
            InputError: All pictures of the process together may not take as many.
        """
        size = _scaled(header, _scale_to(header, max_side))
        cost = memory.needed(header, size, given=self.has_pixels)
        memory.require_affordable(header, cost, self.name)
        return cost

    def _by_reference(self, limits: ImageLimits) -> Picture:
        address = self.address()
        if not limits.by_url or address.partition(":")[0].lower() not in limits.schemes:
            raise InputError(f"{limits.who} does not fetch {self.name}", advice=FETCH)
        return Picture(None, None, None, None, None, None, uri=address)

    def _pixels(self, header: Header, max_side: int | None) -> Decoded:
        _ = self.key  # `facts` needs it and may run in an event loop; this code runs in a thread
        size = _scaled(header, _scale_to(header, max_side))
        opened = [self._opened()]
        opaque = decode.opacity(opened[0], header, size, self.name)
        # The list gives the picture away, so that its memory is free while a copy of it is turned.
        shown = decode.upright(opened.pop(), header, size, self.name, keep=self.has_pixels)
        said = _said(header, size, None)
        return Decoded(header.width, header.height, *size, header.format, said, image=shown, opacity=opaque)

    @property
    def _is_small(self) -> bool:
        """True if the input is a small file in memory."""
        return isinstance(self._given, bytes) and len(self._given) <= SMALL

    def _plain(self, limits: ImageLimits) -> Picture | None:
        """Return a JPEG that can be sent as it is, or without its comments; None for any other input.

        For such a file it is enough to go over its segments once, and no decoder has to be asked.
        """
        if "JPEG" not in limits.formats or self.has_pixels:
            return None
        data = self.data
        if data[:3] != JPEG:
            return None
        try:
            segments = jpeg_segments(data)
        except (InputError, IndexError):
            return None  # the decoder says what is wrong with it
        size = plain_jpeg_size(segments, decode.MOST_SCANS)
        if size is None or size[0] * size[1] > decode.MOST_PIXELS:
            return None
        header = Header("JPEG", *size)
        if _largest_scale(header, limits) < 1 or min(size) < limits.min_side:
            return None
        clean = without_metadata(data, segments)
        return self._cleaned(header, clean) if len(clean) <= limits.max_bytes else None

    def _fitted(self, limits: ImageLimits) -> Flow[Picture]:
        """Return the file without its metadata, or encode the picture anew once there is memory for that."""
        looked_at: Picture | tuple[Header, float] = yield from call(self._looked_at, limits)
        if isinstance(looked_at, Picture):
            return looked_at
        header, scale = looked_at
        cost = memory.needed(header, _scaled(header, scale), given=self.has_pixels)
        memory.require_affordable(header, cost, self.name)
        picture: Picture = yield Call(lambda: self._encoded_anew(header, scale, limits), memory=cost)
        return picture

    def _looked_at(self, limits: ImageLimits) -> Picture | tuple[Header, float]:
        """Return the picture if it can be sent without decoding it; else its header, and the scale for encoding it."""
        if (plain := self._plain(limits)) is not None:
            return plain
        header = self._header()
        largest = _largest_scale(header, limits)
        if min(_scaled(header, largest)) < limits.min_side:
            raise InputError(
                f"{self.name} has {header.width}×{header.height} pixels; "
                f"{limits.who} takes {limits.min_side} to {limits.max_side} px a side"
            )
        as_given = self._as_given(header, limits) if largest == 1 else None
        return as_given or (header, min(largest, memory.most_scale(header)))

    def _as_given(self, header: Header, limits: ImageLimits) -> Picture | None:
        """Return the file itself without its metadata, or None if the picture has to be encoded anew.

        That is so if a PIL image or an array was given, if the picture is animated or has to be turned, if its format
        is not accepted or its metadata cannot be removed without decoding, or if the file is too large.
        """
        # An animation is encoded anew, so that a single picture is sent.
        if header.format not in limits.formats or header.orientation != 1 or header.animated or self.has_pixels:
            return None
        data, lacked_its_end = self._mended
        # In a JPEG without an end, nobody can tell where the pixels end and other data begins.
        if header.format not in STRIPPABLE or lacked_its_end:
            return None
        clean = strip(data, header.format)
        return self._cleaned(header, clean) if len(clean) <= limits.max_bytes else None

    def _cleaned(self, header: Header, clean: bytes) -> Picture:
        """Return the file without its metadata as a picture that is ready to be sent."""
        size = header.width, header.height
        if clean == self.data:  # the copy can be freed
            return self._picture(header, size, self.data, header.format, "as given")
        return self._picture(header, size, clean, header.format, "metadata removed")

    def _encoded_anew(self, header: Header, scale: float, limits: ImageLimits) -> Picture:
        """Turn and shrink the picture to this scale, and encode it; shrink it further until the file is small enough.

        Raises:
            InputError: The file is still too large when the shorter side is as short as the vendor allows.
        """
        size = _scaled(header, scale)
        shown = decode.upright(self._opened(), header, size, self.name, keep=self.has_pixels)
        while min(size) >= limits.min_side:
            for format, data in _encodings(shown, header, limits):  # noqa: A001
                if len(data) <= limits.max_bytes:
                    return self._picture(header, size, data, format, _said(header, size, format))
            if max(size) == 1:  # the picture cannot be made any smaller
                break
            scale *= SHRINK
            size = _scaled(header, scale)
            smaller = in_rgb(shown, size, self.name)
            smaller.info, shown = shown.info, smaller
        raise InputError(f"{self.name} cannot be made to fit the {limits.max_bytes:,} bytes that {limits.who} takes")

    def _picture(self, header: Header, size: tuple[int, int], data: bytes, format: str, prepared: str) -> Picture:  # noqa: A002
        """Return the bytes as a picture that is ready to be sent; ``size`` is the width and height of what is sent."""
        blob = Blob(self.key, data.__bytes__, f"image/{format.lower()}")  # the method that returns the bytes themselves
        if data is self._bytes:
            vars(blob)["sha256"] = self.key  # what is sent is what was given, and need not be digested again
        _ = blob.sha256  # for `facts`, as in `_pixels`
        return Picture(
            header.width, header.height, *size, header.format, prepared, blob=blob, orientation=header.orientation
        )


def _largest_scale(header: Header, limits: ImageLimits) -> float:
    """Return the largest scale, at most 1, at which the picture is within ``max_side`` and ``max_pixels``.

    The least length of a side is not considered.
    """
    scale = min(1.0, limits.max_side / max(header.width, header.height))
    if limits.max_pixels is not None:
        scale = min(scale, (limits.max_pixels / (header.width * header.height)) ** 0.5)
    return scale


def _scale_to(header: Header, max_side: int | None) -> float:
    """Return the largest scale, at most 1, at which no side is longer; None stands for the full size."""
    if max_side is None:
        return 1.0
    return min(memory.most_scale(header), max_side / max(header.width, header.height))


def _scaled(header: Header, scale: float) -> tuple[int, int]:
    # Sides are rounded down, because one that is rounded up may be a pixel too long.
    return max(1, int(header.width * scale)), max(1, int(header.height * scale))


def _encodings(image: PIL.Image.Image, header: Header, limits: ImageLimits) -> Iterator[tuple[str, bytes]]:
    """Yield the picture as files, the best first; each is made only when it is asked for."""
    lossless = header.format not in ("JPEG", "HEIC", "AVIF", "WEBP") and image.width * image.height <= LOSSLESS_UP_TO
    if "PNG" in limits.formats and (lossless or "JPEG" not in limits.formats):
        yield "PNG", decode.encoded(image, "PNG")
    for quality in QUALITIES if "JPEG" in limits.formats else ():
        yield "JPEG", decode.encoded(image, "JPEG", quality)


def _said(header: Header, size: tuple[int, int], format: str | None) -> str:  # noqa: A002
    """Return a note of how the picture was prepared: "upright, 4000→1600 px"."""
    parts = ["upright"] if header.orientation != 1 else []
    longest, sent = max(header.width, header.height), max(size)
    parts += [f"{longest}→{sent} px"] if longest != sent else []
    parts += [f"{header.format} to {format}"] if format and format != header.format else []
    return ", ".join(parts) or ("encoded anew" if format else "as given")
