"""Documents and pages of text that tests draw."""

from __future__ import annotations

import io
import itertools
import time
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

__all__ = ["KOREAN", "drawn", "packed_pdf", "pdf", "tiff"]

KOREAN = """국회의원 선거가 다음 주 수요일에 열린다. 투표소는 오전 여섯 시에
문을 열고 오후 여섯 시에 닫는다. 신분증을 꼭 가져와야 한다.
서울의 어느 초등학교 학생들은 나무 300그루를 심었다. 교장 선생님은
숲이 자라면 새들이 돌아올 것이라고 말했다. Cloud API 사용법도
함께 배웠다. 기상청은 내일 중부 지방에 비가 내린다고 예보했다.
한국은행은 기준금리를 그대로 두기로 했다. 물가 상승률은 2.3%였다.
박물관에서는 고려청자 특별전이 열리고 있다. 관람료는 5,000원이다.
도서관은 월요일마다 쉰다. 책은 한 번에 다섯 권까지 빌릴 수 있다."""
"""A page of eight lines, with numbers and English words in it."""


def font(size: int) -> PIL.ImageFont.FreeTypeFont:
    """Return the font with Hangul that a package of the test environment carries."""
    spec = find_spec("koreanize_matplotlib")
    assert spec
    assert spec.origin
    return PIL.ImageFont.truetype(str(Path(spec.origin).parent / "fonts" / "NanumGothic.ttf"), size)


def drawn(text: str, size: int = 34, step: int = 50) -> PIL.Image.Image:
    """Return a white page with this text, letters ``size`` px high and lines ``step`` px apart."""
    lines = text.split("\n")
    page = PIL.Image.new("RGB", (1240, step * len(lines) + 120), "white")
    draw = PIL.ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        draw.text((80, 60 + step * number), line, font=font(size), fill="black")
    return page


def _saved(pages: int, kind: str, **options: Any) -> bytes:
    first, *others = [PIL.Image.new("L", (85, 110), 255 - number) for number in range(pages)]
    out = io.BytesIO()
    first.save(out, kind, save_all=True, append_images=others, **options)
    return out.getvalue()


def pdf(pages: int) -> bytes:
    """Return a PDF of so many blank pages, whose objects stand in the file as they are."""
    # Pillow writes the time of day into a PDF unless it is given one, and two of the same pages would not be equal.
    at = time.gmtime(0)
    return _saved(pages, "PDF", creationDate=at, modDate=at)


def tiff(pages: int) -> bytes:
    """Return a TIFF of so many pages."""
    return _saved(pages, "TIFF")


def packed_pdf(pages: int) -> bytes:
    """Return the skeleton of a PDF whose tree of pages is packed in a stream of objects, as newer programs write it."""
    kids = " ".join(f"{number} 0 R" for number in itertools.islice(itertools.count(10), pages))
    root, tree = "<</Pages 3 0 R/Type/Catalog>>", f"<</Count {pages}/Kids[{kids}]/Type/Pages>>"
    begins = f"2 0 3 {len(root)} "
    objects = zlib.compress(f"{begins}{root}{tree}".encode())
    kind = f"<</Type/ObjStm/N 2/First {len(begins)}/Length {len(objects)}>>"
    head = f"%PDF-1.5\n5 0 obj\n{kind}\nstream\n".encode()
    table = b"6 0 obj\n<</Type/XRef/Root 2 0 R/Size 7/Length 0>>\nstream\n\nendstream\nendobj\n"
    return head + objects + b"\nendstream\nendobj\n" + table + b"%%EOF\n"
