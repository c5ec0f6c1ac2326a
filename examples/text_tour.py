"""Take the tour of texts and a picture: languages, sentiment, key phrases, translation, dictionary, analysis, faces.

    python examples/text_tour.py --sample                      constructed replies of Azure, with no key
    python examples/text_tour.py --provider azure              the same texts, live
    python examples/text_tour.py --provider local              what this computer can do
    python examples/text_tour.py mine.txt --provider google    your own texts, one a line, and --photo

Each call gives one table. What a provider lacks is told in one line, and the tour goes on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import cloudai
from cloudai.cli.demo import sample_client, sample_photos
from cloudai.cli.inputs import lines
from cloudai.report import draw

SAMPLES = Path(__file__).parent / "samples"


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", default=str(SAMPLES / "languages.txt"), help="texts, one a line")
    parser.add_argument("--photo", help="a picture (default: a portrait)")
    parser.add_argument("--word", default="library", help="an English word for the dictionary (default: %(default)s)")
    parser.add_argument("--sample", action="store_true", help="constructed replies of Azure")
    parser.add_argument("--provider", default="local", help="who reads and looks (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out/text_tour"), help="default: %(default)s")
    options = parser.parse_args()
    sample = SAMPLES / "text_tour.json"
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        texts, photo = lines(options.file), options.photo or str(sample_photos()[1][1])
        with sample_client("azure", sample) if options.sample else cloudai.Client(options.provider) as client:
            calls: dict[str, Any] = {
                "languages": lambda: cloudai.tidy(client.map("detect_language", texts)),
                "sentiment": lambda: cloudai.tidy(client.map("sentiment", texts[:2])),
                "key_phrases": lambda: cloudai.tidy(client.map("key_phrases", texts[:2] + texts[4:6])),
                "translation": lambda: cloudai.tidy(client.map("translate", texts[:1] + texts[4:6], to="ko")),
                "dictionary": lambda: client.dictionary(options.word, source="en", to="ko"),
                "picture": lambda: client.analyze_image(photo, features=["caption", "tags"]),
                "faces": lambda: client.detect_faces(photo),
            }
            for name, call in calls.items():
                try:
                    found = call()
                except cloudai.UnsupportedOperationError as error:
                    print(f"\n{name}", error, sep="\n")
                    continue
                table = (found if isinstance(found, cloudai.Table) else found.table()).filled()
                table.to_csv(options.out / f"{name}.csv")
                print(f"\n{name}", table.head(12), sep="\n")
                if name == "faces":
                    draw(photo, found).save(options.out / "faces.png")
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\nOpen:", *sorted(options.out.iterdir()), sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
