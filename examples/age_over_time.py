"""Chart how old one person looks on dated photos, beside the true age; with a strip of the faces, and a morph.

    python examples/age_over_time.py --sample                             drawings, with constructed replies of Google
    python examples/age_over_time.py photos/ --born 1961-08-04            files named by their dates: 2008-01-15.jpg
    python examples/age_over_time.py photos/ --born 1961-08-04 --provider google --method generative

`cloudai models install ages` brings the baseline model of this computer. An age is a guess about appearance. The sample
is nine drawings of somebody who does not exist, from the age of 6 to that of 74, because no series of photos of one
person over years is in the public domain; the two notes on the chart are made up, too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cloudai
from cloudai.cli.demo import sample_client
from cloudai.cli.inputs import PICTURES, expand
from cloudai.report import plot, save_morph, save_sheet

SAMPLES = Path(__file__).parent / "samples"
# A single day becomes a line on the chart, and two days with a slash between them become a stretch.
LIFE = {"1970-02-20": "graduation", "1973-03-01/2011-02-28": "teaching at a school"}


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", nargs="*", help="photos, or a folder of them; their names hold their dates")
    parser.add_argument("--sample", action="store_true", help="nine drawings, and constructed replies of Google")
    parser.add_argument("--born", help="the date of birth, for the true age: 1961-08-04")
    parser.add_argument("--provider", default="local", help="who looks at the photos (default: %(default)s)")
    parser.add_argument("--method", choices=["classic", "generative"], help="generative: the provider's chat model")
    parser.add_argument("--language", default="en", choices=["en", "ko"], help="the language of the chart")
    parser.add_argument("--out", type=Path, default=Path("out/age_over_time"), help="default: %(default)s")
    options = parser.parse_args()
    if options.sample:
        options.photos, options.provider, options.method = [str(SAMPLES / "나이")], "google", "generative"
        options.born = "1951-03-02"
    if not options.photos:
        parser.error("give photos, or --sample")
    look = {"born": options.born, "language": options.language, "events": LIFE if options.sample else None}
    look["title"] = "세월과 얼굴" if options.language == "ko" else "Apparent age over time"
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        photos = expand(options.photos, PICTURES)
        sample = SAMPLES / "age_over_time.json"
        with sample_client("google", sample) if options.sample else cloudai.Client(options.provider) as client:
            ages = client.map("estimate_age", photos, **({"method": options.method} if options.method else {}))
        sys.stderr.writelines(dict.fromkeys(f"{outcome.error}\n" for outcome in ages if outcome.error))
        if not (seen := [outcome for outcome in ages if outcome.result]):
            return 2
        chart = plot(ages, kind="ages", pictures=photos, **look)
        written = [chart.save(options.out / f"ages.{ending}") for ending in ("html", "png")]
        written.append(save_sheet(seen, options.out / "strip.png", layout="strip", pictures=photos))
        if len(seen) > 1:
            written.append(save_morph(seen, options.out / "morph.gif", side=160, pictures=photos))
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(chart.table())
    print("Open:", *written, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
