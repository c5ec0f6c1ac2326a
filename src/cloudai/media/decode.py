"""Decode and encode pictures with Pillow: upright, in eight-bit colour, and no larger than asked.

Pillow is imported where it is used, so that a program that only reads texts does not load it.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cloudai.errors import CloudAIError, InputError, MissingExtraError
from cloudai.media import colours
from cloudai.media.icc import scrubbed
from cloudai.media.source import not_a
from cloudai.media.strip import png_chunks, scans, strip, webp_chunks

if TYPE_CHECKING:
    import PIL.Image

__all__ = [
    "MOST_PIXELS",
    "Header",
    "array_header",
    "decoding",
    "encoded",
    "from_array",
    "from_pillow",
    "header_of",
    "opened",
    "upright",
]

MOST_PIXELS = 200_000_000
"""The most pixels that a picture may have, which are those of the largest photos that phones take (16,320 x 12,240).

Much larger pictures are mostly decompression bombs: a few KB that fill the memory when they are decoded. The budget of
memory (``memory.py``) limits the memory that fewer pixels may take.
"""
LARGEST_ICON = 4_000_000
"""The most pixels of an icon, whose decoder takes the memory as soon as it is made; usual ones have 256 x 256."""

MOST_SCANS = 500
"""The most scans that a JPEG may have.

A progressive photo has about ten. A file made to waste time has thousands, and each costs a pass over the whole
picture.
"""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "ICO", "AVIF")
"""The formats that are opened. Pillow knows many more, most of which are of use to attackers only."""
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
ORIENTATION, EXIF_PART, EXIF_WIDTH, EXIF_HEIGHT = 0x0112, 0x8769, 0xA002, 0xA003


@dataclass(frozen=True)
class Header:
    """The facts about a picture that are known before it is decoded; the size is that of the upright picture, in px."""

    format: str
    width: int
    height: int
    orientation: int = 1
    """EXIF orientation: 1 is upright, 2 to 8 are mirrored or turned."""
    animated: bool = False
    mode: str = "RGB"
    """Pillow's name of how the pixels are stored once they are decoded."""
    coefficients: int = 0
    """Bytes that the decoder of a progressive JPEG takes beside the pixels."""
    turns_itself: bool = False
    """True if the decoder turns the picture upright, and takes the memory for that."""

    @property
    def turned(self) -> bool:
        """True if the stored picture lies on its side."""
        return self.orientation >= 5  # noqa: PLR2004

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.width * self.height


def header_of(data: bytes, name: str) -> Header:
    """Return the header of a picture; no pixel is decoded, and little memory is taken.

    Raises:
        InputError: The bytes are no picture, are damaged, or hold too large a picture.
        MissingExtraError: The picture is HEIC, and pillow-heif is not installed.
    """
    if is_heic(data):
        heic = _heic(data, name)
        width, height = heic.size
        return Header("HEIC", width, height, mode=heic.mode)  # its decoder turns it, and states the size of the result
    if WEBP.match(data):
        return _webp_header(data, name)
    image = _pillow(data, name)
    stored = str(image.format)
    if stored == "JPEG" and scans(data) > MOST_SCANS:
        raise InputError(f"{name} is a JPEG of more than {MOST_SCANS} scans", advice="Export it again.")
    header = _header(image, stored, name)
    if stored == "PNG" and any(chunk == b"acTL" for chunk, _ in png_chunks(data)):
        return replace(header, animated=True)
    return header


def is_heic(data: bytes) -> bool:
    """Return whether the bytes begin like a HEIC file."""
    return data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS


def opened(data: bytes, name: str) -> PIL.Image.Image:
    """Return a picture whose header has been checked; some formats are decoded here, others when they are loaded."""
    if is_heic(data):
        with decoding(name, "HEIC"):
            return _heic(data, name).to_pillow()  # type: ignore[no-any-return]
    return _pillow(data, name)


def _pillow(data: bytes, name: str) -> PIL.Image.Image:
    import PIL.Image
    import PIL.JpegImagePlugin

    # Pillow loads formats only when they are needed: this loads all of them, among them TIFF and WebP.
    PIL.Image.init()
    for kind in FORMATS:
        # PIL.Image.open would warn of large pictures by global settings, which belong to the user. The plugins
        # do not, and we have a limit of our own.
        factory, accept = PIL.Image.OPEN.get(kind, (None, None))
        if kind == "JPEG":
            # The registered factory looks for more pictures behind the first, and warns of what it finds.
            factory = PIL.JpegImagePlugin.JpegImageFile
        # A function of Pillow may also return a text, which says why the file cannot be opened.
        if factory is None or (accept and accept(data[:16]) is not True):
            continue
        with decoding(name, kind):
            for size in _ico_sizes(data) if kind == "ICO" else ():
                _require_decodable(size, name, LARGEST_ICON)
            return _png(data, name) if kind == "PNG" else factory(io.BytesIO(data), name)
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


def _heic(data: bytes, name: str) -> Any:
    """Return a HEIC file, of which nothing is decoded yet."""
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingExtraError(f"{name} is HEIC: that", "heif") from error
    with decoding(name, "HEIC"):
        picture = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
        _require_decodable(picture.size, name)
        return picture
    raise AssertionError  # pragma: no cover  # for the types


WEBP = re.compile(rb"RIFF....WEBP", re.DOTALL)


def _webp_header(data: bytes, name: str) -> Header:
    """Return the header of a WebP; https://developers.google.com/speed/webp/docs/riff_container.

    It is read here, because the decoder takes the memory for the picture as soon as it is made.
    """
    with decoding(name, "WEBP"):
        # The first chunk has the size. The extended and the lossless format store each side less one.
        kind, body = data[12:16], data[20:30].ljust(10, b"\0")
        if kind == b"VP8X":
            width, height = int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
        elif kind == b"VP8L":
            bits = int.from_bytes(body[1:5], "little")
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        else:
            width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
        _require_decodable((width, height), name)
        if not (width and height) or kind not in (b"VP8X", b"VP8L", b"VP8 "):
            raise ValueError(kind)
        orientation, flags = 1, body[0] if kind == b"VP8X" else 0
        if flags & WEBP_EXIF:
            with suppress(InputError):
                exif = next((content for chunk, content in webp_chunks(data) if chunk == b"EXIF"), b"")
                orientation = _exif_orientation(exif)
        if orientation >= 5:  # noqa: PLR2004
            width, height = height, width
    transparent = bool(flags & WEBP_ALPHA) or kind == b"VP8L"
    return Header("WEBP", width, height, orientation, bool(flags & WEBP_ANIMATED), "RGBA" if transparent else "RGB")


WEBP_ANIMATED, WEBP_EXIF, WEBP_ALPHA = 0x02, 0x08, 0x10
"""Flags of the extended format."""


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


PNG_HEAD = 24
"""Bytes of a PNG up to the end of its width and height."""


def _png(data: bytes, name: str) -> PIL.Image.Image:
    """Return a PNG without its texts, which Pillow would unpack, and refuse for their size or a wrong checksum."""
    import PIL.PngImagePlugin

    if len(data) >= PNG_HEAD:
        _require_decodable(struct.unpack_from(">II", data, 16), name)  # a file that is cut off is checked, too
    try:
        kept = strip(data, "PNG")
    except InputError as error:
        raise ValueError(error.message) from error  # `decoding` says of which picture it is
    image = PIL.PngImagePlugin.PngImageFile(io.BytesIO(kept), name)
    # Pillow finds EXIF data that stand behind the pixels only by decoding the picture.
    image.info["exif"] = next((body for chunk, body in png_chunks(data) if chunk == b"eXIf"), b"")
    return image


def _header(image: PIL.Image.Image, format: str, name: str) -> Header:  # noqa: A002
    _require_decodable(image.size, name)  # checked first, because the next lines may decode the picture
    orientation = _orientation(image)
    width, height = image.size[::-1] if orientation >= 5 else image.size  # noqa: PLR2004
    with decoding(name, format):
        animated = bool(getattr(image, "is_animated", False))  # to know it, Pillow reads on in a GIF
    turns_itself = format == "TIFF" and getattr(image, "tag_v2", {}).get(ORIENTATION, 1) != 1
    return Header(format, width, height, orientation, animated, image.mode, _coefficients(image), turns_itself)


def _coefficients(image: PIL.Image.Image) -> int:
    """Return how many bytes the decoder of a progressive JPEG takes: two for each sample of each component."""
    layers = getattr(image, "layer", None)
    if not image.info.get("progressive") or not layers:
        return 0
    across, down = max(layer[1] for layer in layers), max(layer[2] for layer in layers)
    samples = sum(layer[1] * layer[2] for layer in layers) / (across * down)
    return int(2 * samples * image.width * image.height)


def _require_decodable(size: tuple[int, int], name: str, most: int | None = None) -> None:
    """Raise InputError if a picture of this size (width and height in px) has more pixels than ``most``."""
    width, height = size
    most = MOST_PIXELS if most is None else min(most, MOST_PIXELS)
    if width * height > most:
        raise InputError(
            f"{name} has {width}×{height} pixels; the most is {most / 1e6:.0f} million", advice="Make it smaller first."
        )


def _orientation(image: PIL.Image.Image) -> int:
    """Return the orientation that the EXIF data state.

    One that stands in the XMP data alone is not believed, although Pillow does: browsers and viewers do not.
    """
    if image.format == "TIFF":
        return 1  # Pillow turns a TIFF when it decodes it, and states the size of the upright picture
    exif = image.info.get("exif") or b""
    with suppress(ValueError):
        # ImageMagick used to write it into a text of a PNG, in hexadecimal digits.
        exif = exif or bytes.fromhex("".join(str(image.info.get("Raw profile type exif", "")).split("\n")[3:]))
    value = _exif_orientation(exif)
    if value == 1:
        return value
    try:
        value = image.getexif().get(ORIENTATION, 1)  # the user may have changed it
    except Exception:  # noqa: BLE001  # broken metadata does not mean a broken picture
        return 1
    return value if value in range(1, 9) else 1


def _exif_orientation(exif: bytes) -> int:
    """Return the orientation in EXIF data; 1 where they have none, or are broken."""
    import PIL.Image

    read = PIL.Image.Exif()
    try:
        read.load(exif)
        value = read.get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001  # broken metadata does not mean a broken picture
        return 1
    return value if value in range(1, 9) else 1


def from_pillow(image: PIL.Image.Image, name: str) -> tuple[PIL.Image.Image, Header]:
    """Return a Pillow image that the user gave, and its header.

    Raises:
        InputError: The image has too many pixels.
    """
    _require_decodable(image.size, name)
    if image.format == "PNG" and "exif" not in image.info:
        with decoding(name, "PNG"):
            image.load()  # the EXIF data may stand behind the pixels
    header = _header(image, image.format or "pixels", name)
    if image.format is None and header.turned and _is_turned_already(image):
        header = replace(header, orientation=1, width=image.width, height=image.height)
    return image, header


def _is_turned_already(image: PIL.Image.Image) -> bool:
    """Return whether a picture has been turned since its EXIF data were written.

    Pillow keeps the orientation of a picture that the user turns by hand. The EXIF data of a camera also have the width
    and the height that the picture had, and these are swapped then.
    """
    with suppress(Exception):  # broken metadata does not mean a broken picture
        stated = image.getexif().get_ifd(EXIF_PART)
        width, height = int(stated[EXIF_WIDTH]), int(stated[EXIF_HEIGHT])
        return (width - height) * (image.width - image.height) < 0
    return False


def from_array(array: Any) -> PIL.Image.Image:
    """Return a NumPy array as a picture.

    Args:
        array: uint8, of the shape height x width, or height x width x 1 (grey), 3 (RGB) or 4 (RGBA).

    Raises:
        InputError: The array has another type or another shape, or too many pixels.
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
    _require_decodable((shape[1], shape[0]), "the array")
    return PIL.Image.fromarray(array[:, :, 0] if len(shape) == 3 and shape[2] == 1 else array)  # noqa: PLR2004


def array_header(array: Any) -> Header:
    """Return the header of a NumPy array, of which only the first row is looked at.

    Raises:
        InputError: The array has a type or a shape that no picture has, or too many pixels.
    """
    first = from_array(array[:1]) if getattr(array, "ndim", 0) > 1 and len(array) else from_array(array)
    _require_decodable((first.width, len(array)), "the array")
    return Header("pixels", first.width, len(array), mode=first.mode)


def upright(
    image: PIL.Image.Image, header: Header, size: tuple[int, int], name: str, *, keep: bool = False
) -> PIL.Image.Image:
    """Return the picture decoded, upright, in RGB and resized.

    Args:
        image: The picture, decoded or not. It is decoded in place and may be what is returned: give a copy of one that
            the user holds.
        header: The facts about it.
        size: Width and height of the upright picture that is returned, in px.
        name: The picture's name, for error messages.
        keep: Whether the picture is the user's, and must not be changed or returned.

    Raises:
        InputError: The picture is damaged, or its numbers are no colours.
    """
    import PIL.Image

    stored = size[::-1] if header.turned else size
    with decoding(name, header.format):
        if not keep:
            # A JPEG decodes to a half, a quarter or an eighth of its size in a fraction of the time.
            image.draft(None, stored)
        image.load()
        # Only the profile is kept: by the old orientation a viewer would turn the picture again, and Pillow would
        # write a comment into the file.
        profile = image.info.get("icc_profile") or b""
        shown = colours.in_rgb(image, stored, name)
        if keep and shown is image:
            shown = image.copy()
    del image  # its memory is free for what follows
    method = _TURNS.get(header.orientation)
    if method is not None:
        # The picture is turned after it has shrunk, because there is less to turn.
        shown = shown.transpose(PIL.Image.Transpose(method))
    # The profile of a grey picture, or of one in print colours, does not say what the numbers of RGB mean.
    shown.info = {"icc_profile": profile} if profile[16:20] == b"RGB " else {}
    return shown


def opacity(image: PIL.Image.Image, header: Header, size: tuple[int, int], name: str) -> PIL.Image.Image | None:
    """Return how opaque a picture is, 0 to 255, upright and of a size; None if it has no transparent parts.

    Raises:
        InputError: The picture is damaged.
    """
    import PIL.Image

    with decoding(name, header.format):
        opaque = colours.opacity(image, size[::-1] if header.turned else size)
    method = _TURNS.get(header.orientation)
    return opaque if opaque is None or method is None else opaque.transpose(PIL.Image.Transpose(method))


# An EXIF orientation, and the PIL.Image.Transpose that makes the stored picture upright.
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}


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
