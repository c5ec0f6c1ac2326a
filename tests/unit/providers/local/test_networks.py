"""The files of models: another one at the same path is another model, and a wrong one ends in one clear error."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cloudai import Client, Local, SettingsError
from cloudai.cli.demo import sample_photos
from cloudai.providers.local import faces, networks
from tests.support.onnx import AGES, certain

HOPPER = dict(sample_photos())["Grace Hopper"]


def test_a_batch_asks_a_model_that_was_replaced(tmp_path: Path) -> None:
    """Another model at the same path, of the same size, gives its own answers and not those of the journal."""
    model, journal = tmp_path / "나이.onnx", tmp_path / "나이.journal"

    def low_age() -> float | None:
        with Client(Local(age_model=model)) as client:
            (outcome,) = client.batch("estimate_age", [HOPPER], journal=journal)
            return outcome.result[0].low

    for years in (30, 60):
        model.write_bytes(certain(years, AGES))
        os.utime(model, (years, years))  # a file system's clock may be too coarse for two files of one test
        assert low_age() == years
    assert low_age() == 60


@pytest.mark.parametrize("setting", ["face_model", "age_model", "emotion_model"])
def test_another_file_is_another_model(setting: str, tmp_path: Path) -> None:
    """The name of a model for a batch changes with the content of its file; a file that is not there is its path."""
    path = tmp_path / "모델.onnx"
    local = Local(**{setting: path})  # type: ignore[arg-type]
    names = [local.api_variant("detect_faces")]
    for content in (b"one", b"two"):
        path.write_bytes(content)
        os.utime(path, (len(names), len(names)))
        names.append(local.api_variant("detect_faces"))
    assert len(set(names)) == 3
    assert str(path) in names[0]


@pytest.mark.parametrize("setting", ["face_model", "age_model", "emotion_model"])
def test_a_model_for_another_task_is_told_in_one_error(
    setting: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A model that loads and cannot answer is named with its setting, and OpenCV prints nothing of its own."""
    path = tmp_path / "다른 모델.onnx"
    path.write_bytes(certain(3, AGES) if setting == "face_model" else Path(faces.yunet()).read_bytes())
    attributes = [] if setting == "face_model" else ["age" if setting == "age_model" else "emotions"]
    with Client(Local(**{setting: path})) as client, pytest.raises(SettingsError, match=f"다른 모델.*{setting}="):  # type: ignore[arg-type]
        client.detect_faces(HOPPER, attributes=attributes)
    assert capfd.readouterr().err == ""


def test_the_log_of_opencv_is_silent_for_models_alone(tmp_path: Path) -> None:
    """The level of OpenCV's log is that of the user again once the last of several models has answered."""
    import cv2

    # OpenCV has the functions in a module of their own since 4.13.
    log, path = getattr(cv2.utils, "logging", cv2), str(tmp_path / "모델.onnx")
    before = log.getLogLevel()
    with networks.answering(path, "age_model"):
        with networks.answering(path, "face_model"):
            assert log.getLogLevel() == networks.SILENT
        assert log.getLogLevel() == networks.SILENT
    assert log.getLogLevel() == before != networks.SILENT


@pytest.mark.parametrize("setting", ["face_model", "age_model", "emotion_model"])
def test_what_is_too_large_for_a_model_is_not_read(setting: str, tmp_path: Path) -> None:
    """A file of 20 GB, a folder and a device that never ends are refused before a byte of them is read."""
    large = tmp_path / "큰 파일.onnx"
    with large.open("wb") as file:
        file.truncate(20_000_000_000)
    attributes = [] if setting == "face_model" else ["age" if setting == "age_model" else "emotions"]
    for path in (large, tmp_path, *filter(Path.exists, [Path("/dev/zero")])):
        local = Local(**{setting: path})  # type: ignore[arg-type]
        with Client(local) as client, pytest.raises(SettingsError, match=f"no file of at most 512 MB.*{setting}="):
            client.detect_faces(HOPPER, attributes=attributes)
        assert str(path) in local.api_variant("detect_faces")


def test_one_version_of_a_file_stays_in_memory(tmp_path: Path) -> None:
    """A model that could not be loaded, and one that was replaced, leave nothing behind."""
    path, made = tmp_path / "모델.onnx", []

    def load(weights: np.ndarray) -> str:
        made.append(weights.tobytes())
        if made[-1] == b"bad":
            raise RuntimeError
        return made[-1].decode()

    for time, content in enumerate((b"one", b"two", b"bad"), start=1):
        path.write_bytes(content)
        os.utime(path, (time, time))
        if content == b"bad":
            with pytest.raises(RuntimeError):
                networks.loaded(str(path), "age_model", load)
        else:
            for _ in range(2):
                assert networks.loaded(str(path), "age_model", load) == content.decode()
    assert made == [b"one", b"two", b"bad"]
    assert [answer for (_, where), (_, answer) in networks._mine.known.items() if where == str(path)] == ["two"]
