"""The command ``cloudai demo`` makes a gallery and card news from photos, without an account or a network."""

from __future__ import annotations

import os
import webbrowser
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from cloudai.cli import inputs
from cloudai.cli.outputs import tell
from cloudai.client import Client
from cloudai.errors import InputError, MissingExtraError
from cloudai.providers.registry import find
from cloudai.report import MissingFontError, card_news, portrait_gallery, save_mp4
from cloudai.testing import replay
from cloudai.wording import say, spoken

__all__ = ["run", "sample_client", "sample_photos", "sample_videos"]

SAMPLES = (
    ("Grace Hopper", "matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    ("Eileen Collins", "skimage", "data/astronaut.png"),
    ("Chelsea, a cat", "skimage", "data/chelsea.png"),
    ("Coffee", "skimage", "data/coffee.png"),
    ("Rocket", "skimage", "data/rocket.jpg"),
)
"""Public-domain photos that installed packages ship: title, package, path in the package."""
MOST_CARDS = 20
"""The most photos that become cards: each is a picture of an animation, which has to be opened at once."""


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
            raise MissingExtraError("the demo without a folder of your own photos (cloudai demo FOLDER)", "local,demo")
        photos.append((title, photo))
    return photos


def sample_videos(folder: Path) -> list[Path]:
    """Make three videos of six seconds by moving a window over the photos, and return their paths; nobody speaks there.

    Raises:
        MissingExtraError: PyAV, or a package that ships the photos, is not installed.
    """
    photos = dict(sample_photos())
    collins, hopper = (Image.open(photos[name]).convert("RGB") for name in ("Eileen Collins", "Grace Hopper"))
    videos = []
    for name, photo in {"Collins": collins, "Hopper": hopper, "Collins mirrored": ImageOps.mirror(collins)}.items():
        # The window moves slowly to the lower right, and back, so that each face stays in sight.
        views = [photo.crop((x, x // 4, x + 400, x // 4 + 360)) for x in range(20, 110, 3)]
        videos.append(save_mp4([*views, *views[::-1]], folder / f"{name} (made up).mp4", seconds=0.1, width=400))
    return videos


def sample_client(provider: str, cassette: Path) -> Client:
    """Return a client that is answered by constructed replies, whatever settings and logins this computer has.

    Args:
        provider: The name of the provider that the replies are said to come from.
        cassette: The file of the replies.

    Raises:
        ReplayError: The file does not exist, or is no cassette.
    """

    # An endpoint, a model or a key of the user's would change what is asked, and the replies would not fit.
    class OfSamples(find(provider)):  # type: ignore[misc]  # the base class depends on the name
        def sources(self) -> Iterator[tuple[str, Mapping[str, str]]]:
            # Without this setting a login of gcloud's, which is found elsewhere, would have Vertex AI asked.
            yield "", {"GOOGLE_GENAI_USE_VERTEXAI": "false"}

    return Client(OfSamples(), send=replay(cassette), offline=True)


def own_photos(folder: str) -> list[tuple[str, Path]]:
    """Return the name and the path of each photo in a folder; photos named alike keep the endings of their files.

    Raises:
        InputError: There is no such folder, or no photo in it.
    """
    if not os.path.isdir(folder):  # noqa: PTH112  # no error for any name
        raise InputError(f"there is no folder {folder}", advice="Give the folder that your photos are in.")
    photos = [Path(name) for name in inputs.expand([folder], inputs.PICTURES, recursive=None)]
    alike = Counter(photo.stem for photo in photos)
    return [(photo.stem if alike[photo.stem] == 1 else photo.name, photo) for photo in photos]


def run(out: Path, folder: str | None = None, *, open_page: bool = False) -> int:
    """Find faces, write a gallery and cards, print the table and the files to open, and return the exit code.

    Args:
        out: The folder for the files; it is made if it does not exist.
        folder: A folder of photos; None takes those that installed packages ship.
        open_page: Whether the gallery is opened in the browser.

    Returns:
        0, or 1 if a photo has failed.
    """
    photos = own_photos(folder) if folder is not None else sample_photos()
    out.mkdir(parents=True, exist_ok=True)
    # With a journal a second demo shows its page at once.
    journal = out / "demo.journal"
    with Client("local") as client:
        told = say("Looking for faces in {n} photos, on this computer alone …", n=len(photos))
        print(told + "\n", flush=True)
        language: Any = spoken()
        title = say("Portraits")
        people = portrait_gallery(client, photos, out, title=title, language=language, journal=journal, progress=True)
        # A photo that cannot be read is told once, and is not tried again.
        readable = [photos[outcome.item] for outcome in people.outcomes if not outcome.error] or photos
        shown = [photo for _, photo in readable[:MOST_CARDS]]
        try:
            cards = card_news(client, shown, out, language=language, journal=journal, progress=True)
        except MissingFontError as error:  # no font of this computer has Hangul
            tell(error)
            # This attempt is in English, whose letters every font has.
            cards = card_news(client, shown, out, journal=journal, progress=True)
        guesses_ages = client.supports("estimate_age")
    if not people.asked + cards.asked:
        print(say("Nothing was sent and nothing computed: all comes from {journal}.", journal=journal) + "\n")
    columns = ("item", "input", "status", "n_faces", "x", "y", "width", "height", "error")
    ages = ("age_low", "age_high") if guesses_ages else ()
    print(people.table.select(*columns[:-1], *ages, columns[-1]).filled())
    faces = sum(row["status"] == "ok" for row in people.table)
    print("\n" + say("{n} faces in {k} photos.", n=faces, k=len(photos)), end=" ")
    print(
        say("Ages are a baseline model's guesses.")
        if guesses_ages
        else say("cloudai models install ages adds guesses of how old they look.")
    )
    if len(readable) > MOST_CARDS:
        print(say("The cards show the first {n} photos.", n=MOST_CARDS))
    print(say("Open:"))
    for file in (*people.files, *cards.files):
        print(f"  {file}")
    if open_page and not webbrowser.open(people.files[0].resolve().as_uri()):
        tell(say("there is no browser here: open {file} yourself", file=people.files[0]))
    failed = {readable[outcome.item][0]: outcome.error for outcome in cards.outcomes if outcome.error}
    failed |= {photos[outcome.item][0]: outcome.error for outcome in people.outcomes if outcome.error}
    for name, problem in failed.items():
        tell(f"{name}: {problem}")
    return int(bool(failed))
