"""Draw the boxes and the landmarks of faces on photos, their expressions as bars, and their apparent ages as ranges.

    python examples/face_landmarks.py                               two portraits of packages, on this computer alone
    python examples/face_landmarks.py photos/ --provider google     your own
    python examples/face_landmarks.py --sample                      the portraits, with constructed replies of Google

What a provider does not say is left out. Expressions and ages are guesses about appearance; nobody is recognised.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cloudai
from cloudai.cli.demo import sample_client, sample_photos
from cloudai.cli.inputs import PICTURES, expand
from cloudai.report import plot, save_drawings

SAMPLE = Path(__file__).parent / "samples" / "face_landmarks.json"


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", nargs="*", help="files, folders or patterns")
    parser.add_argument("--sample", action="store_true", help="constructed replies of Google about the two portraits")
    parser.add_argument("--provider", default="local", help="who looks at the photos (default: %(default)s)")
    parser.add_argument("--language", default="en", choices=["en", "ko"], help="the language of the plots")
    parser.add_argument("--out", type=Path, default=Path("out/face_landmarks"), help="default: %(default)s")
    options = parser.parse_args()
    korean = options.language == "ko"
    provider = "google" if options.sample else options.provider
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        photos = expand(options.photos, PICTURES) if options.photos else [str(path) for _, path in sample_photos()[:2]]
        with sample_client(provider, SAMPLE) if options.sample else cloudai.Client(provider) as client:
            what = {"attributes": ["emotions"]} if provider == "google" else {}
            faces = client.map("detect_faces", photos, landmarks=True, **what)
            how = {"method": "generative"} if options.sample else {}
            ages = client.map("estimate_age", photos, **how) if how or client.supports("estimate_age") else ()
        sys.stderr.writelines(dict.fromkeys(f"{outcome.error}\n" for outcome in [*faces, *ages] if outcome.error))
        if not any(outcome.result for outcome in faces):
            return 2
        written = [save_drawings(faces, options.out / "drawn", pictures=photos).parent]
        look = {"pictures": photos, "language": options.language}
        if any(row.get("emotion_top") for row in cloudai.tidy(faces, "faces")):
            chart = plot(faces, title="표정" if korean else "Expressions", **look)
            written += [chart.save(options.out / f"emotions.{ending}") for ending in ("html", "png")]
        if any(outcome.result for outcome in ages):
            chart = plot(ages, kind="ages", title="겉보기 나이" if korean else "Apparent ages", **look)
            written += [chart.save(options.out / f"ages.{ending}") for ending in ("html", "png")]
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    points = cloudai.tidy(faces, "landmarks").select("input", "face", "landmark", "x", "y")
    print(points.head(12))
    print("Open:", *written, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
