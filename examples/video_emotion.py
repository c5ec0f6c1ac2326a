"""Show the expressions in speeches over time: tables, boxes and bars over the videos, and a page that jumps to a frame.

    python examples/video_emotion.py                              three made-up speeches, on this computer alone
    python examples/video_emotion.py 연설.mp4 --provider google --every 2 --pace free --language ko
    python examples/video_emotion.py a.mp4 b.mp4 c.mp4 --provider google --method generative --without neutral
    python examples/video_emotion.py --provider google --replay replies.json      from a cassette, with no key

The made-up speeches are public-domain photos, over which a window moves: nobody speaks in them. OUT/video.journal keeps
what was paid for. Expressions are guesses about appearance; nobody is recognised.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from PIL import Image, ImageOps

import cloudai
from cloudai.cli.demo import sample_photos
from cloudai.report import save_moments, save_mp4, save_timeline, save_video
from cloudai.testing import replay


def made_up(folder: Path) -> list[Path]:
    """Make three videos of six seconds from public-domain photos, and return their paths."""
    photos = dict(sample_photos())
    collins, hopper = (Image.open(photos[name]).convert("RGB") for name in ("Eileen Collins", "Grace Hopper"))
    speeches = {"Collins": collins, "Hopper": hopper, "Collins, mirrored": ImageOps.mirror(collins)}
    for name, photo in speeches.items():
        views = [photo.crop((x, x // 4, x + 400, x // 4 + 360)) for x in range(20, 110, 3)]
        save_mp4([*views, *views[::-1]], folder / f"made up, {name}.mp4", seconds=0.1, width=400)
    return [folder / f"made up, {name}.mp4" for name in speeches]


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("videos", nargs="*", help="speeches; none makes three up from public-domain photos")
    add("--out", type=Path, default=Path("out"), help="where to write (default: %(default)s)")
    add("--every", default="1s", help="how often a frame is looked at (default: %(default)s)")
    add("--provider", default="local", help="who looks at the frames (default: %(default)s)")
    add("--method", choices=["classic", "generative"], help="generative: the provider's chat model looks at them")
    add("--replay", metavar="FILE", help="a cassette of recorded replies: nothing is sent")
    add("--pace", help='requests at most, e.g. "20/min"; "free" for the free tier')
    add("--smooth", type=float, metavar="S", help="smooth lines over S seconds; the values stay as dots")
    add("--without", nargs="*", default=[], metavar="EMOTION", help="leave out, e.g. neutral")
    add("--emotion", default="happiness", help="by what all speeches are compared on one axis (default: %(default)s)")
    add("--language", default="en", choices=["en", "ko"], help="the language of the page")
    asked = parser.parse_args()
    out, look = asked.out, {"language": asked.language}
    guesses = asked.provider != "local" or "CLOUDAI_EMOTION_MODEL" in os.environ
    options = {"method": asked.method, "attributes": ["emotions"] if guesses else []}
    settings = {"pace": asked.pace, "journal": None if asked.replay else out / "video.journal", "progress": True}
    try:
        out.mkdir(parents=True, exist_ok=True)
        send = replay(asked.replay) if asked.replay else None
        frames = cloudai.frames(asked.videos or made_up(out), every=asked.every)
        with (
            cloudai.Client(asked.provider, send=send, offline=bool(send)) as client,
            client.batch("detect_faces", frames, options=options, **settings) as job,
        ):
            outcomes = cloudai.track(job)
        for reason in dict.fromkeys(str(outcome.error) for outcome in outcomes if outcome.error):
            print(reason, file=sys.stderr)
        faces = cloudai.tidy(outcomes, "faces")
        faces.to_csv(out / "faces.csv")
        files = [save_timeline(outcomes, out / "timeline.html", smooth=asked.smooth, without=asked.without, **look)]
        for video in dict.fromkeys(row["video"] for row in faces):
            of_video = [outcome for outcome in outcomes if outcome.row and outcome.row["video"] == video]
            files.append(save_video(of_video, out / f"{Path(video).stem}, drawn.mp4", **look))
            if guesses:
                files.append(save_moments(of_video, out / f"{Path(video).stem}.webp", **look))
        if guesses:
            shown = {"where": {"emotion": asked.emotion}, "by": ["video", "track"], "smooth": asked.smooth}
            shown |= {"kind": "lines", "y": "score", "title": asked.emotion, **look}
            cloudai.plot(cloudai.tidy(outcomes, "emotions"), out / "speeches.html", **shown)
            files.append(out / "speeches.html")
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(faces.select("video", "time_s", "track", "status", "x", "y", "width", "emotion_top").filled())
    if not guesses:
        print("\nThe local engine finds faces and follows them, and says nothing of their expressions.")
    print("\nOpen:", *files, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
