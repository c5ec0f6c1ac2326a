"""The transcription of a recording by a chat model that takes audio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cloudai.core.flow import Flow
from cloudai.errors import UnsupportedOperationError
from cloudai.languages import joined, with_region
from cloudai.media import Audio
from cloudai.models.speech import Segment, Transcript
from cloudai.providers._generative.answers import TranscriptAnswer
from cloudai.providers._generative.asking import asked
from cloudai.providers._generative.chat import Chat, Part, Reply, meta_of
from cloudai.providers._generative.prompts import marked, prompt, require_codes

__all__ = ["speech_to_text"]

TOKENS = 32_000
MOST_SPEAKERS = 100
"""The largest number of a speaker where nobody says how many there are; it is not shown then."""


def speech_to_text(
    vendor: Chat,
    audio: Audio,
    *,
    language: str,
    words: bool,  # noqa: ARG001  # a model gives no times, and the segments have none
    speakers: int | None,
    channels: Literal["mix", "each"] | None,
    phrases: Sequence[str],
    profanity: Literal["keep", "mask", "remove"],
) -> Flow[Transcript]:
    """Write down what is said in a recording, in sentences without times."""
    if vendor.chat_sounds is None:
        raise UnsupportedOperationError(f"{vendor.chat_name} takes no recordings", advice="google's chat model does.")
    if channels == "each":
        raise UnsupportedOperationError(
            "a chat model does not tell channels apart", advice='Leave method="generative" out, or channels="each".'
        )
    if profanity != "keep":
        raise UnsupportedOperationError(
            "a chat model writes swear words down as it hears them",
            advice='Leave method="generative" out, or profanity=.',
        )
    # The code goes into the rules of the prompt, where no word of a stranger may stand.
    require_codes(language)
    code = with_region(language)
    sound = yield from audio.probe(vendor.chat_sounds, channels)
    wishes: Sequence[str] = [f"The language is {code}."]
    wishes = [*wishes, f"Tell {speakers} speakers apart." if speakers else "Do not tell speakers apart."]
    parts: list[Part] = [sound.blob] if sound.blob else []
    if phrases:
        # They may come from strangers, so they are data like the recording.
        wishes = [*wishes, "The words between the lines of marks, one on each line, are likely to be said."]
        parts = [*parts, marked("\n".join(phrases))]
    asking = prompt("speech_to_text", parts, TranscriptAnswer, TOKENS, wishes)

    def check(answer: TranscriptAnswer) -> str | None:
        numbers = [each.speaker for each in answer.segments if each.speaker is not None]
        most = speakers or MOST_SPEAKERS
        return None if all(1 <= number <= most for number in numbers) else f"speaker is a number from 1 to {most}"

    answer, replies = yield from asked(vendor, asking, TranscriptAnswer, check)
    replies = [_without_cost(reply) for reply in replies]
    segments = tuple(
        Segment(text=each.text, language=code, speaker=str(each.speaker) if speakers and each.speaker else None)
        for each in answer.segments
    )
    mixed = {"channels": "mix"} if sound.mixed or (sound.channels or 1) > 1 else {}
    return Transcript(
        text=joined([each.text for each in segments], code),
        segments=segments,
        language=code,
        duration=sound.duration,
        meta=meta_of(asking, replies, language_sent=code, **mixed),
    )


def _without_cost(reply: Reply) -> Reply:
    """Return a reply without its cost: vendors ask other prices for sound than those that are known, of texts."""
    usage = reply.usage and reply.usage.model_copy(update={"cost": None, "price_date": None})
    return reply._replace(usage=usage)
