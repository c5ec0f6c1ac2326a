"""Bearer tokens: how long each is used, when it is fetched anew, and by whom."""

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
from cloudai.core.vendor import Token
from cloudai.errors import CloudAIError, DeadlineExceededError, SettingsError

__all__ = ["Token", "TokenCache"]

REFRESH_AGAIN = 1.0
"""Seconds between two tries to replace a token that is still valid."""
REFRESH_WITHIN = 5.0
"""Seconds such a try may take of a call, and no more than half of what it has."""


class TokenCache:
    """The tokens of one client, by login: each is fetched once for all calls that wait for it.

    Args:
        steps: Carries out the flow that fetches a token, within a call.
        clock: Monotonic seconds.
    """

    def __init__(self, steps: Callable[[Flow[Any], CallContext], Program[Any]], clock: Callable[[], float]) -> None:
        self._steps = steps
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self._refresh_from: dict[str, float] = {}

    def discard(self, token: Token) -> None:
        """Forget a token that the service no longer takes: whoever comes next fetches one anew, once for all."""
        self._tokens = {login: kept for login, kept in self._tokens.items() if kept is not token}

    def current(self, service: str, context: CallContext) -> Program[Token | None]:
        """The token, fetched anew where it is old; an old one serves on while it is valid and none can be had."""
        if context.vendor.token(service) is None:
            return None
        login = context.vendor.login(service)
        token = self._tokens.get(login)
        valid = token is not None and token.expires_at > time.time()
        if token and valid and not (token.is_old() and self._clock() >= self._refresh_from.get(login, -math.inf)):
            return token
        for last in (False, True):
            left = context.left(self._clock())
            asking = replace(context, deadline=self._clock() + min(left / 2, REFRESH_WITHIN)) if valid else context
            fetch = partial(self._fetch, service, token, asking)
            try:
                fetched: Token = yield Once(("token", login), fetch, asking.left(self._clock()))
            except CloudAIError as error:
                if valid:
                    self._refresh_from[login] = self._clock() + REFRESH_AGAIN
                    return token
                # It may have been another call's time that was used up.
                if last or not isinstance(error, DeadlineExceededError) or self._clock() >= context.deadline:
                    # A copy: all who waited have the same, and each call fills in its own name and costs.
                    own = copy(error)
                    own.state = "NOT_SENT"
                    raise own from error.__cause__
            else:
                return fetched
        raise AssertionError  # pragma: no cover

    def _fetch(self, service: str, old: Token | None, context: CallContext) -> Program[Token]:
        """A token in place of the old one, by the provider's own flow."""
        login = context.vendor.login(service)
        held = self._tokens.get(login)
        if held is not None and held is not old:
            return held  # it came between the caller's look and this one
        flow = context.vendor.token(service)
        if flow is None:
            raise SettingsError("the login is gone since the call began", advice="Leave the settings as they are.")
        token: Token = yield from self._steps(flow, context)
        self._tokens[login] = token
        if old is not None and token.value == old.value:
            # The login has no newer one yet: it is not asked at every call.
            self._refresh_from[login] = self._clock() + REFRESH_AGAIN
        return token
