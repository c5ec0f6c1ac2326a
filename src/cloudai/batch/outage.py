"""This module tells an outage of the service from a flicker, and both from an input that is itself at fault."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

__all__ = [
    "FIRST_PROBE",
    "LONGEST_FLICKER",
    "OUTAGE",
    "PARTS",
    "PROBES",
    "REFUSED_PROBES",
    "OutageDetector",
    "Streak",
    "Tries",
]

OUTAGE = 16
"""Attempts in a row without an answer after which the service may be down, so that the batch sends only probes."""
PARTS = 3
"""The number of parts of divided requests in a row that get no answer, after which the service may be down.

A single input at fault cannot cause that: it is in one half of a request, then in one quarter, and the part beside each
of them is answered.
"""
PROBES = 4
"""Probes of a service that may be down, one after the other; if all fail, it is down, and the batch pauses."""
FIRST_PROBE = 0.5
"""Seconds from the last failed attempt to the first probe; twice as much to each further one."""
REFUSED_PROBES = 8
"""The number of probes, in place of `PROBES`, if all connections were refused. Such a probe fails at once, and costs
nothing."""
REFUSED_PROBE, REFUSED_LATER = 0.2, 0.05
"""Seconds to the first of these probes, and the seconds by which each further interval is longer.

They last 2.5 seconds in sum. A service that is down for a moment every now and then answers one of them: since no two
intervals are the same, the probes cannot all fall into such moments.
"""
LONGEST_FLICKER = 10.0
"""Seconds of failed attempts alone, `OUTAGE` or more, after which the service counts as down without a probe."""


class OutageDetector:
    """Tells an outage of the service from a flicker.

    After sixteen attempts in a row that were not answered, or three parts of divided requests, all workers wait, and
    one input at a time probes the service alone: four times at growing intervals, or eight times at short ones if every
    connection was refused. One answer ends the waiting; probes that all fail are an outage. Sixteen attempts that
    failed over ten seconds and more are no flicker, so they need no probe.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: a signal handler may stop the batch while it is held
        self._streak = self._parts = self._probes = 0
        self._all_refused = True
        self._failing_since = 0.0
        self._resume_at: float | None = None
        self._prober: object = None
        """The call whose request is the probe; None while no probe is out."""
        self._probed: Future[None] = Future()
        """A future that is done when the probe has come back, or when the call that was to be the probe has ended."""

    def note_answer(self) -> None:
        """Note that the service answers, whatever it says."""
        with self._lock:
            self._streak = self._parts = self._probes = 0
            self._resume_at = None
            self._end_probe()

    def note_failure(self, now: float, call: object = None, *, divided: bool = False, refused: bool = False) -> bool:
        """Note an attempt that was not answered; return whether the service is down.

        While the detector is `holding`, only a failure of the call that is the probe counts as a failed probe. Once the
        service is down, every further failure returns True as well, until `note_answer` is called.

        Args:
            now: The time in seconds, by the same clock as in `hold`.
            call: The call that made the attempt.
            divided: Whether its request was a part of one that was not answered.
            refused: Whether nobody listened where the service should be.
        """
        with self._lock:
            # `_all_refused` and `_failing_since` describe the current streak alone, so its first failure sets both
            # anew.
            self._all_refused = refused and (self._all_refused or not self._streak)
            self._failing_since = self._failing_since if self._streak else now
            self._streak += 1
            self._parts += divided
            if self._streak >= OUTAGE and now - self._failing_since >= LONGEST_FLICKER:
                return True
            if self._resume_at is None:
                if self._streak >= OUTAGE or self._parts >= PARTS:
                    self._resume_at = now + FIRST_PROBE
            elif self._prober is not None and self._prober is call:
                self._probes += 1
                self._resume_at = now + self._until_next_probe()
                self._end_probe()
            return self._probes >= (REFUSED_PROBES if self._all_refused else PROBES)

    def _until_next_probe(self) -> float:
        if self._all_refused:
            return REFUSED_PROBE + REFUSED_LATER * (self._probes - 1)
        return float(FIRST_PROBE * 2**self._probes)

    @property
    def holding(self) -> bool:
        """True while nothing but a probe may be sent."""
        return self._resume_at is not None

    def is_probe(self, call: object) -> bool:
        """Return whether the next request of a call is the probe."""
        return self._prober is call

    def hold(self, call: object, now: float) -> float | Future[None]:
        """Return 0 if a call may send its request now, be it as the probe.

        Otherwise return the seconds, or the future, after which the call has to ask again.
        """
        with self._lock:
            if self._resume_at is None or self._prober is call:
                return 0.0
            if self._prober is not None:
                return self._probed
            if now < self._resume_at:
                return self._resume_at - now
            self._prober = call
            return 0.0

    def release(self, call: object) -> None:
        """Let another call probe the service, if this one was to do it and has ended."""
        with self._lock:
            if self._prober is call:
                self._end_probe()

    def _end_probe(self) -> None:
        if self._prober is not None:
            self._prober, probed = None, self._probed
            self._probed = Future()
            probed.set_result(None)


@dataclass(eq=False)
class Streak:
    """Attempts in a row that went without an answer, of whichever inputs."""

    number: int
    """The number of the streak in the journal."""
    calls: set[int] = field(default_factory=set)
    """The calls with an attempt in it that was made for one input alone."""
    excused: bool = False
    """True once it is known that the service was at fault, so that none of them counts against its input."""


class Tries:
    """Finds out which tries of inputs were the service's fault, and do not count against the inputs.

    An input that is at fault is never answered, whereas a service that flickers answers later what it left unanswered
    before. So if one input of a streak is answered later on, in this run or another one, the service was at fault for
    the whole streak; and it was so in an outage.

    Args:
        excuse: Writes down, by its number, that a streak does not count against any input in it.
        last: The number of the last streak of earlier runs.
        step: The difference between the numbers of two streaks: if there are several objects of this class for one
            journal, each has numbers of its own.
    """

    def __init__(self, excuse: Callable[[int], None], last: int = 0, step: int = 1) -> None:
        self._excuse = excuse
        self._step = step
        self._lock = threading.RLock()  # reentrant, as in `OutageDetector`
        self._streak = Streak(last + 1)
        self._streaks: dict[int, set[Streak]] = {}
        """The streaks in which each call went without an answer, as long as the call is being carried out."""

    def note_failure(self, call: int) -> Streak:
        """Note a try that was not answered, and return the streak that it belongs to."""
        with self._lock:
            self._streak.calls.add(call)
            self._streaks.setdefault(call, set()).add(self._streak)
            return self._streak

    def note_answer(self, call: int | None) -> None:
        """Note that the service answers: end the current streak, and excuse the streaks that this call was in.

        A streak in which this call was the only one is not excused: it does not show that the service was at fault.

        Args:
            call: The number of the call that was answered; None, for a login or a poll, excuses no streak.
        """
        # Nearly every answer comes while nothing has failed, and needs no lock.
        if not self._streak.calls and not self._streaks:
            return
        with self._lock:
            if self._streak.calls:
                self._streak = Streak(self._streak.number + self._step)
            recovered = self._streaks.pop(call, set()) if call is not None else set()
        for streak in recovered:
            if streak.calls != {call}:
                self._excuse_all(streak)

    def note_outage(self) -> None:
        """Note that the service is down: excuse the current streak, with all tries that still join it.

        The streak goes on until `note_answer` is called.
        """
        self._excuse_all(self._streak)

    def forget(self, call: int) -> None:
        """Note that a call is no longer being carried out."""
        if self._streaks:
            with self._lock:
                self._streaks.pop(call, None)

    def _excuse_all(self, streak: Streak) -> None:
        with self._lock:
            fresh, streak.excused = not streak.excused, True
        if fresh:
            self._excuse(streak.number)
