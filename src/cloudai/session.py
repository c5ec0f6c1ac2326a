"""A session is what a client shares with its batches: the provider, the engine, the driver and the options."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from cloudai.cooling import asked
from cloudai.core import cooldown
from cloudai.core.call import CallContext, Event
from cloudai.core.cooldown import Cooldown
from cloudai.core.effects import Program
from cloudai.core.engine import Engine
from cloudai.core.flow import Flow, Request
from cloudai.core.urls import FetchRules
from cloudai.errors import CloudAIError, SettingsError, UnsupportedOperationError, clear_frames
from cloudai.operations import OPERATIONS, Given, digest_of, given_as
from cloudai.options import CallOptions, flow_of, is_count, normalized, problem_with, require_seconds
from cloudai.providers.base import Method, Provider
from cloudai.providers.registry import who_can
from cloudai.transport.connections import Verify

if TYPE_CHECKING:
    from cloudai.models.voice import Voices

__all__ = ["ClientOptions", "Session"]


@dataclass(frozen=True)
class ClientOptions:
    """The options of a client; `cloudai.client.BaseClient` says what each is for."""

    send: Callable[[Request], Any] | None = field(default=None, repr=False)
    http_client: Any = field(default=None, repr=False)
    timeout: float | None = None
    max_attempts: int = 3
    max_concurrency: int = 32
    proxy: str | None = field(default=None, repr=False)  # it may hold a password
    verify: Verify = True
    allow_http: bool = False
    allow_unverified: bool = False
    fetch_urls: bool | FetchRules = False
    on_event: Callable[[Event], None] | None = None
    offline: bool = False
    on_unknown: Literal["retry", "raise"] = "retry"
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Any] | None = None

    def check(self) -> None:
        """Raise SettingsError where two of the options exclude each other, or one has a value that cannot be used."""
        if self.send is not None and self.http_client is not None:
            raise SettingsError("send= and http_client= exclude each other", advice="Give the one that is to be used.")
        if not is_count(self.max_attempts) or not is_count(self.max_concurrency):
            raise SettingsError("max_attempts and max_concurrency are at least 1", advice="Give whole numbers.")
        if self.on_unknown not in ("retry", "raise"):
            raise SettingsError("on_unknown= is neither of its words", advice='Give "retry" or "raise".')
        if not isinstance(self.fetch_urls, bool | FetchRules):
            raise SettingsError(
                f"fetch_urls= is a {type(self.fetch_urls).__name__}", advice="Give True, or FetchRules(…)."
            )
        require_seconds(self.timeout)

    def engine(self) -> Engine:
        """Return an engine with those of the options that concern one: attempts, clock, events, offline and fetching.

        The other options are for the driver and the network. ``timeout`` is read in `Session.context`.
        """
        return Engine(
            max_attempts=self.max_attempts,
            clock=self.clock,
            on_event=self.on_event,
            offline=self.offline,
            on_unknown=self.on_unknown,
            fetching=FetchRules() if self.fetch_urls is True else self.fetch_urls or None,
            allow_http=self.allow_http,
        )


@dataclass(frozen=True)
class Session:
    """The provider, the engine, the driver and the options of one client."""

    provider: Provider
    engine: Engine
    driver: Any
    """The driver of the client, `Blocking` or `Awaiting`."""
    options: ClientOptions
    cooldowns: dict[Any, Cooldown] = field(default_factory=dict)
    """The cooldowns of the provider that were asked for; see `cooldown`."""

    def call(
        self, operation: str, given: Any, options: Mapping[str, Any], shared: CallOptions
    ) -> tuple[Flow[Any], CallContext]:
        """Return the flow of one call, which has not begun, and its context.

        An `Image` or an `Audio` is copied, so that two calls with the same object do not share what they note in it.

        Args:
            operation: The name of the operation.
            given: The input, as the user gave it or as the operation takes it.
            options: All options of the operation, with their defaults; `cloudai.options.complete` checks them.
            shared: The options that every call takes beside them.

        Raises:
            InputError: The operation takes a text, and the input is empty or not a text.
            SettingsError: The timeout is not a number of seconds above 0.
            UnsupportedOperationError: The provider does not have the operation, or an option that is asked for.
        """
        checked = {**options, **shared}
        if problem := problem_with(operation, checked):
            # The engine raises it: here its traceback would lead through frames that hold what the user gave.
            return _refused(problem), self.context(operation, "", {})
        options = normalized(options)
        source = given_as(operation, given)
        # A picture that the caller holds is not shared between calls: each call notes how it was prepared.
        given = copy(source) if source is given and not isinstance(source, str) else source
        context = self.context(operation, given, shared)
        return flow_of(context.vendor, operation, given, options, shared.get("method")), context

    def program(self, operation: str, given: Any, options: Mapping[str, Any], shared: CallOptions) -> Program[Any]:
        """Return the program of one call, which asks nothing of a provider that is known to be down; see `call`.

        The client's method hands the program to the driver. This method does not, because its frame holds what the user
        gave, and would be in the traceback of an error.
        """
        try:
            flow, context = self.call(operation, given, options, shared)
            rest = self.cooldown(operation, shared.get("method"))
        except BaseException as error:
            clear_frames(error)
            raise
        finally:
            # A traceback keeps this frame with its variables, so what the user gave is deleted before an error leaves
            # it.
            del given, options, shared
        # An offline client, and a provider without hosts, send nothing, so there is no service that could be down.
        if self.options.offline or not self.provider.hosts:
            return self.engine.run(flow, context)
        return self._unless_down(flow, context, rest)

    def _unless_down(self, flow: Flow[Any], context: CallContext, rest: Cooldown) -> Program[Any]:
        """Carry out a call, unless the provider is known to be down.

        Raises:
            UnavailableError: Nothing was sent, because the provider has failed other calls; ``retry_after`` says when
                to call again.
            CloudAIError: The call failed.
        """
        outcome = yield from asked(self.engine, flow, context, rest, waits=True)
        if isinstance(outcome, CloudAIError):
            raise outcome
        return outcome

    def cooldown(self, operation: str, method: Method | None = None) -> Cooldown:
        """Return the cooldown of the provider for an operation, which all clients of an account share in this process.

        A client that is offline, has no account, or has a clock or a ``send`` of its own shares it with no other
        client. Another endpoint, region or project is another service, even with the same key, and other certificates
        or another proxy are another way to it.

        Args:
            operation: The operation: what fails one, such as a missing approval, need not fail another.
            method: The method of the call, because a chat model is another service.
        """
        key = operation, method
        if key not in self.cooldowns:
            account = self._account(operation)
            made = cooldown.shared((*account, *key)) if account else Cooldown()
            self.cooldowns.setdefault(key, made)  # another thread may have been first, and its calls count too
        return self.cooldowns[key]

    def _account(self, operation: str) -> tuple[Any, ...]:
        """Return what tells the account and the service from others; nothing if they are shared with no other client.

        A setting that cannot be used is shared with nobody, because the call itself raises the error.
        """
        if self.options.offline or self.options.send or self.options.clock is not time.monotonic:
            return ()
        with suppress(CloudAIError):
            provider = self.provider.for_call()
            if account := provider.account():
                # A digest of the options, because the address of a proxy may have a password in it.
                way = hash(f"{self.options.verify!r} {self.options.proxy!r}")
                return account, way, *sorted(provider.cache_scope(operation).items())
        return ()

    def voices(self, language: str | None, timeout: float | None) -> Program[Voices]:
        """Return the program of a call that lists the voices of `text_to_speech`.

        The call has the time and the largest reply of that operation, and is named "voices" in its errors and events.

        Raises:
            SettingsError: The language is no code of one, or the timeout is not a number of seconds above 0.
            UnsupportedOperationError: The provider does not speak, or does not list its voices.
        """
        if problem := problem_with("text_to_speech", {"language": language, "timeout": timeout}):
            raise problem
        context = self.context("text_to_speech", "", {} if timeout is None else {"timeout": timeout})
        context.operation, context.describe = "voices", dict
        try:
            flow = cast("Provider", context.vendor).voices(language)
        except UnsupportedOperationError as error:
            error.advice = error.advice or who_can("text_to_speech")
            raise
        return self.engine.run(flow, context)

    def context(self, operation: str, given: Given, options: CallOptions) -> CallContext:
        """Return the context of a call, whose time begins now and whose provider looks up each setting once.

        The call has the timeout of ``options``, else that of the client, else the usual time of the operation.

        Raises:
            SettingsError: The timeout is not a number of seconds above 0.
        """
        seconds = options.get("timeout")
        require_seconds(seconds)
        if seconds is None:
            seconds = self.options.timeout
        if seconds is None:
            seconds = OPERATIONS[operation].timeout
        return CallContext(
            # This copy looks up each setting once. The next call looks up anew, so that a key renewed in the
            # environment is seen.
            self.provider.for_call(offline=self.options.offline),
            operation,
            partial(_described, given),
            # The deadline is one moment and not a timeout for each step, so reading the file, the queue and the login
            # count too.
            deadline=self.options.clock() + seconds,
            extra=options.get("extra"),
            extra_params=options.get("extra_params"),
            extra_headers=options.get("extra_headers"),
            prepared=(dict if isinstance(given, str) else given.facts),
            max_reply=OPERATIONS[operation].max_reply,
        )


def _refused(problem: SettingsError) -> Flow[Any]:
    """Raise an error when the flow begins."""
    raise problem
    yield


def _described(given: Given) -> dict[str, Any]:
    """Return what `Meta` says of an input before its call prepares it.

    That is the name of a picture or a recording. A text is named by its digest, and none of its words are in it.
    """
    if not isinstance(given, str):
        return {"input": given.name, "source": given.path}
    digest = digest_of(given)
    return {"input": f"text-{digest[:8]}", "sha256": digest}
