"""Parts of a batch, which are carried out anywhere: in other processes, on other computers, more than once.

A part is plain data and a client, and both pickle. Finished inputs are known by their bytes, so a part that is carried
out twice asks nobody twice for them. Keys and the secret of a keeper come from the environment of the process that
carries a part out; a client that was given its keys does not pickle, and says what to do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from cloudai.batch.inputs import PartOf
from cloudai.batch.runner import Runner
from cloudai.batch.settings import Settings
from cloudai.errors import SettingsError
from cloudai.outcomes import Outcome
from cloudai.storage import is_remote

__all__ = ["Part", "parts_of"]


@dataclass(frozen=True)
class Part:
    """One part of a batch, made by `Batch.partition`.

    Args:
        client: The client; it pickles if its keys are in the environment.
        operations: The name of the operation, or a list of names.
        inputs: The inputs of this part.
        settings: The settings of the batch.
        of: The list that it is a part of.
        number: The number of the part.
        make: Makes a batch of a runner.
    """

    client: Any = field(repr=False)
    operations: str | Sequence[str]
    inputs: Sequence[Any] = field(repr=False)
    settings: Settings = field(repr=False)
    of: PartOf
    number: int
    make: Callable[[Runner[Any]], Any] = field(repr=False)

    @property
    def key(self) -> str:
        """The sha256 (hex) of the list and of the inputs' numbers in it: the same part has the same key in any run."""
        span = f"{self.of.list} {self.of.first} {len(self.inputs)}"
        return sha256(span.encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.inputs)

    def run(self) -> list[Outcome[Any]]:
        """Carry the part out in this process, and return its outcomes in the order of the inputs.

        Results that were finished before, by this process or by any other that uses the same keeper, come from the
        journal.

        Raises:
            SettingsError: The secret of the keeper or a setting of the provider is missing here.
            JournalError: The keeper was not reached, or another process has the journal file of this part.
            PausedError: An outage or a spent quota ended it early. Run it again: it goes on from there.
        """
        settings = replace(self.settings, part=self.of)
        if not settings.shared:
            _make_folder(Path(settings.journal).parent)
        with (
            # Several parts may run in threads of one process, and the first to end would close a client that they
            # share.
            self.client.with_options() as client,
            self.make(Runner(client._session, self.operations, self.inputs, settings)) as job,  # noqa: SLF001  # ours
        ):
            return sorted(job, key=lambda outcome: outcome.item)


def parts_of(runner: Runner[Any], client: Any, n: int, journals: Any, make: Callable[[Runner[Any]], Any]) -> list[Part]:
    """Return the parts of a batch; see `Batch.partition`.

    Raises:
        SettingsError: There is no journal that serves parts, or ``n`` is no number from 1.
        InputError: A generator yields other things than paths, addresses, texts and rows.
    """
    settings, inputs = runner.state.settings, runner.state.inputs
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise SettingsError(f"partition({n!r})", advice="Give a whole number from 1.")
    if settings.shared == (journals is not None):
        raise SettingsError(
            "a keeper has the one journal of all parts" if settings.shared else "the parts have no journal",
            advice="Leave out journals=."
            if settings.shared
            else 'Give journal="keeper://HOST:PORT" to client.batch, or journals=FOLDER to partition.',
        )
    inputs.hold()
    names = [task.operation for task in runner.state.tasks]
    whole, parts = settings.part or inputs.part, []
    for number, (first, things) in enumerate(inputs.slices(n)):
        part = Part(
            client,
            names[0] if len(names) == 1 else names,
            things,
            # The worker that carries out a part must not hand it to the cluster once more.
            replace(settings, progress=False, engine=None),
            PartOf(whole.list, first),
            number,
            make,
        )
        if journals is not None:
            journal = Path(os.fspath(journals)) / f"{part.key[:32]}.journal"
            part = replace(part, settings=replace(part.settings, journal=str(journal.absolute())))
        parts.append(part)
    return parts


def _make_folder(folder: Path) -> None:
    """Make the folder of the journals of parts.

    Raises:
        OSError: It cannot be made.
        SettingsError: It is on a network drive, where SQLite cannot see the locks of other computers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if is_remote(folder):
        raise SettingsError(
            f"{folder} is on a network drive, where a journal is not safe",
            advice="Take a folder of this computer and `cloudai journal merge` later, or a keeper: cloudai share.",
        )
