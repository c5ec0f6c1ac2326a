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
from cloudai.cli.demo import sample_photos
from cloudai.cli.inputs import PICTURES, expand
from cloudai.report import plot, save_drawings
from cloudai.testing import replay

SAMPLES = Path(__file__).parent / "samples"
TOWERS = [f"gs://made-up-bucket/{name}.jpg" for name in ("palace", "tower", "temple")]
FEATURES = ["tags", "brands", "places", "text", "faces"]


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", nargs="*", help="files, folders, patterns, gs:// or https:// addresses")
    parser.add_argument("--sample", action="store_true", help="a portrait, drawings, addresses, constructed replies")
    parser.add_argument("--provider", default="google", help="who looks at them (default: %(default)s)")
    parser.add_argument("--language", default="en", choices=["en", "ko"], help="the language of the plots")
    parser.add_argument("--out", type=Path, default=Path("out/google_tour"), help="default: %(default)s")
    options = parser.parse_args()
    if options.sample:
        options.photos = [str(sample_photos()[1][1]), str(SAMPLES / "둘러보기"), *TOWERS]
    if not options.photos:
        parser.error("give photos, or --sample")
    options.out.mkdir(parents=True, exist_ok=True)
    send = replay(SAMPLES / "google_tour.json") if options.sample else None
    look = {"language": options.language}
    try:
        photos = expand(options.photos, PICTURES)
        with cloudai.Client(options.provider, send=send, offline=bool(send)) as client:
            seen = client.map("analyze_image", photos, features=FEATURES, missing="report")
        here = [outcome for outcome in seen if "://" not in outcome.input]
        written = [save_drawings(here, options.out / "drawn", pictures=photos)]
        things = cloudai.tidy(seen)
        print(things.select("input", "kind", "name", "score", "word", "latitude", "longitude").filled())
        print(cloudai.tidy(seen, "text").select("input", "text", "confidence", "handwritten").filled())
        print(cloudai.tidy(seen, "faces").select("input", "face", "roll", "pitch", "yaw", "emotion_top").filled())
        if any(row.get("latitude") for row in things):
            written.append(plot(things, kind="map", title="Landmarks", **look).save(options.out / "landmarks.html"))
        if any(row.get("kind") == "tag" for row in things):
            tags = things.filter(kind="tag")
            written.append(
                plot(tags, kind="bars", by="input", title="Labels", **look).save(options.out / "labels.html")
            )
        if any(row.get("emotion_top") for row in cloudai.tidy(seen, "faces")):
            emotions = cloudai.tidy(seen, "emotions").filter(status="ok")
            likely = plot(emotions, title="Likelihoods", pictures=photos, **look)
            written.append(likely.save(options.out / "expressions.html"))
    except cloudai.CloudAIError as error:
        print(error, file=sys.stderr)
        return 2
    print("Open:", *written, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
