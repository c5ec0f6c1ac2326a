"""The operations of Watson Speech to Text, which go to ``/v1/recognize``, or to ``/v1/recognitions`` as a job.

https://cloud.ibm.com/apidocs/speech-to-text#recognize · https://cloud.ibm.com/docs/speech-to-text?topic=speech-to-text-async
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import MalformedResponseError, ServerError, UnsupportedOperationError
from cloudai.languages import joined, with_region
from cloudai.media import Audio, AudioLimits, Sound
from cloudai.models.base import Meta
from cloudai.models.speech import Segment, SpokenWord, Transcript, turns
from cloudai.providers._hearing import transcribed
from cloudai.providers.base import capability
from cloudai.providers.watson._service import WatsonService
from cloudai.providers.wire import Known, Wire

__all__ = ["Speech"]

LIMITS = AudioLimits(
    who="Watson Speech to Text",
    formats=frozenset({"wav", "flac", "mp3", "ogg-opus", "ogg-vorbis", "webm-opus", "webm-vorbis"}),
    max_bytes=100_000_000,
    max_seconds=86_400.0,  # the service limits the bytes only
    advice="Split it, or convert it to MP3 or Opus.",
    piece_seconds=3_000.0,  # as FLAC, with 16,000 samples a second, it has less than the most bytes
)
JOB_LIMITS = replace(LIMITS, max_bytes=1_000_000_000, piece_seconds=28_800.0)
"""The limits of a job. Speakers are told apart within one request alone, so that a long recording had better be one."""
FIRST_POLL, LONGEST_POLL = 2.0, 30.0
"""Seconds before the first poll of a job, and the most seconds between two polls."""
MEDIA_TYPES = {
    "mp3": "audio/mp3",
    "ogg-opus": "audio/ogg;codecs=opus",
    "ogg-vorbis": "audio/ogg;codecs=vorbis",
    "webm-opus": "audio/webm;codecs=opus",
    "webm-vorbis": "audio/webm;codecs=vorbis",
}
"""The media types that the service spells in a way of its own."""

# A large model has the name of its language. Other models say whether they are for telephone (8 kHz) or better sound.
# https://cloud.ibm.com/docs/speech-to-text?topic=speech-to-text-models-large-speech-languages
LARGE = frozenset(
    {
        *("de-DE", "en-AU", "en-GB", "en-IN", "en-US", "es-AR", "es-CL", "es-CO", "es-ES", "es-MX", "es-PE"),
        *("fr-CA", "fr-FR", "it-IT", "ja-JP", "nl-NL", "pt-BR", "pt-PT"),
    }
)
# https://cloud.ibm.com/docs/speech-to-text?topic=speech-to-text-models-ng
# Korean has a model for each kind of sound, and all other languages in this table one for the telephone alone.
MULTIMEDIA = frozenset({"ko-KR"})
TELEPHONY = {
    "ar": "ar-MS",
    "cs-CZ": "cs-CZ",
    "hi-IN": "hi-IN",
    "ko-KR": "ko-KR",
    "nl-BE": "nl-BE",
    "sv-SE": "sv-SE",
    "zh": "zh-CN",
    "zh-CN": "zh-CN",
    "zh-Hans": "zh-CN",
}
"""The languages of the telephone models by the language that is asked for."""
MASKED = ("en-US", "ja-JP")
"""The languages in which the service masks swear words: https://cloud.ibm.com/docs/speech-to-text?topic=speech-to-text-formatting
"""
TELEPHONE_RATE = 16_000
"""Samples a second; a recording with fewer is taken for a telephone call."""


class Speech(WatsonService):
    """The operations on recordings."""

    @capability(
        "open",
        needs="SPEECH_TO_TEXT_APIKEY and SPEECH_TO_TEXT_URL",
        page="https://cloud.ibm.com/docs/speech-to-text",
        checked="2026-11-24",
        unit="second of audio",
        bills_seconds=True,
        note="up to 100 MB a request, larger in pieces; Korean for telephone or for better sound; nothing masked",
    )
    def speech_to_text(
        self,
        audio: Audio,
        *,
        language: str,
        words: bool,
        speakers: int | None,
        channels: Literal["mix", "each"] | None,
        phrases: Sequence[str],
        profanity: Literal["keep", "mask", "remove"],
    ) -> Flow[Transcript]:
        """Write down what is said in a recording.

        One whose speakers are told apart, and that has more bytes than one request takes, goes out as a job.

        The service mixes all channels. With ``speakers`` it tells apart as many speakers as it hears; it does not take
        their number.
        """
        # Models are named by language and region, so "ko" has to become "ko-KR".
        code = with_region(language)
        if profanity == "remove" or (profanity == "mask" and code not in MASKED):
            raise UnsupportedOperationError(
                f"Watson Speech to Text masks swear words in {' and '.join(MASKED)}, and removes none",
                advice='Leave out profanity=, or give "mask"; azure masks and removes them in every language.',
            )
        if phrases:
            raise UnsupportedOperationError(
                "Watson Speech to Text takes no phrases with a recording",
                advice="It learns words in a custom language model of your own; azure and google take phrases.",
            )
        if channels == "each":
            raise UnsupportedOperationError(
                "Watson Speech to Text mixes all channels",
                advice="Split the recording into its channels; azure and google write down each.",
            )

        def ask(sound: Sound, with_words: bool) -> Flow[Transcript]:
            return self._recognize(sound, code, with_words, speakers, is_masked=profanity == "mask")

        return (yield from transcribed(audio, JOB_LIMITS if speakers else LIMITS, channels, ask, words=words))

    def _recognize(
        self, sound: Sound, code: str, words: bool, speakers: int | None, *, is_masked: bool
    ) -> Flow[Transcript]:
        """Write down a recording, or a piece of one, in one request."""
        model = _model(code, sound.rate)
        known = sound.blob.media_type if sound.blob else ""
        # A job has to be polled, and is only made where one request does not take the recording.
        is_job = bool(speakers) and sound.blob is not None and len(sound.blob.data) > LIMITS.max_bytes
        response: Response = yield Request(
            "POST",
            f"{self.base('speech_to_text')}/v1/{'recognitions' if is_job else 'recognize'}",
            service="speech_to_text",
            api="v1",
            endpoint=self.base("speech_to_text"),
            params={
                # The service's default is a model that ended in 2023.
                "model": model,
                # Speakers are joined to words by their times, so these are needed even where nobody asks for words.
                "timestamps": str(words or bool(speakers)).lower(),
                # Some models refuse this parameter with a 400, so it is only true where somebody wants words.
                "word_confidence": str(words).lower(),
                "speaker_labels": str(bool(speakers)).lower(),
                # The service masks by default, and cloudai does not: a transcript is evidence of what was said.
                "profanity_filter": str(is_masked).lower(),
            },
            headers={"Content-Type": MEDIA_TYPES.get(sound.format or "", known)},
            content=sound.blob,
            billed=sound.billed(),
            error_in=self.error_in,
        )
        self.raise_for(response)
        reply = (yield from self._finished(response)) if is_job else response.parse(Recognized)
        if not reply.model_fields_set:
            raise MalformedResponseError("the reply holds nothing that is known of a recognition")
        # Labels and words have the same times to the last digit, and nothing else in common.
        speaker_at = {(label.start, label.end): str(label.speaker) for label in reply.speaker_labels}
        heard = [(each.final, each.alternatives[0]) for each in reply.results if each.alternatives]
        segments = [_segment(best, speaker_at) for _, best in heard]
        is_mix = sound.mixed or (sound.channels or 1) > 1
        return Transcript(
            text=joined([best.transcript for _, best in heard], code),
            # A result may have the words of several speakers, so the segments are made anew by who speaks.
            segments=turns([word for s in segments for word in s.words], code) if speaker_at else tuple(segments),
            language=code,
            duration=sound.duration,
            meta=Meta(model=model, language_sent=code, channels="mix" if is_mix else None),
        )

    def _finished(self, response: Response) -> Flow[Recognized]:
        """Poll a job until it is done, and return what was recognized.

        Raises:
            ServerError: The job has failed.
            MalformedResponseError: The job has no identifier, a state that is not known, or no results.
        """
        job, delay = response.parse(Job), FIRST_POLL
        if not job.id:
            raise MalformedResponseError("the job has no identifier")
        # Only the identifier comes from the reply: the key goes to the URL that is set, whatever the reply says.
        url = f"{self.base('speech_to_text')}/v1/recognitions/{quote(job.id, safe='')}"
        # The job is paid for: a reply that names no state, or that cannot be read, says nothing of it, and the next one
        # may.
        while job.status in ("", "waiting", "processing"):
            response = yield Request(
                "GET",
                url,
                service="speech_to_text",
                api="v1",
                endpoint=self.base("speech_to_text"),
                delay=delay,
                billed=0,
                error_in=self.error_in,
            )
            self.raise_for(response)
            with suppress(MalformedResponseError):
                job = response.parse(Job)
            delay = min(delay * 1.5, LONGEST_POLL)
        if job.status == "failed":
            raise ServerError("the job failed inside the service", status=200, code="failed")
        if job.status != "completed" or not job.results:
            raise MalformedResponseError(f"the job has the status {job.status[:40]!r}, and no results")
        return job.results[0]


def _model(code: str, rate: int | None) -> str:
    """Return the model for a language; where there are two, the samples a second decide.

    Raises:
        UnsupportedOperationError: There is no model for the language.
    """
    if code in LARGE:
        return code
    by_telephone = rate is not None and rate < TELEPHONE_RATE
    if code in MULTIMEDIA and not by_telephone:
        return f"{code}_Multimedia"
    # Modern Standard Arabic serves every region; Mandarin as spoken in Taiwan has no model.
    named = TELEPHONY.get("ar" if code.startswith("ar") else code)
    if named:
        return f"{named}_Telephony"
    known = sorted({*LARGE, *MULTIMEDIA, *TELEPHONY.values()})
    raise UnsupportedOperationError(
        f"Watson Speech to Text has no model for {code}", advice=f"It has: {', '.join(known)}."
    )


class Alternative(Known):
    """One version of what was said.

    Only the best one has a confidence; its ``transcript`` ends with a space. ``timestamps`` are lists of word, start
    and end, ``word_confidence`` lists of word and confidence, although the vendor's OpenAPI document says otherwise.
    """

    transcript: str = ""
    confidence: float | None = None
    timestamps: list[list[Any]] = Field(default_factory=list)
    word_confidence: list[list[Any]] = Field(default=[], validation_alias="word_confidence")


class RecognitionResult(Known):
    """A part of what was said, or the guess of its language, which the service makes of some models' recordings."""

    alternatives: list[Alternative] = Field(default_factory=list)
    final: bool = True
    language_info: list[Any] = Field(default=[], validation_alias="language_info")


class SpeakerLabel(Wire):
    start: float = Field(validation_alias="from")
    end: float = Field(validation_alias="to")
    speaker: int


class Recognized(Wire):
    """The whole reply. Where nothing was heard ``results`` is empty.

    Spaces come before the JSON, one for every 20 s that the service works.
    """

    results: list[RecognitionResult] = Field(default_factory=list)
    speaker_labels: list[SpeakerLabel] = Field(default=[], validation_alias="speaker_labels")


class Job(Wire):
    """The state of a job. Its results are a list of one reply, as `Recognized` describes it."""

    id: str = ""
    status: str = ""
    results: list[Recognized] = Field(default_factory=list)


def _segment(best: Alternative, speaker_at: dict[tuple[float, float], str]) -> Segment:
    words = tuple(_words(best.timestamps, best.word_confidence, speaker_at))
    return Segment(
        text=best.transcript.strip(),
        words=words,
        start=words[0].start if words else None,
        end=words[-1].end if words else None,
        confidence=best.confidence,
    )


def _words(
    timestamps: Sequence[Sequence[Any]],
    confidences: Sequence[Sequence[Any]],
    speaker_at: dict[tuple[float, float], str],
) -> list[SpokenWord]:
    """Return the words with their times; they have no confidence where the two lists differ in length."""
    # Both lists are checked by hand, because the vendor's OpenAPI document describes them otherwise than they come.
    sure = [_row(row, 2)[1] for row in confidences]
    words = []
    for index, (text, start, end) in enumerate(_row(row, 3) for row in timestamps):
        words.append(
            SpokenWord(
                text=text,
                start=start,
                end=end,
                # The lists are joined by their order. If one is shorter, each confidence could belong to another word.
                confidence=sure[index] if len(sure) == len(timestamps) else None,
                speaker=speaker_at.get((start, end)),
            )
        )
    return words


def _row(row: Sequence[Any], length: int) -> Sequence[Any]:
    """Return a word and its numbers; raise MalformedResponseError where a row is anything else."""
    # A bool is an int for isinstance(), and is no time.
    numbers = [float(v) for v in row[1:] if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(row) != length or not isinstance(row[0], str) or len(numbers) != length - 1:
        raise MalformedResponseError("a word came without its numbers, or with others")
    return [row[0], *numbers]
