"""Recordings written down on this machine: which engine a folder is for, and what is read of each engine's answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloudai import Client, Local, SettingsError, UnsupportedOperationError
from cloudai.models.speech import Segment
from cloudai.providers.local import hearing, recognizers
from cloudai.providers.local.recognizers import Engine, engine_of
from tests.support.listening import recording, wav_of

SOUND = wav_of(recording(1).samples)


@pytest.fixture
def whisper(tmp_path: Path) -> Path:
    """Return a folder that looks like a model of faster-whisper, with a Korean name."""
    folder = tmp_path / "음성 모델"
    folder.mkdir()
    for name in ("model.bin", "config.json"):
        (folder / name).write_bytes(b"{}")
    return folder


@pytest.fixture
def vosk(tmp_path: Path) -> Path:
    """Return a folder that looks like a model of Vosk."""
    (tmp_path / "vosk" / "am").mkdir(parents=True)
    (tmp_path / "vosk" / "am" / "final.mdl").write_bytes(b"")
    return tmp_path / "vosk"


@pytest.fixture(autouse=True)
def _no_model_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test load its own model, and take the packages for installed."""
    recognizers._whisper.cache_clear()
    recognizers._vosk.cache_clear()
    monkeypatch.setattr(recognizers, "find_spec", lambda name: name)


def test_a_folder_tells_its_engine(whisper: Path, vosk: Path, tmp_path: Path) -> None:
    """A folder is told by what is in it, and PocketSphinx is asked for by its name alone; anything else is refused."""
    assert engine_of(str(whisper)) == Engine("faster-whisper", str(whisper))
    assert engine_of(str(vosk)) == Engine("vosk", str(vosk))
    assert engine_of("pocketsphinx") == Engine("pocketsphinx")
    for wrong, text in ((tmp_path / "없음", "no folder"), (tmp_path, "holds no model")):
        with Client(Local(speech_model=wrong)) as client, pytest.raises(SettingsError, match=text):
            client.speech_to_text(SOUND, language="ko")


def test_without_a_model_it_is_said_where_to_get_one() -> None:
    """There is no default: the error names the setting and where there are models, and a missing package its line."""
    with (
        Client("local") as client,
        pytest.raises(UnsupportedOperationError, match=r"CLOUDAI_SPEECH_MODEL.*alphacephei"),
    ):
        client.speech_to_text(SOUND, language="ko")
    assert Local().supports("speech_to_text") is False


def test_a_package_that_is_missing_is_named(whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model without its package is an error that says how to install the package, which no extra brings."""
    monkeypatch.setattr(recognizers, "find_spec", lambda _: None)
    assert "pip install faster-whisper" in str(Local(speech_model=whisper).missing("speech_to_text"))
    line = r"faster-whisper is not installed\. pip install faster-whisper"
    with Client(Local(speech_model=whisper)) as client, pytest.raises(SettingsError, match=line):
        client.speech_to_text(SOUND, language="ko")


def test_what_whisper_hears(whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments and words of faster-whisper have their times; phrases are its hot words; nothing is fetched."""
    asked: dict[str, Any] = {}

    class Model:
        model = SimpleNamespace(is_multilingual=True)

        def __init__(self, folder: str, **options: Any) -> None:
            asked.update(folder=folder, **options)

        def transcribe(self, sound: Any, **options: Any) -> Any:
            asked.update(options, samples=len(sound), loudest=float(abs(sound).max()))
            word = SimpleNamespace(word=" 안녕", start=0.5, end=0.9, probability=0.8)
            return iter([SimpleNamespace(text=" 안녕", start=0.4, end=1.0, words=[word])]), None

    monkeypatch.setitem(sys.modules, "faster_whisper", SimpleNamespace(WhisperModel=Model))
    with Client(Local(speech_model=whisper)) as client:
        said = client.speech_to_text(SOUND, language="ko", phrases=["클라우드", "자막"])
        assert (said.text, said.meta.service, said.meta.method) == ("안녕", "faster-whisper", "local")
        assert [(w.text, w.start, w.end, w.confidence) for w in said.words] == [("안녕", 0.5, 0.9, 0.8)]
        assert (asked["language"], asked["hotwords"], asked["local_files_only"]) == ("ko", "클라우드, 자막", True)
        assert asked["samples"] == (len(SOUND) - 44) // 2
        assert 0.2 < asked["loudest"] <= 1
        Model.model.is_multilingual = False
        with pytest.raises(UnsupportedOperationError, match="knows English, and not ko"):
            client.speech_to_text(SOUND, language="ko")


def test_a_long_recording_is_heard_piece_by_piece(vosk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vosk gets one piece after the other, and the times count from the beginning of the whole recording."""
    monkeypatch.setattr(hearing, "LIMITS", hearing.SHORT_LIMITS)
    heard: list[int] = []

    class Recognizer:
        def __init__(self, model: str, rate: int) -> None:
            assert (model, rate) == ("the model", 16_000)
            heard.append(0)

        def SetWords(self, wanted: bool) -> None:  # noqa: N802
            assert wanted

        def AcceptWaveform(self, block: bytes) -> bool:  # noqa: N802
            heard[-1] += len(block)
            return False

        def FinalResult(self) -> str:  # noqa: N802
            words = [("[8]", 0.5), (f"조각{len(heard)}", 1.0)]
            return json.dumps({"result": [{"word": w, "start": at, "end": at + 0.5, "conf": 0.9} for w, at in words]})

    fake = SimpleNamespace(Model=lambda _: "the model", KaldiRecognizer=Recognizer, SetLogLevel=lambda _: None)
    monkeypatch.setitem(sys.modules, "vosk", fake)
    said = recording(24)
    with Client(Local(speech_model=vosk)) as client:
        transcript = client.speech_to_text(wav_of(said.samples), language="ko")
    assert transcript.text == "조각1 조각2"
    assert sum(heard) == len(said.samples) * 2
    second = transcript.segments[1]
    assert (second.part, second.start) == (1, pytest.approx(1.0 + heard[0] / 32_000, abs=0.01))


def test_what_was_heard_before_a_failure_is_not_lost(vosk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the transcript of the pieces that were heard, and the gap of those that were not."""
    monkeypatch.setattr(hearing, "LIMITS", hearing.SHORT_LIMITS)
    heard: list[int] = []

    def recognize(*_: Any, **__: Any) -> tuple[Segment, ...]:
        heard.append(0)
        if len(heard) > 1:
            raise SettingsError("the model is gone")
        return (Segment(text="조각", start=0.0, end=1.0),)

    monkeypatch.setattr(hearing, "recognize", recognize)
    with Client(Local(speech_model=vosk)) as client, pytest.raises(SettingsError, match="is gone") as caught:
        client.speech_to_text(wav_of(recording(24).samples), language="ko")
    assert caught.value.partial.text.startswith("조각 [missing: ")
    assert len(heard) == 2


def test_what_pocketsphinx_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence and noise are no words, and another way to say a word is the same word; it knows English alone."""

    class Decoder:
        def __init__(self, **_: Any) -> None: ...
        def start_utt(self) -> None: ...
        def end_utt(self) -> None: ...
        def process_raw(self, data: bytes, *, full_utt: bool) -> None: ...
        def seg(self) -> list[Any]:
            parts = [("<s>", 0, 9), ("the(2)", 10, 19), ("[NOISE]", 20, 29), ("door", 30, 59), ("</s>", 60, 70)]
            return [SimpleNamespace(word=word, start_frame=first, end_frame=last) for word, first, last in parts]

    monkeypatch.setitem(sys.modules, "pocketsphinx", SimpleNamespace(Decoder=Decoder))
    with Client(Local(speech_model="pocketsphinx")) as client:
        said = client.speech_to_text(SOUND, language="en")
        assert [(w.text, w.start, w.end) for w in said.words] == [("the", 0.1, 0.2), ("door", 0.3, 0.6)]
        for options, text in (
            ({"language": "ko"}, "knows English, and not ko"),
            ({"language": "en", "phrases": ["door"]}, "takes no phrases"),
            ({"language": "en", "speakers": 2}, "no speakers"),
            ({"language": "en", "channels": "each"}, "no channels"),
        ):
            with pytest.raises(UnsupportedOperationError, match=text):
                client.speech_to_text(SOUND, **options)
