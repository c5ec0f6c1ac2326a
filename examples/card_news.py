"""Make card news: put a caption on every picture of a folder, at one size, and join them to an animated GIF.

    python examples/card_news.py photos/
    python examples/card_news.py photos/ --provider azure --pace free --language ko
    python examples/card_news.py photos/ --provider google --method generative --language ko    Korean captions
    python examples/card_news.py photos/ --provider azure --replay replies.json    from a cassette, with no key

OUT/cards.journal keeps what was paid for: after Ctrl-C, a crash or a used-up quota the same command continues.
With the provider `local` a card says what is known (size, faces, colours) and that there is no caption.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cloudai
from cloudai.cli.inputs import PICTURES, expand
from cloudai.report import card_news
from cloudai.testing import replay


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", nargs="+", help="files, folders or patterns")
    parser.add_argument("--out", default="out", help="where to write (default: %(default)s)")
    parser.add_argument(
        "--provider", default="local", help="the provider that looks at the pictures (default: %(default)s)"
    )
    parser.add_argument(
        "--method", choices=["classic", "generative"], help="generative: the provider's chat model looks at them"
    )
    parser.add_argument("--replay", metavar="FILE", help="a cassette of recorded replies: nothing is sent")
    parser.add_argument("--pace", help='requests at most, e.g. "20/min"; "free" for the free tier')
    parser.add_argument("--language", default="en", choices=["en", "ko"], help="the language of the cards")
    parser.add_argument("--font", help="a font file that has the characters of the captions")
    options = parser.parse_args()
    out = Path(options.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        send = replay(options.replay) if options.replay else None
        with cloudai.Client(options.provider, send=send, offline=bool(send)) as client:
            made = card_news(
                client,
                expand(options.photos, PICTURES),
                out,
                language=options.language,
                method=options.method,
                font=options.font,
                journal=None if send else out / "cards.journal",
                pace=options.pace,
                progress=True,
            )
    except cloudai.CloudAIError as error:
        print(error, file=sys.stderr)
        return 2
    print(made.table.filled())
    print("\nOpen:", *made.files, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
