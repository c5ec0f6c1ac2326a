"""Where an address leads: which of them are one place, so that a key may go to the second as it went to the first."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

__all__ = ["origin", "split"]

PLAIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?(?=[/?#]|$)", re.IGNORECASE
)
PORTS = {"https": 443, "http": 80}


def split(address: str) -> SplitResult:
    """The parts of an address; all of them empty where it is none."""
    try:
        parts = urlsplit(address.strip())
        parts.port  # noqa: B018  # a wrong one is found when it is asked for
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts


def origin(address: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None where it is not written plainly: two readers may understand it differently.

    Not plain are a name or password, a host with a backslash, a blank or a letter that is not ASCII, a path alone.
    """
    found = PLAIN.match(address)
    if found is None or not address.isprintable():
        return None
    scheme = found["scheme"].lower()
    return scheme, found["host"].lower(), int(found["port"] or PORTS[scheme])
