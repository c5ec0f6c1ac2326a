"""Open a video of any format, and check that it has pictures before anything is made of them; extra ``video``.

The demuxer is named for each format: FFmpeg would also recognise playlists, which name other files to be opened.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

from cloudai.errors import InputError, MissingExtraError
from cloudai.media.containers import container_of
from cloudai.media.decode import MOST_PIXELS
from cloudai.media.decoding import DEMUXERS, is_cover
from cloudai.media.given import short
from cloudai.media.source import not_a

__all__ = ["opened_video"]

HEAD = 65_536
"""Bytes at the beginning of a file by which its format is recognised."""
STILL = re.compile(rb"\xff\xd8\xff|\x89PNG|BM|II\*\0|MM\0\*|RIFF....WEBP|....ftyp(?:hei|hev|mif1|msf1|avi)", re.DOTALL)
"""The beginnings of pictures."""
MOVING = re.compile(rb"\x89PNG.{,4096}acTL|RIFF....WEBPVP8X.{14}ANIM|....ftypavis", re.DOTALL)
"""The beginnings of moving pictures that FFmpeg does not read: PNG, WebP and AVIF."""
SILENT = (
    (re.compile(rb"GIF8"), "gif"),
    (re.compile(rb"\x00\x00\x01\xba"), "mpeg"),
    (re.compile(rb".{4}\x47.{191}\x47.{191}\x47", re.DOTALL), "mpegts"),  # of camcorders, with a time in each packet
)
"""The beginnings of videos that are read for their pictures alone, and FFmpeg's names of their formats."""


@contextmanager
def opened_video(given: Any, name: str) -> Iterator[tuple[Any, Any]]:
    """Open a video, yield the file and its track of pictures, and close it after the block.

    Args:
        given: A path, bytes, or a file open for reading bytes, which stays open.
        name: The name of the video, for errors.

    Raises:
        InputError: It is no video, is damaged, or cannot be read.
        MissingExtraError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("frames of a video", "video") from error
    name = short(name)
    with _opened(given) as opened:
        head = opened.read(HEAD)
        opened.seek(0)
        demuxer = _demuxer(head, name)
        try:
            file = av.open(opened, "r", format=demuxer)
        except (av.error.FFmpegError, ValueError) as error:
            raise InputError(f"{name} is cut off or damaged", advice="Download or export it again.") from error
        with file:
            yield file, _track(file, name)


def _opened(given: Any) -> Any:
    """Return the video as an open file in a context.

    Raises:
        InputError: It cannot be read.
    """
    if isinstance(given, bytes | bytearray | memoryview):
        return io.BytesIO(given)
    if hasattr(given, "read"):
        try:
            given.seek(0)
            if given.read(0) != b"":
                raise InputError("the file is open as text", advice='Open it with mode "rb".')
        except InputError:
            raise
        except (OSError, ValueError, AttributeError) as error:
            raise InputError("the open file cannot be read twice", advice="Give its path, or its bytes.") from error
        return nullcontext(given)
    if not isinstance(given, str | os.PathLike) or not str(given):
        raise InputError(f"a video cannot be a {type(given).__name__}", advice="Give a path, bytes or an open file.")
    return _opened_file(Path(given))


def _opened_file(path: Path) -> IO[bytes]:
    """Open the file of a video, or raise InputError if it cannot be read."""
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder", advice="Give the videos in it one by one.")
        # To open a pipe may never come to an end.
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is not a regular file")
        return path.open("rb")
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"there is no file {short(str(path))}", advice="Check the path.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(f"cannot read {short(str(path))} ({getattr(error, 'strerror', None) or error})") from error


def _demuxer(head: bytes, name: str) -> str:
    """Return FFmpeg's name of the format of a video, by its first bytes.

    Raises:
        InputError: It is no video.
    """
    if not head:
        raise InputError(f"{name} is empty (0 bytes)")
    # A moving picture begins like a still one, and a still HEIC like a video: so they are looked for in this order.
    if MOVING.match(head):
        raise InputError(f"{name} is a moving picture that cannot be read here", advice="Convert it to GIF or MP4.")
    if STILL.match(head):
        raise InputError(f"{name} is a still picture", advice="Give it to the operation as it is.")
    kind = container_of(head)
    demuxer = DEMUXERS[kind] if kind else next((name for mark, name in SILENT if mark.match(head)), None)
    if demuxer is None:
        raise not_a("a video", name, head)
    return demuxer


def _track(file: Any, name: str) -> Any:
    """Return the track of pictures that players show.

    Raises:
        InputError: There is none, it cannot be decoded, or its frames are too large.
    """
    tracks = [track for track in file.streams.video if not is_cover(track)]
    if not tracks and file.streams.audio:
        raise InputError(f"{name} has no pictures, only sound", advice="speech_to_text takes recordings.")
    if not tracks:
        raise InputError(f"{name} has no pictures", advice="Give another file.")
    codec = tracks[0].codec_context
    if codec is None:
        raise InputError(f"the pictures of {name} are of a kind that is not known here", advice="Convert it to MP4.")
    if codec.width * codec.height > MOST_PIXELS:
        raise InputError(f"the frames of {name} have more than {MOST_PIXELS:,} pixels", advice="Make them smaller.")
    # PyAV's usual threads share the work on one frame; with these FFmpeg decodes several frames at the same time.
    tracks[0].thread_type = "AUTO"
    return tracks[0]
