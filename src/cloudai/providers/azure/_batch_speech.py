"""Batch transcription of Azure Speech: a recording at an address, of any length, is written down by a job.

https://learn.microsoft.com/azure/ai-services/speech-service/batch-transcription-create
https://learn.microsoft.com/azure/ai-services/speech-service/batch-transcription-get
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pydantic import Field

from cloudai.core.flow import Flow, Follow, Request, Response
from cloudai.core.redaction import without_credentials
from cloudai.errors import CloudAIError, MalformedResponseError, UnsupportedOperationError
from cloudai.languages import joined
from cloudai.models.base import Meta
from cloudai.models.speech import Segment, SpokenWord, Transcript
from cloudai.providers.azure._service import AzureService, fault_inside
from cloudai.providers.wire import Known, Wire

__all__ = ["TICKS", "BatchSpeech", "require_as_job"]

API = "2024-11-15"
TICKS = 1e7
"""The ticks in a second: a tick is 100 ns."""
DAYS_KEPT = 2
"""The days after which Azure itself deletes a job that was not deleted here, because the process has ended before."""
FIRST_POLL, LONGEST_POLL = 5.0, 60.0
"""Seconds before the first poll of a job, and the most seconds between two polls: a job takes minutes to hours."""
JOB = re.compile(r"https?://[^?#]*/transcriptions/([A-Za-z0-9-]{1,100})(?:[?#].*)?")
SOURCE = re.compile(rb'"source(?:Url)?"\s*:\s*"(?:[^"\\]|\\.)*"')
"""The field of a file that repeats the address of the recording, which may be a SAS address of the user's."""


def require_as_job(channels: str | None, speakers: int | None, phrases: Sequence[str]) -> None:
    """Raise UnsupportedOperationError where batch transcription cannot do what is asked."""
    if phrases:
        raise UnsupportedOperationError(
            "Azure's batch transcription takes no phrases", advice='Leave them out, or use Azure(transcription="fast").'
        )
    # The service hears channels one by one, and to mix them here the recording would have to be fetched.
    if channels == "mix":
        raise UnsupportedOperationError(
            "Azure's batch transcription mixes no channels, and a recording at an address is not read here",
            advice='Give the file, or channels="each".',
        )
    if channels == "each" and speakers:
        raise UnsupportedOperationError(
            "Azure tells either channels or speakers apart", advice="Leave out speakers=, or channels=."
        )


class BatchSpeech(AzureService):
    """The jobs that write recordings down."""

    def _by_job(
        self, address: str, code: str, words: bool, speakers: int | None, *, profanity: str, billed: int
    ) -> Flow[Transcript]:
        """Have a recording at an address written down by a job, whose first two channels are heard one by one.

        Args:
            address: The address, which may be a SAS address.
            code: The code of the language, as Azure spells it.
            words: Whether the times of the words are wanted.
            speakers: How many speakers are told apart at most, from 2 to 35; the recording has one channel then.
            profanity: What becomes of swear words, as Azure says it.
            billed: The units that the job counts as.

        Raises:
            ServiceError: The job has failed; the class is that of the vendor's code.
            MalformedResponseError: The job has no address or a state that is not known, or its file is no transcript.
        """
        to: dict[str, Any] = {"service": "speech", "api": API, "endpoint": self.base("speech")}
        to["params"] = {"api-version": API}
        properties: dict[str, Any] = {
            "profanityFilterMode": profanity,
            "displayFormWordLevelTimestampsEnabled": words,
            # If this process ends while the job runs, its transcript must not lie in the cloud for ever.
            "timeToLiveHours": DAYS_KEPT * 24,
        }
        if speakers:
            properties["diarization"] = {"enabled": True, "maxSpeakers": speakers}
        jobs = f"{self.base('speech')}/speechtotext/transcriptions"
        response: Response = yield Request(
            "POST",
            f"{jobs}:submit",
            json={"contentUrls": [address], "locale": code, "displayName": "cloudai", "properties": properties},
            billed=billed,
            **to,
        )
        # A job that was sent is found again by this reply, which a batch keeps in its journal: a later run polls the
        # same job.
        job, delay = response.parse(Job), FIRST_POLL
        # Only the identifier is taken from the reply: the key goes to the user's own endpoint, whatever the reply says.
        named = JOB.fullmatch(job.address)
        if named is None:
            raise MalformedResponseError("the job has no address")
        url = f"{jobs}/{named[1]}"
        # There is no most number of polls: the deadline of the call is the only one, and what is paid for is not given
        # up before.
        # The job is paid for: a reply that names no state, or that cannot be read, says nothing of it, and the next one
        # may.
        while job.status in ("", "NotStarted", "Running"):
            response = yield Request("GET", url, delay=delay, billed=0, **to)
            with suppress(MalformedResponseError):
                job = response.parse(Job)
            delay = min(delay * 1.5, LONGEST_POLL)
        if job.status == "Failed":
            # A failed job is deleted, too, for it holds the address of the recording.
            yield from self._deleted(url, to)
            raise self._failure(job.properties.error)
        if job.status != "Succeeded":
            raise MalformedResponseError(f"the job has the status {job.status[:40]!r}, and no result")
        # The file lies at a SAS address, which the engine follows without the key, and neither logs nor keeps.
        response = yield Request("GET", f"{url}/files", billed=0, follow=Follow(_file, _without_source), **to)
        reply = response.parse(Transcribed)
        # A shape that is not known would otherwise be an empty transcript: "nothing was said".
        if not reply.model_fields_set:
            raise MalformedResponseError("the file holds nothing that is known of a transcription")
        yield from self._deleted(url, to)
        if reply.details:
            raise self._failure(reply.details[0].as_error())
        return _transcript(reply, code, words)

    def _deleted(self, url: str, to: dict[str, Any]) -> Flow[None]:
        """Delete a job with its files. Where that fails, Azure does it after `DAYS_KEPT`: nothing is lost by it."""
        with suppress(CloudAIError):
            yield Request("DELETE", url, billed=0, **to)

    def _failure(self, error: JobError) -> CloudAIError:
        """Return the error of a job that has failed, by the vendor's code; its text shows no key of an address."""
        fault = fault_inside({"code": error.code, "message": error.message or "the job failed inside the service"})
        return self.error_from(replace(fault, message=without_credentials(fault.message)), 200)


class JobError(Wire):
    code: str | None = None
    message: str = ""


class Properties(Wire):
    error: JobError = Field(default_factory=JobError)


class Job(Wire):
    """The state of a job."""

    address: str = Field(default="", validation_alias="self")
    status: str = ""
    properties: Properties = Field(default_factory=Properties)


class Links(Wire):
    content_url: str = ""


class ResultFile(Wire):
    kind: str = ""
    links: Links = Field(default_factory=Links)


class Files(Wire):
    """The files of a job: one for each recording that was written down, and a report."""

    # More than one recording is never sent, so there is one transcript at most.
    values: list[ResultFile] = Field(default_factory=list)


class Word(Wire):
    display_text: str = ""
    word: str = ""
    offset_in_ticks: float | None = None
    duration_in_ticks: float | None = None
    confidence: float | None = None


class Best(Known):
    """One version of what was said; ``displayWords`` have the punctuation of ``display``, and ``words`` have none."""

    display: str = ""
    confidence: float | None = None
    display_words: list[Word] = Field(default_factory=list)
    words: list[Word] = Field(default_factory=list)


class Recognized(Known):
    channel: int | None = None
    speaker: int | None = None
    locale: str | None = None
    offset_in_ticks: float | None = None
    duration_in_ticks: float | None = None
    n_best: list[Best] = Field(default_factory=list)


class Combined(Known):
    channel: int | None = None
    display: str = ""


class Detail(Wire):
    """The entry about a recording in the report of a job."""

    status: str = ""
    error_kind: str | None = None
    error_message: str = ""

    def as_error(self) -> JobError:
        """Return what it says of a failure."""
        return JobError(code=self.error_kind, message=self.error_message)


class Transcribed(Wire):
    """The transcript of a recording; or the report of the job, where there is no transcript."""

    duration_in_ticks: float | None = None
    combined_recognized_phrases: list[Combined] = Field(default_factory=list)
    recognized_phrases: list[Recognized] = Field(default_factory=list)
    details: list[Detail] = Field(default_factory=list)


def _file(response: Response) -> str:
    """Return the address of the file with the transcript; or that of the report, which says why there is none."""
    files = response.parse(Files).values
    # The report comes with every job. Where the job has no transcript, it says why.
    for kind in ("Transcription", "TranscriptionReport"):
        if address := next((file.links.content_url for file in files if file.kind == kind), None):
            return address
    raise MalformedResponseError("the job has no files")


def _without_source(response: Response) -> Response:
    """Return a file without the address of the recording."""
    return replace(response, content=SOURCE.sub(b'"source":""', response.content))


def _transcript(reply: Transcribed, code: str, words: bool) -> Transcript:
    """Return what is written down, with the phrases of all channels in the order in which they were said."""
    heard = [(phrase, phrase.n_best[0]) for phrase in reply.recognized_phrases if phrase.n_best]
    segments = [_segment(phrase, best, words) for phrase, best in heard]
    language = next((phrase.locale for phrase, _ in heard if phrase.locale), None) or code
    texts = [part.display for part in reply.combined_recognized_phrases] or [segment.text for segment in segments]
    # A recording of one channel has the channel 0, too, so only another number shows that there were several.
    is_each = any((segment.channel or 0) > 0 for segment in segments)
    return Transcript(
        text=joined([text for text in texts if text], language),
        # A conversation in two channels reads by time, in whatever order the reply has them.
        segments=tuple(sorted(segments, key=lambda segment: segment.start or 0.0)),
        language=language,
        duration=_seconds(reply.duration_in_ticks),
        meta=Meta(language_sent=code, channels="each" if is_each else None),
    )


def _segment(phrase: Recognized, best: Best, words: bool) -> Segment:
    speaker = None if phrase.speaker is None else str(phrase.speaker)
    spoken = tuple(
        SpokenWord(
            text=word.display_text or word.word,
            confidence=word.confidence,
            speaker=speaker,
            channel=phrase.channel,
            **_times(word),
        )
        # The words for display have the capitals and the punctuation of the phrase; not every phrase has them.
        for word in best.display_words or best.words
    )
    return Segment(
        text=best.display,
        words=spoken if words else (),
        confidence=best.confidence,
        speaker=speaker,
        channel=phrase.channel,
        language=phrase.locale,
        **_times(phrase),
    )


def _times(part: Word | Recognized) -> dict[str, Any]:
    start, length = part.offset_in_ticks, part.duration_in_ticks
    end = None if start is None or length is None else start + length
    return {"start": _seconds(start), "end": _seconds(end)}


def _seconds(ticks: float | None) -> float | None:
    return None if ticks is None else ticks / TICKS
