"""Compare the apparent expressions of several people as grouped bars: one group a person, one bar an expression.

    python examples/candidate_emotions.py --sample                      four drawn people, constructed replies of Google
    python examples/candidate_emotions.py photos/ --provider google     your own; the file names are the names
    python examples/candidate_emotions.py people.csv --provider google  a CSV with the column photo, or 사진

Google says how likely an expression is in words, which are ranks: they are drawn as steps and never averaged. An
expression is a guess about appearance, and not what a person feels.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import cloudai
from cloudai.cli.demo import sample_client
from cloudai.cli.inputs import PICTURES, expand
from cloudai.report import gallery, plot
from cloudai.report.subjects import photo_column

SAMPLES = Path(__file__).parent / "samples"


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("people", nargs="?", help="a folder of portraits, or a CSV with a column photo or 사진")
    parser.add_argument("--sample", action="store_true", help="drawings of made-up people, and constructed replies")
    parser.add_argument("--provider", default="google", help="who looks at the photos (default: %(default)s)")
    parser.add_argument("--language", default="en", choices=["en", "ko"], help="the language of the plots")
    parser.add_argument("--out", type=Path, default=Path("out/candidate_emotions"), help="default: %(default)s")
    options = parser.parse_args()
    people = str(SAMPLES / "후보") if options.sample else options.people
    if not people:
        parser.error("give portraits, or --sample")
    title = "네 후보의 표정" if options.language == "ko" else "Expressions compared"
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        table = cloudai.read_table(people) if people.lower().endswith(".csv") else None
        column, folder = (photo_column(table), table.folder) if table else (None, None)
        given: Any = table or expand([people], PICTURES)
        settings: Any = {"options": {"attributes": ["emotions"]}, **({"column": column} if column else {})}
        sample = SAMPLES / "candidate_emotions.json"
        client = sample_client("google", sample) if options.sample else cloudai.Client(options.provider)
        with client, client.batch("detect_faces", given, **settings) as job:
            faces = sorted(job, key=lambda outcome: outcome.item)
        photos = [Path(folder or "") / outcome.input for outcome in faces]
        sys.stderr.writelines(dict.fromkeys(f"{outcome.error}\n" for outcome in faces if outcome.error))
        if not any(outcome.result for outcome in faces):
            return 2
        chart = plot(faces, title=title, pictures=photos, language=options.language)
        written = [chart.save(options.out / f"emotions.{ending}") for ending in ("html", "png", "svg")]
        written.append(gallery(faces, options.out / "gallery.html", title=title, language=options.language))
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    emotions = cloudai.tidy(faces, "emotions")
    emotions.to_csv(options.out / "emotions.csv")
    print(emotions.select("input", "face", "emotion", "word", "score"))
    print("Open:", *written, options.out / "emotions.csv", sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
