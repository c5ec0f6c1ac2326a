"""The token cache decides how long a bearer token is used, when a new one is fetched, and which call fetches it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

from cloudai.core.call import CallContext
from cloudai.core.effects import Once, Program
from cloudai.core.flow import Flow
from cloudai.core.hooks import NOTHING
from cloudai.core.vendor import Token
from cloudai.errors import CloudAIError, DeadlineExceededError, SettingsError

__all__ = ["Token", "TokenCache"]

REFRESH_AGAIN = 1.0
"""Seconds between two tries to replace a token that is still valid."""
REFRESH_WITHIN = 5.0
"""Seconds that such a try may take of a call at most, and never more than half of what the call has left."""


class TokenCache:
    """The tokens of one client by login; each is fetched once for all calls that wait for it.

    Args:
        steps: A function that carries out the flow that fetches a token, within a call.
        clock: A function that returns monotonic seconds.
    """

    def __init__(self, steps: Callable[[Flow[Any], CallContext], Program[Any]], clock: Callable[[], float]) -> None:
        self._steps = steps
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self._refresh_from: dict[str, float] = {}

    def discard(self, token: Token) -> None:
        """Forget a token that the service no longer accepts; the next call fetches a new one, for all calls."""
        # Only the token that was refused is forgotten. A call whose refusal comes late must not throw away the new
        # token that another call has fetched meanwhile.
        self._tokens = {login: kept for login, kept in self._tokens.items() if kept is not token}

    def current(self, service: str, context: CallContext) -> Program[Token | None]:
        """Return the token of a service, or None where a key serves it.

        An old token is replaced. Where no new one can be fetched, the old one is used for as long as it is valid.

        Raises:
            DeadlineExceededError: The call has no time left; the error has the state of the last attempt, or "NOT_SENT"
                if the time ended while the token was fetched.
            CloudAIError: There is no valid token, and fetching one has failed; the error's state is "NOT_SENT".
        """
        return NOTHING if context.vendor.token(service) is None else self._current(service, context)

    def _current(self, service: str, context: CallContext) -> Program[Token | None]:
        login = context.vendor.login(service)
        token = self._tokens.get(login)
        # A vendor gives the end of a token as a time of day, so the wall clock is asked here; waits go by the engine's
        # clock.
        valid = token is not None and token.expires_at > time.time()
        if token and valid and not (token.is_old() and self._clock() >= self._refresh_from.get(login, -math.inf)):
            return token
        for last in (False, True):
            # Renewing a token that is still valid must not use up the time of the call.
            left = context.left(self._clock())
            asking = replace(context, deadline=self._clock() + min(left / 2, REFRESH_WITHIN)) if valid else context
            fetch = partial(self._fetch, service, token, asking)
            try:
                fetched: Token = yield Once(("token", login), fetch, asking.left(self._clock()))
            except CloudAIError as error:
                if valid:
                    self._refresh_from[login] = self._clock() + REFRESH_AGAIN
                    return token
                # The time that was used up may have been that of another call, which fetched the token for all.
                if last or not isinstance(error, DeadlineExceededError) or self._clock() >= context.deadline:
                    # All calls that waited get the same error; each raises a copy, to fill in its own name and costs.
                    own = copy(error)
                    own.state = "NOT_SENT"
                    raise own from error.__cause__
            else:
                return fetched
        raise AssertionError  # pragma: no cover

    def _fetch(self, service: str, old: Token | None, context: CallContext) -> Program[Token]:
        """Return a token that replaces the old one, fetched by the provider's flow unless it has come meanwhile."""
        login = context.vendor.login(service)
        cached = self._tokens.get(login)
        if cached is not None and cached is not old:
            return cached  # another call has fetched it since the caller looked
        flow = context.vendor.token(service)
        if flow is None:
            raise SettingsError("the login is gone since the call began", advice="Leave the settings as they are.")
        token: Token = yield from self._steps(flow, context)
        self._tokens[login] = token
        if old is not None and token.value == old.value:
            # The login has no newer token yet, and is not to be asked for one at every call.
            self._refresh_from[login] = self._clock() + REFRESH_AGAIN
        return token
