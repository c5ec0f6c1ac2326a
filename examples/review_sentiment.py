"""Score reviews and a Korean poem line by line, and draw the scores; a blank line fails alone.

    python examples/review_sentiment.py --sample                 constructed replies of Azure, with no key
    python examples/review_sentiment.py                          on this computer: English, and Korean by a word list
    python examples/review_sentiment.py mine.txt --provider azure --language ko

A text file has one text a line. The page that this example replaces failed as a whole at the blank line of its poem.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cloudai
from cloudai.cli.demo import sample_client
from cloudai.reading import text_of
from cloudai.report import plot
from cloudai.text import lines_of

SAMPLES = Path(__file__).parent / "samples"


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, help="your own texts, one a line; by default reviews and a poem")
    parser.add_argument("--sample", action="store_true", help="the reviews and the poem, with constructed replies")
    parser.add_argument("--provider", default="local", help="who reads the texts (default: %(default)s)")
    parser.add_argument("--language", default="en", help="the language of your file (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out/review_sentiment"), help="default: %(default)s")
    options = parser.parse_args()
    sample = SAMPLES / "review_sentiment.json"
    own = [(options.file, options.language)]
    files = own if options.file else [(SAMPLES / "reviews.txt", "en"), (SAMPLES / "시.txt", "ko")]
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        for file, language in files:
            korean = options.provider == "local" and language == "ko"
            who = cloudai.Local(lexicon=SAMPLES / "낱말.csv") if korean else options.provider
            with sample_client("azure", sample) if options.sample else cloudai.Client(who) as client:
                said = client.map("sentiment", lines_of(text_of(file).rstrip("\r\n")), language=language)
            table = cloudai.tidy(said)
            table.to_csv(options.out / f"{file.stem}.csv")
            # The text as a whole is the sentence -1. A text that failed has no sentences, and must not vanish from what
            # is printed.
            whole = table.filter(lambda row: row.get("sentence") in (-1, None))
            print(whole.select("item", "input", "status", "label", "score", "error").filled())
            chart = plot(said, title=file.stem, table="sentences", language="ko" if language == "ko" else "en")
            print("Open:", *[chart.save(options.out / f"{file.stem}.{e}") for e in ("html", "png")], sep="\n  ")
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
