"""Memory: pictures share one budget, and one that needs more is refused by what its header says."""

from __future__ import annotations

import asyncio
import io
import os
import random
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from cloudai import DeadlineExceededError, InputError, SettingsError
from cloudai.core.drivers.awaiting import Awaiting
from cloudai.core.drivers.blocking import Blocking
from cloudai.core.effects import Program
from cloudai.core.flow import Call
from cloudai.core.memory import Budget, budget, picture_bytes
from cloudai.media import Image, ImageLimits, colours
from cloudai.media.decode import Header, header_of
from cloudai.media.memory import LARGE, most_scale, needed
from tests.conftest import Caller
from tests.made_up.calls import VENDORS
from tests.support.bombs import large_webp
from tests.support.pictures import encoded, fit, quarters
from tests.unit.media.test_reading import answer

ROOT = Path(__file__).parents[3]


@pytest.fixture(params=["blocking", "awaiting"])
def colour(request: pytest.FixtureRequest) -> str:
    """Return the name of each of the two clients in turn."""
    return request.param


def test_shares_are_granted_in_order_and_never_exceed_the_budget() -> None:
    """A share waits until its bytes are free, and a small one does not overtake a large one."""
    pot = Budget(lambda: 100)
    first, large, small = pot.ask(60), pot.ask(60), pot.ask(10)
    assert [share.granted.done() for share in (first, large, small)] == [True, False, False]
    first.give_back()
    assert [share.granted.done() for share in (large, small)] == [True, True]
    large.give_back()
    large.give_back()
    small.give_back()
    assert pot.taken == 0


def test_a_share_that_nobody_waits_for_is_taken_back() -> None:
    """A caller that gives up while it waits leaves nothing behind, and the next one in the line is served."""
    pot = Budget(lambda: 100)
    first, second, third = pot.ask(100), pot.ask(100), pot.ask(50)
    second.granted.cancel()
    second.give_back()
    first.give_back()
    assert third.granted.done()
    third.give_back()
    assert pot.taken == 0


def test_a_budget_that_is_no_number_is_an_error_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """`CLOUDAI_PICTURE_MB` is a number of megabytes above 0, and 1,000 where it is not set or empty."""
    for value, size in {"": 1_000_000_000, "64": 64_000_000, "0.5": 500_000}.items():
        monkeypatch.setenv("CLOUDAI_PICTURE_MB", value)
        assert picture_bytes() == size
    for value in ("0", "-1", "nan", "inf", "much"):
        monkeypatch.setenv("CLOUDAI_PICTURE_MB", value)
        with pytest.raises(SettingsError, match="CLOUDAI_PICTURE_MB is no number of megabytes"):
            picture_bytes()


def preparing(function: Any, memory: int, timeout: float | None = None) -> Program[Any]:
    """Prepare one picture, as a program."""
    return (yield Call(function, memory=memory, timeout=timeout))


def test_any_number_of_workers_stays_within_the_budget(colour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty pictures at once never hold more than the budget, and errors give their shares back."""
    monkeypatch.setenv("CLOUDAI_PICTURE_MB", "10")
    most, failed = [0], []

    def work(number: int) -> None:
        most.append(budget().taken)
        time.sleep(0.002)
        if number % 3 == 0:
            raise ValueError(number)

    def programs() -> list[Program[Any]]:
        return [preparing(lambda n=n: work(n), 3_000_000) for n in range(40)]

    if colour == "blocking":
        driver = Blocking(answer)

        def run(program: Program[Any]) -> None:
            try:
                driver.run(program)
            except ValueError as error:
                failed.append(error)

        threads = [threading.Thread(target=run, args=(program,)) for program in programs()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:

        async def scene() -> None:
            awaiting = Awaiting(answer)
            outcomes = await asyncio.gather(*map(awaiting.run, programs()), return_exceptions=True)
            failed.extend(outcome for outcome in outcomes if outcome is not None)

        asyncio.run(scene())
    assert max(most) <= 9_000_000
    assert len(failed) == 14
    assert budget().taken == 0


def test_cancellations_at_any_time_give_every_share_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three hundred calls that are cancelled while they wait, while they work, or not at all leave nothing taken."""
    monkeypatch.setenv("CLOUDAI_PICTURE_MB", "10")
    dice = random.Random(4)  # noqa: S311

    async def scene() -> None:
        driver = Awaiting(answer)
        tasks = [
            asyncio.ensure_future(driver.run(preparing(lambda: time.sleep(0.001), 4_000_000, 2.0))) for _ in range(300)
        ]
        while not all(task.done() for task in tasks):
            dice.choice(tasks).cancel()
            await asyncio.sleep(dice.random() * 0.004)
        await asyncio.gather(*tasks, return_exceptions=True)
        while budget().taken:  # noqa: ASYNC110  # a function that was running when its caller was cancelled
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_the_time_of_a_call_goes_on_while_it_waits_for_memory(colour: str) -> None:
    """A call whose share does not become free in time ends with one typed error, and nothing is sent."""
    share = budget().ask(picture_bytes())
    try:
        picture = quarters((400, 300))
        began = time.monotonic()
        with pytest.raises(DeadlineExceededError, match="no memory became free in time") as raised:
            Caller(colour)(VENDORS["google"].make(), "detect_faces", picture, send=answer, timeout=0.3)
        assert time.monotonic() - began < 3
        assert raised.value.state == "NOT_SENT"
    finally:
        share.give_back()
    Caller(colour)(VENDORS["google"].make(), "detect_faces", picture, send=answer)
    assert budget().taken == 0


def test_a_picture_that_needs_more_than_the_budget_is_refused(colour: str) -> None:
    """A WebP of 67 MP that lies on its side is one typed error that says how much it needs, and what to do."""
    data = large_webp(8192)
    lying = data.replace(b"VP8X\x0a\0\0\0\0", b"VP8X\x0a\0\0\0\x02")  # said to be animated: it has to be decoded
    with pytest.raises(InputError, match=r"8192×8192 pixels \(WEBP\): to prepare it takes 1,2\d\d MB") as raised:
        Caller(colour)(VENDORS["google"].make(), "detect_faces", lying, send=answer)
    assert "baseline JPEG, or raise CLOUDAI_PICTURE_MB" in str(raised.value)


def test_the_header_of_a_progressive_jpeg_says_what_its_coefficients_take() -> None:
    """Two bytes for each sample: six for each pixel without subsampling, three with the usual one."""
    image = quarters((400, 200))
    full, usual = (header_of(encoded(image, "JPEG", progressive=True, subsampling=n), "x") for n in (0, 2))
    assert (full.coefficients, usual.coefficients) == (6 * 80_000, 3 * 80_000)
    assert header_of(encoded(image, "JPEG"), "x").coefficients == 0


@pytest.mark.parametrize(
    ("pixels", "scale"), [(LARGE, 1.0), (LARGE + 8000, 0.5), (128_000_000, 0.5), (199_756_800, 0.25)]
)
def test_a_large_picture_is_shrunk_by_halves(pixels: int, scale: float) -> None:
    """Up to 36 MP are encoded in their own size; of more, at most 32 MP are made."""
    assert most_scale(Header("JPEG", 8000, pixels // 8000)) == scale


def test_a_baseline_jpeg_of_200_megapixels_takes_little_memory() -> None:
    """What a phone's largest photo needs is below 400 MB; as a PNG or WebP of that size it would be refused or wait."""
    header = Header("JPEG", 16_320, 12_240)
    assert needed(header, (4080, 3060)) < 250_000_000
    assert needed(Header("WEBP", 16_320, 12_240), (4080, 3060)) > picture_bytes()


CHILD = """
import io, sys, threading
import PIL.Image
from cloudai import Client, Google, Response, CloudAIError

def send(request):
    return Response(200, {"content-type": "application/json"}, b'{"responses": [{}]}')

path = sys.argv[1]
with Client(Google(api_key="k" * 30), send=send) as client:
    threads = [threading.Thread(target=client.detect_faces, args=(path,)) for _ in range(int(sys.argv[2]))]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
print(int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) * 1024)
"""


def peak_of(path: Path, workers: int, megabytes: int) -> int:
    """Return the peak memory of a process that prepares the picture with so many workers and such a budget."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "CLOUDAI_PICTURE_MB": str(megabytes)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(path), str(workers)],
        env=environment, capture_output=True, text=True, timeout=240, check=True,
    )  # fmt: skip
    assert not done.stderr
    return int(done.stdout)


def turned(kind: str, size: tuple[int, int], mode: str = "RGB", **options: Any) -> bytes:
    """Return a flat picture that lies on its side."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    PIL.Image.new(mode, size).save(out, kind, exif=exif, **options)
    return out.getvalue()


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no /proc")
def test_six_workers_with_webp_stay_within_the_budget(tmp_path: Path) -> None:
    """Six pictures that need 200 MB each take no more than the budget of 300 MB and 200 MB for the rest."""
    path = tmp_path / "사진.webp"
    path.write_bytes(turned("WEBP", (3600, 2500), method=0))
    assert peak_of(path, 6, 300) < 500_000_000


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no /proc")
def test_a_jpeg_of_200_megapixels_is_sent_in_little_memory(tmp_path: Path) -> None:
    """A phone's largest photo is shrunk while it is decoded, and the whole process stays below 400 MB."""
    path = tmp_path / "사진.jpg"
    path.write_bytes(turned("JPEG", (16_320, 12_240), "L"))
    assert peak_of(path, 1, 1000) < 400_000_000


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"])
@pytest.mark.parametrize("size", [(90, 70), (41, 33)])
def test_strips_make_the_same_picture_as_the_whole(
    mode: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that is worked on in strips of a few rows has the pixels that it has in one piece, but for rounding."""
    import numpy as np

    noise = np.random.default_rng(3).integers(0, 255, (70, 90, 4), dtype=np.uint8)
    image = PIL.Image.fromarray(noise)
    if mode in ("I", "F", "I;16"):
        image = PIL.Image.fromarray(noise[:, :, 0].astype({"I": "int32", "F": "float32", "I;16": "uint16"}[mode]))
    else:
        image = image.convert("P").convert("PA") if mode == "PA" else image.convert("RGB").convert(mode)
    whole = colours.in_rgb(image, size, "x")
    monkeypatch.setattr(colours, "STRIP", 600)
    in_strips = colours.in_rgb(image, size, "x")
    assert int(np.abs(np.asarray(in_strips).astype(int) - np.asarray(whole)).max()) <= 1


def test_pixels_that_the_user_gave_are_not_changed() -> None:
    """A PIL image keeps its pixels, its colours' profile and its format, whatever is made of it."""
    data = turned("JPEG", (300, 200))
    image = PIL.Image.open(io.BytesIO(data))
    image.load()
    before = (image.size, image.mode, dict(image.info), image.tobytes())
    for limits in (
        ImageLimits("V", frozenset({"JPEG"}), 100_000, 100),
        ImageLimits("V", frozenset({"JPEG"}), 10**6, 900),
    ):
        fit(image, limits)
    Image(image).open().putpixel((0, 0), (255, 0, 0))
    assert (image.size, image.mode, dict(image.info), image.tobytes()) == before


def test_the_key_of_pixels_is_that_of_all_bytes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest of an image or an array is computed in strips, and is the one that earlier versions had."""
    from hashlib import sha256

    import numpy as np

    array = np.random.default_rng(5).integers(0, 255, (40, 30, 3), dtype=np.uint8)
    image = PIL.Image.fromarray(array)
    expected = sha256(b"RGB (30, 40) 1" + image.tobytes()).hexdigest()
    monkeypatch.setattr(colours, "STRIP", 100)
    assert Image(array).key == Image(image).key == expected
    bits = image.convert("1")
    assert Image(bits).key == sha256(b"1 (30, 40) 1" + bits.tobytes()).hexdigest()
