"""Make a table and a gallery of portraits: which photos have a face, where it is, and what else is known.

    python examples/lawmaker_photos.py photos/                      a folder; the file names are the names
    python examples/lawmaker_photos.py lawmakers.csv                a CSV with the columns name and photo
    python examples/lawmaker_photos.py photos/ --provider azure --pace free     captions too, 20 photos a minute
    python examples/lawmaker_photos.py photos/ --provider google --method generative --language ko    Korean captions
    python examples/lawmaker_photos.py photos/ --provider azure --replay replies.json    from a cassette, with no key

OUT/photos.journal keeps what was paid for: after Ctrl-C, a crash or a used-up quota the same command continues.
The program finds faces and recognises nobody. Captions say "person" where the provider can. Expressions and ages, where
a provider gives them, are guesses about appearance.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import cloudai
from cloudai.cli.inputs import PICTURES, expand
from cloudai.report import portrait_gallery
from cloudai.testing import replay

NAMES, PHOTOS = ("name", "이름", "성명"), ("photo", "사진", "image", "file")


def people(source: str) -> Iterator[tuple[str, Path]]:
    """Yield the name and the photo of each person.

    Args:
        source: A folder of photos, whose file names are the names; or a CSV file, whose paths of photos start from the
            folder of the file.
    """
    if Path(source).suffix.lower() != ".csv":
        yield from ((Path(photo).stem, Path(photo)) for photo in expand([source], PICTURES))
        return
    table = cloudai.read_table(source)
    name, photo = column(table, NAMES), column(table, PHOTOS)
    for row in table:
        yield row[name] or "", Path(source).parent / (row[photo] or "")


def column(table: cloudai.Table, wanted: tuple[str, ...]) -> str:
    """Return the first heading of a table that is one of these words."""
    for heading in table.columns:
        if heading.strip().lower() in wanted:
            return heading
    raise cloudai.InputError(f"no column {' or '.join(wanted)}", advice=f"The file has: {', '.join(table.columns)}.")


def journal_in(folder: str) -> Path:
    """Return the path of the journal in this folder, and make the folder if it is not there."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder) / "photos.journal"


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", help="a folder of photos, or a CSV with the columns name and photo")
    parser.add_argument("--out", default="out", help="where to write (default: %(default)s)")
    parser.add_argument(
        "--provider", default="local", help="the provider that looks at the photos (default: %(default)s)"
    )
    parser.add_argument("--features", default="faces,caption", help="what to look for (default: %(default)s)")
    parser.add_argument(
        "--method", choices=["classic", "generative"], help="generative: the provider's chat model looks at them"
    )
    parser.add_argument("--replay", metavar="FILE", help="a cassette of recorded replies: nothing is sent")
    parser.add_argument("--pace", help='requests at most, e.g. "20/min"; "free" for the free tier')
    parser.add_argument("--language", default="en", choices=["en", "ko"], help="the language of the gallery")
    options = parser.parse_args()
    try:
        send = replay(options.replay) if options.replay else None
        with cloudai.Client(options.provider, send=send, offline=bool(send)) as client:
            gallery = portrait_gallery(
                client,
                people(options.source),
                options.out,
                features=options.features.split(","),
                title="의원 사진" if options.language == "ko" else "Portraits",
                language=options.language,
                method=options.method,
                journal=None if send else journal_in(options.out),
                pace=options.pace,
                progress=True,
            )
    except cloudai.CloudAIError as error:
        print(error, file=sys.stderr)
        return 2
    print(gallery.table.filled())
    print("\nOpen:", *gallery.files, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
