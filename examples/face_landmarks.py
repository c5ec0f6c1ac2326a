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
from cloudai.cli.demo import sample_photos
from cloudai.cli.inputs import PICTURES, expand
from cloudai.report import plot, save_drawings
from cloudai.testing import replay

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
    options.out.mkdir(parents=True, exist_ok=True)
    send, provider = (replay(SAMPLE), "google") if options.sample else (None, options.provider)
    try:
        photos = expand(options.photos, PICTURES) if options.photos else [str(path) for _, path in sample_photos()[:2]]
        with cloudai.Client(provider, send=send, offline=bool(send)) as client:
            what = {} if provider == "local" else {"attributes": ["emotions"]}
            faces = client.map("detect_faces", photos, landmarks=True, **what)
            how = {"method": "generative"} if options.sample else {}
            ages = client.map("estimate_age", photos, **how) if how or client.supports("estimate_age") else ()
        written = [save_drawings(faces, options.out / "drawn", pictures=photos)]
        if any(row.get("emotion_top") for row in cloudai.tidy(faces, "faces")):
            chart = plot(faces, title="Expressions", pictures=photos, language=options.language)
            written += [chart.save(options.out / "emotions.html"), chart.save(options.out / "emotions.png")]
        if any(outcome.result for outcome in ages):
            chart = plot(ages, kind="ages", title="Apparent ages", pictures=photos, language=options.language)
            written += [chart.save(options.out / "ages.html"), chart.save(options.out / "ages.png")]
    except cloudai.CloudAIError as error:
        print(error, file=sys.stderr)
        return 2
    print(cloudai.tidy(faces, "landmarks").select("input", "face", "landmark", "x", "y").head(12))
    print("Open:", *written, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
