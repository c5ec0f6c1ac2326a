"""The address of a keeper, the shared secret, and the certificates of a connection with TLS."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cloudai.errors import SettingsError

__all__ = ["CA", "SECRET", "Address", "address_of", "is_address", "secret_of", "server_context"]

SECRET = "CLOUDAI_KEEPER_SECRET"  # noqa: S105  # the name of the variable
"""The environment variable with the secret that a keeper shares with its workers."""
CA = "CLOUDAI_KEEPER_CA"
"""The environment variable with the file of the certificates that a worker trusts in a keeper with TLS."""
SHORTEST = 16
"""Characters that a secret has at least."""
USUAL_PORT = 8399
SCHEMES = {"keeper": False, "keeper+tls": True}
"""The beginnings of an address, and whether the connection has TLS."""


@dataclass(frozen=True)
class Address:
    """The address at which a keeper listens."""

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"keeper{'+tls' * self.tls}://{host}:{self.port}"

    def client_context(self) -> ssl.SSLContext | None:
        """Return how a worker checks the keeper's certificate; None without TLS.

        Raises:
            SettingsError: The file of certificates in the environment cannot be read.
        """
        if not self.tls:
            return None
        try:
            return ssl.create_default_context(cafile=os.environ.get(CA) or None)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"{CA} cannot be read ({error})", advice="Give a file of certificates (PEM).") from None


def is_address(journal: Any) -> bool:
    """Return whether the journal of a batch is the address of a keeper, and not a path."""
    return isinstance(journal, str) and journal.partition("://")[0].lower() in SCHEMES and "://" in journal


def address_of(text: str) -> Address:
    """Return the address that a text spells: ``keeper://HOST:PORT``, or ``keeper+tls://HOST:PORT``.

    ``keeper://`` may be left out, and so may the port, which is `USUAL_PORT` then.

    Raises:
        SettingsError: It spells none, or holds more than an address.
    """
    try:
        parts = urlsplit(text if "://" in text else f"keeper://{text}")
        host, port = parts.hostname, USUAL_PORT if parts.port is None else parts.port
    except ValueError:
        host, port = None, 0
    more = "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment if host else None
    if not host or more or parts.scheme not in SCHEMES:
        # The text is not shown: somebody may have put a secret into it.
        raise SettingsError(
            "the address of the keeper cannot be used",
            advice=f"Give keeper://HOST:PORT, and the secret in the environment variable {SECRET}.",
        )
    return Address(host, port, SCHEMES[parts.scheme])


def secret_of(given: str | None = None) -> bytes:
    """Return the secret that was given, or that of the environment.

    Raises:
        SettingsError: There is no secret, or it is too short.
    """
    secret = (os.environ.get(SECRET) or "") if given is None else given
    if len(secret) < SHORTEST:
        raise SettingsError(
            "the secret of the keeper is too short" if secret else "the secret of the keeper is missing",
            advice=f"Set {SECRET} to the same {SHORTEST} or more random characters for the keeper and its workers, for "
            'example to the output of: python -c "import secrets; print(secrets.token_urlsafe(32))".',
        )
    return secret.encode()


def server_context(certificate: str | os.PathLike[str] | None, key: str | os.PathLike[str] | None) -> Any:
    """Return how a keeper shows its certificate; None where none is given.

    Raises:
        SettingsError: The certificate or its key cannot be read.
    """
    if certificate is None:
        return None
    # CLIENT_AUTH is the purpose of a server's context: Python names it after the clients that a server may
    # authenticate.
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"the certificate of the keeper cannot be read ({error})", advice="Give a certificate and its key (PEM)."
        ) from None
    return context
