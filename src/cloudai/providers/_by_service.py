"""`ByService` is the base class for vendors whose services each have a key and an address of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from cloudai.errors import MissingExtraError, SettingsError
from cloudai.providers.base import Provider

__all__ = ["HOW", "UNKNOWN", "ByService"]

UNKNOWN = "https://{endpoint}"
"""The address of a service where none is set, for offline clients: cassettes have it in place of the real one."""
HOW = "(Windows: setx, then open a new window)."
"""The end of advice to set an environment variable."""


class ByService(Provider):
    """A provider whose services are set up one by one: a call needs only the settings of its own service."""

    services: ClassVar[tuple[str, ...]]
    service_of: ClassVar[Mapping[str, str]]
    """The service of each operation."""

    scope_settings: ClassVar[tuple[str, ...]]
    """Endings of the names of the settings that say where a service is."""

    def _argument(self, name: str) -> str:
        # No constructor has an argument "vision_key": users write vision=Resource(key=…), and an error has to name what
        # they wrote.
        service = next((service for service in self.services if name.startswith(f"{service}_")), None)
        return f"{name.removeprefix(f'{service}_')} in {service}=" if service else super()._argument(name)

    def cache_scope(self, operation: str) -> dict[str, str]:
        """Return the addresses and regions, and no credentials."""
        # Keys are left out: an answer stays valid when a key is renewed, and no key may get into a journal or a cache.
        return {
            name: value for name, value in super().cache_scope(operation).items() if name.endswith(self.scope_settings)
        }

    def base(self, service: str) -> str:
        """Return the beginning of a service's addresses, or `UNKNOWN` where none is set.

        Raises:
            SettingsError: What is set is no address.
        """
        raise NotImplementedError

    def require_set(self, service: str) -> None:
        """Raise an error where something is missing that a call of the service needs.

        Raises:
            SettingsError: The key or the address is not set; the text says what to set.
            MissingExtraError: The service has a login whose package is not installed.
        """
        raise NotImplementedError

    def missing(self, operation: str | None = None) -> str | None:
        """Return which key or address is missing and how to set it, or None where nothing is.

        Args:
            operation: The operation that is to be called. None asks whether any service is ready.
        """
        # One service that is ready is enough: a user who has set up Vision alone has done nothing wrong.
        if operation is None:
            lacking = [self._lacking(service) for service in self.services]
            return None if None in lacking else lacking[0]
        return self._lacking(self.service_of[operation]) if operation in self.service_of else None

    def _lacking(self, service: str) -> str | None:
        """Return what a service lacks, or what is wrong with its address, as a sentence; None if it is ready."""
        try:
            self.require_set(service)
            self.base(service)
        # These two errors say what is missing. Any other error is a fault of the program, and is passed on.
        except (SettingsError, MissingExtraError) as error:
            return str(error)
        return None
