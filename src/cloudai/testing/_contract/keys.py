"""Check what a provider does without a key, and that a key shows up nowhere."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cloudai.core.flow import Request, Response
from cloudai.core.redaction import Secrets
from cloudai.errors import CloudAIError, SettingsError, UnsupportedOperationError
from cloudai.providers.base import Provider
from cloudai.testing._clients import recording
from cloudai.testing._contract.declared import SECRET
from cloudai.testing._contract.subject import Example, Subject, Told, outcome, shown, without_settings
from cloudai.testing._script import Script

__all__ = ["missing", "secrets"]


def missing(subject: Subject) -> Iterator[Told]:
    """Check that nothing is sent without a key, and that the error names the variable to set."""
    if not any(setting.secret for setting in subject.kind.settings):
        return
    advice = "Raise SettingsError in sign(), with what to set, and tell the same by missing()."
    with without_settings(subject):
        for example in subject.first_of_each():
            script = Script()
            result = outcome(subject.kind(), example, script)
            if script.requests:
                yield f"{example.operation} is sent without a key", advice
            elif isinstance(result, UnsupportedOperationError):
                continue  # the operation needs another setting before it asks for a key
            elif not isinstance(result, SettingsError) or not _names_one(subject, str(result)):
                yield f"{example.operation} without a key gives {shown(result)}", advice
            told = subject.kind().missing(example.operation)
            if not told or not _names_one(subject, told):
                yield (
                    f"missing({example.operation!r}) is {told!r} without a key",
                    "Say what to set, by the variable's name.",
                )


def _names_one(subject: Subject, text: str) -> bool:
    return any(variable in text for variable in subject.variables())


def secrets(subject: Subject) -> Iterator[Told]:
    """Check that a key is in no repr, no address, no error and no cassette."""
    secret = [setting.name for setting in subject.kind.settings if setting.secret or SECRET.search(setting.name)]
    if not secret:
        return
    try:
        # A made-up key that occurs nowhere else shows, wherever it is found, that a real one would be there too.
        keyed = subject.configured or subject.kind(**{name: f"CaNaRy-{name}-4f9c2e7b" for name in secret})
    except (TypeError, CloudAIError) as error:
        how = f"Give check_provider(…, configured={subject.kind.__name__}(…)) with made-up keys."
        yield f"it takes no key by the names of its settings ({error})", how
        return
    listed = [setting.name for setting in subject.kind.settings]
    # An argument that is no setting may be a key as well, because nothing says that it is none.
    unlisted = [v for name, v in keyed._given.items() if name not in listed and isinstance(v, str)]  # noqa: SLF001
    canaries = Secrets([*unlisted, *(value for name in secret if (value := keyed.setting(name)))])
    if canaries.occur_in(repr(keyed)):
        yield "a key shows in its repr", "Set self._given = {…} in the constructor, and leave __repr__ to Provider."
    for example in subject.first_of_each():
        if example.cassette is not None:
            yield from _leaks(keyed, example, canaries)


def _leaks(keyed: Provider, example: Example, canaries: Secrets) -> Iterator[Told]:
    sent: list[Request] = []
    # A service refuses a made-up key, and an error must not repeat it.
    refused = Response(401, {"content-type": "application/json"}, b"{}")
    result = outcome(keyed, example, _noting(sent, lambda _: refused))
    if canaries.occur_in(f"{result} {result!r} {vars(result)}"):
        yield f"{example.operation}: a key shows in the error of a refusal", "Put nothing of the request into errors."
    for request in sent:
        if canaries.occur_in(f"{request.url} {dict(request.params)}"):
            yield f"{example.operation}: a key is in the address", "Send it in a header: addresses end up in logs."
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cassette.json"
        first = example.held().exchanges[:1]
        replies = Script(*(exchange.reply() for exchange in first))
        try:
            with recording(keyed, path, send=replies, max_attempts=1) as client:
                getattr(client, example.operation)(example.given, **example.options)
        except CloudAIError:
            pass  # the call may fail, since it has one reply only; the cassette is what matters
        if path.is_file() and canaries.occur_in(path.read_text("utf-8")):
            yield f"{example.operation}: a key is written into a cassette", "Declare it as a Setting with secret=True."


def _noting(sent: list[Request], send: Callable[[Request], Response]) -> Callable[[Request], Response]:
    def noting(request: Request) -> Response:
        sent.append(request)
        return send(request)

    return noting
