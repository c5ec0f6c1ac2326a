"""Chart how old one person looks on dated photos, beside the true age; with a strip of the faces, and a morph.

    python examples/age_over_time.py --sample                             a drawn person, with constructed replies
    python examples/age_over_time.py photos/ --born 1961-08-04            files named by their dates: 2008-01-15.jpg
    python examples/age_over_time.py photos/ --born 1961-08-04 --provider google --method generative

`cloudai models install ages` brings the baseline model of this computer. An age is a guess about appearance. The sample
has drawings of somebody who does not exist: there is no free series of photos of one person over years.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cloudai
from cloudai.cli.inputs import PICTURES, expand
from cloudai.report import plot, save_morph, save_sheet
from cloudai.testing import replay

SAMPLES = Path(__file__).parent / "samples"


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", nargs="*", help="photos, or a folder of them; their names hold their dates")
    parser.add_argument("--sample", action="store_true", help="fifteen drawings, and constructed replies of Google")
    parser.add_argument("--born", help="the date of birth, for the true age: 1961-08-04")
    parser.add_argument("--provider", default="local", help="who looks at the photos (default: %(default)s)")
    parser.add_argument("--method", choices=["classic", "generative"], help="generative: the provider's chat model")
    parser.add_argument("--language", default="en", choices=["en", "ko"], help="the language of the chart")
    parser.add_argument("--out", type=Path, default=Path("out/age_over_time"), help="default: %(default)s")
    options = parser.parse_args()
    if options.sample:
        options.photos, options.provider, options.method = [str(SAMPLES / "나이")], "google", "generative"
        options.born = "1973-03-02"
    if not options.photos:
        parser.error("give photos, or --sample")
    options.out.mkdir(parents=True, exist_ok=True)
    send = replay(SAMPLES / "age_over_time.json") if options.sample else None
    title = "세월과 얼굴" if options.language == "ko" else "Apparent age over time"
    try:
        photos = expand(options.photos, PICTURES)
        with cloudai.Client(options.provider, send=send, offline=bool(send)) as client:
            ages = client.map("estimate_age", photos, **({"method": options.method} if options.method else {}))
        ages.values()[:0]  # an error of the provider is told, and nothing is drawn
        chart = plot(ages, kind="ages", title=title, born=options.born, pictures=photos, language=options.language)
        written = [chart.save(options.out / f"ages.{ending}") for ending in ("html", "png")]
        written.append(save_sheet(ages, options.out / "strip.png", layout="strip", pictures=photos))
        written.append(save_morph(ages, options.out / "morph.gif", side=160, pictures=photos))
    except cloudai.CloudAIError as error:
        print(error, file=sys.stderr)
        return 2
    print(chart.table())
    print("Open:", *written, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
