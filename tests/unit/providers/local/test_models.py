"""Optional models: what pip brings is checked, kept in the user's folder, and removed again."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from cloudai import SettingsError
from cloudai.providers.local import models
from cloudai.providers.local.models import AGES, OptionalModel

CONTENT = "모델".encode() * 100


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OptionalModel:
    """Return a model in a wheel of our own, which pip takes from a folder and from no network."""
    registry = tmp_path / "상자"
    registry.mkdir()
    wheel = registry / "cloudai_made_model-1.0-py3-none-any.whl"
    info = "cloudai_made_model-1.0.dist-info"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("made/model.onnx", CONTENT)
        # pip would install this requirement if it looked at requirements.
        archive.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: cloudai-made-model\nVersion: 1.0\nRequires-Dist: cloudai-none\n",
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: made\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(registry))
    monkeypatch.setenv("CLOUDAI_DATA_DIR", str(tmp_path / "자료"))
    return replace(
        AGES,
        name="made",
        file="model.onnx",
        size=len(CONTENT),
        digest=sha256(CONTENT).hexdigest(),
        requirement="cloudai-made-model==1.0",
        wheel_digest=sha256(wheel.read_bytes()).hexdigest(),
        inside="made/model.onnx",
    )


@pytest.mark.long
def test_a_model_is_installed_and_removed(made: OptionalModel, tmp_path: Path) -> None:
    """The file alone is kept, in a Korean folder; the wheel and its requirements leave nothing behind."""
    assert models.path_of(made) is None
    path = models.install(made)
    assert path.read_bytes() == CONTENT
    assert models.path_of(made) == str(path)
    assert [file for file in (tmp_path / "자료").rglob("*") if file.is_file()] == [path]
    assert models.remove(made)
    assert models.path_of(made) is None
    assert not models.remove(made)


@pytest.mark.long
def test_a_wheel_of_another_sha256_is_refused(made: OptionalModel) -> None:
    """pip compares the wheel with the sha256 that is known here; nothing is written."""
    with pytest.raises(SettingsError, match=r"cloudai-made-model==1\.0 .*its sha256 is not the one that cloudai knows"):
        models.install(replace(made, wheel_digest="0" * 64))
    assert models.path_of(made) is None


@pytest.mark.long
def test_a_package_that_cannot_be_fetched_is_told(made: OptionalModel) -> None:
    """What pip says of its failure is in the error, on one line."""
    with pytest.raises(
        SettingsError, match=r"pip has not fetched cloudai-made-model==2\.0 \(.*2\.0.*Check the connection"
    ):
        models.install(replace(made, requirement="cloudai-made-model==2.0"))


def test_a_wheel_without_the_model_is_refused(made: OptionalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file in the wheel has a sha256 of its own; another file, none, and what is no wheel are refused."""
    wheel = next(Path(os.environ["PIP_FIND_LINKS"]).iterdir())
    monkeypatch.setattr(models, "_fetched", lambda model, folder: wheel)
    for wrong in (replace(made, digest="0" * 64), replace(made, inside="made/other.onnx")):
        with pytest.raises(SettingsError, match=r"does not hold model\.onnx"):
            models.install(wrong)
    wheel.write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(SettingsError, match=r"does not hold model\.onnx"):
        models.install(made)


def test_what_cannot_be_written_is_told(made: OptionalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be made: the error names the setting of another one."""
    (tmp_path / "파일").touch()
    monkeypatch.setenv("CLOUDAI_DATA_DIR", str(tmp_path / "파일" / "자료"))
    with pytest.raises(SettingsError, match=r"cannot be written .*CLOUDAI_DATA_DIR"):
        models.install(made)


FULL = b"""ERROR: Exception:
Traceback (most recent call last):
  File "pip/_internal/cli/base_command.py", line 106, in _run_wrapper
    status = _inner_run()
OSError: [Errno 28] No space left on device

"""
"""The words of pip where the disk is full."""


def test_a_full_disk_is_told(made: OptionalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip that fails has fetched no wheel, although it leaves a part of one; its own reason is repeated."""

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        folder = Path(command[command.index("--dest") + 1])
        (folder / "made.whl").write_bytes(b"PK a part")
        return subprocess.CompletedProcess(command, 2, b"", FULL)

    monkeypatch.setattr(models.subprocess, "run", run)
    with pytest.raises(
        SettingsError, match=r"pip has not fetched .*\(OSError: \[Errno 28\] No space left on device\)"
    ) as caught:
        models.install(made)
    assert "the space on the disk" in str(caught.value)


def test_a_damaged_model_is_no_intact_one(made: OptionalModel) -> None:
    """A file of the right size with other content is there, and is not intact: an installation brings it anew."""
    path = models.where(made)
    path.parent.mkdir(parents=True)
    assert not models.is_intact(made)
    path.write_bytes(CONTENT)
    assert models.is_intact(made)
    path.write_bytes(CONTENT[:-1] + b"?")
    assert models.path_of(made) == str(path)
    assert not models.is_intact(made)


def test_what_a_killed_installation_leaves_is_removed(made: OptionalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation clears away what an old one has left, but not what one writes now; `remove` clears both."""
    folder = models.where(made).parent
    old, young = folder / ".new-오래됨", folder / ".new-young"
    for each in (old, young):
        each.mkdir(parents=True)
        (each / "made.whl").write_bytes(b"PK a part")
    os.utime(old, (1, 1))
    wheel = next(Path(os.environ["PIP_FIND_LINKS"]).iterdir())
    monkeypatch.setattr(models, "_fetched", lambda model, folder: wheel)
    path = models.install(made)
    assert sorted(folder.iterdir()) == sorted([young, path])
    assert models.remove(made) == [path, young]
    assert list(folder.iterdir()) == []
    assert models.remove(made) == []


def test_without_pip_the_way_to_have_it_is_told(made: OptionalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without pip: one line with the command that brings it."""
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="python -m ensurepip"):
        models.install(made)


def test_half_a_model_counts_as_none(made: OptionalModel) -> None:
    """A file of another size is no installed model: a download that was cut short is fetched anew."""
    path = models.where(made)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:-1])
    assert models.path_of(made) is None


def test_the_model_of_ages_is_named_by_version_digest_and_licence() -> None:
    """Every model has one version, two sha256, and a licence and a source to be shown before it is installed."""
    for name, model in models.MODELS.items():
        assert models.model_named(name) is model
        assert "==" in model.requirement
        assert [len(model.digest), len(model.wheel_digest)] == [64, 64]
        assert model.licence
        assert model.source.startswith("https://")
        assert "guess" in model.purpose
    with pytest.raises(SettingsError, match=r"there is no model 나이\. There are: ages"):
        models.model_named("나이")
