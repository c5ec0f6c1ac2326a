"""The operations of Google Cloud Speech-to-Text: v1, and v2 where a project is given.

https://cloud.google.com/speech-to-text/docs/reference/rest/v1/speech/recognize
https://cloud.google.com/speech-to-text/v2/docs/reference/rest/v2/projects.locations.recognizers/recognize
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from pydantic import AliasChoices, Field

from cloudai.core.flow import Flow, Request, Response, checked
from cloudai.errors import InputError, MalformedResponseError, UnsupportedOperationError
from cloudai.languages import joined, with_region
from cloudai.media import Audio, AudioLimits, Sound
from cloudai.models.base import Meta
from cloudai.models.speech import Segment, SpokenWord, Transcript, turns
from cloudai.providers._hearing import transcribed
from cloudai.providers.base import capability
from cloudai.providers.google._service import HOST, GoogleService, RpcStatus, seconds
from cloudai.providers.wire import Known, Wire, left_out

__all__ = ["Speech"]

LIMITS = AudioLimits(
    who="Google's immediate recognition",
    formats=frozenset({"wav", "flac", "mp3", "ogg-opus", "webm-opus"}),
    max_bytes=10_000_000,  # https://cloud.google.com/speech-to-text/quotas
    max_seconds=60.0,
    schemes=("gs",),
    advice="Put it in a Cloud Storage bucket and give its gs:// address, or split it.",
    piece_seconds=58.0,
    wav_codecs=frozenset({("pcm", 16), ("mulaw", 8)}),
    mixes=False,
    rates=(8_000, 48_000),  # https://cloud.google.com/speech-to-text/docs/reference/rest/v1/RecognitionConfig
)
LIMITS_2 = replace(
    LIMITS,
    # https://cloud.google.com/speech-to-text/v2/docs/encoding v2 finds the encoding out by itself, so more of them need
    # not be decoded here.
    formats=LIMITS.formats | {"m4a", "amr"},
    wav_codecs=frozenset({("pcm", 16), ("mulaw", 8), ("alaw", 8)}),
)
ENCODINGS = {"mp3": "MP3", "ogg-opus": "OGG_OPUS", "webm-opus": "WEBM_OPUS"}
"""The encodings that v1 has to be told; the headers of WAV and FLAC name them."""
OPUS_RATE = 48_000
"""The rate that is stated for WebM with Opus, whose header may lack one: Opus always decodes to it."""
CODES: Mapping[str, str] = {
    "he-IL": "iw-IL",
    "nb-NO": "no-NO",
    "pa-IN": "pa-Guru-IN",
    "yue-HK": "yue-Hant-HK",
    "zh-CN": "cmn-Hans-CN",
    "zh-Hans-HK": "cmn-Hans-HK",
    "zh-HK": "yue-Hant-HK",
    "zh-TW": "cmn-Hant-TW",
}
"""The codes that the service spells in a way of its own:
https://cloud.google.com/speech-to-text/docs/speech-to-text-supported-languages"""
JOB = re.compile(r"(?!.*\.\.)[A-Za-z0-9._:/-]{1,300}")
"""The name of a long recognition: "123" in v1, and "projects/…/locations/…/operations/…" in v2."""
FIRST_POLL, LONGEST_POLL = 1.0, 15.0
"""Seconds before the first poll of a long recognition, and the most seconds between two polls."""


MOST_PHRASES, MOST_LETTERS, LONGEST_PHRASE = 5_000, 100_000, 100
"""The most phrases, the letters in all of them, and those in one: https://cloud.google.com/speech-to-text/quotas"""


class Hints(NamedTuple):
    """The phrases that are likely to be said, and whether swear words are masked."""

    phrases: tuple[str, ...]
    is_masked: bool


def _usable(phrases: Sequence[str]) -> tuple[str, ...]:
    """Return the phrases without blank ones; raise InputError for more of them, or longer ones, than Google takes."""
    usable = tuple(phrase for phrase in phrases if phrase.strip())
    # Google would refuse the whole request, after the recording has been uploaded.
    if len(usable) > MOST_PHRASES or sum(map(len, usable)) > MOST_LETTERS:
        raise InputError(
            f"there are {len(usable):,} phrases, and Google takes {MOST_PHRASES:,} with {MOST_LETTERS:,} letters",
            advice="Leave out those that are least likely to be said.",
        )
    if long := next((phrase for phrase in usable if len(phrase) > LONGEST_PHRASE), None):
        raise InputError(
            f"the phrase {long[:20]!r} has {len(long):,} letters, and Google takes {LONGEST_PHRASE}",
            advice="Give names and terms, and no sentences.",
        )
    return usable


class Speech(GoogleService):
    """The operations on recordings."""

    @capability(
        "open",
        needs="an API key or a login; Speech v2: a project",
        page="https://cloud.google.com/speech-to-text/docs",
        checked="2026-11-23",
        unit="second of audio",
        bills_seconds=True,
        note="up to a minute in one request, longer in pieces; from a gs:// address in one job",
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

        A recording of up to a minute is answered at once, and a longer one in pieces. One at a ``gs://`` address takes
        a long-running operation, which is polled. The service mixes no channels: where they are to be mixed that is
        done here, and else each is recognized, because otherwise all but the first would be lost.
        """
        code = with_region(language)
        code = CODES.get(code, code)
        # v2 has no address without a project.
        v2 = bool(self._speech_project())
        send = self._with_v2 if v2 else self._with_v1
        # Whatever the service cannot do is refused before anything is sent: a transcript that keeps what was to be
        # removed is worse than none.
        if profanity == "remove":
            raise UnsupportedOperationError(
                "Google masks swear words, and removes none", advice='Give profanity="mask"; azure removes them.'
            )
        hints = Hints(_usable(phrases), is_masked=profanity == "mask")

        def ask(sound: Sound, with_words: bool) -> Flow[Transcript]:
            if sound.uri:
                _require_possible(channels, v2=v2)
            # The number of channels of a recording at an address is not known. v2 takes the setting for a single
            # channel as well.
            several = v2 if sound.uri else (sound.channels or 1) > 1
            results = yield from send(sound, code, with_words, speakers, several, hints=hints)
            # Only the reply tells whether a recording at an address has several channels.
            is_each = any((result.channel_tag or 0) > 1 for result in results) if sound.uri else several
            done: Literal["mix", "each"] | None = "each" if is_each else channels if sound.mixed else None
            return _transcript(results, code, sound, done)

        return (yield from transcribed(audio, LIMITS_2 if v2 else LIMITS, channels, ask, words=words))

    def cache_scope(self, operation: str) -> dict[str, str]:
        """Return the settings that change the answer; Speech v2 answers otherwise than v1."""
        v2 = operation == "speech_to_text" and self._speech_project()
        return {**super().cache_scope(operation), **({"api": "v2"} if v2 else {})}

    def _speech_project(self) -> str | None:
        """Return the project for Speech v2, or None where v1 is to be used.

        A project of the environment counts only where there is no API key, because v2 documents none.
        """
        return self.setting("project") if self._found_in_code("project") or not self._key() else None

    def _with_v1(
        self, sound: Sound, code: str, words: bool, speakers: int | None, several: bool, *, hints: Hints
    ) -> Flow[list[RecognitionResult]]:
        """Send a recording to Speech v1 and return its results; of several channels each is recognized."""
        config: dict[str, Any] = {
            "languageCode": code,
            "enableWordTimeOffsets": words,
            "enableWordConfidence": words,
            "enableAutomaticPunctuation": True,
            **_encoding(sound),
        }
        if several:
            # Without enableSeparateRecognitionPerChannel only the first channel is recognized.
            config |= {"audioChannelCount": sound.channels, "enableSeparateRecognitionPerChannel": True}
        if speakers:
            config["diarizationConfig"] = {"enableSpeakerDiarization": True, "maxSpeakerCount": speakers}
        if hints.phrases:
            config["speechContexts"] = [{"phrases": list(hints.phrases)}]
        if hints.is_masked:
            config["profanityFilter"] = True
        source = {"uri": sound.uri} if sound.uri else {"content": sound.blob}
        # The length of a recording at an address is not known, and immediate recognition ends at a minute.
        method = "longrunningrecognize" if sound.uri else "recognize"
        response: Response = yield Request(
            "POST",
            f"{self.base('speech')}/v1/speech:{method}",
            service="speech",
            api="v1",
            endpoint=self.endpoint_of("speech"),
            json={"config": config, "audio": source},
            billed=sound.billed(sound.channels or 1 if several else 1),
        )
        if not sound.uri:
            return _results(response.parse(Recognized), response.json())
        # Only the name of the job comes from the reply: the key goes to the address that is set.
        done = yield from self._finished(response, f"{self.base('speech')}/v1/operations/", "v1")
        return _results(checked(Recognized, done), done)

    def _with_v2(
        self, sound: Sound, code: str, words: bool, speakers: int | None, several: bool, *, hints: Hints
    ) -> Flow[list[RecognitionResult]]:
        """Send a recording to Speech v2 and return its results; of several channels each is recognized."""
        location = self.setting("location") or "global"
        # Each region has a host of its own.
        address = self.base("speech", HOST if location == "global" else f"{location}-{HOST}")
        recognizer = f"{address}/v2/projects/{self._speech_project()}/locations/{location}/recognizers/_"
        features: dict[str, Any] = {
            "enableWordTimeOffsets": words,
            "enableWordConfidence": words,
            "enableAutomaticPunctuation": True,
        }
        if several:
            features["multiChannelMode"] = "SEPARATE_RECOGNITION_PER_CHANNEL"  # or only the first one is recognized
        if speakers:
            features["diarizationConfig"] = {"minSpeakerCount": 1, "maxSpeakerCount": speakers}
        config: dict[str, Any] = {"autoDecodingConfig": {}, "languageCodes": [code], "model": "long"}
        config["features"] = features
        if hints.is_masked:
            features["profanityFilter"] = True
        if hints.phrases:
            inline = {"phrases": [{"value": phrase} for phrase in hints.phrases]}
            config["adaptation"] = {"phraseSets": [{"inlinePhraseSet": inline}]}
        if not sound.uri:
            response: Response = yield Request(
                "POST",
                f"{recognizer}:recognize",
                service="speech",
                api="v2",
                endpoint=self.endpoint_of("speech"),
                json={"config": config, "content": sound.blob},
                billed=sound.billed(sound.channels or 1 if several else 1),
            )
            return _results(response.parse(Recognized), response.json())
        body = {
            "config": config,
            "files": [{"uri": sound.uri}],
            # The other way is a file in a bucket of the user's, which cloudai would have to read and delete.
            "recognitionOutputConfig": {"inlineResponseConfig": {}},
        }
        response = yield Request(
            "POST",
            f"{recognizer}:batchRecognize",
            service="speech",
            api="v2",
            endpoint=self.endpoint_of("speech"),
            json=body,
        )
        done = yield from self._finished(response, f"{address}/v2/", "v2")
        return self._of_file(checked(BatchRecognized, done), sound.uri)

    def _finished(self, response: Response, operations: str, api: str) -> Flow[dict[str, Any]]:
        """Poll a long-running operation until it is done, and return its response.

        Raises:
            ServiceError: The operation has failed.
            MalformedResponseError: It has no name, or it is done with neither a response nor an error.
        """
        operation, delay = response.parse(Operation), FIRST_POLL
        # A short job may come back done, and then needs no name. A name with other signs would be another address.
        if not (operation.done or JOB.fullmatch(operation.name)):
            raise MalformedResponseError("the job has no name")
        url = operations + operation.name
        # The deadline of the call is the only end: what is paid for is not given up before.
        while not operation.done:
            response = yield Request(
                "GET",
                url,
                service="speech",
                api=api,
                endpoint=self.endpoint_of("speech"),
                delay=delay,
                billed=0,
            )
            # The job is paid for: a state that cannot be read says nothing of it, and the next one may.
            with suppress(MalformedResponseError):
                operation = response.parse(Operation)
            delay = min(delay * 1.5, LONGEST_POLL)
        self.raise_for(operation.error)
        if operation.response is None:
            raise MalformedResponseError("the finished job has neither a response nor an error")
        return operation.response

    def _of_file(self, batch: BatchRecognized, uri: str) -> list[RecognitionResult]:
        """Return the results of our one file from the reply of a v2 batch, which lists files by their address."""
        # A result of another file must not pass for ours.
        outcome = batch.results.get(uri)
        if outcome is None:
            raise MalformedResponseError("the finished job has no result for the file that was sent")
        self.raise_for(outcome.error)
        if outcome.is_unknown:
            raise MalformedResponseError("the result of the file holds nothing that is known")
        inline = outcome.inline_result.transcript if outcome.inline_result else None
        transcript = inline or outcome.transcript
        return transcript.results if transcript else []


def _encoding(sound: Sound) -> dict[str, Any]:
    """Return what v1 has to be told about a recording; it reads the headers of WAV and FLAC itself."""
    facts: dict[str, Any] = {}
    if sound.format in ENCODINGS:
        rate = OPUS_RATE if sound.format == "webm-opus" else sound.rate
        facts = {"encoding": ENCODINGS[sound.format], "sampleRateHertz": rate}
    # A recording at an address was not read, so only its name can show the format. v1 reads the headers of WAV and FLAC
    # itself. Ogg and WebM it would have to be told, with a rate that nobody knows here.
    if sound.uri and sound.uri.lower().endswith(".mp3"):
        facts = {"encoding": "MP3"}
    return facts


def _require_possible(channels: str | None, *, v2: bool) -> None:
    """Raise UnsupportedOperationError where the channels of a recording at an address cannot be treated as asked."""
    if channels == "mix":
        raise UnsupportedOperationError(
            "Google mixes no channels, and a recording at an address is not read here",
            advice='Give the file, or channels="each".',
        )
    if channels == "each" and not v2:
        raise UnsupportedOperationError(
            "Google Speech v1 has to be told the number of channels, and a recording at an address is not read here",
            advice="Use Speech v2: Google(project=…).",
        )


class WireWord(Wire):
    """A word.

    v1 has ``startTime`` and ``speakerTag``, v2 ``startOffset`` and ``speakerLabel``. A time of "0s" may be missing.
    """

    word: str = ""
    start: str | None = Field(default=None, validation_alias=AliasChoices("startTime", "startOffset"))
    end: str | None = Field(default=None, validation_alias=AliasChoices("endTime", "endOffset"))
    confidence: float | None = None
    speaker_tag: int = 0
    speaker_label: str = ""

    @property
    def speaker(self) -> str | None:
        return self.speaker_label or (str(self.speaker_tag) if self.speaker_tag else None)


class Alternative(Known):
    """One version of what was said. A confidence of 0, here or of a word, says that the service has given none.

    https://github.com/googleapis/googleapis/blob/master/google/cloud/speech/v1/cloud_speech.proto
    """

    transcript: str = ""
    confidence: float | None = None
    words: list[WireWord] = Field(default_factory=list)


class RecognitionResult(Known):
    alternatives: list[Alternative] = Field(default_factory=list)
    channel_tag: int | None = None
    end: str | None = Field(default=None, validation_alias=AliasChoices("resultEndTime", "resultEndOffset"))
    language_code: str | None = None


class Recognized(Wire):
    """The reply of a recognition. Where nothing was heard it is empty, without ``results``."""

    results: list[RecognitionResult] = Field(default_factory=list)


class InlineResult(Wire):
    transcript: Recognized | None = None


class FileOutcome(Wire):
    """The outcome of one file of a v2 batch. Older replies have the transcript beside ``inlineResult``."""

    transcript: Recognized | None = None
    inline_result: InlineResult | None = None
    error: RpcStatus = left_out(RpcStatus)
    metadata: Any = None
    uri: str | None = None

    model_config = {"extra": "allow"}

    @property
    def is_unknown(self) -> bool:
        """True where there are fields, and none of them is known."""
        unknown = self.model_extra or {}
        return bool(unknown) and self.model_fields_set <= unknown.keys()


class BatchRecognized(Wire):
    """The outcomes of a v2 batch, by the address of each file."""

    results: dict[str, FileOutcome] = Field(default_factory=dict)


class Operation(Wire):
    """A long-running operation; the shape of its response depends on the method."""

    name: str = ""
    done: bool = False
    error: RpcStatus = left_out(RpcStatus)
    response: dict[str, Any] | None = None


KNOWN = (
    *("results", "totalBilledTime", "totalBilledDuration", "requestId", "metadata", "@type"),
    *("speechAdaptationInfo", "usingLegacyModels"),
)
"""The fields of a whole reply. Where nothing was heard, there are only some of them, or none at all."""


def _results(reply: Recognized, body: dict[str, Any]) -> list[RecognitionResult]:
    """Return the results of a reply; raise MalformedResponseError where it has fields, and none of them is known."""
    if body and not any(name in body for name in KNOWN):
        raise MalformedResponseError("the reply holds nothing that is known of a recognition")
    return reply.results


def _transcript(
    results: list[RecognitionResult], code: str, sound: Sound, channels: Literal["mix", "each"] | None
) -> Transcript:
    heard = [(result, result.alternatives[0]) for result in results if result.alternatives]
    language = next((result.language_code for result, _ in heard if result.language_code), None) or code
    return Transcript(
        text=joined([best.transcript for _, best in heard], language),
        segments=_segments(heard, language),
        language=language,
        duration=sound.duration,
        meta=Meta(language_sent=code, channels=channels),
    )


def _segments(heard: Sequence[tuple[RecognitionResult, Alternative]], language: str) -> tuple[Segment, ...]:
    """Return the stretches of speech in the order of the reply, or of time where speakers are told apart.

    The last result of a channel then repeats the words of all its others, so that only this one is read.
    """
    # The results of several channels come mixed, and each channel has a last result of its own.
    channels: dict[int | None, list[tuple[RecognitionResult, Alternative]]] = {}
    for result, best in heard:
        channels.setdefault(result.channel_tag, []).append((result, best))
    # Speakers may be told apart in one channel and not in another, where only one person speaks.
    with_speakers = {channel for channel, each in channels.items() if any(word.speaker for word in each[-1][1].words)}
    if not with_speakers:
        return tuple(_segment(*each) for each in heard)
    segments: list[Segment] = []
    for channel, each in channels.items():
        if channel in with_speakers:
            segments += turns([_word(word, channel) for word in each[-1][1].words], language)
        else:
            segments += [_segment(*one) for one in each]
    return tuple(sorted(segments, key=lambda segment: segment.start or 0.0)) if len(channels) > 1 else tuple(segments)


def _segment(result: RecognitionResult, best: Alternative) -> Segment:
    words = tuple(_word(word, result.channel_tag) for word in best.words)
    return Segment(
        text=best.transcript.strip(),
        words=words,
        start=words[0].start if words else None,
        # Without words the reply has no beginning, but the end of each result.
        end=words[-1].end if words else seconds(result.end),
        confidence=best.confidence or None,
        channel=result.channel_tag,
        language=result.language_code,
    )


def _word(word: WireWord, channel: int | None) -> SpokenWord:
    end = seconds(word.end)
    return SpokenWord(
        text=word.word,
        # proto3 leaves out the "0s" of a word that begins at 0. A word without an end has no times at all.
        start=seconds(word.start) if word.start or end is None else 0.0,
        end=end,
        confidence=word.confidence or None,
        speaker=word.speaker,
        channel=channel,
    )
