"""Google with a login that needs no token, for the APIs that take no key."""

from __future__ import annotations

from typing import Any

from cloudai import Google, Request

__all__ = ["LoggedIn"]


class LoggedIn(Google):
    """A provider that signs nothing, because nobody is asked for a token."""

    def token(self, service: str) -> None:
        """Return None: there is no token."""

    def sign(self, request: Request, token: Any) -> Request:
        """Return the request as it is."""
        return request
