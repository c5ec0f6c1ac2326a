"""Fetch the pictures of a report whose inputs were addresses, by the same guarded fetcher as a client does.

A journal holds no pictures. A report therefore takes them out of the folder that has kept them, or fetches them once
more. Whatever is at an address now is shown only if it is the picture that was analysed, by its digest.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from cloudai.core.drivers.blocking import Blocking
from cloudai.core.fetch import fetched
from cloudai.core.urls import FetchRules, shown
from cloudai.errors import FetchError, InputError
from cloudai.fetched_files import file_of, keep

__all__ = ["Asked", "FetchURLs", "fetched_pictures", "with_folder"]

FetchURLs: TypeAlias = "bool | FetchRules"
Asked: TypeAlias = "tuple[str, str | None]"
"""The address of a picture, and the sha256 (hex) of what was analysed, if it is known."""

AT_ONCE = 8
"""Addresses that are fetched at the same time."""
WITHOUT_QUERY = "?…"
"""How an address ends whose query was not written down, because it may hold a key."""


@contextmanager
def with_folder(rules: FetchURLs) -> Iterator[FetchRules | None]:
    """Yield rules that keep what is fetched in a folder: in the user's, or in one that is removed after the block.

    Args:
        rules: What may be fetched; True is what `FetchRules` allows by itself, and False yields None.
    """
    given = FetchRules() if rules is True else rules or None
    if given is None or given.keep is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="cloudai-") as folder:  # for the user alone (mode 0700)
        yield replace(given, keep=folder)


def fetched_pictures(asked: Iterable[Asked], rules: FetchRules) -> Mapping[Asked, Path | InputError]:
    """Return the file of each picture, or the error that says why there is none.

    Args:
        asked: The addresses with their digests.
        rules: What may be fetched, and the folder in which it is kept. A file that is in the folder is not fetched.

    Raises:
        OutputError: A file cannot be written into the folder.
    """
    from cloudai.transport.fetcher import Fetcher  # most reports fetch nothing

    folder = rules.keep
    assert folder is not None  # noqa: S101  # for the type checker
    driver = Blocking(_send_nothing, fetch=Fetcher())
    each = list(dict.fromkeys(asked))

    def one(wanted: Asked) -> Path | InputError:
        try:
            return _kept(folder, wanted) or keep(folder, _bytes(*wanted, rules, driver))
        except InputError as error:
            return error

    with ThreadPoolExecutor(AT_ONCE, "cloudai-fetch") as pool:
        # An address that cannot be fetched becomes the error of its own picture, and ends no other.
        files = dict(zip(each, pool.map(one, each), strict=True))
    # The same picture may have been fetched from another address meanwhile.
    return {wanted: _kept(folder, wanted) or file for wanted, file in files.items()}


def _kept(folder: str | os.PathLike[str], wanted: Asked) -> Path | None:
    """Return the file in the folder that is the picture by its digest; None if there is none, or no digest is known."""
    _, digest = wanted
    return None if digest is None else file_of(folder, digest)


def _bytes(address: str, digest: str | None, rules: FetchRules, driver: Blocking) -> bytes:
    """Return the picture at an address.

    Raises:
        FetchError: It cannot be fetched, or is not the one that was analysed.
    """
    if address.endswith(WITHOUT_QUERY):
        raise FetchError(
            f"{address} was written down without its query, and cannot be fetched again",
            advice="Give the table with the addresses once more, or keep what is fetched.",
        )
    # There is no deadline for all pictures together; `FetchRules` has one for each.
    data = driver.run(fetched(address, rules, time.monotonic, math.inf))
    # Where the provider has fetched the picture, the digest is that of the address.
    if digest not in (None, sha256(data).hexdigest(), sha256(address.encode("utf-8", "surrogatepass")).hexdigest()):
        raise FetchError(f"at {shown(address)} there is another picture now than the one that was analysed")
    return data


def _send_nothing(_: Any) -> Any:
    raise AssertionError("a report sends no request to a provider")
