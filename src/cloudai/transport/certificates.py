"""The certificates that are trusted: those of the system, or of a file that the user or the environment names."""

from __future__ import annotations

import functools
import os
import ssl
from pathlib import Path

import httpx2

from cloudai.errors import SettingsError

__all__ = ["tls"]

CA_FILE = "It is the path of a file with certificates in PEM; without it those of the system are trusted."


@functools.cache
def tls(cafile: str | None = None) -> ssl.SSLContext:
    """Return a TLS context that trusts the CA file, or the usual certificates if there is none.

    It is made once in a process for each file, and once for the usual certificates, because that takes 18 ms. A later
    change of the file, or of a variable of the environment, has no effect in this process.

    Raises:
        SettingsError: The file, or one that a variable of the environment names, cannot be used.
    """
    try:
        if cafile is not None:
            return ssl.create_default_context(cafile=cafile)
        if not _folder_is_missing():
            return httpx2.create_ssl_context()
    except (OSError, ValueError):  # ssl.SSLError is an OSError; ValueError comes of a NUL in a path
        pass
    # This is outside `except`: the cause would show a path that may be anything.
    raise _broken(given=cafile is not None)


def _broken(*, given: bool) -> SettingsError:
    """Return the error for the first setting of certificates that cannot be used."""
    if not _can_be_written(os.environ.get("SSLKEYLOGFILE", "")):
        return SettingsError(
            "SSLKEYLOGFILE is a file that cannot be written",
            advice="Unset it, unless you want to decrypt the traffic of this process.",
        )
    if given:
        return SettingsError("verify= is no file of certificates that can be read", advice=CA_FILE)
    if os.environ.get("SSL_CERT_FILE"):
        return SettingsError("SSL_CERT_FILE is no file of certificates that can be read", advice=CA_FILE)
    if _folder_is_missing():
        return SettingsError(
            "SSL_CERT_DIR is no folder", advice="Unset it, and the certificates of the system are trusted."
        )
    return SettingsError(
        "the certificates of the system cannot be read", advice="Give verify= the path of a file with certificates."
    )


def _folder_is_missing() -> bool:
    """Return whether SSL_CERT_DIR counts and names no folder; OpenSSL would then trust nobody, and not say why."""
    folders = os.environ.get("SSL_CERT_DIR", "")
    only_folders = bool(folders) and not os.environ.get("SSL_CERT_FILE")
    return only_folders and not any(Path(folder).is_dir() for folder in folders.split(os.pathsep))


def _can_be_written(path: str) -> bool:
    """Return whether a file can be appended to, or made; no file is made by asking."""
    file = Path(path)
    return not path or (os.access(file if file.exists() else file.parent, os.W_OK) and not file.is_dir())
