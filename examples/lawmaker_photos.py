"""Make a table and a gallery of portraits: which photos have a face, where it is, and what else is known.

    python examples/lawmaker_photos.py photos/                      a folder; the file names are the names
    python examples/lawmaker_photos.py lawmakers.csv                a CSV with the columns name and photo, also a URL
    python examples/lawmaker_photos.py photos/ --provider azure --pace free     captions too, 20 photos a minute
    python examples/lawmaker_photos.py photos/ --provider google --method generative --language ko    Korean captions
    python examples/lawmaker_photos.py photos/ --provider azure --replay replies.json    from a cassette, with no key

OUT/photos.journal keeps what was paid for: after Ctrl-C, a crash or a used-up quota the same command continues. Nobody
is recognised; captions say "person" where the provider can; expressions and ages are guesses about appearance.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cloudai
from cloudai.cli.inputs import PICTURES, expand
from cloudai.report import portrait_gallery
from cloudai.testing import replay


def people(source: str) -> cloudai.Table | list[tuple[str, Path]]:
    """Return a table of people and photos, or the photos of a folder, whose file names are the names."""
    if Path(source).suffix.lower() == ".csv":
        return cloudai.read_table(source)
    return [(Path(photo).stem, Path(photo)) for photo in expand([source], PICTURES)]


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", help="a folder of photos, or a CSV with the columns name and photo")
    parser.add_argument("--out", type=Path, default="out", help="where to write (default: %(default)s)")
    parser.add_argument("--provider", default="local", help="who looks at the photos (default: %(default)s)")
    parser.add_argument("--features", default="faces,caption", help="what to look for (default: %(default)s)")
    parser.add_argument(
        "--method", choices=["classic", "generative"], help="generative: the provider's chat model looks at them"
    )
    parser.add_argument("--replay", metavar="FILE", help="a cassette of recorded replies: nothing is sent")
    parser.add_argument("--pace", help='requests at most, e.g. "20/min"; "free" for the free tier')
    parser.add_argument("--language", default="en", choices=["en", "ko"], help="the language of the gallery")
    options = parser.parse_args()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        send = replay(options.replay) if options.replay else None
        # A photo in the CSV may be an address. Some providers fetch none themselves, and a client does so only if it is
        # told to.
        with cloudai.Client(options.provider, send=send, offline=bool(send), fetch_urls=True) as client:
            made = portrait_gallery(
                client,
                people(options.source),
                options.out,
                features=options.features.split(","),
                title="의원 사진" if options.language == "ko" else "Portraits",
                language=options.language,
                method=options.method,
                journal=None if send else options.out / "photos.journal",
                pace=options.pace,
                progress=True,
            )
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(made.table.filled())
    print("Open:", *made.files, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
