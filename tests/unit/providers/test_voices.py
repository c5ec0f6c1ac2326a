"""The voices that each provider lists, which cost nothing, and speaking with a voice of Piper."""

from __future__ import annotations

import io
import json
import os
import sys
import wave
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import cloudai
from cloudai import (
    AuthError,
    Azure,
    Client,
    Google,
    Local,
    MalformedResponseError,
    Resource,
    Response,
    SettingsError,
    UnsupportedOperationError,
    Voice,
    Voices,
    Watson,
)
from cloudai.errors import ServerError
from cloudai.languages import includes, spelled
from cloudai.providers.local import networks, piper
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.programs import espeak
from tests.made_up.provider import MadeUp
from tests.support.paths import FIXTURES
from tests.support.played import Cassettes

KEY = "not-a-real-key"
CASSETTES = {vendor: Cassettes(vendor) for vendor in ("azure", "google", "watson")}
KOREAN = {
    "azure": [
        ("ko-KR-SunHiNeural", ("ko-KR",), "female", "Neural", 48_000),
        ("ko-KR-InJoonNeural", ("ko-KR",), "male", "Neural", 48_000),
        ("en-US-JennyMultilingualNeural", ("en-US", "de-DE", "ko-KR"), "female", "Neural", 24_000),
    ],
    "google": [
        ("ko-KR-Chirp3-HD-Kore", ("ko-KR",), "female", "Chirp3-HD", 24_000),
        ("ko-KR-Standard-C", ("ko-KR",), "male", "Standard", 24_000),
        ("Kore", ("en-US", "ko-KR"), None, None, 24_000),
    ],
    "watson": [("ko-KR_JinV3Voice", ("ko-KR",), "female", "V3", 22_050)],
}


def facts(voices: Voices) -> list[tuple[Any, ...]]:
    """Return what is known of each voice."""
    return [(voice.name, voice.languages, voice.gender, voice.kind, voice.rate) for voice in voices]


@pytest.mark.parametrize("vendor", KOREAN)
def test_a_vendor_lists_korean_voices(call: Caller, vendor: str) -> None:
    """Voices that were made for Korean come before those that speak it too, and the list is free."""
    voices = CASSETTES[vendor].ask(call, "voices-success", cloudai.find(vendor)(), "voices", "ko")
    assert facts(voices) == KOREAN[vendor]
    assert (voices.meta.billed_min, voices.meta.billed_max, voices.meta.attempts) == (0, 0, 1)
    assert (voices.meta.operation, voices.meta.input) == ("voices", "")


PROVIDERS: dict[str, Any] = {
    "azure": Azure(key=KEY, endpoint="https://example.cognitiveservices.azure.com"),
    "google": Google(api_key=KEY),
    "watson": Watson(
        text_to_speech=Resource(KEY, "https://api.kr-seo.text-to-speech.watson.cloud.ibm.com/instances/1")
    ),
}


@pytest.mark.parametrize("vendor", PROVIDERS)
def test_a_list_is_one_request_that_is_not_billed(call: Caller, vendor: str) -> None:
    """A reply of the service itself, and a failure, count no units."""
    written = json.loads((FIXTURES / vendor / "voices-success.json").read_text("utf-8"))
    body = json.dumps(written["exchanges"][0]["response"]["body"]).encode()
    script = Script(Response(200, {"content-type": "application/json"}, body))
    voices = call(PROVIDERS[vendor], "voices", "ko", send=script)
    assert facts(voices) == KOREAN[vendor]
    assert (voices.meta.replayed, voices.meta.billed_max, len(script.requests)) == (False, 0, 1)
    with pytest.raises(ServerError) as caught:
        call(PROVIDERS[vendor], "voices", send=Script(*[Response(500)] * 2), client_sleep=lambda _: None)
    assert (caught.value.billed_max, caught.value.operation) == (0, "voices")


@pytest.mark.parametrize(
    ("vendor", "language", "names"),
    [
        ("azure", None, 5),
        ("azure", "zh", ["zh-TW-HsiaoChenNeural"]),
        ("azure", "zh-CN", []),
        ("google", "zh-CN", ["cmn-CN-Wavenet-A"]),
        ("google", None, 5),
        ("watson", "en", ["en-US_EllieNatural", "en-US_LisaExpressive"]),
        ("watson", "en-GB", []),
    ],
)
def test_the_languages_of_voices(call: Caller, vendor: str, language: str | None, names: Any) -> None:
    """A language includes its regions, whichever code the vendor has for it; without one all voices are listed."""
    voices = CASSETTES[vendor].ask(call, "voices-success", cloudai.find(vendor)(), "voices", language)
    assert (len(voices) if isinstance(names, int) else [voice.name for voice in voices]) == names


def test_voices_of_watson_have_the_rate_of_their_kind(call: Caller) -> None:
    """Natural voices are spoken with 24,000 samples a second, and all others with 22,050."""
    voices = CASSETTES["watson"].ask(call, "voices-success", cloudai.Watson(), "voices")
    assert [(voice.kind, voice.rate) for voice in voices] == [
        ("Natural", 24_000),
        ("V3", 22_050),
        ("Expressive", 22_050),
        ("V3", 22_050),
    ]


@pytest.mark.parametrize("vendor", KOREAN)
def test_every_cassette_is_played(vendor: str) -> None:
    """No cassette of a list of voices lies about unused."""
    CASSETTES[vendor].require_all("voices")


@pytest.mark.parametrize(
    ("asked", "code", "expected"),
    [
        ("ko", "ko-KR", True),
        ("ko-KR", "ko", True),
        ("en-GB", "en-US", False),
        ("zh", "cmn-TW", True),
        ("zh-Hant", "zh-TW", True),
        ("zh-TW", "cmn-CN", False),
        ("es-419", "es-419", True),
        ("ko", "ja-JP", False),
        ("zh-TW", "cmn", True),
        ("zh-Hant", "zh", True),
        ("zh-CN", "zh", True),
    ],
)
def test_which_languages_a_language_includes(asked: str, code: str, expected: bool) -> None:
    """A language without a region includes all of its regions, and one with a region only that."""
    assert includes(asked, code) is expected
    assert spelled("cmn-CN") == "zh-CN"


def test_a_list_prints_as_a_table_and_is_rows() -> None:
    """The printed table has the names alone, and the rows also say who was asked."""
    voices = Voices(voices=(Voice(name="선희", languages=("ko-KR", "en-US"), gender="female"),))
    assert str(voices) == "name  languages    gender\n----  -----------  ------\n선희  ko-KR en-US  female"
    assert voices.to_rows()[0]["languages"] == "ko-KR en-US"
    assert str(Voices()) == "no voices"
    assert Voices().to_rows()[0]["status"] == "none_found"
    assert [voice.name for voice in voices] == [voices[0].name] == ["선희"]


def test_a_list_is_tried_as_often_as_any_request(call: Caller) -> None:
    """A list is no job that is polled until the time is up: three attempts, or one for a page that is no list."""
    azure = Azure(key=KEY, region="koreacentral")
    refused = Script(*[Response(503, {"retry-after": "0"}, b"{}")] * 3)
    with pytest.raises(ServerError) as caught:
        call(azure, "voices", send=refused, client_sleep=lambda _: None)
    assert (len(refused.requests), caught.value.billed_max) == (3, 0)
    assert refused.requests[0].url == "https://koreacentral.tts.speech.microsoft.com/cognitiveservices/voices/list"
    page = Script(Response(200, {"content-type": "text/html"}, b"<html>"))
    with pytest.raises(MalformedResponseError, match="text/html"):
        call(azure, "voices", send=page)
    with pytest.raises(AuthError):
        call(Google(api_key=KEY), "voices", send=Script(Response(401, {}, b"{}")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"language": "한국어"}, "no code of a language"), ({"timeout": 0}, "timeout=0"), ({"language": ""}, "a text")],
)
def test_what_cannot_be_asked_for(call: Caller, arguments: dict[str, Any], message: str) -> None:
    """A language that is no code, and a timeout of nothing, are errors before anything is sent."""
    with pytest.raises(SettingsError, match=message):
        call(Google(api_key=KEY), "voices", send=Script(), **arguments)


def test_a_provider_that_does_not_speak_says_who_does(call: Caller) -> None:
    """The error names the providers that can, as for an operation."""
    with pytest.raises(UnsupportedOperationError, match="azure"):
        call(MadeUp(), "voices", send=Script())


@pytest.mark.long
def test_the_voices_of_espeak(call: Caller, tmp_path: Path) -> None:
    """The table of the program becomes voices whose names are what `voice=` takes."""
    voices = call(Local(espeak=espeak(tmp_path)), "voices", "ko-KR")
    assert facts(voices) == [("ko", ("ko",), "male", "formant", 22_050)]
    assert voices.meta.method == "local"


class PiperVoice:
    """A stand-in for the class of piper-tts, with what https://github.com/OHF-Voice/piper1-gpl documents of it."""

    config = SimpleNamespace(length_scale=1.5)

    @staticmethod
    def load(model_path: str) -> PiperVoice:
        """Return a voice, unless the file is none."""
        if Path(model_path).read_bytes() != b"onnx":
            raise ValueError("not a model")
        return PiperVoice()

    def synthesize(self, text: str, syn_config: Any) -> Any:
        """Yield a chunk for each sentence, as long as the scale says."""
        self.asked = text, syn_config
        for sentence in text.split("."):
            if sentence.strip():
                samples = b"\x01\x00" * int(800 * syn_config.length_scale)
                yield SimpleNamespace(
                    sample_rate=16_000, sample_width=2, sample_channels=1, audio_int16_bytes=samples, text=sentence
                )


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Let piper-tts be installed, with voices that speak a tone."""
    module = ModuleType("piper")
    module.PiperVoice = PiperVoice  # type: ignore[attr-defined]
    module.SynthesisConfig = SimpleNamespace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "piper", module)
    monkeypatch.setattr(piper, "find_spec", lambda _: True)
    piper._loaded.cache_clear()
    piper._told.cache_clear()
    return module


def model(folder: Path, **changes: Any) -> Path:
    """Write the two files of a Korean voice with two speakers."""
    path = folder / "ko_KR-목소리-medium.onnx"
    path.write_bytes(b"onnx")
    told = {
        "language": {"code": "ko_KR"},
        "espeak": {"voice": "ko"},
        "audio": {"sample_rate": 16_000},
        "speaker_id_map": {"하늘": 0, "바다": 1},
        **changes,
    }
    path.with_name(f"{path.name}.json").write_text(json.dumps(told), "utf-8")
    return path


@pytest.mark.usefixtures("package")
def test_a_voice_that_was_replaced_is_another_one(tmp_path: Path) -> None:
    """Other files at the same path are read anew, and a batch tells the two voices apart."""
    local = Local(voice=model(tmp_path))
    path = tmp_path / "ko_KR-목소리-medium.onnx"
    names, rates = [], []
    for second, (content, rate) in enumerate(((b"other", 16_000), (b"onnx", 22_050)), start=1):
        model(tmp_path, audio={"sample_rate": rate})
        path.write_bytes(content)
        for file in (path, path.with_name(f"{path.name}.json")):
            os.utime(file, (second, second))
        names.append(local.api_variant("text_to_speech"))
        rates.append(piper.model_of(str(path)).rate)
    assert rates == [16_000, 22_050]
    assert len(set(names)) == 2
    assert piper._loaded(str(path), (3, 1)) is not piper._loaded(str(path), (3, 2))


@pytest.mark.usefixtures("package")
def test_a_voice_of_piper_speaks(call: Caller, tmp_path: Path) -> None:
    """The sentences become one WAV, faster at a higher speed, by the speaker that is named."""
    local = Local(voice=model(tmp_path))
    speech = call(local, "text_to_speech", "좋아요. [[[또]]] 올게요.", voice="바다", speed=2.0)
    with wave.open(io.BytesIO(speech.audio)) as file:
        assert (file.getframerate(), file.getnframes()) == (16_000, 2 * 600)
    assert (speech.meta.service, speech.meta.model) == ("piper", "ko_KR-목소리-medium")
    path = str(tmp_path / "ko_KR-목소리-medium.onnx")
    _, loaded = piper._loaded(path, networks.version_of(path))
    text, config = loaded.asked
    assert (text, config.speaker_id, config.length_scale) == ("좋아요. [ [ [또] ] ] 올게요.", 1, 0.75)
    voices = call(local, "voices", "ko")
    assert facts(voices) == [(name, ("ko-KR",), None, "piper", 16_000) for name in ("하늘", "바다")]
    assert list(call(local, "voices", "en")) == []


@pytest.mark.usefixtures("package")
def test_the_language_of_a_text_is_that_of_the_voice(call: Caller, tmp_path: Path) -> None:
    """A text in the Latin alphabet is taken to be in the language of the voice; one that cannot be is refused."""
    local = Local(voice=model(tmp_path, language={"code": "de_DE"}))
    assert call(local, "text_to_speech", "Guten Tag").meta.language_sent == "de-DE"
    with pytest.raises(UnsupportedOperationError, match="speaks de-DE, and not ko-KR"):
        call(local, "text_to_speech", "좋아요")


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        ({}, {"voice": "산"}, UnsupportedOperationError, "has no speaker 산. It has: 하늘, 바다"),
        ({}, {"text": " . "}, cloudai.InputError, "has spoken nothing"),
        ({"audio": None}, {}, SettingsError, "no description of a voice"),
        ({"file": "html"}, {}, SettingsError, r"cannot be loaded as a voice of Piper \(ValueError\)"),
    ],
)
def test_what_a_voice_of_piper_cannot(
    call: Caller, tmp_path: Path, change: dict[str, Any], options: dict[str, Any], error: Any, message: str
) -> None:
    """Each error says what is wrong with the voice, or with what is asked of it."""
    path = model(tmp_path, **change)
    path.write_text(change.get("file", "onnx"), "utf-8")
    with pytest.raises(error, match=message):
        call(Local(voice=path), "text_to_speech", **{"text": "좋아요", "language": "ko", **options})


def test_without_the_package_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, call: Caller, tmp_path: Path
) -> None:
    """`supports` says no beforehand, and the call names the line that installs piper-tts."""
    monkeypatch.setitem(sys.modules, "piper", None)
    monkeypatch.setattr(piper, "find_spec", lambda _: None)
    piper._loaded.cache_clear()
    local = Local(voice=model(tmp_path))
    with Client(local) as client:
        assert not client.supports("text_to_speech")
    with pytest.raises(SettingsError, match="pip install piper-tts"):
        call(local, "text_to_speech", "좋아요")
    with pytest.raises(SettingsError, match=r"json is not beside the voice"):
        path = tmp_path / "mute.onnx"
        path.write_bytes(b"onnx")
        call(Local(voice=path), "text_to_speech", "좋아요")
