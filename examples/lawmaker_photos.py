"""Portraits to a table and a gallery: who has a face in their photo, where, and what else is known.

    python examples/lawmaker_photos.py photos/                      a folder; the file names are the names
    python examples/lawmaker_photos.py lawmakers.csv                a CSV with the columns name and photo
    python examples/lawmaker_photos.py photos/ --provider azure     captions too: another provider is one word
    python examples/lawmaker_photos.py photos/ --provider azure --replay replies.json    from a cassette, with no key

Faces are found, nobody is recognised; captions say "person" where the provider can. Expressions and ages, where a
provider gives them, are guesses about appearance.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import cloudai
from cloudai.cli.inputs import PICTURES, expand, text_of
from cloudai.report import portrait_gallery
from cloudai.testing import replay

NAMES, PHOTOS = ("name", "이름", "성명"), ("photo", "사진", "image", "file")


def people(source: str) -> Iterator[tuple[str, Path]]:
    """Name and photo of each, from a folder or from a CSV whose photos are named beside it."""
    if Path(source).suffix.lower() != ".csv":
        yield from ((Path(photo).stem, Path(photo)) for photo in expand([source], PICTURES))
        return
    rows = csv.DictReader(text_of(source).splitlines())
    name, photo = column(rows, NAMES), column(rows, PHOTOS)
    for row in rows:
        yield row[name], Path(source).parent / row[photo]


def column(rows: csv.DictReader[str], wanted: tuple[str, ...]) -> str:
    """The first heading that is one of these."""
    headings = list(rows.fieldnames or ())
    for heading in headings:
        if heading.strip().lower() in wanted:
            return heading
    raise cloudai.InputError(f"no column {' or '.join(wanted)}", advice=f"The file has: {', '.join(headings)}.")


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", help="a folder of photos, or a CSV with the columns name and photo")
    parser.add_argument("--out", default="out", help="where to write (default: %(default)s)")
    parser.add_argument("--provider", default="local", help="who looks at them (default: %(default)s)")
    parser.add_argument("--features", default="faces,caption", help="what to look for (default: %(default)s)")
    parser.add_argument("--replay", metavar="FILE", help="a cassette of recorded replies: nothing is sent")
    parser.add_argument("--language", default="en", choices=["en", "ko"], help="of the gallery")
    options = parser.parse_args()
    try:
        send = replay(options.replay) if options.replay else None
        with cloudai.Client(options.provider, send=send, offline=bool(send)) as client:
            found = portrait_gallery(
                client,
                people(options.source),
                options.out,
                features=options.features.split(","),
                title="의원 사진" if options.language == "ko" else "Portraits",
                language=options.language,
                progress=lambda done, name: print(f"{done}  {name}", file=sys.stderr),
            )
    except cloudai.CloudAIError as error:
        print(error, file=sys.stderr)
        return 2
    print(found.table.filled())
    print("\nOpen:", *found.files, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
