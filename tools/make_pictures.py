"""Make the pictures of docs/gallery.md from what `make demo-all` has written: ``make docs`` runs both.

What is a picture already is made smaller. Pages, and tables as pages, are drawn by Chromium or Chrome without a window;
where there is none, they are passed over with a message, and the pictures of before stay.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageChops

import cloudai

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WIDTH, QUALITY = 880, 78
MARGIN = 16
"""Pixels of paper that are left below what is drawn."""
MOST = 1_000_000
"""Bytes of all pictures at most."""
STYLE = "body { font: 15px system-ui, sans-serif; margin: 16px; background: #fff } th, td { padding: 4px 10px; \
text-align: left; border-bottom: 1px solid #ddd; vertical-align: top } table { border-collapse: collapse }"


class Shot(NamedTuple):
    """A picture of the gallery: its name, what it is made of, and the window that a page is drawn in."""

    name: str
    source: str
    size: tuple[int, int] = (1000, 640)
    columns: tuple[str, ...] = ()
    """The columns of a table that are shown; empty for all."""


SHOTS = (
    Shot("lawmaker_photos", "lawmaker_photos/gallery.html", (1000, 1000)),
    Shot("card_news", "card_news/cards/0001-안내문.png"),
    Shot("face_landmarks", "face_landmarks/drawn/0001-astronaut.jpg"),
    Shot("candidate_emotions", "candidate_emotions/emotions.png"),
    Shot("age_over_time", "age_over_time/ages.png"),
    Shot("google_tour", "google_tour/landmarks.html", (1000, 760)),
    Shot("video_emotion", "video_emotion/timeline.html", (1200, 860)),
    Shot("text_tour", "text_tour/translation.csv", (820, 500), ("input", "text", "to", "detected")),
    Shot("review_sentiment", "review_sentiment/시.png"),
    Shot("transcribe", "transcribe/안내 방송.html", (900, 700)),
    Shot("translate_mails", "translate_mails/mails.csv", (1240, 700), ("subject", "subject_ko", "text_ko", "error")),
    Shot("read_aloud", "read_aloud/quotations.csv", (900, 500)),
    Shot("capabilities", "capabilities/capabilities.html", (1280, 2000)),
)


def main() -> int:
    """Make the pictures, and return 1 if a source is missing or all of them are too large."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="the folder that make demo-all has written to")
    options = parser.parse_args()
    if missing := [shot.source for shot in SHOTS if not (options.out / shot.source).is_file()]:
        print(f"{options.out} lacks {', '.join(missing)}: run make demo-all", file=sys.stderr)
        return 1
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for shot in SHOTS:
            source = options.out / shot.source
            if source.suffix in (".html", ".csv"):
                if browser is None:
                    print(f"{shot.name}: passed over, for neither Chromium nor Chrome was found")
                    continue
                source = screenshot(browser, page_of(source, shot, Path(folder)), shot.size, Path(folder))
            save(source, PICTURES / f"{shot.name}.webp")
    total = sum(path.stat().st_size for path in PICTURES.iterdir())
    print(f"{PICTURES.relative_to(ROOT)}: {total:,} bytes of at most {MOST:,}")
    return int(total > MOST)


def page_of(source: Path, shot: Shot, folder: Path) -> Path:
    """Return a page, or a page that shows a table."""
    if source.suffix == ".html":
        return source
    table = cloudai.read_table(source)
    shown = table.select(*shot.columns) if shot.columns else table
    page = folder / f"{shot.name}.html"
    page.write_text(f'<meta charset="utf-8"><style>{STYLE}</style>{shown._repr_html_()}', "utf-8")
    return page


def screenshot(browser: str, page: Path, size: tuple[int, int], folder: Path) -> Path:
    """Return what a page looks like in a window of a size, as PNG."""
    target = folder / "page.png"
    target.unlink(missing_ok=True)
    sandbox = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    command = [browser, "--headless", "--disable-gpu", "--hide-scrollbars", *sandbox]
    command += [f"--user-data-dir={folder / 'profile'}", f"--window-size={size[0]},{size[1]}", f"--screenshot={target}"]
    subprocess.run([*command, page.resolve().as_uri()], check=True, capture_output=True, timeout=120)
    return target


def save(source: Path, target: Path) -> None:
    """Write a picture as WebP, without metadata, no wider than the gallery, and without the empty end of a page."""
    with Image.open(source) as picture:
        shown = picture.convert("RGB")
    paper = Image.new("RGB", shown.size, shown.getpixel((0, 0)))
    if (drawn := ImageChops.difference(shown, paper).getbbox()) is not None:  # the end of a page is empty
        shown = shown.crop((0, 0, shown.width, min(shown.height, drawn[3] + MARGIN)))
    shown.thumbnail((WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
    shown.save(target, "WEBP", quality=QUALITY, method=6)


if __name__ == "__main__":
    sys.exit(main())
