"""Neural networks that run on this machine: their files, read as bytes, and OpenCV's means to run them.

OpenCV cannot open a path with Korean letters on Windows, so that no path is ever given to it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from cloudai.errors import MissingExtraError, SettingsError

__all__ = ["libraries", "loaded", "network"]

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
        SettingsError: The file cannot be read, or is no model that OpenCV can run.
    """
    cv2, np = libraries()
    known = _mine.__dict__.setdefault("known", {})
    variable = f"CLOUDAI_{setting.upper()}"
    try:
        stat = os.stat(path)  # noqa: PTH116  # a file that was replaced is read anew
        key = setting, path, stat.st_size, stat.st_mtime_ns
        if key not in known:
            known[key] = load(np.frombuffer(_content(path, key[2:]), dtype=np.uint8))
    except OSError as error:
        raise SettingsError(
            f"cannot read the model {path} ({error.strerror})", advice=f"Check {setting}= or {variable}."
        ) from error
    except cv2.error as error:
        raise SettingsError(
            f"{path} is no model that OpenCV can run",
            advice=f"Give {setting}= or {variable} the .onnx file that docs/local.md describes.",
        ) from error
    return known[key]


@lru_cache(maxsize=8)
def _content(path: str, version: tuple[int, int]) -> bytes:  # noqa: ARG001  # the version is a part of the key
    return Path(path).read_bytes()


def network(path: str, setting: str) -> Any:
    """Return an ONNX network that `cv2.dnn` runs; see `loaded` for the arguments and errors."""
    cv2, _ = libraries()
    return loaded(path, setting, cv2.dnn.readNetFromONNX)
