"""A `Cooldown` keeps calls away from a provider that has failed, until one of them has found that it answers again.

It reads no clock: the caller passes the time.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Hashable

__all__ = ["Cooldown", "shared"]

FIRST = 30.0
"""Seconds for which a provider is not asked after its first failure, if it names no time itself."""
LONGEST = 600.0
"""Seconds at most, after several failures in a row: each doubles the time of the one before."""
LONGEST_NAMED = 86_400.0
"""Seconds at most for which a provider is not asked because it says so itself; a larger number is no hint."""


class Cooldown:
    """The time for which one provider is not asked for one operation, because it has failed.

    The provider may name the time itself. When it is over, a single call is let through, the probe. If that is
    answered, all calls are let through again; if it fails, the next time is twice as long, or longer if the provider
    says so.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = -math.inf
        self._failures = 0
        self._probe: object = None
        self.why = ""
        """What the last failure was, in one line."""

    def admits(self, call: object, now: float) -> bool:
        """Return whether a call may ask the provider, be it as the probe; call `answered`, `failed` or `leave` after.

        Args:
            call: An object that stands for the call, and for no other.
            now: The time in seconds.
        """
        if not self._failures:
            return True
        with self._lock:
            if not self._failures:
                return True
            if now < self._until or self._probe is not None:
                return False
            self._probe = call
            return True

    def is_idle(self) -> bool:
        """Return whether the provider has not failed since it was last answered."""
        return not self._failures

    def is_probe(self, call: object) -> bool:
        """Return whether a call is the one that finds out whether the provider answers again."""
        return self._probe is call

    def left(self, now: float) -> float:
        """Return the seconds until the provider may be asked again; 0 while a probe is under way."""
        return max(0.0, self._until - now) if self._failures else 0.0

    def failed(self, call: object, now: float, hint: float | None, why: str) -> None:
        """Note that the provider has failed a call, and let no call through for a time.

        Calls that were under way when the first of them failed do not make the time longer, unless they bring a hint.

        Args:
            call: The call.
            now: The time in seconds.
            hint: The seconds that the provider asks to wait; None if it says nothing.
            why: What has happened, in one line.
        """
        with self._lock:
            named = None if hint is None or hint > LONGEST_NAMED else now + hint
            if not self._failures or self._probe is call:
                usual = now + min(FIRST * 2 ** min(self._failures, 16), LONGEST)
                # A time that the provider has named, and at which it failed again, is not taken at its word twice.
                is_first = not self._failures
                self._until = usual if named is None else named if is_first else max(usual, named)
                self._failures += 1
                self._probe = None
            elif named is not None:
                self._until = max(self._until, named)
            self.why = why

    def answered(self) -> None:
        """Note that the provider has answered, and let all calls through."""
        if self._failures:
            with self._lock:
                self._failures, self._probe, self._until = 0, None, -math.inf

    def leave(self, call: object) -> None:
        """Note that a call has ended; if it was the probe, and nobody knows more than before, the next one is."""
        if self._probe is call:
            with self._lock:
                if self._probe is call:
                    self._probe = None


MOST = 1_000
"""Cooldowns of the process that are kept while nothing has failed."""

_shared: dict[Hashable, Cooldown] = {}
_lock = threading.Lock()


def shared(key: Hashable) -> Cooldown:
    """Return the cooldown that all clients of this process have for an account and an operation."""
    cooldown = _shared.get(key)
    if cooldown is not None:
        return cooldown
    with _lock:
        if len(_shared) >= MOST:
            for idle in [key for key, each in _shared.items() if each.is_idle()]:
                del _shared[idle]
        return _shared.setdefault(key, Cooldown())
