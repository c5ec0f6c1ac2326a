"""A `Cooldown` keeps calls away from a provider that has failed, until one of them has found that it answers again.

It reads no clock: the caller passes the time.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Hashable
from weakref import WeakSet

__all__ = ["Cooldown", "shared"]

FIRST = 30.0
"""Seconds for which a provider is not asked after its first failure, if it names no time itself."""
LONGEST = 600.0
"""Seconds at most, after several failures in a row: each doubles the time of the one before."""
LONGEST_NAMED = 86_400.0
"""Seconds at most for which a provider is not asked because it says so itself; a larger number is no hint."""
DOUBTS = 2
"""Calls in a row after which the provider is at fault, although the input of each may have been."""


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
        self._doubts = 0
        self._probe: object = None
        self.why = ""
        """The error of the last failure, in one line."""
        _all.add(self)

    def admits(self, call: object, now: float) -> bool:
        """Return whether a call may ask the provider, be it as the probe; call `answered`, `failed` or `leave` after.

        Args:
            call: An object that stands for the call, and for no other.
            now: The time in seconds.
        """
        # Nearly every call finds nothing broken, and then need not wait for the lock; it is asked again once the lock
        # is held.
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
        """Return whether the provider has failed no call, as far as is known, since it was last answered."""
        return not self._failures and not self._doubts

    def is_cooling(self) -> bool:
        """Return whether the provider is known to be broken, and is asked by a probe at most."""
        return self._failures > 0

    def left(self, now: float) -> float:
        """Return the seconds until the provider may be asked again; 0 while a probe is under way."""
        return max(0.0, self._until - now) if self._failures else 0.0

    def doubted(self, call: object, now: float, hint: float | None, why: str) -> None:
        """Note that a call has failed for which its own input may be to blame.

        The second such call in a row counts as a failure of the provider; so does a probe.

        Args:
            call: The call.
            now: The time in seconds.
            hint: The seconds that the provider asks to wait; None if it says nothing.
            why: What has happened, in one line.
        """
        with self._lock:
            self._doubts += 1
            counts = self._doubts >= DOUBTS or self._failures > 0
        # `failed` takes the lock itself, so it is called after the lock was released: the lock is not reentrant.
        if counts:
            self.failed(call, now, hint, why)

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
            # A hint of more than a day is taken for a mistake of the service, and the usual time holds.
            named = None if hint is None or hint > LONGEST_NAMED else now + hint
            if not self._failures or self._probe is call:
                # The exponent is bounded, because Python raises OverflowError for a power that is too large for a
                # float.
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
        if self._failures or self._doubts:
            with self._lock:
                self._failures, self._doubts, self._probe, self._until = 0, 0, None, -math.inf

    def leave(self, call: object) -> None:
        """Note that a call has ended; if it was the probe and told nothing new, the next call becomes the probe."""
        if self._probe is call:
            with self._lock:
                if self._probe is call:
                    self._probe = None

    def forget_probe(self) -> None:
        """Note that the process was forked: the call that probes goes on in the parent, and not here."""
        # A thread of the parent may have held the lock at the moment of the fork; in the child nobody would ever
        # release it.
        self._lock, self._probe = threading.Lock(), None


MOST = 1_000
"""Cooldowns of the process that are kept while nothing is known to be broken."""

_all: WeakSet[Cooldown] = WeakSet()
_shared: dict[Hashable, Cooldown] = {}
_lock = threading.Lock()


def shared(key: Hashable) -> Cooldown:
    """Return the cooldown that the clients of this process share for an account and an operation.

    When there are `MOST` cooldowns, those that know of no failure are forgotten. A session that has such a cooldown
    keeps it, but no longer shares it with sessions that ask for one later.
    """
    cooldown = _shared.get(key)
    if cooldown is not None:
        return cooldown
    with _lock:
        if len(_shared) >= MOST:
            # A cooldown that knows of no failure can be made anew at any time. Sessions that use one of these keep it
            # themselves.
            for idle in [key for key, each in _shared.items() if not each.is_cooling()]:
                del _shared[idle]
        return _shared.setdefault(key, Cooldown())


def _after_fork() -> None:
    """Let a forked process probe for itself, with locks that no thread of its parent holds."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    for each in list(_all):
        each.forget_probe()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
