"""The operation of Azure Speech that speaks: SSML goes out, and audio comes back.

https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar
from xml.etree import ElementTree as ET

from pydantic import ConfigDict, Field, RootModel
from pydantic.alias_generators import to_pascal

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import UnsupportedOperationError
from cloudai.models.base import Meta
from cloudai.models.speech import Speech
from cloudai.models.voice import Voice as Listed
from cloudai.models.voice import Voices
from cloudai.providers._speaking import Format, gender_of, language_of, listed, parts_of, require_speed, spoken
from cloudai.providers.azure._service import AzureService
from cloudai.providers.base import capability
from cloudai.providers.wire import Wire

__all__ = ["Voice"]

MOST_BYTES = 4_500
"""Bytes of a text in one request, at the usual speed or above; a slower voice gets fewer.

The service cuts off what is longer than ten minutes of audio, without an error, and has no other limit for a text. Its
list has 293 words a minute for a Chinese voice and 152 for an English one. Even where each character is a word, as in
Chinese, 1,500 of them, which have so many bytes, take about five minutes; no English or Korean text takes longer.
https://learn.microsoft.com/azure/ai-services/speech-service/speech-services-quotas-and-limits#real-time-text-to-speech
https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech#sample-request
"""
FORMATS: Mapping[str, str] = {
    "wav": "riff-24khz-16bit-mono-pcm",
    "mp3": "audio-24khz-96kbitrate-mono-mp3",
    "ogg": "ogg-24khz-16bit-mono-opus",
}
SLOWEST, FASTEST = 0.5, 2.0
"""https://learn.microsoft.com/azure/ai-services/speech-service/speech-synthesis-markup-voice#adjust-prosody"""
VOICES: Mapping[str, str] = {
    "ar-EG": "ar-EG-SalmaNeural",
    "de-DE": "de-DE-KatjaNeural",
    "en-GB": "en-GB-SoniaNeural",
    "en-US": "en-US-JennyNeural",
    "es-ES": "es-ES-ElviraNeural",
    "fr-FR": "fr-FR-DeniseNeural",
    "hi-IN": "hi-IN-SwaraNeural",
    "it-IT": "it-IT-ElsaNeural",
    "ja-JP": "ja-JP-NanamiNeural",
    "ko-KR": "ko-KR-SunHiNeural",
    "nl-NL": "nl-NL-ColetteNeural",
    "pl-PL": "pl-PL-ZofiaNeural",
    "pt-BR": "pt-BR-FranciscaNeural",
    "ru-RU": "ru-RU-SvetlanaNeural",
    "sv-SE": "sv-SE-SofieNeural",
    "th-TH": "th-TH-PremwadeeNeural",
    "tr-TR": "tr-TR-EmelNeural",
    "vi-VN": "vi-VN-HoaiMyNeural",
    "zh-CN": "zh-CN-XiaoxiaoNeural",
    "zh-TW": "zh-TW-HsiaoChenNeural",
}
"""The usual voice of a language; the service has none of its own accord. All were listed on 2025-10-21, on this page:

https://learn.microsoft.com/azure/ai-services/speech-service/language-support?tabs=tts
"""
SPEAK = "http://www.w3.org/2001/10/synthesis"


class Voice(AzureService):
    """The operation that speaks."""

    def parts(self, operation: str, text: str, options: Mapping[str, Any]) -> Sequence[str]:
        """Return the parts in which a text is sent."""
        if operation != "text_to_speech":
            return super().parts(operation, text, options)
        return _parts(text, options.get("speed", 1.0))

    @capability(
        "open",
        unit="character",
        unit_size=1,
        needs="SPEECH_KEY, and SPEECH_REGION or SPEECH_ENDPOINT",
        page="https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech",
        checked="2026-11-27",
        free="20/min",
        note="long texts in parts of 4,500 bytes; a voice has to be named for most languages",
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
        require_speed(speed, SLOWEST, FASTEST, "Azure")
        code = language_of(text, language, voice)
        # A voice of another language is never taken in silence: it would read the letters, and nobody would understand
        # it.
        name = voice or VOICES.get(code)
        if name is None:
            raise UnsupportedOperationError(
                f"Azure has no usual voice for {code}", advice=f"Give voice=. There are some for: {', '.join(VOICES)}."
            )
        base = self._voice_base()

        def speak(part: str, kind: Format) -> Flow[bytes]:
            response: Response = yield Request(
                "POST",
                f"{base}/cognitiveservices/v1",
                billed=self.units("text_to_speech", part),
                service="speech",
                api="v1",
                endpoint=base.removesuffix("/tts"),
                headers={"Content-Type": "application/ssml+xml", "X-Microsoft-OutputFormat": FORMATS[kind]},
                content=_ssml(part, code, name, speed),
            )
            return response.content

        return (yield from spoken(_parts(text, speed), format, speak, Meta(model=name, language_sent=code)))

    def voices(self, language: str | None) -> Flow[Voices]:
        """List the voices of the region or the resource.

        https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech#get-a-list-of-voices
        """
        base = self._voice_base()
        response: Response = yield Request(
            "GET",
            f"{base}/cognitiveservices/voices/list",
            billed=0,
            service="speech",
            api="v1",
            endpoint=base.removesuffix("/tts"),
        )
        voices = [
            Listed(
                name=voice.short_name,
                languages=(voice.locale, *voice.secondary_locale_list),
                gender=gender_of(voice.gender),
                kind=voice.voice_type,
                rate=int(voice.sample_rate_hertz) if voice.sample_rate_hertz else None,
            )
            for voice in response.parse(VoiceList).root
        ]
        return listed(voices, language)

    def _voice_base(self) -> str:
        """Return the beginning of the address: of the region's host, or of the resource's own."""
        resource = self.resource("speech")
        # The service has a host of its own in each region, and a path at a resource's own address.
        if resource.region and not resource.endpoint:
            return f"https://{resource.region}.tts.speech.microsoft.com"
        return f"{self.base('speech')}/tts"


class WireVoice(Wire):
    """A voice, whose fields begin with capital letters."""

    model_config = ConfigDict(alias_generator=to_pascal)

    short_name: str
    locale: str
    secondary_locale_list: list[str] = []
    gender: str | None = None
    voice_type: str | None = None
    sample_rate_hertz: Annotated[str, Field(pattern=r"^\d{4,6}$")] | None = None


class VoiceList(RootModel[list[WireVoice]]):
    null_is_missing: ClassVar[bool] = True


def _ssml(text: str, language: str, voice: str, speed: float) -> bytes:
    """Return a text as SSML; nothing in it becomes markup."""
    # The markup is made as a tree, and not put together as a text: "<" or "&" in what is spoken would otherwise be
    # markup, and somebody else's text could change the voice or fetch a sound.
    speak = ET.Element("speak", {"version": "1.0", "xmlns": SPEAK, "xml:lang": language})
    inner = ET.SubElement(speak, "voice", {"name": voice})
    if speed != 1:
        inner = ET.SubElement(inner, "prosody", {"rate": f"{(speed - 1) * 100:+.0f}%"})
    inner.text = text
    ssml: bytes = ET.tostring(speak, "utf-8")
    return ssml


def _parts(text: str, speed: float) -> list[str]:
    # A slower voice fills the ten minutes with fewer words.
    return parts_of(text, int(MOST_BYTES * min(speed, 1)), lambda part: len(part.encode()))
