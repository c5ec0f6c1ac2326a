"""The operation of Watson Text to Speech, which goes to ``/v1/synthesize``.

https://cloud.ibm.com/apidocs/text-to-speech#synthesize
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import UnsupportedOperationError
from cloudai.models.base import Meta
from cloudai.models.speech import Speech
from cloudai.models.voice import Voice as Listed
from cloudai.models.voice import Voices
from cloudai.providers._speaking import Format, gender_of, language_of, listed, parts_of, require_speed, spoken
from cloudai.providers.base import capability
from cloudai.providers.watson._service import WatsonService
from cloudai.providers.wire import Wire

__all__ = ["Voice"]

MOST_BYTES = 5_000
"""Bytes of a text in the JSON of one request, which takes 5 KB: an error of the service names 5,120 bytes.

https://cloud.ibm.com/docs/text-to-speech?topic=text-to-speech-usingHTTP#synthesize
"""
# The rate is named, because otherwise that of a WAV depends on the voice.
FORMATS: Mapping[str, str] = {"wav": "audio/wav;rate=22050", "mp3": "audio/mp3", "ogg": "audio/ogg;codecs=opus"}
SLOWEST, FASTEST = 0.5, 2.0
"""The service names no limits: https://cloud.ibm.com/docs/text-to-speech?topic=text-to-speech-synthesis-params"""
VOICES: Mapping[str, str] = {
    "de-DE": "de-DE_BirgitV3Voice",
    "en-GB": "en-GB_KateV3Voice",
    "en-US": "en-US_AllisonV3Voice",
    "es-ES": "es-ES_LauraV3Voice",
    "fr-FR": "fr-FR_NicolasV3Voice",
    "it-IT": "it-IT_FrancescaV3Voice",
    "ja-JP": "ja-JP_EmiV3Voice",
    "ko-KR": "ko-KR_JinV3Voice",
    "nl-NL": "nl-NL_MerelV3Voice",
    "pt-BR": "pt-BR_IsabelaV3Voice",
}
"""The usual voice of a language, an enhanced neural one. All were listed on 2026-03-26, on this page:

https://cloud.ibm.com/docs/text-to-speech?topic=text-to-speech-voices
"""


class Voice(WatsonService):
    """The operation that speaks."""

    def parts(self, operation: str, text: str, options: Mapping[str, Any]) -> Sequence[str]:
        """Return the parts in which a text is sent."""
        return _parts(text) if operation == "text_to_speech" else super().parts(operation, text, options)

    @capability(
        "open",
        unit="character",
        unit_size=1,
        needs="TEXT_TO_SPEECH_APIKEY and TEXT_TO_SPEECH_URL",
        page="https://cloud.ibm.com/docs/text-to-speech",
        checked="2026-11-27",
        note="long texts in parts of 5,000 bytes; the speed is a beta function of the service",
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
        require_speed(speed, SLOWEST, FASTEST, "Watson")
        code = language_of(text, language, voice)
        # Without a name the service would read every language with its voice for American English.
        name = voice or VOICES.get(code)
        if name is None:
            raise UnsupportedOperationError(
                f"Watson has no voice for {code}", advice=f"It has voices for: {', '.join(VOICES)}."
            )

        def speak(part: str, kind: Format) -> Flow[bytes]:
            response: Response = yield Request(
                "POST",
                f"{self.base('text_to_speech')}/v1/synthesize",
                billed=self.units("text_to_speech", part),
                service="text_to_speech",
                api="v1",
                endpoint=self.base("text_to_speech"),
                params={"voice": name, **({"rate_percentage": f"{(speed - 1) * 100:.0f}"} if speed != 1 else {})},
                headers={"Accept": FORMATS[kind]},
                json={"text": _escaped(part)},
            )
            return response.content

        return (yield from spoken(_parts(text), format, speak, Meta(model=name, language_sent=code)))

    def voices(self, language: str | None) -> Flow[Voices]:
        """List the voices of the instance; https://cloud.ibm.com/apidocs/text-to-speech#listvoices."""
        response: Response = yield Request(
            "GET",
            f"{self.base('text_to_speech')}/v1/voices",
            billed=0,
            service="text_to_speech",
            api="v1",
            endpoint=self.base("text_to_speech"),
        )
        voices = [
            Listed(
                name=voice.name,
                languages=(voice.language,),
                gender=gender_of(voice.gender),
                kind=next((kind for end, kind in KINDS.items() if voice.name.endswith(end)), None),
                # The list of voices has no rates; IBM's page about formats names them by the kind of voice.
                rate=NATURAL_RATE if voice.name.endswith("Natural") else USUAL_RATE,
            )
            for voice in response.parse(VoiceList).voices
        ]
        return listed(voices, language)


KINDS: Mapping[str, str] = {"Natural": "Natural", "Expressive": "Expressive", "V3Voice": "V3"}
"""The ends of the names of voices, by the kind: https://cloud.ibm.com/docs/text-to-speech?topic=text-to-speech-voices"""
NATURAL_RATE, USUAL_RATE = 24_000, 22_050
"""Samples a second: https://cloud.ibm.com/docs/text-to-speech?topic=text-to-speech-audio-formats"""


class WireVoice(Wire):
    name: str
    language: str
    gender: str | None = None


class VoiceList(Wire):
    voices: list[WireVoice]


def _parts(text: str) -> list[str]:
    return parts_of(text, MOST_BYTES, _size)


def _escaped(text: str) -> str:
    """Return a text in which nothing is markup: the service reads every text as SSML.

    https://cloud.ibm.com/docs/text-to-speech?topic=text-to-speech-usingHTTP#escape
    """
    return escape(text, {'"': "&quot;", "'": "&apos;"})


def _size(part: str) -> int:
    """Return the bytes of a part as JSON has it, without its quotation marks."""
    # The limit holds for what is sent, in which "<" has four characters and a quotation mark six.
    return len(json.dumps(_escaped(part), ensure_ascii=False).encode()) - 2
