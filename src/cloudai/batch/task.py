"""What is asked of every input of a batch: an operation with its options; a batch may ask several."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cloudai.core.flow import Flow
from cloudai.core.vendor import Vendor
from cloudai.errors import SettingsError
from cloudai.operations import OPERATIONS, Given, operation_named
from cloudai.options import SHARED, chosen, complete, flow_of, require_seconds
from cloudai.providers.base import Provider

__all__ = ["Task", "tasks_of"]

EXTRA = ("extra", "extra_params", "extra_headers")


@dataclass(eq=False)
class Task:
    """One operation: what the key of an input goes by beside its bytes.

    Args:
        provider: Who is asked.
        operation: By its name.
        given: The options that were chosen.
    """

    provider: Provider
    operation: str
    given: Mapping[str, Any]
    options: Mapping[str, Any]
    """With the defaults of the others."""
    digest: str
    """Of provider, operation and options."""
    batch: int = 0
    """Its number in the journal."""
    run: int = 0
    """Of its run."""

    def key_of(self, digest: str) -> str:
        """What a call is known by, of the digest of its input."""
        return sha256(f"{self.digest} {digest}".encode()).hexdigest()

    def flow(self, given: Given, vendor: Vendor | None = None) -> Flow[Any]:
        """Return the flow for an input; in a call it is the flow of the context's vendor, else of the provider."""
        return flow_of(vendor or self.provider, self.operation, given, self.options)

    @property
    def call_options(self) -> Any:
        """What every call takes: `CallOptions`."""
        return {name: self.given[name] for name in SHARED if name in self.given}

    @property
    def max_per_request(self) -> int:
        """Inputs in one request."""
        return self.provider.max_per_request(self.operation)

    @property
    def free(self) -> str | None:
        """The pace of the free tier, where it is known."""
        return type(self.provider).capabilities()[self.operation].free

    def shown_options(self) -> dict[str, Any]:
        """The options; of those that may hold a key only the names in them."""
        shown = {n: list(v) if n in EXTRA and isinstance(v, Mapping) else v for n, v in self.given.items()}
        return {n: v for n, v in json.loads(json.dumps(shown, default=_as_plain)).items() if v}


def tasks_of(provider: Provider, operations: str | Sequence[str], options: Any) -> tuple[Task, ...]:
    """One operation with its options, or several with a dict of options for each that has some.

    Raises:
        SettingsError: One that there is not, twice the same, of different kinds of input, or with wrong options.
    """
    if not isinstance(options, Mapping):
        raise SettingsError(f"options={options!r}", advice="Give a dict of the operation's options.")
    if isinstance(operations, str):
        return (_task(provider, operations, options),)
    if not isinstance(operations, Sequence) or not all(isinstance(name, str) for name in operations):
        raise SettingsError(f"a batch of {operations!r}", advice="Give the name of an operation, or a list of names.")
    if not operations or len(set(operations)) < len(operations):
        raise SettingsError(f"a batch of {list(operations)!r}", advice="Give each operation once.")
    for operation in operations:
        operation_named(operation)
    if len({OPERATIONS[operation].input for operation in operations}) > 1:
        raise SettingsError(
            f"{', '.join(operations)} do not take the same inputs", advice="Make a batch for each kind of input."
        )
    if unknown := [name for name, value in options.items() if name not in operations or not isinstance(value, Mapping)]:
        raise SettingsError(
            f"options of several operations stand under their names; {', '.join(map(str, unknown))} does not",
            advice=f"For example options={{{operations[0]!r}: {{…}}}}.",
        )
    return tuple(_task(provider, operation, options.get(operation, {})) for operation in operations)


def _task(provider: Provider, operation: str, given: Mapping[str, Any]) -> Task:
    operation_named(operation)
    options = complete(operation, given)
    require_seconds(given.get("timeout"))
    identity = [provider.name, provider.api_variant(operation), operation, chosen(operation, given)]
    try:
        text = json.dumps(identity, ensure_ascii=False, sort_keys=True, default=_as_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise SettingsError(
            f"the options cannot be written down ({error})", advice="Give texts, numbers, lists and dicts."
        ) from error
    return Task(provider, operation, given, options, sha256(text.encode("utf-8", "surrogatepass")).hexdigest())


def _as_plain(value: Any) -> Any:
    """For JSON: what options may be made of beside JSON's own kinds, in one order whatever the process."""
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no plain data")
