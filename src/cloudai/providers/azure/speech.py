"""The operations of Azure Speech: fast transcription, or the API for short audio where only a region is set.

A recording at an address that is too long for fast transcription is written down by a job (`_batch_speech`).

https://learn.microsoft.com/azure/ai-services/speech-service/fast-transcription-create
https://learn.microsoft.com/azure/ai-services/speech-service/rest-speech-to-text-short
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from cloudai.core.flow import File, Flow, Request, Response
from cloudai.errors import MalformedResponseError, ServerError, TooLargeError, UnsupportedOperationError
from cloudai.languages import joined, with_region
from cloudai.media import Audio, AudioLimits, Sound
from cloudai.models.base import Meta
from cloudai.models.speech import Segment, SpokenWord, Transcript
from cloudai.providers._hearing import transcribed
from cloudai.providers.azure._batch_speech import TICKS, BatchSpeech, require_as_job
from cloudai.providers.base import capability
from cloudai.providers.replies import inside
from cloudai.providers.wire import Known, Number, Wire

__all__ = ["Speech"]

API = "2025-10-15"
# Microsoft's texts name several largest sizes, from 200 MB on. The lowest counts here, because a refusal comes after
# the whole upload.
LIMITS = AudioLimits(
    who="Azure's fast transcription",
    formats=frozenset(
        {"wav", "flac", "mp3", "ogg-opus", "ogg-vorbis", "webm-opus", "webm-vorbis", "wma", "aac", "amr"}
    ),
    max_bytes=200_000_000,
    max_seconds=7_200.0,
    schemes=("https",),
    advice="Put it at an https address, which Azure(transcription='batch') reads, or split it.",
    piece_seconds=3_600.0,
)
SHORT_LIMITS = AudioLimits(
    who="Azure's API for short audio",
    formats=frozenset({"wav", "ogg-opus"}),
    max_bytes=10_000_000,
    max_seconds=60.0,
    wav_codecs=frozenset({("pcm", 16)}),
    mixes=False,
    rates=(8_000, 16_000),
    max_channels=1,  # https://learn.microsoft.com/azure/ai-services/speech-service/rest-speech-to-text-short#audio-formats
    advice="Set SPEECH_ENDPOINT, the address of the resource: then recordings of up to two hours can be sent.",
    piece_seconds=58.0,
)
CODES: Mapping[str, str] = {"yue-HK": "zh-HK"}
"""The codes that the service spells in a way of its own: its Chinese of Hong Kong is Cantonese.

https://learn.microsoft.com/azure/ai-services/speech-service/language-support?tabs=stt
"""
PROFANITY: Mapping[str, str] = {"keep": "None", "mask": "Masked", "remove": "Removed"}
SHORT_PROFANITY: Mapping[str, str] = {"keep": "raw", "mask": "masked", "remove": "removed"}
"""The treatment of swear words, in the words of fast transcription and of the API for short audio."""


class Speech(BatchSpeech):
    """The operations on recordings."""

    @capability(
        "open",
        needs="SPEECH_KEY and SPEECH_ENDPOINT; with SPEECH_REGION alone in pieces of a minute, without words",
        page="https://learn.microsoft.com/azure/ai-services/speech-service/fast-transcription-create",
        checked="2026-11-24",
        unit="second of audio",
        bills_seconds=True,
        note="up to two hours and 200 MB in one request, longer in pieces, or from an https address in one job",
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

        A resource with an endpoint uses fast transcription. One with a region alone uses the API for short audio. A
        recording at an address becomes a job where ``Azure(transcription="batch")`` asks for it, and where fast
        transcription says that it is too large.
        """
        code = with_region(language)
        code = CODES.get(code, code)
        # Fast transcription lives at the address of a resource, and the API for short audio at the host of a region.
        resource = self.resource("speech")
        if resource.region and not resource.endpoint:
            host = self.setting("short_audio_endpoint") or f"https://{resource.region}.stt.speech.microsoft.com"
            if phrases:
                raise UnsupportedOperationError(
                    "Azure's API for short audio takes no phrases",
                    advice="Set SPEECH_ENDPOINT, the address of the resource, which does.",
                )
            return (yield from self._short(audio, code, host, speakers, channels, profanity=profanity))

        wants_job = self.setting("transcription") == "batch"

        def ask(sound: Sound, with_words: bool) -> Flow[Transcript]:
            # A recording of this machine never becomes a job, because a job reads an address.
            if not (sound.uri and wants_job):
                try:
                    return (
                        yield from self._transcribe(
                            sound, code, with_words, speakers, channels, phrases=phrases, profanity=profanity
                        )
                    )
                # The length of a recording at an address is not known before, and a refusal bills nothing.
                except TooLargeError:
                    if not sound.uri:
                        raise
            # This is checked only now, because fast transcription can do what a job cannot.
            require_as_job(channels, speakers, phrases)
            asked = PROFANITY[profanity]
            return (
                yield from self._by_job(
                    str(sound.uri), code, with_words, speakers, profanity=asked, billed=sound.billed()
                )
            )

        return (yield from transcribed(audio, LIMITS, channels, ask, words=words))

    def cache_scope(self, operation: str) -> dict[str, str]:
        """Return the settings that change the answer; batch transcription answers otherwise than fast transcription."""
        is_batch = operation == "speech_to_text" and self.setting("transcription") == "batch"
        # The other API has no entry, so answers from before there were jobs are still found.
        return {**super().cache_scope(operation), **({"api": "batch"} if is_batch else {})}

    def _transcribe(
        self,
        sound: Sound,
        code: str,
        words: bool,
        speakers: int | None,
        channels: Literal["mix", "each"] | None,
        *,
        phrases: Sequence[str],
        profanity: str,
    ) -> Flow[Transcript]:
        """Transcribe a recording, or a piece of one, of up to two hours with fast transcription.

        The service mixes all channels, unless it is told the numbers of those to transcribe one by one.
        """
        # Nobody knows how many channels a recording at an address has.
        several = sound.channels is None or sound.channels > 1
        if channels == "each" and several:
            _require_possible(sound.channels or MOST_CHANNELS, speakers)
        definition: dict[str, Any] = {"locales": [code], "profanityFilterMode": PROFANITY[profanity]}
        if speakers:
            definition["diarization"] = {"enabled": True, "maxSpeakers": speakers}
        if phrases:
            definition["phraseList"] = {"phrases": list(phrases)}
        if channels == "each" and several:
            definition["channels"] = list(range(sound.channels or MOST_CHANNELS))
        if sound.uri:
            definition["audioUrl"] = sound.uri
        upload = {"audio": File("audio", sound.blob, sound.blob.media_type)} if sound.blob else {}
        response: Response = yield Request(
            "POST",
            f"{self.base('speech')}/speechtotext/transcriptions:transcribe",
            service="speech",
            api=API,
            endpoint=self.base("speech"),
            params={"api-version": API},
            files={
                "definition": File(None, json.dumps(definition).encode(), "application/json"),
                **upload,
            },
            # Each channel that is transcribed is billed. Without a list of channels it is one, as the length of "1"
            # says.
            billed=sound.billed(len(definition.get("channels", "1"))),
        )
        reply = response.parse(Transcribed)
        if not reply.model_fields_set:
            raise MalformedResponseError("the reply holds nothing that is known of a transcription")
        language = next((phrase.locale for phrase in reply.phrases if phrase.locale), None) or code
        # Where the reply has no combined phrases, the phrases say the same piece by piece.
        parts = reply.combined_phrases or reply.phrases
        return Transcript(
            text=joined([part.text for part in parts], language),
            segments=tuple(_segment(phrase, words) for phrase in reply.phrases),
            language=language,
            duration=_seconds(reply.duration_milliseconds),
            meta=Meta(language_sent=code, channels="mix" if sound.mixed else _done(sound.channels, channels)),
        )

    def _short(
        self,
        audio: Audio,
        code: str,
        base: str,
        speakers: int | None,
        channels: Literal["mix", "each"] | None,
        *,
        profanity: str,
    ) -> Flow[Transcript]:
        """Transcribe with the API for short audio: up to a minute in one request, without words and speakers."""
        if speakers:
            raise UnsupportedOperationError(
                "Azure's API for short audio does not tell speakers apart",
                advice="Set SPEECH_ENDPOINT, the address of the resource, which can.",
            )
        if channels == "each":
            raise UnsupportedOperationError(
                "Azure's API for short audio reads one channel",
                advice="Set SPEECH_ENDPOINT, the address of the resource, which reads two.",
            )

        def ask(sound: Sound, _with_words: bool) -> Flow[Transcript]:
            return self._recognize(sound, code, base, SHORT_PROFANITY[profanity])

        return (yield from transcribed(audio, SHORT_LIMITS, channels, ask, words=False))

    def _recognize(self, sound: Sound, code: str, base: str, profanity: str) -> Flow[Transcript]:
        """Transcribe a recording, or a piece of one, of up to a minute."""
        wav = f"audio/wav; codecs=audio/pcm; samplerate={sound.rate}"
        response: Response = yield Request(
            "POST",
            f"{base}/speech/recognition/conversation/cognitiveservices/v1",
            service="speech",
            api="v1",
            endpoint=base,
            # The simple format has no confidence.
            params={"language": code, "format": "detailed", "profanity": profanity},
            headers={"Content-Type": wav if sound.format == "wav" else "audio/ogg; codecs=opus"},
            content=sound.blob,
            billed=sound.billed(),
            error_in=_error_in,
        )
        if (error := _error_in(response)) is not None:
            raise error
        reply = response.parse(Recognized)
        # A status that is new must not be taken for silence: that would be a wrong result, which is paid for.
        if reply.recognition_status not in STATUSES:
            raise MalformedResponseError(f"the reply has an unknown status: {reply.recognition_status[:40]!r}")
        if reply.recognition_status == "Success" and reply.display_text is None and not reply.n_best:
            raise MalformedResponseError("the reply says that something was recognized, and not what")
        heard = reply.heard
        return Transcript(
            text=heard[0].text if heard else "",
            segments=heard,
            language=code,
            duration=sound.duration,
            meta=Meta(language_sent=code, channels="mix" if sound.mixed else None),
        )


STATUSES = ("Success", "NoMatch", "InitialSilenceTimeout", "BabbleTimeout")
"""The statuses of a recognition that has not failed; all but the first say that nobody was heard.

https://learn.microsoft.com/azure/ai-services/speech-service/rest-speech-to-text-short#response-parameters
"""


def _error_in(response: Response) -> ServerError | None:
    """Return the error of a recognition that failed although the reply has the status 200, or None."""
    if inside(response.json(), "RecognitionStatus") != "Error":
        return None
    return ServerError("the recognition failed inside the service", status=200, code="Error")


MOST_CHANNELS = 2
"""The most channels that fast transcription tells apart."""


def _done(channels: int | None, asked: Literal["mix", "each"] | None) -> Literal["mix", "each"] | None:
    """Return what the service has done with the channels of a recording; None if it has one, or nobody knows."""
    # For a recording at an address, only what was asked for is known.
    if channels is None:
        return asked
    return (asked or "mix") if channels > 1 else None


def _require_possible(channels: int, speakers: int | None) -> None:
    """Raise UnsupportedOperationError where Azure does not transcribe each channel."""
    if channels > MOST_CHANNELS:
        raise UnsupportedOperationError(
            f"Azure transcribes {MOST_CHANNELS} channels apart, and the recording has {channels}",
            advice='Give channels="mix", or split it.',
        )
    if speakers:
        raise UnsupportedOperationError(
            "Azure tells either channels or speakers apart", advice="Leave out speakers=, or channels=."
        )


class WireWord(Wire):
    text: str = ""
    offset_milliseconds: float | None = None
    duration_milliseconds: float | None = None


class Phrase(WireWord, Known):
    channel: int | None = None
    speaker: int | None = None
    words: list[WireWord] = Field(default_factory=list)
    locale: str | None = None
    confidence: float | None = None


class Combined(Known):
    channel: int | None = None
    text: str = ""


class Transcribed(Wire):
    """The reply of fast transcription. It has no phrases where nothing was heard."""

    duration_milliseconds: float | None = None
    combined_phrases: list[Combined] = Field(default_factory=list)
    phrases: list[Phrase] = Field(default_factory=list)


class Best(Known):
    """One of the ``NBest`` of short audio, whose field names begin with capitals."""

    model_config = {"alias_generator": lambda name: name.title().replace("_", "")}

    display: str = ""
    confidence: Number | None = None


class Recognized(Wire):
    """The reply of short audio.

    Silence is no error: the reply has no text and the status NoMatch, InitialSilenceTimeout or BabbleTimeout.
    """

    model_config = {"alias_generator": lambda name: name.title().replace("_", "")}

    recognition_status: str
    display_text: str | None = None
    n_best: list[Best] = Field(default_factory=list)
    offset: Number | None = None
    duration: Number | None = None

    @property
    def heard(self) -> tuple[Segment, ...]:
        """The speech as one segment; empty where nothing was said."""
        best = self.n_best[0] if self.n_best else None
        # A reply in the simple format has no NBest.
        text = best.display if best else self.display_text
        if not text:
            return ()
        start = None if self.offset is None else self.offset / TICKS
        end = None if self.offset is None or self.duration is None else (self.offset + self.duration) / TICKS
        return (Segment(text=text, start=start, end=end, confidence=best.confidence if best else None),)


def _segment(phrase: Phrase, words: bool) -> Segment:
    speaker = None if phrase.speaker is None else str(phrase.speaker)
    return Segment(
        text=phrase.text,
        words=tuple(
            SpokenWord(text=word.text, speaker=speaker, channel=phrase.channel, **_times(word)) for word in phrase.words
        )
        if words
        else (),
        confidence=phrase.confidence,
        speaker=speaker,
        channel=phrase.channel,
        language=phrase.locale,
        start=_times(phrase)["start"],
        end=_times(phrase)["end"],
    )


def _times(part: WireWord) -> dict[str, float | None]:
    start, length = part.offset_milliseconds, part.duration_milliseconds
    end = None if start is None or length is None else start + length
    return {"start": _seconds(start), "end": _seconds(end)}


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
