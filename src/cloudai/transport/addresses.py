"""Names are looked up here, in threads, and the addresses of a host are put into the order in which they are tried.

The system's resolver knows no deadline, and may hang for minutes. So each look-up runs in a daemon thread, which a
caller that is out of time gives up, and which the process does not wait for at its end. Callers that ask for the same
name at the same time share one look-up, so that a name that hangs holds a few threads, however many calls there are.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, zip_longest

from cloudai.core.drivers.shared import apart
from cloudai.errors import SettingsError
from cloudai.transport.connections import HOW_PROXY, NO_PROXY

__all__ = ["DELAY", "looked_up", "socket_address", "tried_in_turn"]

DELAY = 0.25
"""Seconds after which the next address is tried while the last one has not answered (RFC 8305, section 5)."""

AGAIN = 5.0
"""Seconds after which a new caller no longer joins a look-up that has not ended, and begins another one. The usual
resolver sends its question anew after so many."""

MOST_LOOKUPS = 4
"""Look-ups of one name that run at the same time at most; further callers join the last one."""


@dataclass(eq=False)
class _Lookup:
    """One look-up that has not ended."""

    began: float = field(default_factory=time.monotonic)
    answer: Future[list[str]] = field(default_factory=Future)


_running: dict[tuple[str, int], list[_Lookup]] = {}

_lock = threading.Lock()


def looked_up(host: str, port: int) -> Future[list[str]]:
    """Return a future of the addresses of a host, each once, in the order of the system's resolver.

    Other callers may wait for the same future, so that it cannot be cancelled. It raises OSError where the host has no
    address, and SettingsError where the port is none: of the addresses that lead here only that of a proxy in the
    environment was not checked before.
    """
    if not 0 <= port < 65_536:  # noqa: PLR2004
        raise SettingsError(NO_PROXY, advice=HOW_PROXY)
    try:
        answer: Future[list[str]] = Future()
        answer.set_result([str(ipaddress.ip_address(host))])
    except ValueError:
        return _shared((host, port))
    return answer


def _shared(name: tuple[str, int]) -> Future[list[str]]:
    with _lock:
        lookups = _running.setdefault(name, [])
        if not lookups or (len(lookups) < MOST_LOOKUPS and time.monotonic() - lookups[-1].began >= AGAIN):
            lookup = _Lookup()
            # The thread takes the lock only when it ends, so it can be started while the lock is held.
            lookup.answer = apart(partial(_resolved, name, lookup))
            lookups.append(lookup)
        return lookups[-1].answer


def _resolved(name: tuple[str, int], lookup: _Lookup) -> list[str]:
    host, port = name
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label of more than 63 letters
        raise OSError(str(error)) from None
    finally:
        # This is before the answer is given, so that whoever asks after it asks anew.
        with _lock, suppress(KeyError, ValueError):  # a forked process has forgotten the look-ups of its parent
            _running[name].remove(lookup)
            if not _running[name]:
                del _running[name]
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def _forget() -> None:
    """Forget all look-ups in a forked process, in which their threads do not run."""
    global _lock  # noqa: PLW0603  # another thread of the parent may have held it
    _lock = threading.Lock()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def tried_in_turn(addresses: list[str]) -> list[str]:
    """Return the addresses with IPv6 and IPv4 by turns, beginning with the kind of the first (RFC 8305, section 4)."""
    kinds: dict[int, list[str]] = {}
    for address in addresses:
        kinds.setdefault(_version(address), []).append(address)
    return [address for address in chain.from_iterable(zip_longest(*kinds.values())) if address is not None]


def socket_address(address: str, port: int) -> tuple[socket.AddressFamily, tuple[str | int, ...]]:
    """Return the family of an IP address, and what a socket of that family connects or binds to."""
    if _version(address) == 4:  # noqa: PLR2004
        return socket.AF_INET, (address, port)
    host, _, zone = address.partition("%")
    return socket.AF_INET6, (host, port, 0, _index_of(zone))


def _index_of(zone: str) -> int:
    if not zone or zone.isdigit():
        return int(zone or 0)
    return socket.if_nametoindex(zone)


def _version(address: str) -> int:
    """Return 4 or 6 for an IP address, which has been parsed before."""
    return 6 if ":" in address else 4
