"""The parts that users build on: the public names, the two clients, the cost of importing, pickling."""

from __future__ import annotations

import ast
import asyncio
import inspect
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import AsyncClient, Client
from cloudai.operations import OPERATIONS
from cloudai.providers.registry import find
from tests.made_up.provider import MadeUp, ok


def test_all_is_exactly_the_public_names() -> None:
    """__all__ is sorted, complete, and every name is there."""
    assert cloudai.__all__ == sorted(cloudai.__all__)
    public = {n for n, v in vars(cloudai).items() if not n.startswith("_") and not inspect.ismodule(v)}
    hidden = {"annotations", "TYPE_CHECKING", "Any", "BUILT_IN"}
    assert public - hidden <= set(cloudai.__all__)
    assert all(getattr(cloudai, name) is not None for name in cloudai.__all__)


def test_what_is_loaded_late_is_what_type_checkers_see() -> None:
    """The table of modules that are loaded on first use names what is imported for type checkers, and nothing else."""
    tree = ast.parse(Path(cloudai.__file__).read_text("utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {node.module: tuple(alias.name for alias in node.names) for node in block.body if node.module != "typing"}
    assert seen == cloudai._EXPORTS
    assert {name for names in seen.values() for name in names} | {"__version__"} == set(cloudai.__all__)


@pytest.mark.long
def test_importing_loads_nothing_that_is_not_used_yet() -> None:
    """`import cloudai` loads two of its files, and no other package."""
    code = (
        "import sys; before = set(sys.modules); import cloudai; after = set(sys.modules) - before; "
        "print(sorted(m for m in after if m.startswith('cloudai') or m in {'pydantic', 'httpx2', 'asyncio', 'PIL'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['cloudai', 'cloudai._version']"


@pytest.mark.long
def test_a_first_call_loads_what_it_needs() -> None:
    """A blocking call about a text loads no batch, no picture library, no prompt, and fewer than 116 of our files."""
    reply = '{"documentSentiment": {"score": 0.5, "magnitude": 1}, "languageCode": "ko", "sentences": []}'
    code = (
        "import sys, cloudai; "
        f"reply = cloudai.Response(200, {{'content-type': 'application/json'}}, {reply.encode()!r}); "
        "client = cloudai.Client(cloudai.Google(api_key='not-a-real-key'), send=lambda _: reply); "
        "assert client.sentiment('맛있어요!').score == 0.5; "
        "ours = [name for name in sys.modules if name.startswith('cloudai')]; "
        "heavy = {'PIL', 'tqdm', 'platformdirs', 'cloudai.batch.batch', 'cloudai.bridges', 'cloudai.async_client'}; "
        "heavy |= {'cloudai.providers._generative.prompts'}; "
        "print(len(ours), sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, _, heavy = done.stdout.strip().partition(" ")
    assert heavy == "[]"
    # cloudai has a module for each of these: recordings and their pieces, memory, documents, wording, the chat model,
    # outages, object stores, fetched files, retirements, and each kind of operation.
    assert int(count) < 116


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A slip of the pen is told as Python tells it."""
    with pytest.raises(AttributeError, match="Clinet"):
        _ = cloudai.Clinet


@pytest.mark.parametrize("operation", OPERATIONS)
def test_both_clients_are_the_same(operation: str) -> None:
    """Each operation has one signature and one docstring; the awaiting one is a coroutine."""
    blocking, awaiting = getattr(Client, operation), getattr(AsyncClient, operation)
    assert inspect.signature(blocking) == inspect.signature(awaiting)
    assert blocking.__doc__ == awaiting.__doc__
    assert blocking.__doc__
    assert inspect.iscoroutinefunction(awaiting)
    assert not inspect.iscoroutinefunction(blocking)


def test_both_clients_have_the_same_public_names() -> None:
    """Nothing is in one client only."""

    def names(kind: type[Any]) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert names(Client) == names(AsyncClient)
    assert inspect.signature(Client) == inspect.signature(AsyncClient)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_providers_take_what_clients_pass(operation: str) -> None:
    """A provider's operation has the client's options, without defaults: those are in one place."""
    options = {
        name: parameter
        for name, parameter in inspect.signature(getattr(Client, operation)).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for kind in (cloudai.Provider, *(find(name) for name in cloudai.names())):
        taken = inspect.signature(getattr(kind, operation)).parameters
        keyword_only = {n: p for n, p in taken.items() if p.kind is p.KEYWORD_ONLY}
        assert list(keyword_only) == list(options), kind
        assert all(p.default is p.empty for p in keyword_only.values()), kind


@pytest.mark.long
def test_importing_loads_no_vendor_and_no_picture_library() -> None:
    """`import cloudai` loads no vendor's module, no Pillow, no OpenCV, no NumPy."""
    code = (
        "import sys, cloudai; "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in "
        "('PIL', 'cv2', 'numpy', 'google', 'vaderSentiment', 'tinytag') "
        "or m.split('.')[1:3] in (['providers', v] for v in ('azure', 'google', 'local', 'watson'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_operation_nobody_has_says_so_before_anything_is_sent() -> None:
    """The error names who can, or that nobody can yet; the client knows without asking."""
    with Client(MadeUp(), send=lambda _: ok({})) as client:
        assert not client.supports("translate")
        with pytest.raises(cloudai.UnsupportedOperationError, match="made-up: translate is not available") as raised:
            client.translate("x", to="ko")
        with pytest.raises(cloudai.UnsupportedOperationError, match="Available from: azure, google, watson, local"):
            client.detect_faces(b"")
    assert raised.value.attempts == 0


def test_a_provider_that_is_not_there_is_told_with_those_that_are() -> None:
    """The error lists what is available."""
    with pytest.raises(cloudai.SettingsError, match="Available: azure, google, watson, local"):
        find("naver")


def test_capabilities_are_known_without_an_account() -> None:
    """Every operation has a status for every provider; what is offered has a page and the date it was checked."""
    for name in cloudai.names():
        capabilities = find(name).capabilities()
        assert tuple(capabilities) == tuple(OPERATIONS)
        for capability in capabilities.values():
            assert capability.operation in OPERATIONS
            assert not capability.has_classic or capability.checked
            assert not capability.generative or capability.generative.checked


def test_a_client_with_settings_from_the_environment_pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    """It crosses to a worker process by the provider's name."""
    monkeypatch.setenv("GOOGLE_API_KEY", "not-a-real-key")
    data = pickle.dumps(Client("google", timeout=7))
    assert b"not-a-real-key" not in data
    assert repr(pickle.loads(data)) == "Client(Google())"  # our own bytes


def test_a_client_with_explicit_keys_does_not_pickle() -> None:
    """A key given in code stays in this process."""
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(Client(cloudai.Google(api_key="not-a-real-key")))


def test_a_key_is_not_in_repr() -> None:
    """Neither the client's repr nor the provider's shows a key."""
    assert "not-a-real-key" not in repr(Client(cloudai.Google(api_key="not-a-real-key")))


def test_with_options_changes_what_it_is_given() -> None:
    """A client like another with another timeout; a wrong option is told with the right ones."""
    client = Client(MadeUp(), send=lambda _: ok({"score": 0}), timeout=5)
    assert client.with_options(timeout=6)._options.timeout == 6
    with pytest.raises(cloudai.SettingsError, match="max_attempts"):
        client.with_options(max_attempt=1)


def test_offline_names_what_it_does_not_hold() -> None:
    """Offline, with no cassette: no key is asked for, nothing is sent, and the error names the call."""
    with (
        Client("google", offline=True) as client,
        pytest.raises(cloudai.ReplayError, match="analyzeSentiment"),
    ):
        client.sentiment("x")


def test_offline_holds_for_the_awaiting_client_too() -> None:
    """The same, awaiting."""

    async def scene() -> None:
        async with AsyncClient("google", offline=True) as client:
            with pytest.raises(cloudai.ReplayError, match="analyzeSentiment"):
                await client.sentiment("x")

    asyncio.run(scene())
