"""Read a recording before anything is sent, and make of it what a vendor takes: as it is, decoded, or in pieces."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self

from cloudai.core.flow import Blob, Flow, call, reading
from cloudai.core.lazy import lazy
from cloudai.errors import InputError
from cloudai.media import decoding
from cloudai.media.containers import container_of, past_blanks, past_tags
from cloudai.media.cutting import nominal
from cloudai.media.decoding import INSTALL, Recorded, decode
from cloudai.media.measuring import AGAIN, clock, measured
from cloudai.media.sound import MEDIA_TYPES, AudioLimits, Piece, Sound, Taken
from cloudai.media.source import FETCH, FileInput, Source, not_a
from cloudai.media.unpacked import Unpacked, unpack

__all__ = ["Audio", "AudioInput", "AudioLimits", "Sound"]

AudioInput = FileInput

SPOKEN, BY_TELEPHONE = 16_000, 8_000
"""Samples a second of what is made here: what speech services recommend, and what a telephone transmits."""
LARGE = 16_000_000
"""Bytes of a file from which on it is read piece by piece, and never held in memory to be measured or decoded."""
HEAD = 1_000_000
"""Bytes at the beginning of such a file that are read to recognise it."""
LONGEST = 86_400.0
"""The most seconds of a recording that is cut: its samples take 115 MB of the disk for each hour and channel."""


class Audio(Source):
    """A recording as the user gives it: a path, a ``gs://`` address, bytes, or a file open for reading bytes.

    Example:
        >>> Audio("연설.wav").name
        '연설.wav'
    """

    kind = "audio"
    sound: Sound | None = None
    """The result of the last `probe`."""
    is_draft = False
    """True if the recording is only measured, to tell in how many pieces it would be sent."""
    _unpacked: Unpacked | None = None
    """The samples of a recording that is sent in pieces."""
    _cut_before: tuple[tuple[float, float], ...] = ()
    """The pieces in which an earlier run has sent the recording."""

    @lazy
    def key(self) -> str:
        """The sha256 (hex) of the bytes as given, or of an address that was not fetched; raises what `data` raises."""
        if not self._is_large:
            return super().key
        with self._readable(), self._open() as file:
            return file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # open() says too little

    @property
    def is_at_hand(self) -> bool:
        """True if no file has to be read and no address to be fetched for the key."""
        return super().is_at_hand or (self.uri is None and "key" in vars(self))

    def load(self) -> None:
        """Read the file, if that is not done yet; of a large one only the digest is kept.

        Raises:
            InputError: There are no bytes, they cannot be read, or there are too many.
        """
        if self._is_large:
            _ = self.key
        else:
            super().load()

    @lazy
    def _is_large(self) -> bool:
        """True for a file that is too large to be held in memory; a path without a file is not large."""
        given = self._given
        if self.uri is not None or self._memory or not isinstance(given, str | Path):
            return False
        try:
            return Path(given).is_file() and Path(given).stat().st_size > LARGE
        except (OSError, ValueError):
            return False

    def _open(self) -> BinaryIO:
        """Open the file of a large recording.

        Raises:
            InputError: It cannot be read.
        """
        with self._readable():
            return Path(self._given).open("rb")

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Raise InputError where the system cannot read the file within the block: also in the middle of it."""
        try:
            yield
        except OSError as error:
            raise InputError(f"cannot read {self.name} ({error.strerror})") from error

    def probe(self, limits: AudioLimits, channels: Literal["mix", "each"] | None = None) -> Flow[Sound]:
        """Read the recording's properties, check them against a vendor's limits, and decode it where that is needed.

        If the recording is too long and is cut, `piece` returns its pieces; call `close` when they are sent.

        Args:
            limits: The vendor's limits.
            channels: What becomes of several channels; "mix" mixes them here for a vendor that does not.

        Raises:
            InputError: It is no recording, is damaged or does not fit the limits, or the vendor does not read its
                address.
        """
        yield from self.fetched()
        if self._memory:
            self.sound = self._recall(Sound)
        elif self.uri:
            scheme = self.uri.partition(":")[0].lower()
            if scheme not in limits.schemes:
                raise InputError(f"{limits.who} does not read {self.name}", advice=FETCH)
            self.sound = Sound(uri=self.address())
        else:
            run = reading if self._is_large else call
            self.sound = yield from run(self._probe, limits, channels)
        return self.sound

    def piece(self, number: int) -> Sound:
        """Return a piece of the recording, which `probe` has cut, as a recording of its own; number 0 is the first."""
        assert self.sound is not None  # noqa: S101  # for the type checker
        sound, unpacked = self.sound, self._unpacked
        begin, end = sound.pieces[number]
        target: Literal["flac", "wav"] = "flac" if sound.format == "flac" else "wav"

        # A piece is packed when it is sent, so that the pieces of a long recording are not in memory at the same time.
        def packed() -> bytes:
            if unpacked is None or not unpacked.close.alive:
                raise InputError(f"{self.name} itself is not kept", advice="Give the file again.")
            return unpacked.pack(begin, end, target)

        # A piece is known by the recording and its number, so that a reply to it is found without packing it once more.
        key = sha256(f"{self.key} {number} of {len(sound.pieces)}".encode()).hexdigest()
        blob = Piece(key, packed, MEDIA_TYPES[target])
        return replace(sound, blob=blob, duration=end - begin, pieces=())

    def close(self) -> None:
        """Give back the disk that the pieces of the recording take."""
        if self._unpacked is not None:
            self._unpacked.close()

    def draft(self) -> Self:
        """Return a copy that is only measured, and of which no piece can be sent."""
        drawn = copy(self)
        drawn.is_draft = True
        return drawn

    def facts(self) -> dict[str, Any]:
        """Return the facts about this recording that go into `Meta`; before `probe` there are none."""
        if self._memory:
            return dict(self._memory["facts"])
        if self.sound is None:
            return {}
        blob = self.sound.blob
        sent = {"sent_sha256": blob.sha256, "sent_bytes": len(blob.data)} if blob else {}
        by_reference = self.sound.uri is not None
        return {"sha256": self.key, "by_reference": by_reference, "prepared": self.sound.prepared, **sent}

    def memory(self) -> dict[str, Any]:
        """Return the facts, for `recalled`, that a later run needs to read saved replies without the recording.

        They hold the format, the length, the rate, and the times at which it was cut. The dict is empty before `probe`.
        """
        return {} if self.sound is None else self._kept(self.sound)

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Cut the recording as an earlier run did, by the facts that `memory` returned, so that its replies fit."""
        pieces = memory.get("fitted", {}).get("pieces") or ()
        self._cut_before = tuple((begin, end) for begin, end in pieces)

    def _taken(self) -> Taken:
        """Return the recording without the blanks and the tags before it. A tag belongs to an MP3, which keeps it."""
        if not self._is_large:
            given = past_blanks(self.data)
            begin = past_tags(given)
            data = given[begin:] if begin else given
            kept = given if container_of(data) in (None, "mp3") else data
            return Taken(data, len(kept), data, lambda: kept, tagged=begin > 0)
        with self._readable(), self._open() as file:
            begin = past_tags(file.read(HEAD))
            file.seek(begin)
            head = file.read(HEAD)
            size = file.seek(0, io.SEEK_END) - begin
        is_mp3 = container_of(head) in (None, "mp3")
        return Taken(head, size, self._open, lambda: self.data[0 if is_mp3 else begin :], tagged=begin > 0)

    def _probe(self, limits: AudioLimits, channels: str | None) -> Sound:
        """Read the recording and return its properties, or raise InputError if it does not fit the limits.

        One in a format that the vendor does not read, or whose channels are to be mixed here, is decoded to FLAC. One
        that is too long or too large is cut into pieces.
        """
        given = self._taken()
        format = container_of(given.head) or ("mp3" if given.tagged else None)  # noqa: A001  # the field's word
        if format is None:
            raise not_a("audio", self.name, given.head if self._is_large else self.data)
        sound = measured(format, given, self.name, self.key)
        is_long = sound.duration is not None and sound.duration > limits.max_seconds
        can_cut = limits.piece_seconds is not None and decoding.can_decode()
        if is_long and not can_cut:
            raise self._over_time(sound.duration or 0.0, limits)
        mono = limits.mixes_here(sound, channels)
        if not is_long and not mono and limits.reads(sound):
            size = len(sound.blob.data) if sound.blob else given.size
            if size <= limits.max_bytes:
                return sound if sound.blob else replace(sound, blob=Blob(self.key, given.load, MEDIA_TYPES[format]))
            if not can_cut or not sound.duration:
                raise self._over_size(size, limits)
        return self._made(sound, given, limits, mono=mono, small=limits.mixes_made(sound, channels), is_long=is_long)

    def _made(
        self, sound: Sound, given: Taken, limits: AudioLimits, *, mono: bool, small: bool, is_long: bool
    ) -> Sound:
        """Return a recording as FLAC, or as WAV for a vendor that reads no FLAC: whole, or in pieces.

        Args:
            sound: The properties of the recording.
            given: The recording.
            limits: The vendor's limits.
            mono: Whether its channels have to be mixed.
            small: Whether its channels are mixed, because the vendor would mix them.
            is_long: Whether it is longer than the vendor takes.

        Raises:
            InputError: PyAV is not installed, or the recording is damaged or too large.
        """
        what = f"{sound.bits}-bit {sound.codec} WAV" if sound.format == "wav" else str(sound.format)
        refused = f"{self.name} is {what}, and {limits.who} reads {', '.join(sorted(limits.formats))}"
        if sound.rate is not None and not limits.rates[0] <= sound.rate <= limits.rates[1]:
            refused = f"{self.name} has {sound.rate:,} samples a second, and {limits.who} takes {limits.told_rates()}"
        if mono:
            refused = f"{self.name} has {sound.channels} channels, and {limits.who} mixes none"
        if not decoding.can_decode():
            raise InputError(refused, advice=INSTALL)
        # FLAC loses nothing of the sound, and takes fewer bytes than WAV.
        target: Literal["flac", "wav"] = "flac" if "flac" in limits.formats else "wav"
        # The local engine takes WAV alone, and that with 16,000 samples a second: only FLAC keeps the rate of a
        # telephone.
        rate = BY_TELEPHONE if sound.rate and sound.rate <= BY_TELEPHONE and target == "flac" else SPOKEN
        made = replace(
            sound,
            blob=None,
            format=target,
            rate=rate,
            channels=1 if small else sound.channels,
            bits=16,
            codec="pcm" if target == "wav" else None,
            mixed=small,
            prepared=f"{what} to {target.upper()}" + (f", {sound.channels} channels mixed" if small else ""),
            is_video=False,
        )
        # FFmpeg, too, finds no sound behind a chunk that is not padded.
        recorded = sound.blob.data if sound.blob else given.recorded
        # Samples of 16 bits: how much smaller FLAC makes them is known only when it is done.
        most_bytes = (sound.duration or 0.0) * rate * 2 * (made.channels or 1)
        if is_long or (limits.piece_seconds and most_bytes > limits.max_bytes):
            return self._in_pieces(made, recorded, str(sound.format), limits)
        if self.is_draft:  # `bytes` makes an empty content, which is never sent
            return replace(made, blob=Blob(self.key, bytes, MEDIA_TYPES[target]))
        decoded = decode(
            recorded, str(sound.format), target, mono=small, rate=rate, max_seconds=sound.duration or limits.max_seconds
        )
        if decoded is None:
            raise InputError(
                f"{refused}; it cannot be converted, because it is damaged or longer than it says", advice=AGAIN
            )
        if len(decoded) > limits.max_bytes:
            raise self._over_size(len(decoded), limits)
        return replace(made, blob=Blob(self.key, lambda: decoded, MEDIA_TYPES[target]))

    def _in_pieces(self, made: Sound, recorded: Recorded, format: str, limits: AudioLimits) -> Sound:  # noqa: A002
        """Return a recording in pieces.

        Args:
            made: Its properties as they are sent.
            recorded: The recording.
            format: The format of the recording.
            limits: The vendor's limits.

        Raises:
            InputError: The recording is damaged or too long, or the disk has no room for its samples.
        """
        most = limits.seconds_a_piece(made.rate or SPOKEN, made.channels or 1)
        duration = made.duration or 0.0
        if duration > LONGEST:
            raise InputError(f"{self.name} lasts {clock(duration)}; the most is 24 hours", advice="Split it.")
        if self.is_draft:
            pieces = nominal(duration, most)
        else:
            try:
                unpacked = unpack(recorded, format, rate=made.rate or SPOKEN, mono=made.mixed, max_seconds=duration)
            except OSError as error:
                raise InputError(
                    f"{self.name} cannot be unpacked into the folder for temporary files ({error.strerror})",
                    advice="Make room there, or name another folder by TMPDIR.",
                ) from error
            if unpacked is None:
                raise InputError(f"{self.name} is damaged, or longer than it says", advice=AGAIN)
            self._unpacked, duration = unpacked, unpacked.duration
            # Replies that were paid for belong to the pieces of the earlier run.
            pieces = list(self._cut_before) or unpacked.cut(most)
        told = f"{made.prepared}, {len(pieces)} pieces" if len(pieces) > 1 else made.prepared
        return replace(made, duration=duration, prepared=told, pieces=tuple(pieces))

    def _over_time(self, seconds: float, limits: AudioLimits) -> InputError:
        advice = limits.advice if limits.piece_seconds is None else f"{limits.advice or ''} {INSTALL_TO_CUT}".strip()
        return InputError(
            f"{self.name} lasts {clock(seconds)}; {limits.who} takes {clock(limits.max_seconds)}", advice=advice
        )

    def _over_size(self, size: int, limits: AudioLimits) -> InputError:
        return InputError(
            f"{self.name} has {size / 1e6:.1f} MB; {limits.who} takes {limits.max_bytes / 1e6:.0f} MB",
            advice=limits.advice,
        )


INSTALL_TO_CUT = 'Or install what cuts it into pieces, pip install ".[audio]".'
"""Advice for a recording that is too long, where nothing is installed that could cut it."""
