"""Texts that are read aloud: what goes out to each vendor, and what is made of the audio that comes back."""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import shutil
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import cloudai
from cloudai import (
    AuthError,
    Azure,
    BadRequestError,
    Client,
    Google,
    InputError,
    Local,
    Resource,
    Response,
    UnsupportedOperationError,
    Watson,
)
from cloudai.media.speech import converted, joined
from cloudai.providers._speaking import language_of, parts_of
from cloudai.providers.local import voice
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.programs import espeak
from tests.support.batches import Batcher
from tests.support.played import Cassettes

GREETING = "안녕하세요!"
KEY = "not-a-real-key"
ENDPOINT = "https://example.cognitiveservices.azure.com"
TTS = "https://api.kr-seo.text-to-speech.watson.cloud.ibm.com/instances/1"
CASSETTES = {vendor: Cassettes(vendor) for vendor in ("azure", "google", "watson")}
VENDORS: dict[str, Any] = {
    "azure": Azure(key=KEY, endpoint=ENDPOINT),
    "google": Google(api_key=KEY),
    "watson": Watson(text_to_speech=Resource(KEY, TTS)),
}
ESPEAK = shutil.which("espeak-ng")


def wav(seconds: float, rate: int = 8000, level: int = 8000, channels: int = 1) -> bytes:
    """A WAV in which every sample is the same: it clicks where it is not faded."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(level.to_bytes(2, "little") * int(seconds * rate) * channels)
    return out.getvalue()


def samples(audio: bytes) -> list[int]:
    """The samples of a WAV, read by Python's own module, which refuses a header with a false length."""
    with wave.open(io.BytesIO(audio)) as file:
        data = file.readframes(file.getnframes())
        assert file.getnframes() * file.getsampwidth() * file.getnchannels() == len(data)
    return [int.from_bytes(data[n : n + 2], "little", signed=True) for n in range(0, len(data), 2)]


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_speaks_korean(call: Caller, vendor: str) -> None:
    """The audio, its length and its rate come back; a WAV has a header with its true length, also of Watson's."""
    speech = CASSETTES[vendor].ask(call, "text_to_speech-success", type(VENDORS[vendor])(), "text_to_speech", GREETING)
    assert (speech.format, speech.rate, speech.duration) == ("wav", 8000, pytest.approx(0.1))
    assert len(samples(speech.audio)) == 800
    assert speech.meta.language_sent == "ko-KR"


@pytest.mark.parametrize(
    ("vendor", "name", "error", "text", "options"),
    [
        ("azure", "text_to_speech-bad-key", AuthError, "Check that key and endpoint", {}),
        ("google", "text_to_speech-no-voice", BadRequestError, "does not exist", {"voice": "ko-KR-Nobody"}),
        ("watson", "text_to_speech-too-long", BadRequestError, "exceeds the payload limit", {}),
    ],
)
def test_a_refusal_is_an_error(call: Caller, vendor: str, name: str, error: Any, text: str, options: Any) -> None:
    """The vendor's own words are in the error, also of an API that otherwise replies with audio."""
    with pytest.raises(error, match=text):
        CASSETTES[vendor].ask(call, name, type(VENDORS[vendor])(), "text_to_speech", GREETING, **options)


@pytest.mark.parametrize(
    "text", ["It rains. " * 690, "비가 옵니다. " * 900, "짧은 글"], ids=["long", "long Korean", "short"]
)
@pytest.mark.parametrize("vendor", VENDORS)
def test_the_plan_counts_parts_and_units(vendor: str, text: str) -> None:
    """The plan says as many requests as go out for a text in several parts, and what the vendor counts for it."""
    script = answers(vendor, lambda _: wav(0.01))
    done = Batcher("blocking", VENDORS[vendor], script)("text_to_speech", [text], options={"language": "ko"}, plan=True)
    assert done.plan is not None
    assert not done.plan.refused
    assert done.plan.requests == len(script.requests)
    assert done.values("billed_max") == [done.plan.units]


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_cassette_is_played(vendor: str) -> None:
    """No cassette of this operation lies about unused."""
    CASSETTES[vendor].require_all("text_to_speech")


def answers(vendor: str, audio: Callable[[Any], bytes]) -> Script:
    """A vendor that speaks each part."""

    def answer(request: Any) -> Response:
        data = audio(request)
        if vendor != "google":
            return Response(200, {"content-type": "audio/wav"}, data)
        body = {"audioContent": base64.b64encode(data).decode()}
        return Response(200, {"content-type": "application/json"}, json.dumps(body).encode())

    return Script(*[answer] * 20)


@pytest.mark.parametrize(("vendor", "requests"), [("azure", 11), ("google", 10), ("watson", 10)])
def test_a_text_of_20_000_characters_is_one_file(call: Caller, vendor: str, requests: int) -> None:
    """It goes out in parts that fit the vendor, and the length of the whole, by a library, is the sum of theirs."""
    import soundfile

    text = "나무가 자란다. " * 2223  # 20,007 characters
    sent: list[int] = []

    def audio(request: Any) -> bytes:
        size = len(request.content or request.json_bytes())
        sent.append(size)
        return wav(size / 1000)

    script = answers(vendor, audio)
    speech = call(VENDORS[vendor], "text_to_speech", text, send=script)
    assert len(sent) == requests
    assert max(sent) < 10_000
    found = soundfile.info(io.BytesIO(speech.audio))
    assert found.duration == pytest.approx(sum(int(size * 8) for size in sent) / 8000)
    assert speech.duration == pytest.approx(found.duration)
    assert speech.meta.attempts == requests
    assert 19_000 < speech.meta.billed_min == speech.meta.billed_max <= len(text)
    assert len(VENDORS[vendor].parts("text_to_speech", text, {})) == requests


def test_what_goes_out_to_azure_is_no_markup(call: Caller) -> None:
    """A text with tags, quotes and characters that XML lacks stays a text; voice, speed and format are as asked for."""
    text = '</voice><break time="9s"/> & \x00 <나무>'
    script = Script(Response(200, {}, wav(0.1)))
    call(VENDORS["azure"], "text_to_speech", text, send=script, language="ko", speed=1.25)
    (request,) = script.requests
    assert request.url == f"{ENDPOINT}/tts/cognitiveservices/v1"
    assert request.headers["X-Microsoft-OutputFormat"] == "riff-24khz-16bit-mono-pcm"
    root = ET.fromstring(request.content)  # noqa: S314  # it is our own
    (spoken,) = root
    (prosody,) = spoken
    assert (spoken.attrib, prosody.attrib) == ({"name": "ko-KR-SunHiNeural"}, {"rate": "+25%"})
    assert (len(prosody), prosody.text) == (0, text.replace("\x00", " "))
    script = Script(Response(200, {}, wav(0.1)))
    call(Azure(key=KEY, region="koreacentral"), "text_to_speech", "좋아요", send=script)
    assert script.requests[0].url == "https://koreacentral.tts.speech.microsoft.com/cognitiveservices/v1"


def test_what_goes_out_to_google_and_watson(call: Caller) -> None:
    """Voice, speed and format have the vendors' own names."""
    script = answers("google", lambda _: b"OggS")
    call(VENDORS["google"], "text_to_speech", "好", send=script, voice="cmn-CN-A", format="ogg", speed=0.5)
    assert script.requests[0].json == {
        "input": {"text": "好"},
        "voice": {"languageCode": "cmn-CN", "name": "cmn-CN-A"},
        "audioConfig": {"audioEncoding": "OGG_OPUS", "speakingRate": 0.5},
    }
    script = answers("watson", lambda _: b"ID3")
    call(VENDORS["watson"], "text_to_speech", "Good.", send=script, format="mp3", speed=1.5)
    (request,) = script.requests
    assert (request.params, request.headers["Accept"]) == (
        {"voice": "en-US_AllisonV3Voice", "rate_percentage": "50"},
        "audio/mp3",
    )


@pytest.mark.parametrize("text", ["가" * 9000, "漢字。" * 3000, "A tree grows. " * 700])
@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_no_part_takes_azure_ten_minutes(text: str, speed: float) -> None:
    """At 293 Chinese or Korean characters a minute no part lasts ten minutes, where the service would cut it off."""
    parts = VENDORS["azure"].parts("text_to_speech", text, {"speed": speed})
    assert "".join("".join(parts).split()) == "".join(text.split())
    for part in parts:
        characters = len(part) if part[0] != "A" else len(part) / 5
        assert characters / (293 * min(speed, 1)) < 6


def test_what_goes_out_to_watson_is_no_markup(call: Caller) -> None:
    """Watson reads every text as SSML, so what would be markup is escaped, and counts towards the size of a part."""
    script = answers("watson", lambda _: wav(0.1))
    call(VENDORS["watson"], "text_to_speech", '</voice><break time="9s"/> R&D, \x00 "나무"', send=script, language="ko")
    sent = script.requests[0].json["text"]
    root = ET.fromstring(f"<speak>{sent}</speak>")  # noqa: S314  # it is our own
    assert (len(root), root.text) == (0, '</voice><break time="9s"/> R&D,   "나무"')
    script = answers("watson", lambda _: wav(0.1))
    call(VENDORS["watson"], "text_to_speech", '"R&D" < \n' * 600, send=script, language="ko")
    sizes = [len(request.json_bytes()) for request in script.requests]
    assert max(sizes) <= 5120
    assert len(sizes) == 4


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    "reply", [b"", b"<html>", b"RIFF....WAVE", wav(0)], ids=["empty", "a page", "cut off", "silent"]
)
def test_a_reply_that_is_no_sound_is_refused(call: Caller, vendor: str, reply: bytes) -> None:
    """A web page, an empty body and a WAV without samples are no speech."""
    with pytest.raises(cloudai.MalformedResponseError):
        call(VENDORS[vendor], "text_to_speech", "좋아요", send=answers(vendor, lambda _: reply))


@pytest.mark.parametrize("vendor", [*VENDORS, "local"])
def test_options_that_cannot_be_are_refused_before_sending(vendor: str) -> None:
    """An unknown format, and a speed beyond what the vendor has, are errors; nothing is sent."""
    with Client(VENDORS.get(vendor, "local"), send=Script()) as client:
        with pytest.raises(cloudai.SettingsError, match="unknown format"):
            client.text_to_speech("좋아요", format="flac")  # type: ignore[arg-type]
        with pytest.raises(cloudai.SettingsError, match="speed=9"):
            client.text_to_speech("좋아요", speed=9)
        with pytest.raises(InputError, match="the text is empty"):
            client.text_to_speech("  ")


@pytest.mark.parametrize(
    ("text", "language", "voice_name", "expected"),
    [
        ("나무 API", None, None, "ko-KR"),
        ("森の木です", None, None, "ja-JP"),
        ("森林", None, None, "zh-CN"),
        ("A tree", None, None, "en-US"),
        ("A tree", "de", None, "de-DE"),
        ("A tree", None, "fr-FR-DeniseNeural", "fr-FR"),
        ("A tree", None, "en-US_AllisonV3Voice", "en-US"),
        ("123", None, None, "en-US"),
    ],
)
def test_the_language_to_speak(text: str, language: str | None, voice_name: str | None, expected: str) -> None:
    """The language that is given counts, then that of the voice, then the letters of the text."""
    assert language_of(text, language, voice_name) == expected


@pytest.mark.parametrize("most", [1, 7, 10, 40, 1000])
def test_parts_lose_nothing(most: int) -> None:
    """Whatever the limit is, each part keeps to it, and together they are the text without some blanks."""
    text = "나무가 자란다. 숲이 된다! 새가 온다。다음 줄\n" + "긴" * 30 + " " + "word " * 10
    parts = parts_of(text, most)
    assert all(0 < len(part) <= most for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
    in_bytes = parts_of(text, max(most, 4), lambda part: len(part.encode()))
    assert all(len(part.encode()) <= max(most, 4) for part in in_bytes)


def test_parts_end_with_sentences() -> None:
    """As many whole sentences as fit stand in one part."""
    assert parts_of("하나. 둘. 셋. 넷.", 8) == ["하나. 둘.", "셋. 넷."]
    assert parts_of("3.5 percent. Two.", 13) == ["3.5 percent.", "Two."]


def test_parts_are_joined_without_clicks() -> None:
    """Where two parts meet the sound is at zero and no step is large; the length is the sum, to the sample."""
    whole = samples(joined([wav(0.5, level=20_000), wav(0.25, level=20_000)]))
    assert len(whole) == 6000
    assert whole[3999] == whole[4000] == 0
    assert max(abs(b - a) for a, b in itertools.pairwise(whole)) <= 20_000 // 20
    assert whole[2000] == 20_000


@pytest.mark.parametrize("other", [wav(0.1, rate=16_000), wav(0.1, channels=2), b"ID3"])
def test_parts_of_different_formats_are_refused(other: bytes) -> None:
    """A part of another rate would be played at a wrong speed."""
    with pytest.raises(cloudai.MalformedResponseError):
        joined([wav(0.1), other])


@pytest.mark.parametrize("format", ["mp3", "ogg"])
def test_a_long_text_as_mp3_or_ogg(call: Caller, format: str) -> None:  # noqa: A002
    """The parts are spoken as WAV, joined and then converted, so that the file states its whole length."""
    import soundfile

    script = answers("google", lambda _: wav(1.0, rate=24_000))
    speech = call(VENDORS["google"], "text_to_speech", "나무가 자란다. " * 400, send=script, format=format)
    encodings = {request.json["audioConfig"]["audioEncoding"] for request in script.requests}
    assert (encodings, len(script.requests)) == ({"LINEAR16"}, 2)
    assert soundfile.info(io.BytesIO(speech.audio)).duration == pytest.approx(2.0, abs=0.1)
    assert speech.duration == pytest.approx(2.0, abs=0.15)


def test_without_the_extra_a_long_text_is_wav(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names what is to be installed."""
    monkeypatch.setattr("cloudai.media.speech.can_decode", lambda: False)
    with pytest.raises(cloudai.MissingExtraError, match="audio"):
        converted(wav(0.1), "mp3")


def test_a_speech_is_saved_and_played(tmp_path: Path) -> None:
    """It is a file, a row of a table, and a player in a notebook, unless it is very long."""
    speech = cloudai.Speech(audio=wav(0.1), format="wav", rate=8000, duration=0.1)
    assert speech.save(tmp_path / "인사.wav").read_bytes() == speech.audio
    assert speech.files() == [(".wav", speech.audio)]
    assert speech._repr_html_().startswith('<audio controls src="data:audio/wav;base64,UklGR')
    assert speech.to_rows()[0]["bytes"] == len(speech.audio)
    assert "<audio" not in cloudai.Speech(audio=bytes(21_000_000), format="wav")._repr_html_()


needs_espeak = pytest.mark.skipif(ESPEAK is None, reason="espeak-ng is not here: apt install espeak-ng")


@pytest.mark.long
@needs_espeak
@pytest.mark.parametrize(
    "text", ["안녕하세요. 오늘은 날씨가 참 좋습니다.", "Hello, how are you today? It is a fine day."]
)
def test_espeak_speaks(call: Caller, text: str) -> None:
    """A sentence is neither silent nor clipped, and takes between a tenth and half a second a syllable or so."""
    import numpy as np
    import soundfile

    speech = call("local", "text_to_speech", text)
    sound, rate = soundfile.read(io.BytesIO(speech.audio))
    assert rate == speech.rate == 22_050
    assert speech.duration == pytest.approx(len(sound) / rate)
    assert 1.5 <= speech.duration <= 6
    assert np.sqrt((sound**2).mean()) > 0.02
    assert np.abs(sound).max() < 0.99
    assert speech.meta.method == "local"


@pytest.mark.long
@needs_espeak
def test_espeak_takes_a_text_for_a_text() -> None:
    """What looks like an option or a command is spoken; twice the speed is shorter."""
    with Client("local") as client:
        assert client.text_to_speech("--help $(ls) </voice>").duration > 0.5
        slow, fast = (client.text_to_speech("A fine day today.", speed=speed).duration for speed in (1.0, 2.0))
        assert fast < 0.7 * slow
        with pytest.raises(UnsupportedOperationError, match="has no voice no-such-voice"):
            client.text_to_speech("좋아요", voice="no-such-voice")
        with pytest.raises(UnsupportedOperationError, match="has no voice tlh"):
            client.text_to_speech("좋아요", language="tlh")


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="a script is no program on Windows")
def test_the_program_gets_the_text_as_its_input(call: Caller, tmp_path: Path) -> None:
    """The language decides the voice, and the text is no argument, where other users of the machine would see it."""
    speech = call(Local(espeak=espeak(tmp_path)), "text_to_speech", "좋아요")
    assert (speech.duration, speech.rate) == (pytest.approx(1.0), 8000)


def test_without_espeak_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each system has its own line, and `supports` says no beforehand."""
    monkeypatch.setenv("PATH", "")
    with Client("local") as client:
        assert not client.supports("text_to_speech")
        with pytest.raises(cloudai.SettingsError, match=r"apt install espeak-ng.*brew install.*winget install"):
            client.text_to_speech("좋아요")
    assert "espeak-ng" in str(voice.available(None))
