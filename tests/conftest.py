"""What all tests share: both clients under one name, and the recordings where they are there."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudai import AsyncClient, Client
from cloudai.core.flow import Request, Response
from tests.support.paths import RECORDINGS

VENDOR_SETTINGS = (
    *("GOOGLE_", "AZURE_", "VISION_", "FACE_", "LANGUAGE_", "SPEECH_"),
    *("NATURAL_LANGUAGE_UNDERSTANDING_", "IBM_CREDENTIALS_FILE", "VCAP_SERVICES", "CLOUDAI_"),
    *("GCE_METADATA_", "K_SERVICE", "GAE_SERVICE", "IDENTITY_", "MSI_"),
)

os.environ.pop("CLOUDAI_CACHE_DIR", None)  # processes that a module's fixture starts have no cache on the loopback


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A key in the developer's environment changes no test."""
    for name in list(os.environ):
        if name.startswith(VENDOR_SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path_factory.mktemp("gcloud")))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDAI_STATE_DIR", str(tmp_path_factory.mktemp("state")))
    monkeypatch.setenv("CLOUDAI_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    if (Path.home() / "ibm-credentials.env").exists():
        monkeypatch.setenv("HOME", os.devnull)


class Caller:
    """Calls an operation through one of the two clients, so that a test reads the same for both."""

    def __init__(self, colour: str) -> None:
        self.colour = colour

    def __call__(
        self,
        provider: Any,
        operation: str,
        *args: Any,
        send: Callable[[Request], Any] | None = None,
        **options: Any,
    ) -> Any:
        """Make a client, call the operation, close the client; client options begin with ``client_``."""
        settings = {k.removeprefix("client_"): v for k, v in options.items() if k.startswith("client_")}
        options = {k: v for k, v in options.items() if not k.startswith("client_")}
        if self.colour == "blocking":
            with Client(provider, send=send, **settings) as client:
                return getattr(client, operation)(*args, **options)
        return asyncio.run(self._await(provider, operation, args, send, options, settings))

    async def _await(
        self,
        provider: Any,
        operation: str,
        args: Any,
        send: Any,
        options: dict[str, Any],
        settings: dict[str, Any],
    ) -> Any:
        async def asend(request: Request) -> Response:
            reply = send(request)
            return await reply if inspect.isawaitable(reply) else reply

        if sleep := settings.get("sleep"):

            async def asleep(seconds: float) -> None:
                sleep(seconds)

            settings["sleep"] = asleep
        async with AsyncClient(provider, send=asend if send else None, **settings) as client:
            return await getattr(client, operation)(*args, **options)


@pytest.fixture(params=["blocking", "awaiting"])
def call(request: pytest.FixtureRequest) -> Caller:
    """Each test that asks for it runs under both clients."""
    return Caller(request.param)


@pytest.fixture
def recordings() -> Path:
    """The folder of recorded exchanges; the test is skipped where it is not there."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"the recordings are not here ({RECORDINGS})")
    return RECORDINGS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sockets are blocked in every test; those marked ``loopback`` may talk to 127.0.0.1."""
    for item in items:
        if item.get_closest_marker("loopback"):
            item.add_marker(pytest.mark.enable_socket)
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1"]))
