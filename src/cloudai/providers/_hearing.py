"""Write down recordings of any length: send the pieces of a long one at the same time, and join what was heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from cloudai.core.flow import Flow, parallel
from cloudai.errors import CloudAIError
from cloudai.media import Audio, AudioLimits, Sound
from cloudai.models.joining import Heard, joined_pieces
from cloudai.models.speech import Transcript

__all__ = ["transcribed"]


def transcribed(
    audio: Audio,
    limits: AudioLimits,
    channels: Literal["mix", "each"] | None,
    ask: Callable[[Sound, bool], Flow[Transcript]],
    *,
    words: bool,
    side_by_side: bool = True,
) -> Flow[Transcript]:
    """Write down a recording: in one request, or in one request for each piece if it is too long.

    The requests of the pieces go out at the same time, and each is tried again, and kept in a journal, by itself.

    Args:
        audio: The recording.
        limits: What the vendor takes.
        channels: What becomes of several channels.
        ask: The flow that has one piece written down. It takes the piece, and whether the time of each word is needed.
        words: Whether the user wants the times of the words. Pieces that overlap are joined by their words, so that
            these are asked for in any case.
        side_by_side: Whether the pieces are written down at the same time; an engine of this machine takes one at a
            time.

    Raises:
        InputError: The recording is damaged, or does not fit the limits.
        CloudAIError: A piece has failed; the error's ``partial`` is the transcript of those that were written down, if
            there are any.
    """
    sound = yield from audio.probe(limits, channels)
    if not sound.pieces:
        return (yield from ask(sound, words))
    # Pieces overlap where the recording has no pause to cut at. They are joined at the words that both have, whose
    # times are needed for it.
    overlap = any(end > begin for (_, end), (begin, _) in zip(sound.pieces, sound.pieces[1:], strict=False))
    try:
        flows = [ask(audio.piece(number), words or overlap) for number in range(len(sound.pieces))]
        parts = (yield from parallel(flows)) if side_by_side else (yield from _one_by_one(flows))
    except CloudAIError as error:
        # The pieces that were answered are paid for: the error hands them over as one transcript with gaps.
        if isinstance(error.partial, list) and any(part is not None for part in error.partial):
            error.partial = _joined(error.partial, sound, words=words)
        raise
    # The unpacked recording takes up to 115 MB for each hour and channel, and is not left to the garbage collector.
    finally:
        audio.close()
    return _joined(parts, sound, words=words)


def _joined(parts: Sequence[Transcript | None], sound: Sound, *, words: bool) -> Transcript:
    """Return one transcript of the pieces of a recording; one that has failed is None, and becomes a gap."""
    heard = [
        Heard.gap(begin, end) if part is None else Heard(part, begin, end)
        for part, (begin, end) in zip(parts, sound.pieces, strict=True)
    ]
    return joined_pieces(heard, sound.duration, words=words)


def _one_by_one(flows: Sequence[Flow[Transcript]]) -> Flow[list[Transcript]]:
    """Run several flows one after the other, and return their results.

    Raises:
        CloudAIError: A flow has failed, and those after it were not run; the error's ``partial`` has the results of
            those before it, and None in the places of all others.
    """
    results: list[Transcript] = []
    for flow in flows:
        try:
            result = yield from flow
        except CloudAIError as error:
            error.partial = [*results, *[None] * (len(flows) - len(results))]
            raise
        results.append(result)
    return results
