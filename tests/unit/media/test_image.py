"""Pictures: upright, stripped, fitted, boxes mapped back; and what is no picture told in one line."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import PIL.Image
import PIL.PngImagePlugin
import pytest

from cloudai.errors import InputError, MissingExtraError
from cloudai.media import Image, ImageLimits
from cloudai.media.strip import strip
from tests.support.length import length
from tests.support.pictures import LIMITS, encoded, fit, quarters

CANARY = b"canary-7f3a"


def with_metadata(kind: str) -> bytes:
    """Return a file with a canary in every place for metadata."""
    exif = PIL.Image.Exif()
    exif[0x010E] = CANARY.decode()
    exif.get_ifd(0x8825)[29] = CANARY.decode()
    options: dict[str, Any] = {"exif": exif}
    if kind == "PNG":
        info = PIL.PngImagePlugin.PngInfo()
        info.add_text("Comment", CANARY.decode())
        info.add_itxt("XML:com.adobe.xmp", CANARY.decode())
        options["pnginfo"] = info
    else:
        options["xmp"] = CANARY
    if kind == "JPEG":
        options |= {"comment": CANARY, "quality": 90}
    if kind == "WEBP":
        options["lossless"] = True
    return encoded(quarters(), kind, **options) + CANARY


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_metadata_stays_here_and_pixels_stay_the_same(kind: str) -> None:
    """Place, author, comments and trailing bytes are not sent; not a pixel changes, nothing is encoded anew."""
    data = with_metadata(kind)
    assert CANARY in data
    picture = fit(data)
    assert picture.blob
    sent = picture.blob.data
    assert CANARY not in sent
    assert picture.prepared == "metadata removed"
    before, after = PIL.Image.open(io.BytesIO(data)), PIL.Image.open(io.BytesIO(sent))
    assert after.format == kind
    assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP"])
def test_other_formats_are_sent_without_metadata_too(kind: str) -> None:
    """A format that the vendor does not take is encoded anew, losslessly and without its metadata."""
    options = {"comment": CANARY} if kind == "GIF" else {}
    picture = fit(encoded(quarters(), kind, **options))
    assert picture.blob
    assert CANARY not in picture.blob.data
    assert PIL.Image.open(io.BytesIO(picture.blob.data)).convert("RGB").getpixel((5, 5)) == (255, 0, 0)


def test_the_colour_profile_goes_along() -> None:
    """Without it colours would change; without its texts they do not."""
    from PIL import ImageCms

    from cloudai.media.icc import scrubbed

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for limits in (LIMITS, ImageLimits("V", frozenset({"JPEG"}), 2_000_000, 100)):
        picture = fit(encoded(quarters(), "JPEG", icc_profile=profile), limits)
        assert picture.blob
        assert PIL.Image.open(io.BytesIO(picture.blob.data)).info.get("icc_profile") == scrubbed(profile)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_sent_upright(orientation: int) -> None:
    """All eight ways to hold a camera come out the same, and boxes are in the upright picture."""
    turn = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = quarters() if turn is None else quarters().transpose(PIL.Image.Transpose(turn))
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    picture = fit(encoded(stored, "JPEG", exif=exif, quality=95))
    assert picture.blob
    shown = PIL.Image.open(io.BytesIO(picture.blob.data))
    assert shown.size == picture.size == (400, 200)
    red, green, blue = (shown.getpixel(place) for place in ((20, 20), (380, 20), (20, 180)))
    assert red[0] > 200
    assert red[1] < 100
    assert green[1] > 200
    assert green[0] < 100
    assert blue[2] > 200
    assert blue[0] < 100
    assert "exif" not in shown.info
    opened = Image(encoded(stored, "JPEG", exif=exif)).open()
    assert Image(opened).open().size == opened.size == (400, 200)  # not turned a second time
    box = picture.box(200, 0, 200, 100)
    assert (box.x, box.y, box.width, box.height) == (200, 0, 200, 100)


def test_a_large_photo_is_shrunk_and_boxes_grow_back() -> None:
    """4000 px become 1000; a box of the small one is four times as large in the original."""
    picture = fit(encoded(quarters((4000, 2000)), "JPEG"))
    assert (picture.sent_width, picture.sent_height) == (1000, 500)
    assert picture.prepared == "4000→1000 px"
    box = picture.box(10, 20, 30, 40)
    assert (box.x, box.y, box.width, box.height, box.image_size) == (40, 80, 120, 160, (4000, 2000))


@pytest.mark.long
def test_a_photo_of_30_mb_is_made_to_fit() -> None:
    """Noise packs badly: quality, then size go down until the vendor takes it; the short form has a fourth of it."""
    import numpy as np

    width, height, most = length((3000, 2000, 1_000_000), (6000, 4000, 4_000_000), (6000, 4000, 4_000_000))
    noise = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    data = encoded(PIL.Image.fromarray(noise), "JPEG", quality=95)
    assert len(data) > 6 * most
    limits = ImageLimits("V", frozenset({"JPEG"}), most, 16_000)
    picture = fit(data, limits)
    assert picture.blob
    assert len(picture.blob.data) <= most
    assert picture.size == (width, height)


def test_the_limit_is_met_to_the_byte() -> None:
    """A file of exactly the limit goes as it is; one byte less of room, and it is encoded anew."""
    clean = strip(encoded(quarters(), "PNG"), "PNG")
    exact = ImageLimits("V", frozenset({"PNG", "JPEG"}), len(clean), 1000)
    assert fit(clean, exact).prepared == "as given"
    tight = ImageLimits("V", frozenset({"PNG", "JPEG"}), len(clean) - 1, 1000)
    picture = fit(clean, tight)
    assert picture.blob
    assert picture.prepared != "as given"
    assert len(picture.blob.data) <= len(clean) - 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "YCbCr"])
def test_every_kind_of_colour_is_sent(mode: str) -> None:
    """Grey, palette, transparent, print colours and sixteen bits become eight-bit colour."""
    image = PIL.Image.new("I;16", (80, 60), 40_000) if mode == "I;16" else quarters((80, 60)).convert(mode)
    picture = fit(image, ImageLimits("V", frozenset({"JPEG"}), 100_000, 1000))
    assert picture.blob
    shown = PIL.Image.open(io.BytesIO(picture.blob.data))
    assert shown.mode == "RGB"
    if mode == "I;16":
        assert abs(shown.getpixel((5, 5))[0] - 40_000 // 256) <= 2


def test_a_file_given_open_or_by_a_korean_path_has_one_key(tmp_path: Path) -> None:
    """The key is of the bytes as given, however they are given; names are NFC."""
    data = encoded(quarters(), "PNG")
    path = tmp_path / "한글 이름.png"
    path.write_bytes(data)
    with path.open("rb") as file:
        keys = {Image(data).key, Image(path).key, Image(str(path)).key, Image(file).key, Image(bytearray(data)).key}
    assert len(keys) == 1
    import unicodedata

    assert Image(unicodedata.normalize("NFD", str(path))).name == "한글 이름.png"


def test_an_array_is_a_picture_and_a_wrong_one_is_told() -> None:
    """uint8 of height and width; others are told what to give."""
    import numpy as np

    assert fit(np.zeros((60, 80, 3), np.uint8)).size == (80, 60)
    assert fit(np.zeros((60, 80), np.uint8)).size == (80, 60)
    with pytest.raises(InputError, match="uint8"):
        fit(np.zeros((60, 80, 3), np.float32))
    with pytest.raises(InputError, match="height × width"):
        fit(np.zeros((60, 80, 2), np.uint8))


def bomb() -> bytes:
    """Return a PNG of a few hundred bytes that says it has 30,000 by 30,000 pixels."""
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0" + bytes(40)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", r"사진\.jpg is empty \(0 bytes\)"),
        (
            b"<!DOCTYPE html>",
            r"사진\.jpg is not an image; it begins with '<!DOCTYPE': a web page saved under that name\?",
        ),
        (b"hello, world", "it begins with 'hello, world"),
        (b"%PDF-1.7", "but a PDF"),
        (b"<svg xmlns='x'/>", "but an SVG drawing"),
        (bomb(), r"30000×30000 pixels; the most is 200 million"),
        (encoded(quarters((900, 900)), "JPEG")[:900], "cut off or damaged"),
        (encoded(quarters(), "PNG")[:-20], "cut off or damaged"),
        (encoded(quarters((40, 40)), "PNG"), "40×40 pixels; V takes 50 to 1000 px a side"),
        (encoded(quarters((4000, 60)), "PNG"), "4000×60 pixels; V takes 50 to 1000 px a side"),
    ],
    ids=["empty", "html", "text", "pdf", "svg", "bomb", "cut-jpeg", "cut-png", "small", "thin"],
)
def test_what_is_no_picture_is_told_in_one_line(tmp_path: Path, data: bytes, text: str) -> None:
    """A file that is no picture is an error of one line that says what to do, before anything is sent."""
    path = tmp_path / "사진.jpg"
    path.write_bytes(data)
    with pytest.raises(InputError, match=text) as raised:
        fit(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("없는 사진.jpg", r"there is no file 없는 사진\.jpg"),
        (Path(__file__).parent, "is a folder"),
        ("", "the path is empty"),
        (3.5, "an image cannot be a float"),
        (io.StringIO("x"), 'Open it with mode "rb"'),
    ],
)
def test_what_cannot_be_read_is_told(given: Any, text: str) -> None:
    """Missing, a folder, the wrong type: one line."""
    with pytest.raises(InputError, match=text):
        fit(given)


def test_heic_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the error has the install line."""
    import sys

    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtraError, match=r'HEIC.*pip install "\.\[heif\]"'):
        fit(HEIC, name="IMG_1.HEIC")


def test_an_address_is_never_fetched() -> None:
    """Passed on where the vendor fetches it itself, refused where not."""
    with pytest.raises(InputError, match="fetch_urls=True"):
        fit("https://pictures.example/a.jpg")
    by_url = ImageLimits("V", frozenset({"JPEG"}), 1, 1, by_url=True)
    picture = fit("https://pictures.example/a.jpg", by_url)
    assert picture.by_reference
    assert picture.size is None


def test_a_picture_that_never_fits_is_an_error() -> None:
    """Even one pixel takes more bytes than are allowed: one error, and no endless search for a smaller size."""
    limits = ImageLimits("V", frozenset({"JPEG"}), 100, 1000)
    with pytest.raises(InputError, match="cannot be made to fit the 100 bytes"):
        fit(encoded(quarters(), "PNG"), limits)
