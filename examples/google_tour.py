"""Take the tour of Google's vision: labels, logos, landmarks on a map, handwriting, printed Korean, and faces.

    python examples/google_tour.py --sample                     a portrait, three drawings, three addresses; constructed
    python examples/google_tour.py photos/ gs://bucket/tower.jpg --provider google
    python examples/google_tour.py photos/ --provider local     what this computer says of them

Google itself fetches what stands behind gs:// and https://. What a provider lacks is reported, not made up.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cloudai
from cloudai.cli.demo import sample_client, sample_photos
from cloudai.cli.inputs import PICTURES, expand
from cloudai.report import plot, save_drawings

SAMPLES = Path(__file__).parent / "samples"
FEATURES = ["tags", "brands", "places", "text", "faces"]
TOWERS = [f"gs://made-up-bucket/{name}.jpg" for name in ("palace", "tower", "temple")]
TITLES = {"en": ("Landmarks", "Labels", "Likelihoods"), "ko": ("명소", "태그", "표정의 가능성")}


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", nargs="*", help="files, folders, patterns, gs:// or https:// addresses")
    parser.add_argument("--sample", action="store_true", help="a portrait, drawings, addresses, constructed replies")
    parser.add_argument("--provider", default="google", help="who looks at them (default: %(default)s)")
    parser.add_argument("--language", default="en", choices=["en", "ko"], help="the language of the plots")
    parser.add_argument("--out", type=Path, default=Path("out/google_tour"), help="default: %(default)s")
    options = parser.parse_args()
    if not options.photos and not options.sample:
        parser.error("give photos, or --sample")
    try:
        sample = [str(sample_photos()[1][1]), str(SAMPLES / "둘러보기"), *TOWERS] if options.sample else []
        photos = expand(options.photos or sample, PICTURES)
        replies = SAMPLES / "google_tour.json"
        with sample_client("google", replies) if options.sample else cloudai.Client(options.provider) as client:
            seen = client.map("analyze_image", photos, features=FEATURES, missing="report")
        sys.stderr.writelines(dict.fromkeys(f"{outcome.error}\n" for outcome in seen if outcome.error))
        if not any(outcome.result for outcome in seen):
            return 2
        things, faces, emotions = (cloudai.tidy(seen, kind) for kind in (None, "faces", "emotions"))
        print(things.select("input", "kind", "name", "score", "word", "latitude", "longitude").filled())
        print(cloudai.tidy(seen, "text").select("input", "text", "confidence", "handwritten").filled())
        print(faces.select("input", "face", "roll", "pitch", "yaw", "emotion_top").filled())
        tables = {"landmarks": things, "labels": things.filter(kind="tag"), "expressions": emotions.filter(status="ok")}
        series: list[list[str]] = [[], ["input"], []]
        local = [outcome for outcome in seen if "://" not in outcome.input]
        written = [save_drawings(local, options.out / "drawn", pictures=photos).parent]
        for (name, table), by, title in zip(tables.items(), series, TITLES[options.language], strict=True):
            if any(row.get("latitude" if name == "landmarks" else "score") is not None for row in table):
                chart = plot(table, by=by, title=title, pictures=photos, language=options.language)
                written.append(chart.save(options.out / f"{name}.html"))
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print("Open:", *written, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
