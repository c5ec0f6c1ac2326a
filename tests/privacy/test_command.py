"""The command line, as its user sees it, with every key of every vendor set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cloudai.cli import main
from cloudai.providers.registry import BUILT_IN, find
from tests.support.canaries import hits

KEYS = {
    variable: f"canary-{variable.lower()}-5e8d90"
    for name in BUILT_IN
    for setting in find(name).settings
    if setting.secret
    for variable in setting.env
}
ENDPOINT = "https://127.0.0.1:9"
PLACES = {
    **{f"{name}_ENDPOINT": ENDPOINT for name in ("VISION", "FACE", "LANGUAGE", "SPEECH")},
    "NATURAL_LANGUAGE_UNDERSTANDING_URL": ENDPOINT,
    "SPEECH_TO_TEXT_URL": ENDPOINT,
}
COMMANDS = [
    ["doctor"],
    ["doctor", "azure"],
    ["doctor", "google"],
    ["doctor", "watson"],
    ["providers"],
    ["providers", "azure"],
    ["--help"],
    ["sentiment", "--help"],
    ["faces", "없는.jpg", "--provider", "azure"],
    ["faces", "--nonsense"],
    ["sentiment", "좋아요", "--provider", "azure", "--language", "ko", "--timeout", "1", "--quiet"],
    ["sentiment", "좋아요", "--provider", "watson", "--language", "ko", "--timeout", "1", "--json"],
    ["sentiment", "좋아요", "--provider", "google", "--language", "ko", "--plan"],
]


def test_every_secret_is_known() -> None:
    """All vendors with a key are among them."""
    assert {"GOOGLE_API_KEY", "VISION_KEY", "FACE_APIKEY", "AZURE_AI_SERVICES_KEY", "SPEECH_TO_TEXT_APIKEY"} <= set(
        KEYS
    )


@pytest.mark.parametrize("source", ["environment", "file"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_tells_a_key(
    command: list[str],
    source: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Of a key the doctor tells the last four characters; nothing else tells anything."""
    monkeypatch.chdir(tmp_path)
    for variable, value in PLACES.items():
        monkeypatch.setenv(variable, value)
    if source == "environment":
        for variable, value in KEYS.items():
            monkeypatch.setenv(variable, value)
    else:
        if command[0] not in ("doctor", "sentiment", "faces") or "--help" in command:
            pytest.skip("takes no --env-file")
        for variable in KEYS:  # the command sets them: they must go again
            monkeypatch.setenv(variable, "x")
            monkeypatch.delenv(variable)
        Path(".env").write_text("".join(f"{k}={v}\n" for k, v in KEYS.items()), encoding="utf-8")
        command = [*command, "--env-file", ".env"]
    try:
        main(command)
    except SystemExit:
        pass
    seen = capsys.readouterr()
    assert seen.out + seen.err
    assert not hits(seen.out + seen.err, KEYS.values())
    if command[0] == "doctor":
        assert "…8d90" in seen.out
    for file in tmp_path.rglob("*"):
        if file.is_file() and file.name != ".env":
            assert not hits(file.read_bytes(), KEYS.values())


@pytest.mark.parametrize("content", [b"GOOGLE_API_KEY=canary-env-1a2b3c4d\xff\n", b"'canary-env-1a2b3c4d", b"="])
def test_a_file_of_settings_that_is_none(
    content: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is told in a line, without what is in it."""
    monkeypatch.setenv("GOOGLE_API_KEY", "")
    (tmp_path / "설정.env").write_bytes(content)
    code = main(["doctor", "google", "--env-file", str(tmp_path / "설정.env")])
    seen = capsys.readouterr()
    assert code in (1, 2)
    assert "Traceback" not in seen.err
    assert not hits(seen.out + seen.err, ["canary-env-1a2b3c4d"])


def test_ibms_variable_is_not_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """VCAP_SERVICES, whole or damaged."""
    bound = json.dumps({"speech-to-text": [{"credentials": {"apikey": "canary-vcap-66fe", "url": ENDPOINT}}]})
    for value in (bound, bound[:-3]):
        monkeypatch.setenv("VCAP_SERVICES", value)
        main(["doctor", "watson"])
        seen = capsys.readouterr()
        assert "VCAP_SERVICES" in seen.out + seen.err
        assert not hits(seen.out + seen.err, ["canary-vcap-66fe"])
