"""Show the expressions in speeches over time: tables, boxes and bars over the videos, and a page that jumps to a frame.

    python examples/video_emotion.py                              three made-up speeches, on this computer alone
    python examples/video_emotion.py 연설.mp4 --provider google --every 2 --pace free --language ko
    python examples/video_emotion.py a.mp4 b.mp4 c.mp4 --provider google --method generative --without neutral
    python examples/video_emotion.py --provider google --replay replies.json      from a cassette, with no key

The made-up speeches are public-domain photos, over which a window moves: nobody speaks in them. OUT/video.journal keeps
what was paid for. Expressions are guesses about appearance; nobody is recognised.
"""

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path

import cloudai
from cloudai.cli.demo import sample_videos
from cloudai.report import save_moments, save_timeline, save_video
from cloudai.testing import replay


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
    # This computer has no model of expressions of its own, and a provider refuses an attribute that it cannot tell.
    wanted = ["emotions"] if asked.provider != "local" or "CLOUDAI_EMOTION_MODEL" in os.environ else []
    settings = {"pace": asked.pace, "journal": None if asked.replay else out / "video.journal", "progress": True}
    settings["options"] = {"method": asked.method, "attributes": wanted}
    try:
        out.mkdir(parents=True, exist_ok=True)
        send = replay(asked.replay) if asked.replay else None
        frames = cloudai.frames(asked.videos or sample_videos(out), every=asked.every)
        client = cloudai.Client(asked.provider, send=send, offline=bool(send))
        with client, client.batch("detect_faces", frames, **settings) as job:
            outcomes = cloudai.track(job)
        faces, emotions = (cloudai.tidy(outcomes, kind) for kind in ("faces", "emotions"))
        faces.to_csv(out / "faces.csv")
        files = [save_timeline(outcomes, out / "timeline.html", smooth=asked.smooth, without=asked.without, **look)]
        for n, video in enumerate(dict.fromkeys(faces["video"]), 1):
            of_video = [outcome for outcome in outcomes if outcome.row and outcome.row["video"] == video]
            with suppress(cloudai.InputError):  # a speech without faces or expressions has less to show
                files.append(save_video(of_video, out / f"{n} {Path(video).stem}, drawn.mp4", **look))
                files.append(save_moments(of_video, out / f"{n} {Path(video).stem}.webp", **look))
        if wanted and emotions:
            # The likelihoods of Google are ranks and not amounts, so a mean of several says nothing.
            smooth = None if "likelihood" in emotions["scale"] else asked.smooth
            where = {"emotion": asked.emotion}
            cloudai.plot(emotions, out / "speeches.html", where=where, title=asked.emotion, smooth=smooth, **look)
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(faces.select("video", "time_s", "track", "status", "error", "x", "y", "emotion_top").filled())
    print("Open:", *files, *out.glob("speeches.html"), sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
