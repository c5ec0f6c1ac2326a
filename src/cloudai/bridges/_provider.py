"""A provider whose requests an official client signs and sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

from cloudai.core.flow import Flow, Request
from cloudai.core.tokens import Token
from cloudai.operations import OPERATIONS
from cloudai.providers.base import Capability, Provider

__all__ = ["served"]


class _Served(Provider):
    """Needs no key of ours, and has none to tell accounts apart by."""

    served_by: str

    def token(self, service: str) -> Flow[Token] | None:  # noqa: ARG002
        """None: the client has its credentials."""
        return None

    def login(self, service: str) -> str:  # noqa: ARG002
        """None of ours."""
        return ""

    def sign(self, request: Request, token: Token | None) -> Request:  # noqa: ARG002
        """The request as it is."""
        return request

    def require_set(self, service: str) -> None:
        """Of a vendor whose services each have a key: none is needed."""

    def account(self) -> str | None:
        """Unknown: the keys are the client's own."""
        return None

    def __repr__(self) -> str:
        return f"<{self.name} by {self.served_by}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client made by from_vendor does not pickle: the vendor's client has a key, and connections")


def served(base: type[Provider], client: Any, url: str, serves: Sequence[str], **settings: Any) -> Provider:
    """The provider of one official client, which refuses the operations that go elsewhere.

    Args:
        base: The vendor.
        client: Its official client.
        url: Where that sends to.
        serves: The operations that go there.
        settings: Of ``base``.
    """
    who = type(client).__name__
    others = [operation for operation in OPERATIONS if operation not in serves]
    note = f"{who} serves {', '.join(serves)}"
    kind = type(
        base.__name__,
        (_Served, base),
        {
            "served_by": who,
            "hosts": (urlsplit(url).netloc or url,),
            "absent": {**{o: Capability(o, "absent", note) for o in others}, **base.absent},
            # Not to override is to refuse: see `Provider`.
            **{operation: getattr(Provider, operation) for operation in others},
        },
    )
    return cast("Provider", kind(**settings))
