"""`Vendor` is what the engine requires of a provider; `cloudai.providers.base.Provider` is the class that has it."""

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
    """A bearer token, the time at which it expires (epoch seconds), and the headers that are sent beside it."""

    value: str
    expires_at: float
    headers: Mapping[str, str] = field(default_factory=dict)

    def is_old(self, now: float | None = None) -> bool:
        """Return whether the token should be replaced: with less than five minutes left, a long upload may outlive it.

        Args:
            now: Epoch seconds; None takes the time of day.
        """
        return self.expires_at - (time.time() if now is None else now) < 300  # noqa: PLR2004

    # The value is a credential, and crash reports show the repr of every variable.
    def __repr__(self) -> str:
        return f"Token(…, expires_at={self.expires_at})"


class Vendor(Protocol):
    """A provider as the engine sees it: its credentials, and its replies."""

    @property
    def name(self) -> str:
        """The name of the provider."""

    def account(self) -> str | None:
        """Return a digest of the keys and logins at hand, or None where there are none."""

    def secrets(self) -> list[str]:
        """Return the keys at hand, which no error, log or result may repeat."""

    def token(self, service: str) -> Flow[Token] | None:
        """Return the flow that fetches a token for a service, or None where a key serves it."""

    def login(self, service: str) -> str:
        """Return the name of the login that a service has; services of one login share its token."""

    def host_setting(self, service: str) -> str | None:
        """Return how an error names the setting that says where a service is, or None where no setting does."""

    def sign(self, request: Request, token: Token | None) -> Request:
        """Return the request with its credentials."""

    def error(self, response: Response) -> ServiceError:
        """Return the error that a reply outside 2xx stands for."""

    def request_id(self, response: Response) -> str | None:
        """Return the vendor's identifier of an exchange, or None where the reply has none."""
