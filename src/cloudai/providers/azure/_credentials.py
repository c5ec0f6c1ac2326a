"""The logins of Azure: a credential of azure-identity, or any object that has its ``get_token``.

https://learn.microsoft.com/python/api/overview/azure/identity-readme
"""

from __future__ import annotations

import inspect
import os
import re
from typing import Any, Protocol
from urllib.parse import urlsplit

from cloudai.core.tokens import Token
from cloudai.errors import CloudAIError, ConnectError, SettingsError
from cloudai.providers._credentials import Login, refusal

__all__ = ["AzureLogin", "Credential", "given_login", "require_own_address", "scope"]

DEFAULT = "default"
NO_COMMANDS = {
    "exclude_cli_credential": True,
    "exclude_developer_cli_credential": True,
    "exclude_powershell_credential": True,
}
"""The arguments of ``DefaultAzureCredential`` by which it starts no program."""
LOG_IN = (
    "Log in: az login; or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET. "
    "The login needs the role Cognitive Services User on the resource."
)


class Credential(Protocol):
    """The protocol that azure-core calls ``TokenCredential``."""

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        """Return an object with the token as ``token`` and the end of its life as ``expires_on``, in epoch seconds."""


class AzureLogin(Login):
    """A login of Azure: a credential given by the user, or the chain of azure-identity that tries all logins here."""

    package, extra = "azure.identity", "azure-identity"

    def __init__(self, credential: Credential | None = None, *, commands: bool = False) -> None:
        super().__init__(f"the login {type(credential).__name__}" if credential else "Azure's default login", LOG_IN)
        self._credential = credential
        self._commands = commands
        self.identity = None if credential else DEFAULT  # a quota belongs to a resource, which the address names

    def _fetch(self, scope: str, *_: Any) -> Token:
        """Ask the credential for a token for this scope; make Azure's default credential first if none was given.

        An error of the credential is passed on; `token` replaces it by an error of ours.
        """
        if self._credential is None:
            # The import is here because a call with a key needs no azure-identity, which is an extra.
            from azure.identity import DefaultAzureCredential

            self._credential = DefaultAzureCredential(**({} if self._may_run_commands() else NO_COMMANDS))
        token = self._credential.get_token(scope)
        return Token(token.token, float(token.expires_on))

    # A login that nobody has asked for must not start programs that happen to be on the PATH.
    def _may_run_commands(self) -> bool:
        """Return whether the login may start programs (az, azd, PowerShell): only if the user has asked for it.

        The user asks for it by ``credential="default"``, or by AZURE_TOKEN_CREDENTIALS, which says what is tried.
        """
        return self._commands or bool(os.environ.get("AZURE_TOKEN_CREDENTIALS", "").strip())

    def require_package(self) -> None:
        """Raise MissingExtraError where the default login is used and azure-identity is not installed."""
        if self._credential is None:
            super().require_package()

    def _told(self, error: Exception) -> CloudAIError:
        # The classes are compared by name, because a credential may come without azure-core.
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "CredentialUnavailableError" in kinds:
            return SettingsError(f"{self} is not there: nobody is logged in", advice=LOG_IN)
        if kinds & {"ServiceRequestError", "ServiceResponseError"}:
            return ConnectError(
                f"{self} cannot reach its server ({type(error).__name__})",
                advice="Check the network, and HTTPS_PROXY if there is a proxy.",
            )
        # Only the number of the error is repeated: Entra's sentences quote the application and the tenant.
        status = getattr(error, "status_code", None)  # MSAL, which azure-identity uses, has none
        # The number of an error of Entra: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
        code = re.search(r"\bAADSTS\d{3,9}\b", str(error))
        if "HttpResponseError" in kinds and (status or code):
            return refusal(self, status, {"code": code and code[0]}, LOG_IN)
        return super()._told(error)


def given_login(given: Any) -> AzureLogin | None:
    """Return the login for ``credential=``, or None where nothing was given.

    Raises:
        SettingsError: The value is neither "default" nor a blocking credential.
    """
    if given is None:
        return None
    if given == DEFAULT:
        return AzureLogin(commands=True)
    get_token = getattr(given, "get_token", None)
    if not callable(get_token):
        kind = type(given).__name__
        raise SettingsError(
            f"credential= is a {kind}, which has no get_token",
            advice=f'Give "{DEFAULT}" or a credential of azure-identity; a key goes into key=.',
        )
    # Tokens are fetched in a thread. A coroutine that is called there gives an object that nobody awaits, and no token.
    if inspect.iscoroutinefunction(get_token):
        raise SettingsError(
            "credential= is one of azure.identity.aio",
            advice="Give its twin of azure.identity: it does not stop the event loop here.",
        )
    return AzureLogin(given)


SCOPES = {
    ".azure.us": "https://cognitiveservices.azure.us/.default",
    ".azure.cn": "https://cognitiveservices.azure.cn/.default",
}


def scope(address: str) -> str:
    """Return the scope that a token is asked for: the AI services of the cloud to which the address belongs."""
    host = urlsplit(address).hostname or ""
    # Tokens for the scope of the public cloud are not valid in the clouds of the US government and of China.
    known = (scope for ending, scope in SCOPES.items() if host.endswith(ending))
    return next(known, "https://cognitiveservices.azure.com/.default")


REGIONAL = re.compile(r"(^|\.)api(-[a-z]+)?\.cognitive\.|^api\.translator\.|\.(stt|tts|s2s)\.speech\.")


def require_own_address(address: str) -> None:
    """Raise SettingsError where the address is a region's: Entra's tokens are valid only at a resource's own.

    https://learn.microsoft.com/azure/ai-services/cognitive-services-custom-subdomains
    """
    host = urlsplit(address).hostname or ""
    if REGIONAL.search(host):
        raise SettingsError(
            f"a login needs the resource's own address, and {host} is shared by many",
            advice="Give https://NAME.cognitiveservices.azure.com (Azure portal: Networking, Custom domain name), "
            "or use a key.",
        )
