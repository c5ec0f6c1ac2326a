"""The command ``cloudai demo`` makes a gallery and card news from real photos, without an account or a network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cloudai.cli.outputs import tell
from cloudai.client import Client
from cloudai.errors import MissingExtraError
from cloudai.report import MissingFontError, card_news, portrait_gallery
from cloudai.wording import say, spoken

__all__ = ["run", "sample_photos"]

SAMPLES = (
    ("Grace Hopper", "matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    ("Eileen Collins", "skimage", "data/astronaut.png"),
    ("Chelsea, a cat", "skimage", "data/chelsea.png"),
    ("Coffee", "skimage", "data/coffee.png"),
    ("Rocket", "skimage", "data/rocket.jpg"),
)
"""Public-domain photos that installed packages ship: title, package, path in the package."""


def sample_photos() -> list[tuple[str, Path]]:
    """Return the title and the path of each photo.

    Raises:
        MissingExtraError: The packages that ship the photos are not installed.
    """
    photos = []
    for title, package, inside in SAMPLES:
        spec = find_spec(package)  # this does not import the package
        photo = Path(spec.origin).parent / inside if spec and spec.origin else None
        if photo is None or not photo.is_file():
            raise MissingExtraError("the demo", "local")
        photos.append((title, photo))
    return photos


def run(out: Path) -> int:
    """Find faces, write a gallery and cards, print the table and the files to open, and return the exit code.

    Args:
        out: The folder for the files; it is made if it does not exist.

    Returns:
        0, or 1 if a photo has failed.
    """
    photos = sample_photos()
    out.mkdir(parents=True, exist_ok=True)
    journal = out / "demo.journal"
    with Client("local") as client:
        print(say("Looking for faces in five photos, on this computer alone …") + "\n", flush=True)
        language: Any = spoken()
        title = say("Portraits")
        people = portrait_gallery(client, photos, out, title=title, language=language, journal=journal, progress=True)
        pictures = [photo for _, photo in photos]
        try:
            cards = card_news(client, pictures, out, language=language, journal=journal, progress=True)
        except MissingFontError as error:  # no font of this computer has Hangul
            tell(error)
            cards = card_news(client, pictures, out, journal=journal, progress=True)
    if not people.asked + cards.asked:
        print(say("Nothing was sent and nothing computed: all comes from {journal}.", journal=journal) + "\n")
    columns = ("item", "input", "status", "n_faces", "x", "y", "width", "height", "error")
    print(people.table.select(*columns).filled())
    faces = sum(row["status"] == "ok" for row in people.table)
    print("\n" + say("{n} faces in {k} photos. Open:", n=faces, k=len(photos)))
    for file in (*people.files, *cards.files):
        print(f"  {file}")
    failed = [outcome for outcome in (*people.outcomes, *cards.outcomes) if outcome.error]
    for outcome in failed:
        tell(f"{outcome.input}: {outcome.error}")
    return int(bool(failed))
