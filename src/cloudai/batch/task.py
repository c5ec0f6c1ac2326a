"""Tasks are the operations, with their options, that a batch carries out for each of its inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cloudai.core.flow import Flow
from cloudai.core.lazy import lazy
from cloudai.core.vendor import Vendor
from cloudai.errors import SettingsError
from cloudai.operations import OPERATIONS, Given, operation_named
from cloudai.options import SHARED, chosen, complete, flow_of, require_seconds
from cloudai.providers.base import Capability, Method, Provider

__all__ = ["Task", "tasks_of"]

EXTRA = ("extra", "extra_params", "extra_headers")
"""Options whose values may hold a key."""


@dataclass(eq=False)
class Task:
    """One operation with its options, carried out for each input of a batch.

    Args:
        provider: The provider that carries it out.
        operation: The name of the operation.
        given: The options that the user gave.
    """

    provider: Provider
    operation: str
    given: Mapping[str, Any]
    options: Mapping[str, Any]
    """All options of the operation, with defaults for those that were not given."""
    digest: str
    """The sha256 (hex) of provider, API variant, operation, and the options that differ from their defaults.

    Where a chat model answers, the API variant is that model, with the version of the prompt.
    """
    method: Method = "classic"
    """Whether a classic service of the vendor or its chat model answers the calls."""
    batch: int = 0
    """The number of this batch and operation in the journal."""
    run: int = 0
    """The number of the run in the journal."""

    def key_of(self, digest: str) -> str:
        """Return the key by which the journal knows a call, given the digest of its input."""
        return sha256(f"{self.digest} {digest}".encode()).hexdigest()

    def flow(self, given: Given, vendor: Vendor | None = None) -> Flow[Any]:
        """Return the flow for an input, made by ``vendor`` or, if that is None, by the provider of the task."""
        return flow_of(vendor or self.provider, self.operation, given, self.options, self.given.get("method"))

    @lazy
    def call_options(self) -> Any:
        """The given options that calls of all operations take, as `CallOptions`."""
        return {name: self.given[name] for name in SHARED if name in self.given}

    @property
    def max_per_request(self) -> int:
        """The maximum number of inputs in one request."""
        return 1 if self.method == "generative" else self.provider.max_per_request(self.operation)

    @property
    def capability(self) -> Capability:
        """The capability of the service that answers, or of the chat model."""
        able = type(self.provider).capabilities()[self.operation]
        return able.generative if self.method == "generative" and able.generative else able

    @property
    def free(self) -> str | None:
        """The pace of the vendor's free tier, for example "20/min"; None if it is not known."""
        return self.capability.free

    def requests(self) -> int:
        """Return how many billed requests one input takes, as far as that is known before it is sent."""
        if self.method == "generative":
            return self.provider.generative_requests(self.operation, self.options)
        return self.provider.requests(self.operation, self.given)

    def parts(self, text: str) -> Sequence[str]:
        """Return the parts in which a text is sent."""
        if self.method == "generative":
            return self.provider.generative_parts(self.operation, text, self.options)
        return self.provider.parts(self.operation, text, self.given)

    def pages_per_request(self) -> int:
        """Return how many pages of a document go into one request, or 0 where a document is sent whole."""
        return 0 if self.method == "generative" else self.provider.pages_per_request(self.operation)

    def shown_options(self) -> dict[str, Any]:
        """Return the given options as plain data, without those whose value is empty, 0, False or None.

        Only the names in an option that may hold a key are returned.
        """
        shown = {n: list(v) if n in EXTRA and isinstance(v, Mapping) else v for n, v in self.given.items()}
        return {n: v for n, v in json.loads(json.dumps(shown, default=_as_plain)).items() if v}


def tasks_of(provider: Provider, operations: str | Sequence[str], options: Any) -> tuple[Task, ...]:
    """Return the tasks of a batch.

    Args:
        provider: The provider that carries them out.
        operations: The name of an operation, or a list of names.
        options: The options of the operation; for a list, a dict of options under each name that has some.

    Raises:
        SettingsError: An operation does not exist or is given twice, the operations take different kinds of input,
            or an option cannot be used.
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
    method = provider.method_of(operation, given.get("method"))
    variant = provider.generative_variant(operation) if method == "generative" else provider.api_variant(operation)
    identity = [provider.name, variant, operation, chosen(operation, given)]
    try:
        # The key of a paid call is made from this text, which has to be the same in every process and every run.
        text = json.dumps(identity, ensure_ascii=False, sort_keys=True, default=_as_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise SettingsError(
            f"the options cannot be written down ({error})", advice="Give texts, numbers, lists and dicts."
        ) from error
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Task(provider, operation, given, options, digest, method)


def _as_plain(value: Any) -> Any:
    """Return a list for a set or a sequence that `json` does not know, and a dict for such a mapping.

    A set is sorted, for its order differs between processes.

    Raises:
        TypeError: The value is none of these, or is bytes.
    """
    if isinstance(value, set | frozenset):
        # Values of several types have no order of their own, but what Python shows of them has.
        return sorted(value, key=repr)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no plain data")
