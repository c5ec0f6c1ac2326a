"""Files in object stores and on other computers are read through fsspec, which the extra ``[fsspec]`` installs."""

from __future__ import annotations

import re

from cloudai.errors import InputError, MissingExtraError

__all__ = ["STORED", "read_stored"]

STORED = re.compile(r"^(s3|s3a|gcs|abfss?|az|adl|oci|oss|hf|hdfs|webhdfs|memory)://", re.IGNORECASE)
"""The addresses that fsspec reads. ``https://`` and ``gs://`` are none of them: a client fetches the first by rules of
its own (``fetch_urls=``), and Google reads the second itself; ``gcs://`` is read here."""


def read_stored(address: str, name: str, most: int) -> bytes:
    """Return what is at an address, no more than one byte beyond the most.

    Args:
        address: An address that `STORED` matches. Keys come from where the package of its file system looks for them.
        name: The name of the input, for errors.
        most: The most bytes of an input.

    Raises:
        MissingExtraError: fsspec is not installed.
        InputError: The file cannot be read, or the package of its file system is missing.
    """
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError(f"reading {name}", "fsspec") from error
    if "::" in address:  # fsspec would open one address in another, of any kind
        raise InputError(f"{name} is an address in an address", advice="Give that of the file itself.")
    try:
        with fsspec.open(address.partition("://")[0].lower() + address[address.index("://") :], "rb") as file:
            data: bytes = file.read(most + 1)
    except FileNotFoundError:
        raise InputError(f"there is no file {name}", advice="Check the address.") from None
    except ImportError as error:
        raise InputError(f"{name} cannot be read ({error})", advice="Install that package here.") from error
    except Exception as error:
        # Each file system has errors of its own, whose texts may hold a signed address.
        raise InputError(f"{name} cannot be read ({type(error).__name__})", advice="Check the address.") from error
    return data
