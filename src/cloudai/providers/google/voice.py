"""The operation of Google Cloud Text-to-Speech, which goes to ``text:synthesize``.

https://cloud.google.com/text-to-speech/docs/reference/rest/v1/text/synthesize
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import MalformedResponseError
from cloudai.models.base import Meta
from cloudai.models.speech import Speech
from cloudai.models.voice import Voice as Listed
from cloudai.models.voice import Voices
from cloudai.providers._speaking import Format, gender_of, language_of, listed, parts_of, require_speed, spoken
from cloudai.providers.base import capability
from cloudai.providers.google._service import GoogleService
from cloudai.providers.wire import Wire

__all__ = ["Voice"]

MOST_BYTES = 4_900
"""Bytes of a text in one request: the service takes 5,000, in which a Hangul syllable counts as three.

https://cloud.google.com/text-to-speech/quotas#content
"""
ENCODINGS: Mapping[str, str] = {"wav": "LINEAR16", "mp3": "MP3", "ogg": "OGG_OPUS"}
SLOWEST, FASTEST = 0.25, 2.0
"""https://cloud.google.com/text-to-speech/docs/reference/rest/v1/AudioConfig (``speakingRate``)"""
CODES: Mapping[str, str] = {"zh-CN": "cmn-CN", "zh-TW": "cmn-TW"}
"""The codes that the service spells in a way of its own: https://cloud.google.com/text-to-speech/docs/voices"""


class Voice(GoogleService):
    """The operation that speaks."""

    def parts(self, operation: str, text: str, options: Mapping[str, Any]) -> Sequence[str]:
        """Return the parts in which a text is sent."""
        return _parts(text) if operation == "text_to_speech" else super().parts(operation, text, options)

    @capability(
        "open",
        unit="character",
        unit_size=1,
        needs="an API key or a login",
        page="https://cloud.google.com/text-to-speech/docs",
        checked="2026-11-27",
        note="long texts in parts of 4,900 bytes",
    )
    def text_to_speech(
        self,
        text: str,
        *,
        voice: str | None,
        language: str | None,
        format: Format,  # noqa: A002
        speed: float,
    ) -> Flow[Speech]:
        """Read a text aloud."""
        require_speed(speed, SLOWEST, FASTEST, "Google")
        code = language_of(text, language, voice)
        # The code goes out with the voice, too, because the service requires it.
        code = CODES.get(code, code)

        def speak(part: str, kind: Format) -> Flow[bytes]:
            response: Response = yield Request(
                "POST",
                f"{self.base('texttospeech')}/v1/text:synthesize",
                billed=self.units("text_to_speech", part),
                service="texttospeech",
                api="v1",
                endpoint=self.endpoint_of("texttospeech"),
                json={
                    "input": {"text": part},
                    "voice": {"languageCode": code, **({"name": voice} if voice else {})},
                    "audioConfig": {
                        "audioEncoding": ENCODINGS[kind],
                        **({"speakingRate": speed} if speed != 1 else {}),
                    },
                },
            )
            try:
                # Without validate=True, b64decode passes over characters that are none of base64, and a damaged reply
                # would be noise.
                return base64.b64decode(response.parse(Synthesized).audio_content, validate=True)
            except ValueError:  # binascii.Error is one, and a text that is not ASCII raises another
                raise MalformedResponseError("the audio of the reply is no base64") from None

        return (yield from spoken(_parts(text), format, speak, Meta(model=voice, language_sent=code)))

    def voices(self, language: str | None) -> Flow[Voices]:
        """List the voices of the service.

        https://cloud.google.com/text-to-speech/docs/reference/rest/v1/voices/list
        """
        response: Response = yield Request(
            "GET",
            f"{self.base('texttospeech')}/v1/voices",
            billed=0,
            service="texttospeech",
            api="v1",
            endpoint=self.endpoint_of("texttospeech"),
        )
        voices = [
            Listed(
                name=voice.name,
                languages=tuple(voice.language_codes),
                gender=gender_of(voice.ssml_gender),
                kind=_kind_of(voice),
                rate=voice.natural_sample_rate_hertz,
            )
            for voice in response.parse(VoiceList).voices
        ]
        return listed(voices, language)


class WireVoice(Wire):
    name: str
    language_codes: Annotated[list[str], Field(min_length=1)]
    ssml_gender: str | None = None
    natural_sample_rate_hertz: int | None = None


class VoiceList(Wire):
    voices: list[WireVoice]


def _kind_of(voice: WireVoice) -> str | None:
    """Return "Chirp3-HD" of the voice "ko-KR-Chirp3-HD-Kore"; None for a name without the language in front."""
    # The reply says nothing of the kind of a voice but for its name.
    _, is_first, rest = voice.name.partition(f"{voice.language_codes[0]}-")
    return rest.rpartition("-")[0] or None if is_first else None


class Synthesized(Wire):
    audio_content: str


def _parts(text: str) -> list[str]:
    # The service counts bytes, and a Hangul syllable has three.
    return parts_of(text, MOST_BYTES, lambda part: len(part.encode()))
