"""The targets of fuzzing: each takes bytes, and fails where an error is not one of ours, or a result is untrue."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable

import httpx2
import PIL.Image

import cloudai
from cloudai import Response
from cloudai.core.fetch import _problem
from cloudai.core.urls import origin, shown, split
from cloudai.media import AudioLimits, ImageLimits
from cloudai.media import decode as decoding
from cloudai.media.icc import scrubbed
from cloudai.media.source import not_a
from cloudai.media.strip import STRIPPABLE, strip
from cloudai.models.image import FEATURES
from tests.faults.test_bodies import judge
from tests.made_up.calls import VENDORS
from tests.support.pictures import fit
from tests.support.played import GREETING, PICTURE
from tests.support.recordings import probe

__all__ = ["TARGETS"]

SMALL = ImageLimits("V", frozenset({"JPEG", "PNG", "WEBP"}), 100_000, 64)
VOICE = AudioLimits("V", frozenset({"wav", "flac", "mp3", "ogg-opus", "ogg-vorbis"}), 10_000_000, 600.0)


def picture(data: bytes) -> None:
    """Try any file as a picture: it is refused in one line, or sent clean and, unless encoded anew, alike."""
    if not data:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = fit(data, SMALL)
        except cloudai.CloudAIError as error:
            assert "\n" not in str(error)  # noqa: PT017
            return
        assert made.blob
        sent = made.blob.data
        assert len(sent) <= SMALL.max_bytes
        seen = pixels_of(sent)
        if made.prepared == "metadata removed":
            kind = str(made.format)
            assert strip(sent, kind) == sent
            before = pixels_of(data)
            assert before is None or seen == before
        elif made.prepared != "as given":
            assert seen is not None


def pixels_of(data: bytes) -> bytes | None:
    """Return what Pillow sees in the first picture of a file; None where it sees nothing."""
    try:
        image = PIL.Image.open(io.BytesIO(data))
        return repr(image.size).encode() + image.convert("RGBA").tobytes()
    except Exception:
        return None


def png(data: bytes) -> None:
    """Try any content as a PNG whose checksums are right."""
    picture(repaired(data))


def repaired(data: bytes) -> bytes:
    """Return the chunks of a PNG with the checksums they should have."""
    out, position = [b"\x89PNG\r\n\x1a\n"], 8
    while position + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        out.append(struct.pack(">I4s", len(body), name) + body + struct.pack(">I", zlib.crc32(name + body)))
        position += 12 + length
    return b"".join(out)


def stripped(data: bytes) -> None:
    """Strip any content as each format: it is refused, or stripped so that a second time changes nothing."""
    for kind in STRIPPABLE:
        try:
            clean = strip(data, kind)
        except cloudai.InputError:
            continue
        assert strip(clean, kind) == clean
        assert len(clean) <= len(data) + 400  # a profile's own name


def recording(data: bytes) -> None:
    """Try any file as a recording: it is refused in one line, or has a possible length, rate and number of channels."""
    if not data:
        return
    try:
        sound = probe(data, VOICE)
    except cloudai.CloudAIError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    assert sound.duration is not None
    assert 0 < sound.duration <= 600
    assert sound.rate
    assert 1_000 <= sound.rate <= 768_000
    assert sound.channels
    assert 1 <= sound.channels <= 64


def profile(data: bytes) -> None:
    """Try any content as a colour profile: it becomes none, or one without texts, which stays as it is."""
    clean = scrubbed(data)
    assert scrubbed(clean) == clean


def other(data: bytes) -> None:
    """Try any file that is no picture: the error about it has one line."""
    error = not_a("an image", "사진.png", data)
    assert "\n" not in str(error)


QUESTIONS = [
    *((vendor, "sentiment", "맛있어요!", {}) for vendor in VENDORS),
    *((vendor, "detect_faces", PICTURE, {"landmarks": True}) for vendor in ("google", "azure")),
    *(
        (vendor, "analyze_image", PICTURE, {"features": FEATURES, "missing": "report"})
        for vendor in ("google", "azure")
    ),
    *((vendor, "speech_to_text", GREETING, {"language": "en"}) for vendor in VENDORS),
]


def reply(data: bytes) -> None:
    """Try any body of a good status; its first byte chooses the vendor and the operation."""
    if data:
        vendor, operation, given, options = QUESTIONS[data[0] % len(QUESTIONS)]
        judge(vendor, operation, given, data[1:], **options)


def refusal(data: bytes) -> None:
    """Try any body and hint of an error; the first bytes choose the vendor and the status."""
    if len(data) < 3:
        return
    vendor = list(VENDORS)[data[0] % len(VENDORS)]
    status = 300 + int.from_bytes(data[1:3], "big") % 300
    hint, _, body = data[3:].partition(b"\n")
    error = VENDORS[vendor].make().error(Response(status, {"retry-after": hint.decode("latin-1")}, body))
    assert isinstance(error, cloudai.ServiceError)
    assert error.status == status
    assert "\n" not in str(error)
    assert error.retry_after is None or 0 <= error.retry_after < float("inf")


def address(data: bytes) -> None:
    """Try any address: if two parsers see two places in it, it has no origin and is not fetched."""
    text = data.decode("utf-8", "replace")
    shown(text)
    split(text)
    place, problem = origin(text), _problem(text, range(65_536))
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        return
    default = {"https": 443, "http": 80}.get(url.scheme)
    there = url.scheme, url.raw_host.decode("ascii"), default if url.port is None else url.port
    if place is not None:
        assert (place[0], place[1].strip("[]"), place[2]) == there
    if problem is None:
        parts = split(text)
        assert parts.scheme == url.scheme
        assert (default if parts.port is None else parts.port) == there[2]
        assert not url.userinfo
        if str(parts.hostname).isascii():
            assert parts.hostname == there[1]


TARGETS: dict[str, Callable[[bytes], None]] = {
    made.__name__: made for made in (picture, png, stripped, recording, profile, other, reply, refusal, address)
}


def prepare() -> None:
    """Set smaller limits, so that a try takes a millisecond: what is over them is refused in the same way."""
    decoding.MOST_PIXELS = 250_000
