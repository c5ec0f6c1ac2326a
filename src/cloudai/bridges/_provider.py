"""A provider whose requests an official client signs and sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

from cloudai.core.flow import Flow, Request
from cloudai.core.tokens import Token
from cloudai.errors import SettingsError
from cloudai.operations import OPERATIONS
from cloudai.providers.base import Capability, Provider
from cloudai.providers.settings import address_in

__all__ = ["served"]


class _Served(Provider):
    """A provider that needs no key of ours, and therefore cannot tell accounts apart."""

    served_by: str

    def token(self, service: str) -> Flow[Token] | None:  # noqa: ARG002
        """Return None: the official client has credentials of its own."""
        return None

    def login(self, service: str) -> str:  # noqa: ARG002
        """Return "": there is no login of ours."""
        return ""

    def sign(self, request: Request, token: Token | None) -> Request:  # noqa: ARG002
        """Return the request as it is: the official client signs it."""
        return request

    def require_set(self, service: str) -> None:
        """Accept that nothing is set: the official client has the key."""

    def require_chat(self, *, asked: bool) -> None:
        """Accept that nothing is set: the official client has the key."""

    # Two clients with different keys must not share one count of requests, and cloudai does not know the keys.
    def account(self) -> str | None:
        """Return None: cloudai does not know the keys of the official client."""
        return None

    def destinations(self) -> tuple[str, ...]:
        """Return the host of the official client."""
        return self.hosts

    def host_setting(self, service: str) -> str | None:  # noqa: ARG002
        """Return that the official client has the address."""
        return f"the endpoint of {self.served_by}"

    def __repr__(self) -> str:
        return f"<{self.name} by {self.served_by}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client made by from_vendor does not pickle: the vendor's client has a key, and connections")


def served(base: type[Provider], client: Any, url: str, serves: Sequence[str] | None, **settings: Any) -> Provider:
    """Return the provider of one official client, which refuses the operations of other services.

    Args:
        base: The vendor's provider.
        client: The official client.
        url: The address to which the client sends.
        serves: The operations of the client's service; None where it is the vendor's chat model.
        settings: The arguments of ``base``.

    Raises:
        SettingsError: The address of the client is none.
    """
    who = type(client).__name__
    # Google's clients give a host without a scheme.
    if address_in(url if "://" in url else f"https://{url}") is None:
        raise SettingsError(f"the endpoint of {who} is no address", advice="Make that client with https://HOST.")
    others = [operation for operation in OPERATIONS if operation not in (serves or ())]
    note = f"{who} serves {'a chat model' if serves is None else ', '.join(serves)}"
    # A class is made, because a provider declares what it can do by the methods of its class.
    kind = type(
        base.__name__,
        (_Served, base),
        {
            "served_by": who,
            "hosts": (urlsplit(url).netloc or url,),
            "generative": base.generative if serves is None else {},
            "absent": {**{o: Capability(o, "absent", note) for o in others}, **base.absent},
            # An operation that a provider does not override is refused: see `Provider`.
            **{operation: getattr(Provider, operation) for operation in others},
            **({} if "text_to_speech" in (serves or ()) else {"voices": Provider.voices}),
        },
    )
    return cast("Provider", kind(**settings))
