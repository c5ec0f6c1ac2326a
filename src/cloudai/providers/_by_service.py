"""Vendors whose services each have a key and an address of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from cloudai.errors import MissingExtraError, SettingsError
from cloudai.providers.base import Provider

__all__ = ["HOW", "UNKNOWN", "ByService"]

UNKNOWN = "https://{endpoint}"
"""The address where none is set, offline: what cassettes have in its place."""
HOW = "(Windows: setx, then open a new window)."


class ByService(Provider):
    """What is missing is told of the very service that a call needs."""

    services: ClassVar[tuple[str, ...]]
    service_of: ClassVar[Mapping[str, str]]
    """The service of each operation."""

    scope_settings: ClassVar[tuple[str, ...]]
    """How the settings end that say where a service is."""

    def cache_scope(self, operation: str) -> dict[str, str]:
        """The addresses and regions; not who signs."""
        return {
            name: value for name, value in super().cache_scope(operation).items() if name.endswith(self.scope_settings)
        }

    def base(self, service: str) -> str:
        """The beginning of a service's addresses, `UNKNOWN` where none is set; SettingsError where it is no address."""
        raise NotImplementedError

    def require_set(self, service: str) -> None:
        """SettingsError where key or address of a service is not there, with what to set.

        MissingExtraError where it has a login whose package is not there.
        """
        raise NotImplementedError

    def missing(self, operation: str | None = None) -> str | None:
        """Says which key or address is not there, and how to set it; of all services, where one is ready."""
        if operation is None:
            lacking = [self._lacking(service) for service in self.services]
            return None if None in lacking else lacking[0]
        return self._lacking(self.service_of[operation]) if operation in self.service_of else None

    def _lacking(self, service: str) -> str | None:
        try:
            self.require_set(service)
            self.base(service)
        except (SettingsError, MissingExtraError) as error:
            return str(error)
        return None
