"""What the engine asks of whoever answers a call. `cloudai.providers.base.Provider` is the class that keeps to it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import ServiceError

__all__ = ["Token", "Vendor"]


@dataclass(frozen=True)
class Token:
    """A bearer token, when it ends (epoch seconds), and the headers that go beside it."""

    value: str
    expires_at: float
    headers: Mapping[str, str] = field(default_factory=dict)

    def is_old(self, now: float | None = None) -> bool:
        """Tell whether it should be fetched anew: with less than five minutes left, a long upload may outlive it."""
        return self.expires_at - (time.time() if now is None else now) < 300  # noqa: PLR2004

    def __repr__(self) -> str:
        return f"Token(…, expires_at={self.expires_at})"


class Vendor(Protocol):
    """Whoever answers a call: its credentials, and its replies."""

    @property
    def name(self) -> str:
        """The name of the provider."""

    def account(self) -> str | None:
        """Return a digest of the keys and logins at hand, or None where there are none."""

    def secrets(self) -> list[str]:
        """Return the keys at hand, so that nothing repeats them."""

    def token(self, service: str) -> Flow[Token] | None:
        """Return the flow that fetches a token for a service, or None where a key serves it."""

    def login(self, service: str) -> str:
        """Return which login a service has; services of one login share its token."""

    def sign(self, request: Request, token: Token | None) -> Request:
        """Return the request with its credentials."""

    def error(self, response: Response) -> ServiceError:
        """Return the error that a reply outside 2xx stands for."""

    def request_id(self, response: Response) -> str | None:
        """Return the vendor's name for an exchange."""
