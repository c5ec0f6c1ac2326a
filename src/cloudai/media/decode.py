"""Decode and encode pictures with Pillow: upright, in eight-bit colour, and no larger than asked.

Pillow is imported where it is used, so that a program that only reads texts does not load it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudai.errors import CloudAIError, InputError, MissingExtraError
from cloudai.media.icc import scrubbed
from cloudai.media.source import not_a
from cloudai.media.strip import png_chunks, scans

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["MOST_PIXELS", "Header", "decoding", "encoded", "from_array", "from_pillow", "opened", "upright"]

MOST_PIXELS = 64_000_000
"""The most pixels that a picture may have.

A phone's 50 MP photo has 8192 x 6144. Much larger pictures are mostly decompression bombs: a few KB that fill the
memory when they are decoded.
"""

MOST_SCANS = 500
"""The most scans that a JPEG may have.

A progressive photo has about ten. A file made to waste time has thousands, and each costs a pass over the whole
picture.
"""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "ICO", "AVIF")
"""The formats that are opened. Pillow knows many more, most of which are of use to attackers only."""
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
ORIENTATION = 0x0112


@dataclass(frozen=True)
class Header:
    """The facts about a picture that are known before it is decoded; the size is that of the upright picture, in px."""

    format: str
    width: int
    height: int
    orientation: int = 1
    """EXIF orientation: 1 is upright, 2 to 8 are mirrored or turned."""
    animated: bool = False

    @property
    def turned(self) -> bool:
        """True if the stored picture lies on its side."""
        return self.orientation >= 5  # noqa: PLR2004


def opened(data: bytes, name: str) -> tuple[PIL.Image.Image, Header]:
    """Return the picture, not decoded yet, and its header.

    Raises:
        InputError: The bytes are no picture, are damaged, or hold too large a picture.
        MissingExtraError: The picture is HEIC, and pillow-heif is not installed.
    """
    if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS:
        image = _heic(data, name)
        return image, _header(image, "HEIC", name, orientation=1)  # its decoder has turned it
    image = _pillow(data, name)
    stored = str(image.format)
    if stored == "JPEG" and scans(data) > MOST_SCANS:
        raise InputError(f"{name} is a JPEG of more than {MOST_SCANS} scans", advice="Export it again.")
    if stored == "PNG":
        _find_exif(image, data)
    return image, _header(image, stored, name)


def _pillow(data: bytes, name: str) -> PIL.Image.Image:
    import PIL.Image
    import PIL.JpegImagePlugin

    PIL.Image.init()
    for kind in FORMATS:
        # PIL.Image.open would warn of large pictures by global settings, which belong to the user. The plugins
        # do not, and we have a limit of our own.
        factory, accept = PIL.Image.OPEN.get(kind, (None, None))
        if kind == "JPEG":
            # The registered factory looks for more pictures behind the first, and warns of what it finds.
            factory = PIL.JpegImagePlugin.JpegImageFile
        if factory is None or (accept and accept(data[:16]) is not True):
            continue
        with decoding(name, kind):
            for size in STATED_SIZES[kind](data) if kind in STATED_SIZES else ():
                _require_decodable(size, name)
            return factory(io.BytesIO(data), name)
    raise not_a("an image", name, data)


@contextmanager
def decoding(name: str, kind: str) -> Iterator[None]:
    """Replace any error of a decoder by an InputError that says that the file is damaged.

    Decoders raise errors of many kinds when a file is cut off or wrong. An error of cloudai passes as it is.

    Args:
        name: The picture's name, for the error.
        kind: The format of the file, for the error: "JPEG".
    """
    try:
        yield
    except CloudAIError:
        raise
    except Exception as error:
        advice = "Download or export it again."
        raise InputError(f"{name} is cut off or damaged ({kind})", advice=advice) from error


def _heic(data: bytes, name: str) -> PIL.Image.Image:
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingExtraError(f"{name} is HEIC: that", "heif") from error
    with decoding(name, "HEIC"):
        picture = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
        _require_decodable(picture.size, name)
        return picture.to_pillow()  # type: ignore[no-any-return]
    raise AssertionError  # pragma: no cover  # for the types


def _webp_sizes(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the size of the canvas, in px; https://developers.google.com/speed/webp/docs/riff_container."""
    # The first chunk has the size. The extended and the lossless format store each side less one.
    kind, body = data[12:16], data[20:30].ljust(10, b"\0")
    if kind == b"VP8X":
        yield int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    elif kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        yield (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = struct.unpack_from("<HH", body, 6)
        yield width & 0x3FFF, height & 0x3FFF


def _ico_sizes(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the size of each picture in an icon, in px, by its own header: the icon's directory may state another."""
    # An entry of the directory has 16 bytes, and ends with the offset of a picture, which is PNG or BMP.
    for entry in range(6, 6 + 16 * int.from_bytes(data[4:6], "little"), 16):
        (start,) = struct.unpack_from("<I", data, entry + 12)
        head = data[start : start + 24].ljust(24, b"\0")
        width, height = (
            struct.unpack_from(">ii", head, 16) if head[:4] == b"\x89PNG" else struct.unpack_from("<ii", head, 4)
        )
        yield abs(width), abs(height)


STATED_SIZES: dict[str, Callable[[bytes], Iterator[tuple[int, int]]]] = {"WEBP": _webp_sizes, "ICO": _ico_sizes}
"""Functions that read the sizes which a decoder will believe.

They are for formats whose decoders allocate the memory of the picture as soon as they are made.
"""


def _find_exif(image: PIL.Image.Image, data: bytes) -> None:
    """Read the EXIF data of a PNG also where it stands behind the pixels.

    Pillow finds it there only by decoding the picture.
    """
    if "exif" not in image.info:
        with suppress(InputError, struct.error, IndexError):
            image.info["exif"] = next((body for name, body in png_chunks(data) if name == b"eXIf"), b"")


def _header(image: PIL.Image.Image, format: str, name: str, orientation: int | None = None) -> Header:  # noqa: A002
    _require_decodable(image.size, name)  # checked first, because the next lines may decode the picture
    orientation = _orientation(image) if orientation is None else orientation
    width, height = image.size[::-1] if orientation >= 5 else image.size  # noqa: PLR2004
    with decoding(name, format):
        animated = bool(getattr(image, "is_animated", False))  # to know it, Pillow reads on in a GIF
    return Header(format, width, height, orientation, animated)


def _require_decodable(size: tuple[int, int], name: str) -> None:
    """Raise InputError if a picture of this size (width and height in px) has more than `MOST_PIXELS`."""
    width, height = size
    if width * height > MOST_PIXELS:
        raise InputError(
            f"{name} has {width}×{height} pixels; the most is {MOST_PIXELS / 1e6:.0f} million",
            advice="Make it smaller first.",
        )


def _orientation(image: PIL.Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; it is 1 if there is none, or if Pillow turns the picture itself."""
    if image.format == "TIFF":
        return 1  # Pillow turns a TIFF when it decodes it, and states the size of the upright picture
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001  # broken metadata does not mean a broken picture
        return 1
    return value if value in range(1, 9) else 1


def from_pillow(image: PIL.Image.Image, name: str) -> tuple[PIL.Image.Image, Header]:
    """Return a Pillow image that the user gave, and its header.

    Raises:
        InputError: The image has too many pixels.
    """
    return image, _header(image, image.format or "pixels", name)


def from_array(array: Any) -> PIL.Image.Image:
    """Return a NumPy array as a picture.

    Args:
        array: uint8, of the shape height x width, or height x width x 1 (grey), 3 (RGB) or 4 (RGBA).

    Raises:
        InputError: The array has another type or another shape.
    """
    import PIL.Image

    shape, kind = tuple(array.shape), str(array.dtype)
    if kind != "uint8":
        raise InputError(f"an array of {kind} is no picture", advice="Give uint8, 0 to 255: (a * 255).astype('uint8').")
    if len(shape) not in (2, 3) or 0 in shape or (len(shape) == 3 and shape[2] not in (1, 3, 4)):  # noqa: PLR2004
        raise InputError(
            f"an array of shape {shape} is no picture",
            advice="Give height × width, or height × width × 3 (RGB).",
        )
    return PIL.Image.fromarray(array[:, :, 0] if len(shape) == 3 and shape[2] == 1 else array)  # noqa: PLR2004


def upright(image: PIL.Image.Image, header: Header, size: tuple[int, int], name: str) -> PIL.Image.Image:
    """Return the picture decoded, upright, in RGB and resized.

    Args:
        image: The picture, decoded or not. It is decoded in place and may be what is returned: give a copy of one that
            the user holds.
        header: The facts about it.
        size: Width and height of the upright picture that is returned, in px.
        name: The picture's name, for error messages.

    Raises:
        InputError: The picture is damaged.
    """
    import PIL.Image

    stored = size[::-1] if header.turned else size
    with decoding(name, header.format):
        # A JPEG decodes to a half, a quarter or an eighth of its size in a fraction of the time.
        image.draft(None, stored)
        image.load()
        colours = _in_rgb(image)
    if colours.size != stored:
        colours = colours.resize(stored, PIL.Image.Resampling.LANCZOS)
    # The picture is turned after it has shrunk, because there is less to turn.
    method = _TURNS.get(header.orientation)
    if method is not None:
        colours = colours.transpose(PIL.Image.Transpose(method))
    # Only the profile is kept: by the old orientation a viewer would turn the picture again, and Pillow would write
    # a comment into the file.
    profile = colours.info.get("icc_profile")
    colours.info = {"icc_profile": profile} if profile else {}
    return colours


# An EXIF orientation, and the PIL.Image.Transpose that makes the stored picture upright.
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}


def _in_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return a picture in RGB, with white behind transparent parts; one that is RGB is returned itself."""
    import PIL.Image

    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):  # 16-bit grey
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        shown = image.convert("RGBA")
        paper = PIL.Image.new("RGB", shown.size, "white")
        paper.paste(shown, mask=shown.getchannel("A"))
        return paper
    return image.convert("RGB")


def encoded(image: PIL.Image.Image, format: str, quality: int = 90) -> bytes:  # noqa: A002
    """Return the picture as a file that has no metadata but the colours of its profile.

    Args:
        image: A decoded picture.
        format: Pillow's name of the format, for example "PNG".
        quality: Quality of a JPEG; it means nothing for other formats.
    """
    out = io.BytesIO()
    options: dict[str, Any] = {"quality": quality} if format == "JPEG" else {}
    profile = scrubbed(image.info.get("icc_profile") or b"")
    image.save(out, format, icc_profile=profile or None, **options)
    return out.getvalue()
