"""Check what a provider declares: its name, settings, capabilities, signatures and examples."""

from __future__ import annotations

import inspect
import pickle
import re
from collections.abc import Iterator
from datetime import date

from cloudai.client import Client
from cloudai.core.rate_limit import rates
from cloudai.errors import CloudAIError, SettingsError
from cloudai.operations import OPERATIONS
from cloudai.providers.base import Capability, Provider
from cloudai.providers.registry import BUILT_IN, find
from cloudai.providers.settings import Setting
from cloudai.testing._contract.subject import Example, Subject, Told, outcome, without_settings

__all__ = ["capabilities", "constructor", "contract", "examples", "name", "settings", "signatures"]

SECRET = re.compile(r"(^|_)(api_?key|key|secret|token|password)$")
DECLARE = 'Put @capability("open", page=…, checked="2026-01-31") above it.'


def name(subject: Subject) -> Iterator[Told]:
    """Check that the provider's name is one word, and not the name of a provider of cloudai's own."""
    given = getattr(subject.kind, "name", None)
    if not isinstance(given, str) or not re.fullmatch(r"[a-z][a-z0-9_-]*", given):
        yield f"its name is {given!r}", 'Set name = "…": small letters, digits, - and _; users write Client("name").'
    elif given in BUILT_IN and find(given) is not subject.kind:
        yield f"the name {given!r} is taken by a provider of cloudai's own", "Choose another."


def contract(subject: Subject) -> Iterator[Told]:
    """Check that the provider was written for the version of the contract that this cloudai has."""
    if subject.kind.contract != Provider.contract:
        ours = Provider.contract
        yield (
            f"contract is {subject.kind.contract!r}",
            f"This cloudai has {ours}: see what changed, then set it to {ours}.",
        )


def constructor(subject: Subject) -> Iterator[Told]:
    """Check that the provider needs no arguments, so that its name is enough, and can be pickled."""
    with without_settings(subject):
        try:
            # Parts of a batch take their client along to other computers, and with it the provider.
            again = pickle.loads(pickle.dumps(subject.kind()))  # noqa: S301  # the bytes are our own
        except Exception as error:  # noqa: BLE001  # a constructor may raise anything
            what = f"{subject.kind.__name__}() cannot be made and pickled without settings"
            yield (
                f"{what} ({type(error).__name__}: {error})",
                "Give every parameter a default, and look settings up by self.setting when they are needed.",
            )
            return
    if type(again) is not subject.kind:
        yield f"pickled it comes back as {type(again).__name__}", "Leave __reduce__ to Provider."


def settings(subject: Subject) -> Iterator[Told]:
    """Check that each setting is really read from its environment variables, and that keys are marked as secret."""
    listed = [setting.name for setting in subject.kind.settings]
    for twice in sorted({each for each in listed if listed.count(each) > 1}):
        yield f"{twice} is listed twice", "Give each setting a name of its own."
    for setting in subject.kind.settings:
        if SECRET.search(setting.name) and not setting.secret:
            yield f"{setting.name} is not marked", "Say secret=True: else it is shown, and written into cassettes."
        if not setting.purpose:
            yield f"{setting.name} does not say what it is for", 'Give purpose="…": `cloudai doctor` shows it.'
        if not setting.env:
            yield f"{setting.name} has no variable", "Give env=: the vendor's own names, the usual one first."
        for variable in setting.env:
            if not re.fullmatch(r"[A-Z][A-Z0-9_]*", variable):
                yield f"{variable!r} is no name of a variable", "Write it in capitals."
            elif not _is_read(subject, setting, variable):
                yield (
                    f"{setting.name} is not read from {variable}",
                    "Leave lookup_outside to Provider, or ask it first.",
                )


def _is_read(subject: Subject, setting: Setting, variable: str) -> bool:
    value = "https://made-up.example" if setting.kind == "address" else "made-up"
    with without_settings(subject, **{variable: setting.choices[0] if setting.choices else value}):
        return subject.kind().lookup(setting.name) is not None


def capabilities(subject: Subject) -> Iterator[Told]:
    """Check that an operation is declared if and only if it is overridden, and that each declaration has its facts."""
    for operation, able in subject.kind.capabilities().items():
        overridden = getattr(subject.kind, operation) is not getattr(Provider, operation)
        declared = getattr(getattr(subject.kind, operation), "__capability__", None)
        if overridden and declared is None:
            yield f"{operation} is overridden and not declared", DECLARE
        if overridden and operation in subject.kind.absent:
            yield f"{operation} is overridden and in `absent`", "Take it out of one of them."
        if not overridden and able.has_classic:
            yield (
                f"{operation} is {able.status} and not overridden",
                f"Write the method {operation}, or say what it is.",
            )
        if able.operation != operation:
            yield f"{operation} is declared as {able.operation!r}", "Give it the name of its method."
        yield from _facts(able)
        yield from _facts(able.generative) if able.generative else ()
    for unknown in sorted(subject.kind.absent.keys() - set(OPERATIONS)):
        yield f"`absent` speaks of {unknown!r}, which is no operation", f"There are: {', '.join(OPERATIONS)}."


def _facts(able: Capability) -> Iterator[Told]:
    if able.has_classic and not (able.page or "").startswith("https://"):
        yield f"{able.operation} has no page", 'Give page="https://…": the vendor\'s, that says so.'
    if able.has_classic and not able.checked:
        yield f"{able.operation} does not say when that was checked", 'Give checked="2026-01-31", the day you looked.'
    if able.status == "deprecated" and not (able.until or able.since):
        yield (
            f"{able.operation} is deprecated and has no date",
            "Give since=, or until= where the vendor says when it ends.",
        )
    if able.status == "retired" and not able.since:
        yield f"{able.operation} is retired and has no date", "Give since=."
    for what in ("since", "until", "checked"):
        if (day := getattr(able, what)) and not _is_day(day):
            yield f"{able.operation}: {what} is {day!r}", 'Write a date as "2026-01-31".'
    if able.free and not _is_pace(able.free):
        yield f"{able.operation}: free is {able.free!r}", 'Write a pace as "20/min".'


def _is_day(text: str) -> bool:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return False
    # Python also reads the other forms of ISO 8601, such as "20260131" and "2026-W05-6".
    return text == day.isoformat()


def _is_pace(text: str) -> bool:
    try:
        rates(text)
    except SettingsError:
        return False
    return True


def signatures(subject: Subject) -> Iterator[Told]:
    """Check that operations take the options that the clients pass, by keyword and without defaults of their own."""
    for operation in subject.has():
        taken = inspect.signature(getattr(subject.kind, operation)).parameters.values()
        passed = [
            p for p in inspect.signature(getattr(Client, operation)).parameters.values() if p.kind is p.KEYWORD_ONLY
        ]
        keywords = [p for p in taken if p.kind is p.KEYWORD_ONLY]
        wanted = ", ".join(p.name for p in passed)
        # Optional options were added after providers of other distributions had been written, and may be missing.
        named, optional = {p.name for p in keywords}, set(OPERATIONS[operation].optional)
        if named | optional != {p.name for p in passed} | optional:
            yield (
                f"{operation} takes {', '.join(p.name for p in keywords) or 'no options'}",
                f"It is passed: {wanted or 'none'}.",
            )
        elif any(p.default is not p.empty for p in keywords):
            yield f"{operation} has defaults", "Leave them out: the clients have them, and pass every option."


def examples(subject: Subject) -> Iterator[Told]:
    """Check that each operation has an example with a result."""
    for example in subject.examples:
        if example.operation not in subject.has():
            yield (
                f"there is an example of {example.operation}, which it has not",
                "Leave it out, or declare the operation.",
            )
    for operation in subject.has():
        if not any(_has_result(subject, example) for example in subject.examples if example.operation == operation):
            how = f'Give Example("{operation}", input, "cassette.json"): a call with a good reply.'
            yield f"no example of {operation} has a result", how


def _has_result(subject: Subject, example: Example) -> bool:
    """Return whether an example has a result: its replies have a status of success, or its local engine gives one."""
    if example.cassette is None:
        return not isinstance(outcome(subject.provider(example), example, example.replies()), CloudAIError)
    return all(exchange.response.status < 300 for exchange in example.held().exchanges)  # noqa: PLR2004
