"""Texts that are read aloud: what goes out to each vendor, and what is made of the audio that comes back."""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import re
import shutil
import time
import unicodedata
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
from tests.support.played import PICTURE, Cassettes

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
    """Return a WAV in which every sample is the same: it clicks where it is not faded."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(level.to_bytes(2, "little") * int(seconds * rate) * channels)
    return out.getvalue()


def samples(audio: bytes) -> list[int]:
    """Return the samples of a WAV, read by Python's own module, which refuses a header with a false length."""
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
    """Return the replies of a vendor that speaks each part."""

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
    script = answers("google", lambda _: converted(wav(0.1), "ogg"))
    call(VENDORS["google"], "text_to_speech", "好", send=script, voice="cmn-CN-A", format="ogg", speed=0.5)
    assert script.requests[0].json == {
        "input": {"text": "好"},
        "voice": {"languageCode": "cmn-CN", "name": "cmn-CN-A"},
        "audioConfig": {"audioEncoding": "OGG_OPUS", "speakingRate": 0.5},
    }
    script = answers("watson", lambda _: converted(wav(0.1), "mp3"))
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


SOUND = wav(0.5, rate=24_000)
NOTHING = ["\x01\x02", " \x1b\x7f\x9b ", "\u200b\ufeff", "\0" * 20_000]


@pytest.mark.parametrize("vendor", [*VENDORS, "local"])
@pytest.mark.parametrize("text", NOTHING, ids=["two", "with blanks", "no width", "many"])
def test_a_text_in_which_nothing_is_spoken_is_refused(call: Caller, tmp_path: Path, vendor: str, text: str) -> None:
    """Control characters and invisible ones alone would be billed as silence; nothing is sent."""
    script = Script()
    with pytest.raises(InputError, match="nothing to speak"):
        call(VENDORS.get(vendor, Local(espeak=espeak(tmp_path))), "text_to_speech", text, send=script, language="ko")
    assert script.requests == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_no_control_character_goes_out(call: Caller, vendor: str) -> None:
    """Each is a blank to every vendor, and words on both sides of it stay."""
    script = answers(vendor, lambda _: SOUND)
    call(VENDORS[vendor], "text_to_speech", "좋\0아\x01요\x9b.\n네", send=script, language="ko")
    sent = script.requests[0].content or json.dumps(script.requests[0].json, ensure_ascii=False).encode()
    assert "좋 아 요 .\\n네" in sent.decode().replace("\n", "\\n")


CUT = {"a half": SOUND[: len(SOUND) // 2], "half a sample": SOUND[:10_001], "a byte": SOUND[:-1]}


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("cut", CUT)
def test_a_wav_that_is_cut_off_is_refused(call: Caller, vendor: str, cut: str) -> None:
    """A WAV that ends before the length that its header states is no whole speech, also as one part of a long text."""
    with pytest.raises(cloudai.MalformedResponseError, match="is cut off"):
        call(VENDORS[vendor], "text_to_speech", "좋아요", send=answers(vendor, lambda _: CUT[cut]))
    replies = itertools.chain([SOUND, CUT[cut]], itertools.repeat(SOUND))
    with pytest.raises(cloudai.MalformedResponseError, match="is cut off"):
        call(VENDORS[vendor], "text_to_speech", "나무. " * 1200, send=answers(vendor, lambda _: next(replies)))


@pytest.mark.parametrize("stated", [0, 0x7FFF0000, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_a_stream_leaves_open_is_no_cut(call: Caller, stated: int) -> None:
    """Watson and programs that write streams state no length; the sound is all that came, in whole samples."""
    header = SOUND[:40] + stated.to_bytes(4, "little")
    speech = call(VENDORS["watson"], "text_to_speech", "좋아요", send=answers("watson", lambda _: header + SOUND[44:]))
    assert (speech.duration, speech.audio) == (pytest.approx(0.5), SOUND)
    with pytest.raises(cloudai.MalformedResponseError, match="is cut off"):
        call(VENDORS["watson"], "text_to_speech", "좋아요", send=answers("watson", lambda _: header + SOUND[44:-1]))


@pytest.mark.parametrize("has_decoder", [True, False])
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("format", ["mp3", "ogg"])
def test_an_mp3_or_ogg_without_sound_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    call: Caller,
    vendor: str,
    format: str,  # noqa: A002
    has_decoder: bool,
) -> None:
    """The first bytes of a format are no sound, with PyAV and without; a whole file is taken either way."""
    whole = converted(wav(0.5), format)
    monkeypatch.setattr("cloudai.media.speech.can_decode", lambda: has_decoder)
    bad = [b"\xff\xfb", b"ID3" + bytes(200), b"OggS", b"OggS" + bytes(100), SOUND, whole[:20]]
    bad += [whole[: len(whole) - 5]] if format == "ogg" else []
    for reply in bad:
        with pytest.raises(cloudai.MalformedResponseError):
            call(VENDORS[vendor], "text_to_speech", "좋아요", send=answers(vendor, lambda _, r=reply: r), format=format)
    speech = call(VENDORS[vendor], "text_to_speech", "좋아요", send=answers(vendor, lambda _: whole), format=format)
    assert speech.audio == whole
    assert speech.duration == (pytest.approx(0.5, abs=0.2) if has_decoder else None)


@pytest.mark.parametrize("audio", ["é", "소리", "a", "====", "a b"])
def test_audio_that_is_no_base64_is_refused(call: Caller, audio: str) -> None:
    """Google's audio comes as base64; anything else is a reply that cannot be read, and no error of Python."""
    script = Script(Response(200, {"content-type": "application/json"}, json.dumps({"audioContent": audio}).encode()))
    with pytest.raises(cloudai.MalformedResponseError):
        call(VENDORS["google"], "text_to_speech", "좋아요", send=script)


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
        (unicodedata.normalize("NFD", "나무 그늘"), None, None, "ko-KR"),
        ("森の木です", None, None, "ja-JP"),
        ("森林", None, None, "zh-CN"),
        ("A tree", None, None, "en-US"),
        ("A tree", "de", None, "de-DE"),
        ("A tree", None, "fr-FR-DeniseNeural", "fr-FR"),
        ("A tree", None, "en-US_AllisonV3Voice", "en-US"),
        ("123", None, None, "en-US"),
        ("A tree", "en", "en-GB-Wavenet-A", "en-GB"),
        ("Un árbol", "es", "es-US-Neural2-A", "es-US"),
        ("Un árbol", "es", "es-419-Name", "es-419"),
        ("森林", "zh", "cmn-TW-Wavenet-A", "zh-TW"),
        ("Uma árvore", "pt", "pt-PT-RaquelNeural", "pt-PT"),
        ("Drvo", None, "sr-Latn-RS-NicholasNeural", "sr-Latn-RS"),
        ("Drvo", "sr", "sr-Latn-RS-NicholasNeural", "sr-Latn-RS"),
        ("A tree", "en-US", "en-GB-Wavenet-A", "en-US"),
        ("나무", "ko", "en-US-JennyMultilingualNeural", "ko-KR"),
        ("나무", "ko", "Kore", "ko-KR"),
    ],
)
def test_the_language_to_speak(text: str, language: str | None, voice_name: str | None, expected: str) -> None:
    """The language that is given counts, with the region of the voice; then that of the voice, then the letters."""
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


def test_a_speech_goes_through_json() -> None:
    """The audio is base64 of the usual alphabet, and comes back from JSON and from what is made of it."""
    speech = cloudai.Speech(audio=b"\xfb\xff\xfe" * 5, format="wav", rate=8000, duration=0.1)
    written = speech.model_dump(mode="json")
    assert base64.b64decode(written["audio"], validate=True) == speech.audio
    assert written["audio"].startswith("+//+")
    assert cloudai.Speech.model_validate(written) == speech
    assert cloudai.Speech.model_validate_json(speech.model_dump_json()) == speech
    older = {**written, "audio": base64.urlsafe_b64encode(speech.audio).decode()}
    assert cloudai.Speech.model_validate(older) == speech
    assert speech.model_dump()["audio"] == speech.audio
    with pytest.raises(ValueError, match="audio"):
        cloudai.Speech.model_validate({**written, "audio": "소리"})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("소리.mp3", 'is no name for WAV. Name it .wav, or ask for format="mp3"'),
        ("소리.OGG", "is no name for WAV"),
        ("없음/소리.wav", "cannot be written"),
        (".", "cannot be written"),
        ("a\0b", "cannot be written"),
        (None, "cannot be written"),
    ],
)
def test_where_a_speech_cannot_be_saved(tmp_path: Path, name: Any, message: str) -> None:
    """The error says what is wrong with the path, and nothing is written; an ending of no format of audio is taken."""
    speech = cloudai.Speech(audio=wav(0.1), format="wav", rate=8000, duration=0.1)
    with pytest.raises(InputError, match=re.escape(message)):
        speech.save(name and tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    assert speech.save(tmp_path / "소리").exists()
    assert speech.save(tmp_path / "소리.WAV").exists()


@pytest.mark.skipif(os.name == "nt", reason="a script is no program on Windows")
def test_a_program_that_takes_too_long_is_no_token(
    monkeypatch: pytest.MonkeyPatch, call: Caller, tmp_path: Path
) -> None:
    """The error names the work on this machine, and what fails there is no failure of a login."""
    monkeypatch.setattr(voice, "speak", lambda *_: time.sleep(2))
    monkeypatch.setattr(voice, "voice_for", lambda *_: "ko")
    monkeypatch.setattr("cloudai.providers.local.ocr.read", lambda *_, **__: time.sleep(2))
    local = Local(espeak=espeak(tmp_path))
    for operation, given in (("text_to_speech", "좋아요"), ("read_text", PICTURE)):
        with pytest.raises(cloudai.DeadlineExceededError, match="the work on this machine was not done in time"):
            call(local, operation, given, timeout=0.2)


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
        hello = client.text_to_speech("hello").audio
        assert client.text_to_speech("hello\0 world and more words").duration > 1.5
        assert client.text_to_speech("[[h@l'oU]]").audio != hello
        taken_apart = client.text_to_speech("[ [ [h@l'oU] ] ]").audio
        assert client.text_to_speech("[[[h@l'oU]]]").audio == taken_apart
        assert client.text_to_speech("\x0150S hello").audio == client.text_to_speech("50S hello").audio
        assert client.text_to_speech("--help $(ls) </voice>").duration > 0.5
        slow, fast = (client.text_to_speech("A fine day today.", speed=speed).duration for speed in (1.0, 2.0))
        assert fast < 0.7 * slow
        with pytest.raises(UnsupportedOperationError, match="has no voice no-such-voice"):
            client.text_to_speech("좋아요", voice="no-such-voice")
        with pytest.raises(UnsupportedOperationError, match="has no voice tlh"):
            client.text_to_speech("좋아요", language="tlh")


@pytest.mark.long
@needs_espeak
def test_espeak_speaks_in_the_voice_of_the_region() -> None:
    """English of both countries differs, a voice is named in the result, and a language has its usual code."""
    with Client("local") as client:
        british, american = (client.text_to_speech("Water.", language=code) for code in ("en-GB", "en-US"))
        assert british.audio != american.audio
        assert american.audio == client.text_to_speech("Water.", voice="en-us").audio
        assert (british.meta.model, british.meta.language_sent) == ("en-gb", "en-gb")
        assert client.text_to_speech("Água.", language="pt-BR").meta.model == "pt-br"
        assert client.text_to_speech("안녕", language="ko-KR").meta.model == "ko"
        assert client.text_to_speech("水", language="zh-TW").meta.model == "cmn"
        female = client.text_to_speech("Water.", voice="en-us+f3")
        assert (female.meta.model, female.meta.language_sent) == ("en-us+f3", "en-us")
        assert female.audio != american.audio
        for variant in ("nosuch", "../../../etc/passwd", "", "F3"):
            with pytest.raises(UnsupportedOperationError, match=f"has no variant {variant}"):
                client.text_to_speech("Water.", voice=f"en+{variant}")


@pytest.mark.long
@needs_espeak
def test_every_voice_of_espeak_that_is_listed_speaks() -> None:
    """Each name is listed once, is taken as a voice, and is not the name of another voice."""
    voices = Client("local").voices()
    names = [each.name for each in voices]
    assert len(names) == len(set(names))
    for each in voices:
        odd = each.languages[0] != each.name or each.name in ("yue", "ko")
        if odd:  # a run for each of the hundred voices would take long
            with Client("local") as client:
                assert client.text_to_speech("hello", voice=each.name).duration > 0.1
        assert voice.voice_for("ko", each.name, None) == each.name
    for code in ("zh-TW", "zh-Hant", "zh-HK", "chr", "yue"):
        assert voice.voice_for(code, None, None) in [each.name for each in Client("local").voices(code)]


@pytest.mark.skipif(not Path("/bin/true").exists(), reason="there is no program that does nothing")
@pytest.mark.parametrize("program", ["true", "false"])
def test_a_program_that_is_another_one_is_no_fault_of_the_text(call: Caller, program: str) -> None:
    """The error names the setting that is wrong, and neither the language nor the picture."""
    path = f"/bin/{program}"
    with pytest.raises(cloudai.SettingsError, match=f"espeak-ng cannot be used: {program} .*CLOUDAI_ESPEAK"):
        call(Local(espeak=path), "text_to_speech", "좋아요")
    with pytest.raises(cloudai.SettingsError, match="CLOUDAI_ESPEAK"):
        call(Local(espeak=path), "voices")
    with pytest.raises(cloudai.SettingsError, match=f"tesseract cannot be used: {program} .*CLOUDAI_TESSERACT"):
        call(Local(tesseract=path), "read_text", PICTURE)


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
