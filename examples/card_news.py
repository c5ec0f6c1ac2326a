"""Make card news: put a caption on every picture of a folder, at one size, and join them to an animated GIF.

    python examples/card_news.py photos/
    python examples/card_news.py photos/ --provider azure --pace free --language ko
    python examples/card_news.py photos/ --provider google --method generative --language ko    Korean captions
    python examples/card_news.py photos/ --provider azure --replay replies.json    from a cassette, with no key

OUT/cards.journal keeps what was paid for: after Ctrl-C, a crash or a used-up quota the same command continues. Captions
are translated where the provider does that. `cloudai cards` does the same with more choices.
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
    parser.add_argument("--out", type=Path, default="out", help="where to write (default: %(default)s)")
    parser.add_argument("--provider", default="local", help="who looks at the pictures (default: %(default)s)")
    parser.add_argument(
        "--method", choices=["classic", "generative"], help="generative: the provider's chat model looks at them"
    )
    parser.add_argument("--replay", metavar="FILE", help="a cassette of recorded replies: nothing is sent")
    parser.add_argument("--pace", help='requests at most, e.g. "20/min"; "free" for the free tier')
    parser.add_argument("--language", default="en", choices=["en", "ko"], help="the language of the cards")
    parser.add_argument("--font", help="a font file that has the characters of the captions")
    options = parser.parse_args()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        send = replay(options.replay) if options.replay else None
        with cloudai.Client(options.provider, send=send, offline=bool(send)) as client:
            photos = expand(options.photos, PICTURES)
            # A replay has no journal, because the answers of a cassette would stand in it as if they had been paid for,
            # and the next run with a key would take them for its own.
            journal = None if send else options.out / "cards.journal"
            look = {
                "language": options.language,
                "font": options.font,
                "method": options.method,
                "formats": ["gif", "html"],
            }
            made = card_news(client, photos, options.out, journal=journal, pace=options.pace, progress=True, **look)
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(made.table.filled())
    print("Open:", *made.files, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
