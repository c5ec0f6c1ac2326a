"""Write moving pictures frame by frame, so that a thousand frames need no more memory than a few."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, TypeVar

from PIL import Image

from cloudai.errors import InputError

__all__ = ["Each", "animated"]

T = TypeVar("T")

MOST_IN_GIF = 400_000_000
"""Pixels of all frames of a GIF at most: Pillow holds them, one byte a pixel, until the last is there."""


class Each(Sequence[Image.Image], Generic[T]):
    """Pictures that are made whenever they are asked for, and not kept.

    Args:
        things: What the pictures are made of.
        make: A function that makes one of them.
    """

    def __init__(self, things: Sequence[T], make: Callable[[T], Image.Image]) -> None:
        self._things, self._make = things, make

    def __len__(self) -> int:
        return len(self._things)

    def __getitem__(self, number: Any) -> Any:
        return self._make(self._things[number])


def animated(frames: Sequence[Image.Image], kind: Literal["GIF", "WEBP"], milliseconds: int, **options: Any) -> bytes:
    """Return a moving picture that repeats for ever.

    Args:
        frames: The frames, at least one, all of one size; each is asked for when it is written.
        kind: The format.
        milliseconds: How long each frame is shown.
        options: What the format takes besides; see Pillow.

    Raises:
        InputError: The frames have more pixels than a GIF may have here.
    """
    first = _Frames(frames)
    pixels = len(frames) * first.width * first.height
    if kind == "GIF" and pixels > MOST_IN_GIF:
        raise InputError(
            f"a GIF of {len(frames):,} frames of {first.width} × {first.height} px is too large to be made",
            advice="Make a WebP, or take fewer pictures.",
        )
    out = io.BytesIO()
    first.save(out, kind, save_all=True, duration=milliseconds, loop=0, **options)
    return out.getvalue()


class _Frames(Image.Image):
    """A picture with several frames, as Pillow has it, whose frames come from a sequence.

    Pillow makes a list of pictures that are to be appended to a first one, but takes the frames of one picture one by
    one.
    """

    def __init__(self, frames: Sequence[Image.Image]) -> None:
        super().__init__()
        self._frames = frames
        self.n_frames = len(frames)
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Become the frame with this number."""
        if frame >= self.n_frames:
            # This is how Pillow is told that a picture has come to its last frame.
            raise EOFError("there are no more frames")
        shown = self._frames[frame]
        # Pillow reads these attributes of a picture when it writes a frame.
        self.im, self._mode, self._size, self.palette = shown.im, shown.mode, shown.size, shown.palette
        self._number = frame

    def tell(self) -> int:
        """Return the number of the frame."""
        return self._number
