"""Five people use cloudai: what each of them types, and what the terminal shows, in English and in Korean.

The scripts are in ``tests/acceptance/users``: ``teacher.txt`` has what is typed, ``teacher.en.txt`` and
``teacher.ko.txt`` what is shown. After a change of a text, ``WRITE_SCREENS=1`` writes the screens anew; read
the difference before you commit it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import PIL.Image
import pytest

from cloudai import Client
from cloudai.cli import batches, check
from cloudai.cli.demo import sample_photos
from tests.acceptance.screens import play
from tests.made_up.provider import Clock
from tests.made_up.vendors import Vendors

USERS = Path(__file__).parent / "users"
LAWMAKERS = 60
QUOTA = 25


def teacher(folder: Path, _: pytest.MonkeyPatch) -> None:
    """Make a classroom without an account: photos of Korean names, one of them no photo, reviews, a list of pupils."""
    photos = dict(sample_photos())
    (folder / "사진").mkdir()
    for title, name in (("Grace Hopper", "홍길동.jpg"), ("Coffee", "커피.png")):
        with PIL.Image.open(photos[title]) as photo:
            photo.thumbnail((200, 200))
            photo.save(folder / "사진" / name)
    (folder / "사진" / "글.jpg").write_text("<!DOCTYPE html>", "utf-8")
    (folder / "후기.txt").write_text("Good!\n맛있어요\n", "cp949")
    (folder / "낱말.csv").write_text("맛있,2\nGood,2\n", "utf-8")
    (folder / "학생.csv").write_text("이름,사진\n홍길동,사진/홍길동.jpg\n김하나,\n", "cp949")


def journalist(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Make a table of portraits, a program for the next day, and a vendor with a daily quota."""
    (folder / "의원").mkdir()
    for n in range(LAWMAKERS):
        colour = (n % 256, n // 2, 120)
        PIL.Image.new("RGB", (64, 80), colour).save(folder / "의원" / f"{n:03}.png")
    lines = [f"의원 {n},의원/{n:03}.png" for n in range(LAWMAKERS)]
    (folder / "의원.csv").write_text("\n".join(["이름,사진", *lines]), "utf-8-sig")
    _answered_by(Vendors(refuses_from=QUOTA + 1), patch)
    (folder / "tomorrow.py").write_text(
        "from cloudai.cli import batches\nbatches.Client.keywords['send'].refuses_from = None\n", "utf-8"
    )


def developer(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Make an asynchronous web service, whose keys are checked before it goes live."""
    _answered_by(Vendors(), patch)
    (folder / "service.py").write_text(SERVICE, "utf-8")


def researcher(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Make the pictures, and the program that compares two vendors on them."""
    (folder / "표본").mkdir()
    for n in range(6):
        PIL.Image.new("RGB", (90, 80), (40 * n, 90, 120)).save(folder / "표본" / f"표본{n}.png")
    _answered_by(Vendors(), patch)
    (folder / "compare.py").write_text(COMPARE, "utf-8")


def maintainer(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Make a program that checks the class of a new vendor, and the picture that it needs."""
    (folder / "표본").mkdir()
    PIL.Image.new("RGB", (90, 80)).save(folder / "표본" / "표본.png")
    (folder / "check.py").write_text(CHECK, "utf-8")


def _answered_by(vendors: Vendors, patch: pytest.MonkeyPatch) -> None:
    """Let the commands ask made-up vendors, on a clock that only waiting moves."""
    clock = Clock()
    client = partial(Client, send=vendors, clock=clock, sleep=clock.sleep)
    patch.setattr(batches, "Client", client)
    patch.setattr(check, "Client", client)
    for name in ("FACE_KEY", "GOOGLE_API_KEY"):
        patch.setenv(name, "not-a-real-key-1234")
    patch.setenv("FACE_ENDPOINT", "https://face-of-the-newspaper-2026.cognitiveservices.azure.com")


SERVICE = """
import asyncio
import cloudai
from cloudai import AsyncClient
from cloudai.testing import Script

BUSY = cloudai.Response(503, {"retry-after": "7"}, b"{}")

async def handler(text: str) -> tuple[int, str]:
    async with AsyncClient(cloudai.Google(api_key="not-a-real-key"), send=Script(BUSY), max_attempts=1) as client:
        try:
            return 200, str(await client.sentiment(text, language="ko"))
        except cloudai.CloudAIError as error:
            return error.http_status, str(error)

for text in ("맛있어요!", "  "):
    print(*asyncio.run(handler(text)))
with cloudai.Client("local") as client:
    print(client.sentiment("Good!"))
    print(client.map("sentiment", ["Good!", "Bad!"]))
"""
COMPARE = """
import pandas as pd, polars as pl

azure, google = pl.read_parquet("azure.parquet"), pl.read_parquet("google.parquet")
both = pl.concat([azure, google])
print(both.height, both.schema == azure.schema)
paired = azure.join(google, on=["item", "input", "operation", "face"], how="inner", nulls_equal=True)
print(paired.select("input", "face", "x", "x_right", "confidence_right").head(3).rows())
print(pd.concat([azure.to_pandas(), google.to_pandas()]).groupby("provider")["face"].count().to_dict())
"""
CHECK = """
from cloudai import Client, CloudAIError, Provider
from cloudai.testing import check_provider

class Gureum(Provider):
    name = "gureum"
    contract = 1

for attempt in (lambda: Client(Gureum()), lambda: Client(42), lambda: Client("gurem"), lambda: check_provider(Gureum)):
    try:
        attempt()
    except CloudAIError as error:
        print(error)
"""


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("user", [teacher, journalist, developer, researcher, maintainer], ids=lambda u: u.__name__)
def test_what_a_user_sees(
    user: Callable[[Path, pytest.MonkeyPatch], None], language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command of the script shows what is written down for it, in the language that was chosen."""
    user(tmp_path, monkeypatch)
    script = (USERS / f"{user.__name__}.txt").read_text("utf-8")
    seen = play(script, tmp_path, language, monkeypatch)
    expected = USERS / f"{user.__name__}.{language}.txt"
    if os.environ.get("WRITE_SCREENS"):
        expected.write_text(seen, "utf-8")
    assert seen == expected.read_text("utf-8")
