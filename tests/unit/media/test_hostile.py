"""Pictures and recordings made to harm: refused from what they say of themselves, in little memory, nothing sent."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from cloudai import Client, InputError
from cloudai.media import decode, measuring
from cloudai.testing import Script
from tests.made_up.calls import VENDORS
from tests.support.bombs import BOMBS, HARMLESS, chunked, icon, jpeg, png
from tests.support.paths import ROOT
from tests.support.pictures import encoded, fit, quarters
from tests.support.recordings import probe, wav, written

MOST_MEMORY = 128_000_000

CHILD = """
import json, sys, warnings
import PIL.Image
from cloudai import Client, CloudAIError, Response
from cloudai.testing import Script
from tests.made_up.calls import VENDORS

PIL.Image.MAX_IMAGE_PIXELS = None  # a program may have switched Pillow's own guard off
warnings.simplefilter("ignore")
script = Script(*[Response(400, {}, b"{}")] * 99)
with Client(VENDORS["google"].make(), send=script) as client:
    for path in sys.argv[1:]:
        sent, refused = len(script.requests), ""
        try:
            client.detect_faces(path)
        except CloudAIError as error:
            refused = type(error).__name__
        # Not ru_maxrss: that begins with what the parent had.
        status = open("/proc/self/status").read()
        memory = int(status.partition("VmHWM:")[2].split()[0]) * 1024
        print(json.dumps([refused, len(script.requests) - sent, memory]))
"""


def in_a_process(folder: Path, bombs: dict[str, Any]) -> dict[str, tuple[str, int, int]]:
    """Give each file to a client in another process: the error, requests sent, the most memory up to then."""
    paths = []
    for number, made in enumerate(bombs.values()):
        paths.append(folder / f"폭탄-{number}.png")
        paths[-1].write_bytes(made())
    root = str(ROOT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([f"{root}/src", root])}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, paths)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return dict(zip(bombs, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no /proc")
def test_no_bomb_fills_the_memory_or_is_sent(tmp_path: Path) -> None:
    """All of them by one typed error, nothing sent, never more than 128 MB, though Pillow's own guard is off."""
    for name, (error, requests, memory) in in_a_process(tmp_path, BOMBS).items():
        assert (error, requests) == ("InputError", 0), name
        assert memory < MOST_MEMORY, name


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no /proc")
def test_what_only_looks_dangerous_costs_little(tmp_path: Path) -> None:
    """Loops, thousands of pages, frames and comments: their first picture, or one error; little memory."""
    for name, (_, requests, memory) in in_a_process(tmp_path, HARMLESS).items():
        assert requests <= 1, name
        assert memory < MOST_MEMORY, name


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is looked at first: not even the orientation is asked for, which decodes a PNG."""
    import PIL.ImageFile

    monkeypatch.setattr(PIL.ImageFile.ImageFile, "load", lambda _: pytest.fail("decoded"))
    with pytest.raises(InputError, match="15000×15000 pixels"):
        fit(png(15_000, 15_000, bits=1))
    with pytest.raises(InputError, match="20000×20000 pixels"):
        fit(icon(png(20_000, 20_000, bits=1)))


def test_a_decoder_of_webp_is_not_made_for_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes memory for the canvas as soon as it is made."""
    import PIL.WebPImagePlugin

    monkeypatch.setattr(PIL.WebPImagePlugin._webp, "WebPAnimDecoder", lambda _: pytest.fail("made"))
    for name in (name for name in BOMBS if name.startswith("webp")):
        with pytest.raises(InputError, match="pixels; the most is"):
            fit(BOMBS[name]())


def test_what_is_sent_as_it_is_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for its size nor for its orientation: a PNG is looked through for that."""
    import PIL.ImageFile

    files = [png(100, 80), jpeg(), encoded(quarters(), "PNG")]
    monkeypatch.setattr(PIL.ImageFile.ImageFile, "load", lambda _: pytest.fail("decoded"))
    assert [fit(data).size for data in files] == [(100, 80), (64, 64), (400, 200)]


@pytest.mark.parametrize("more", [0, 1])
def test_the_limit_of_pixels_is_met_to_the_pixel(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    """A picture with exactly the most pixels is taken, and one with a row more is refused."""
    monkeypatch.setattr(decode, "MOST_PIXELS", 100 * 80)
    data = png(100, 80 + more)
    if more:
        with pytest.raises(InputError, match="100×81 pixels"):
            fit(data)
    else:
        assert fit(data).size == (100, 80)


OTHERS = {
    b"<svg xmlns='x'/>": "but an SVG drawing",
    b"\xef\xbb\xbf <?xml version='1.0'?>\n<!-- a\n-- >\n<!DOCTYPE svg PUBLIC 'x'>\n<SVG>": "but an SVG drawing",
    b"%PDF-1.7\n": "but a PDF",
    b"\xef\xbb\xbf\n<!DOCTYPE HTML>": "a web page saved under that name",
    b"<html lang='ko'>": "a web page saved under that name",
    b'{"error": 1}': "but JSON",
    b"\0\0\0\x18ftypmp42": "but a video",
    b"SIMPLE  =                    T": "is not an image that is known here",
}


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("data", OTHERS)
def test_another_file_under_a_pictures_name(tmp_path: Path, vendor: str, data: bytes) -> None:
    """One line that says what it is; nothing is sent."""
    path = tmp_path / "사진.png"
    path.write_bytes(data)
    if vendor == "watson":
        pytest.skip("has no pictures")
    script = Script()
    with Client(VENDORS[vendor].make(), send=script) as client, pytest.raises(InputError, match=OTHERS[data]) as raised:
        client.detect_faces(path)
    assert "\n" not in str(raised.value)
    assert "사진.png" in str(raised.value)
    assert script.requests == []


def patched(data: bytes, place: int, layout: str, value: int) -> bytes:
    """Return the file with another number in its head."""
    out = bytearray(data)
    struct.pack_into(layout, out, place, value)
    return bytes(out)


RATE, BYTES_A_SECOND, CHANNELS, BITS, SIZE = 24, 28, 22, 34, 40


def test_a_wav_that_says_it_is_short_is_measured_by_its_samples() -> None:
    """Bytes a second follow from rate, channels and bits: a head that says otherwise is not believed."""
    lying = patched(wav(90), BYTES_A_SECOND, "<I", 4_000_000_000)
    with pytest.raises(InputError, match=r"lasts 1:30; V takes 1:00"):
        probe(lying)


def test_a_wav_that_says_it_is_long_is_measured_by_its_bytes() -> None:
    """An hour by its head, two seconds in truth."""
    assert probe(patched(wav(2), SIZE, "<I", 57_600_000)).duration == 2.0


@pytest.mark.parametrize(
    ("place", "layout", "value"),
    [
        (RATE, "<I", 0), (RATE, "<I", 1), (RATE, "<I", 0xFFFFFFFF),
        (CHANNELS, "<H", 0), (CHANNELS, "<H", 65_535), (BITS, "<H", 0), (BITS, "<H", 65_535),
    ],
)  # fmt: skip
def test_a_wav_of_absurd_numbers_is_refused(place: int, layout: str, value: int) -> None:
    """No rate, channels or bits that no recorder has."""
    with pytest.raises(InputError, match=r"cut off or damaged|no recorder"):
        probe(patched(wav(2), place, layout, value), name="연설.wav")


def test_a_wav_without_a_sample_is_refused() -> None:
    """Zero length."""
    with pytest.raises(InputError, match="a WAV without sound"):
        probe(wav(0))


@pytest.mark.parametrize(("kind", "codec"), [("FLAC", None), ("MP3", None), ("OGG", "OPUS")])
def test_a_recording_that_is_cut_off_is_measured_or_refused(kind: str, codec: str | None) -> None:
    """Cut at any place: a length, or one error of ours."""
    data = written(kind, codec)
    for end in (5, 20, 45, 100, 300, len(data) // 2, len(data) - 1):
        try:
            sound = probe(data[:end])
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert sound.duration
            assert 0 < sound.duration < 10


def test_a_flac_that_says_it_is_short_is_measured_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten samples by its head, and two seconds behind it: they are counted, or it is refused if nothing can count."""
    data = bytearray(written("FLAC"))
    data[21] &= 0xF0
    data[22:26] = (10).to_bytes(4, "big")  # total samples
    assert probe(bytes(data)).duration == pytest.approx(2.0)
    monkeypatch.setattr("cloudai.media.decoding.can_decode", lambda: False)
    assert probe(bytes(data)).duration == 10 / 16_000
    noise = bytes(data) + os.urandom(100_000)
    monkeypatch.setattr(measuring, "MOST_TAGS", 50_000)
    with pytest.raises(InputError, match="says it lasts 0:00"):
        probe(noise, name="연설.flac")


def test_a_png_s_end_holds_nothing() -> None:
    """A last chunk that is not empty is sent empty, and the picture can still be opened; found by fuzzing."""
    head = struct.pack(">IIBBBBB", 60, 60, 8, 0, 0, 0, 0)
    packed = zlib.compress(bytes(61 * 60))
    given = chunked((b"IHDR", head), (b"IDAT", packed), (b"IEND", b"canary-7f3a" * 90))
    sent = fit(given).blob.data
    assert b"canary" not in sent
    assert sent.endswith(b"\0\0\0\0IEND" + struct.pack(">I", zlib.crc32(b"IEND")))
    assert PIL.Image.open(io.BytesIO(sent)).size == (60, 60)
