"""A JPEG that can be sent as it is: it is looked at once, without a decoder, and to the same end as by one."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import PIL.Image
import pytest

from cloudai import Client, Google
from cloudai.core.flow import Call
from cloudai.media import Image, ImageLimits, Picture
from cloudai.media.strip import jpeg_segments, plain_jpeg_size, strip, without_metadata
from tests.support.pictures import quarters

LIMITS = ImageLimits(who="V", formats=frozenset({"JPEG", "PNG"}), max_bytes=4_000_000, max_side=4096)


def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    """Return the quarters as a JPEG."""
    out = io.BytesIO()
    quarters().convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


KINDS = {
    "baseline": jpeg(),
    "grey": jpeg("L"),
    "four colours": jpeg("CMYK"),
    "progressive": jpeg(progressive=True),
    "with a comment": jpeg(comment="서울에서"),
    "with bytes behind its end": jpeg() + b"GPS",
    "with Exif data": jpeg(exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"),
}


def fitted(data: bytes) -> Picture:
    """Return the picture that is sent, with every step done in this thread."""
    flow, outcome = Image(data).fit(LIMITS), None
    while True:
        try:
            step = flow.send(outcome)
        except StopIteration as stop:
            picture: Picture = stop.value
            return picture
        assert isinstance(step, Call)
        outcome = step.function()


@pytest.mark.parametrize("kind", KINDS)
def test_the_decoder_comes_to_the_same_end(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent, its size and what is said of it are those that the way by a decoder leads to."""
    quick = fitted(KINDS[kind])
    monkeypatch.setattr(Image, "_plain", lambda *_: None)
    slow = fitted(KINDS[kind])
    assert quick.blob is not None
    assert slow.blob is not None
    assert quick.blob.data == slow.blob.data
    assert (quick.width, quick.height, quick.format, quick.prepared, quick.orientation) == (
        slow.width,
        slow.height,
        slow.format,
        slow.prepared,
        slow.orientation,
    )


@pytest.mark.parametrize("kind", ["baseline", "grey", "progressive", "with a comment", "with bytes behind its end"])
def test_a_small_picture_in_memory_needs_no_thread(kind: str) -> None:
    """A small JPEG that is given as bytes is ready at once: its flow asks for no step."""
    with pytest.raises(StopIteration):
        next(Image(KINDS[kind]).fit(LIMITS))


@pytest.mark.parametrize("kind", ["with Exif data", "four colours"])
def test_what_is_not_certain_is_left_to_the_decoder(kind: str) -> None:
    """Exif data may turn a picture, and Adobe's segment says how colours are stored: a decoder reads both."""
    assert plain_jpeg_size(jpeg_segments(KINDS[kind]), 500) is None


def test_a_clean_file_is_not_copied() -> None:
    """A JPEG without metadata is returned itself, and one with metadata is written anew."""
    clean = strip(jpeg(), "JPEG")
    assert without_metadata(clean, jpeg_segments(clean)) is clean
    assert strip(KINDS["with a comment"], "JPEG") == clean
    assert strip(KINDS["with bytes behind its end"], "JPEG") == clean


def test_fill_bytes_before_what_follows_the_end_are_left_out() -> None:
    """A JPEG with fill bytes between two segments and something behind its end is written anew, without both."""
    clean = strip(jpeg(), "JPEG")
    tables = clean.index(b"\xff\xdb")
    filled = clean[:tables] + b"\xff\xff" + clean[tables:]
    for data in (filled, filled + b"GPS", filled + b"\xff\xd9"):
        assert without_metadata(data, jpeg_segments(data)) == clean


def test_a_picture_that_is_sent_as_given_is_digested_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest of what is sent is that of what was given, where both are the same bytes, and is computed once."""
    data, digested = strip(jpeg(), "JPEG"), []

    def counting(given: bytes) -> Any:
        digested.append(len(given))
        return hashlib.sha256(given)

    monkeypatch.setattr("cloudai.media.image.sha256", counting)
    monkeypatch.setattr("cloudai.core.flow.sha256", counting)
    image = Image(data)
    flow = image.fit(LIMITS)
    with pytest.raises(StopIteration):
        next(flow)
    facts = image.facts()
    assert facts["sha256"] == facts["sent_sha256"] == hashlib.sha256(data).hexdigest()
    assert digested == [len(data)]


def test_a_result_keeps_no_picture() -> None:
    """Once a call has ended, nothing of its result leads to the bytes of its picture."""
    import gc

    from cloudai import Response

    data = jpeg()
    reply = Response(200, {"content-type": "application/json"}, b'{"responses": [{}]}')
    with Client(Google(api_key="not-a-real-key"), send=lambda _: reply) as client:
        result = client.detect_faces(data)
    assert result.meta.sha256 == hashlib.sha256(data).hexdigest()
    seen, found = {id(result)}, [result]
    while found:
        for inner in gc.get_referents(found.pop()):
            assert inner is not data
            is_ours = type(inner).__module__.startswith("cloudai") or isinstance(inner, dict | list | tuple)
            if is_ours and id(inner) not in seen:
                seen.add(id(inner))
                found.append(inner)
    assert len(seen) > 1


def test_the_picture_of_the_tests_is_a_picture() -> None:
    """The bytes that these tests are about can be opened."""
    for data in KINDS.values():
        PIL.Image.open(io.BytesIO(data)).load()
