"""`--env-file` sets the variables that cloudai knows, and no other: a file must not choose what a process trusts."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from cloudai.cli import main
from cloudai.cli.commands import load_env_file
from cloudai.errors import SettingsError

KNOWN = {
    "FACE_KEY": "k" * 32,
    "FACE_ENDPOINT": "https://one.cognitiveservices.azure.com",
    "GOOGLE_API_KEY": "한국 key",
    "CLOUDAI_GOOGLE_ENDPOINT": "http://127.0.0.1:8399",
    "AZURE_CLIENT_ID": "id",
    "AZURE_CLIENT_SECRET": "secret",
    "AZURE_FEDERATED_TOKEN_FILE": "/run/token",
    "SPEECH_TO_TEXT_AUTH_URL": "https://cpd.example",
    "NATURAL_LANGUAGE_UNDERSTANDING_IAM_PROFILE_ID": "profile",
    "IBM_CREDENTIALS_FILE": "내 열쇠.env",
    "CLOUDAI_CACHE_MB": "5",
    "CLOUDAI_LEXICON": "사전.csv",
}
UNKNOWN = {
    "PATH": "/evil",
    "LD_PRELOAD": "/evil.so",
    "PYTHONPATH": "/evil",
    "HTTPS_PROXY": "http://evil.example",
    "SSL_CERT_FILE": "/evil.pem",
    "REQUESTS_CA_BUNDLE": "/evil.pem",
    "SPEECH_TO_TEXT_DISABLE_SSL": "true",
    "AZURE_CLIENT_ID_": "x",
    "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1",
    "DATABASE_URL": "postgres://me:canary-4711@db.example",
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an env file with variables of both kinds, of which the process has PATH alone."""
    for name in {**KNOWN, **UNKNOWN}:
        monkeypatch.delenv(name, raising=False) if name != "PATH" else None
    monkeypatch.setattr(os, "environ", dict(os.environ))
    path = tmp_path / "설정.env"
    lines = [f'{name}="{value}"' for name, value in {**KNOWN, **UNKNOWN}.items()]
    path.write_text("\n".join([*lines, "canary-key-without-equals-sign", "canary key=x"]), "utf-8")
    return path


def test_only_known_variables_are_set(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Providers' settings, the vendors' documented names and cloudai's own are set; the others are told by name."""
    before = dict(os.environ)
    with caplog.at_level(logging.WARNING, "cloudai"):
        load_env_file(str(file))
    assert {name: os.environ[name] for name in os.environ if os.environ[name] != before.get(name)} == KNOWN
    (record,) = [record for record in caplog.records if record.name == "cloudai"]
    assert "설정.env: passed over" in record.getMessage()
    assert all(name in record.getMessage() for name in UNKNOWN)
    assert "canary" not in record.getMessage()


def test_what_is_set_already_stays(file: Path) -> None:
    """A variable of the process goes before the file."""
    os.environ["FACE_KEY"] = "mine"
    load_env_file(str(file))
    assert os.environ["FACE_KEY"] == "mine"


def test_the_command_tells_what_it_passed_over(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`cloudai doctor` sees the settings of the file, and says on standard error which variables it did not set."""
    main(["doctor", "azure", "--env-file", str(file)])
    told = capsys.readouterr()
    assert "…kkkk" in told.out
    assert "LD_PRELOAD" in told.err
    assert "evil" not in told.err


def test_a_nul_in_the_file_is_one_error(tmp_path: Path) -> None:
    """The operating system takes no NUL in a variable: the variable is named, and its value is not shown."""
    path = tmp_path / "x.env"
    path.write_bytes(b"FACE_KEY=canary\0key\n")
    with pytest.raises(SettingsError, match=r"FACE_KEY in .* holds a NUL") as raised:
        load_env_file(str(path))
    assert "canary" not in str(raised.value)
