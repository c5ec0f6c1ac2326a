"""The flags of the command that take frames out of videos, for every command that takes pictures."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cloudai.cli import inputs
from cloudai.errors import InputError, SettingsError
from cloudai.media.video import Frames, frames, seconds_of
from cloudai.outcomes import Outcome
from cloudai.tracking import track
from cloudai.wording import say

__all__ = ["add_flags", "followed", "frames_of", "require_no_video"]

CHOICES = {"every": "every", "fps": "fps", "frames": "count", "at": "at", "scenes": "scenes"}
"""The flags by which frames are chosen, each with the argument of `cloudai.frames` that it stands for."""


def add_flags(parser: argparse.ArgumentParser, number: Callable[[str], float], count: Callable[[str], int]) -> None:
    """Add the flags to the parser of a command, with the functions that read a number and a count."""
    group = parser.add_argument_group("frames of videos")
    group.add_argument("--every", type=_time, metavar="S", help="a frame every so many seconds: 2, 0.5s, 1:30")
    group.add_argument("--fps", type=number, metavar="N", help="so many frames a second")
    group.add_argument("--frames", type=count, metavar="N", help="so many frames, spread evenly over each video")
    group.add_argument("--at", type=_times, metavar="A,B", help="the frames at these times: 12.5, 1:02")
    group.add_argument("--scenes", action="store_true", help="the first frame of each scene")


def _time(text: str) -> str:
    try:
        seconds_of(text)
    except SettingsError:
        raise argparse.ArgumentTypeError(say("{text} is no time: write 12.5, 0.5s or 1:02", text=text)) from None
    return text


def _times(text: str) -> list[str]:
    return [_time(part.strip()) for part in text.split(",") if part.strip()]


def chosen(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `cloudai.frames` that the flags stand for; none if no frames are asked for."""
    given = {name: getattr(options, flag, None) for flag, name in CHOICES.items()}
    return {name: value for name, value in given.items() if value is not None and value is not False}


def frames_of(options: argparse.Namespace) -> tuple[Frames, list[str]] | None:
    """Return the frames that are asked for, and the videos that they are of; None if no frames are asked for.

    Raises:
        InputError: An input is no video.
        SettingsError: Two flags say which frames are taken.
    """
    asked = chosen(options)
    if not asked:
        return None
    # cloudai cannot tell which of two flags is meant, and each frame is a call that may cost money.
    if len(asked) > 1:
        flags = " and ".join(f"--{flag}" for flag, name in CHOICES.items() if name in asked)
        raise SettingsError(f"{flags} each say which frames are taken", advice="Give one of them.")
    if options.column:
        raise InputError("--column goes with a table of pictures, and not with videos", advice="Leave one out.")
    videos = inputs.expand(options.paths, inputs.VIDEOS, recursive=options.recursive)
    return frames(videos, **asked), videos


def require_no_video(path: str) -> None:
    """Raise InputError if a file is a video of which nothing says which frames are to be looked at."""
    if Path(path).suffix.lower() in inputs.VIDEOS and os.path.isfile(path):  # noqa: PTH113  # no error for any name
        raise InputError(
            f"{path} is a video, and nothing says which of its frames to look at",
            advice="Give --every 2 (seconds), --fps, --frames, --at or --scenes: each frame is a call.",
        )


def followed(outcomes: Iterable[Outcome[Any]], options: argparse.Namespace) -> Iterable[Outcome[Any]]:
    """Return the outcomes with the faces of frames followed under one number; those of pictures as they are."""
    # Photos are not followed: a face that lies at the same place in two of them is not the same person.
    return track(outcomes) if chosen(options) else outcomes
