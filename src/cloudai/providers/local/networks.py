"""Neural networks that run on this machine: their files, read as bytes, and OpenCV's means to run them.

OpenCV cannot open a path with Korean letters on Windows, so that no path is ever given to it.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import file_digest
from pathlib import Path
from typing import Any

from cloudai.errors import MissingExtraError, SettingsError
from cloudai.providers.local import models

__all__ = ["answering", "digest", "libraries", "loaded", "network", "version_of"]

LARGEST = 512 * 2**20
"""The most bytes of a model. The models that are known to work have 0.2 to 11 MB."""

# Each thread has networks of its own, because a network keeps state while it computes.
_mine = threading.local()


def libraries() -> tuple[Any, Any]:
    """Return OpenCV and NumPy.

    Raises:
        MissingExtraError: One of them is not installed.
    """
    try:
        import cv2
        import numpy as np
    except ImportError as error:
        raise MissingExtraError("looking at pictures on this machine", "local") from error
    return cv2, np


def loaded(path: str, setting: str, load: Callable[[Any], Any]) -> Any:
    """Return what a function makes of a model's bytes; it is called once in each thread for a file.

    Args:
        path: The path of the model.
        setting: The setting that gives the path, for errors: "age_model".
        load: A function of the bytes, which are an array of NumPy.

    Raises:
        SettingsError: The file cannot be read, is too large, or is no model that OpenCV can run.
    """
    _, np = libraries()
    known = _mine.__dict__.setdefault("known", {})
    try:
        version = _version(path, setting)  # a file that was replaced is read anew
        if known.get((setting, path), (None, None))[0] != version:
            with answering(path, setting):
                known[setting, path] = version, load(np.frombuffer(Path(path).read_bytes(), dtype=np.uint8))
    except OSError as error:
        raise SettingsError(
            f"cannot read the model {path} ({error.strerror})", advice=f"Check {setting}= or {_variable(setting)}."
        ) from error
    return known[setting, path][1]


def _variable(setting: str) -> str:
    return f"CLOUDAI_{setting.upper()}"


def version_of(path: str) -> tuple[int, int] | None:
    """Return what differs once a file was replaced: its size, and when it was written. None: it cannot be read."""
    try:
        status = os.stat(path)  # noqa: PTH116  # a text is all that is known of the path
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _version(path: str, setting: str) -> tuple[int, int]:
    """Return what `version_of` does, of a file that can be a model.

    Raises:
        OSError: There is no such file.
        SettingsError: It is no file, as a device, or too large for a model.
    """
    status = os.stat(path)  # noqa: PTH116  # a text is all that is known of the path
    # A device such as /dev/zero has no end, and a pipe would be waited for.
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
        raise SettingsError(
            f"{path} is no file of at most {LARGEST // 2**20} MB, as the models are",
            advice=f"Give {setting}= or {_variable(setting)} the .onnx file that docs/local.md describes.",
        )
    return status.st_size, status.st_mtime_ns


def digest(path: str, setting: str) -> str:
    """Return the sha256 of a model's file, which another model at the same path does not have.

    It is the path itself where the file cannot be read: a call that needs the model says why.
    """
    try:
        return _digest(path, _version(path, setting))
    except (OSError, SettingsError):
        return path


@lru_cache(maxsize=16)
def _digest(path: str, version: tuple[int, int]) -> str:  # noqa: ARG001  # the version is a part of the key
    with Path(path).open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


@contextmanager
def answering(path: str, setting: str) -> Iterator[None]:
    """Raise SettingsError where OpenCV fails with a model, and keep OpenCV from writing lines to the standard error."""
    cv2, _ = libraries()
    try:
        with _quiet(cv2):
            yield
    except cv2.error as error:
        advice = f"Give {setting}= or {_variable(setting)} the .onnx file that docs/local.md describes."
        # This file is cloudai's own, so the advice can be to fetch it anew.
        if path == str(models.where(models.AGES)):
            advice = f"It is damaged. Run: cloudai models install {models.AGES.name}"
        raise SettingsError(f"{path} is no model that OpenCV can run for {setting}", advice=advice) from error


SILENT = 0
"""OpenCV's LOG_LEVEL_SILENT, which has no name of its own before 4.13."""


class _Quiet:
    """How many threads want OpenCV to be silent, and the level of its log before the first of them came."""

    lock = threading.Lock()
    threads = 0
    level = 0


@contextmanager
def _quiet(cv2: Any) -> Iterator[None]:
    """Keep OpenCV's log silent, which is one for all threads, until no thread wants it so."""
    # OpenCV 4.13 has moved the function into a module of its own.
    set_level = getattr(cv2.utils, "logging", cv2).setLogLevel
    with _Quiet.lock:
        if not _Quiet.threads:
            _Quiet.level = set_level(SILENT)
        _Quiet.threads += 1
    try:
        yield
    finally:
        with _Quiet.lock:
            _Quiet.threads -= 1
            if not _Quiet.threads:
                set_level(_Quiet.level)


def network(path: str, setting: str) -> Any:
    """Return an ONNX network that `cv2.dnn` runs; see `loaded` for the arguments and errors."""
    cv2, _ = libraries()
    return loaded(path, setting, cv2.dnn.readNetFromONNX)
