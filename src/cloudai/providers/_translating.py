"""The adapters of several translators spell and list languages by these functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cloudai.errors import InputError
from cloudai.languages import base, without_region

__all__ = ["codes_of", "languages_of", "require_whole", "spelled"]


def spelled(language: str, codes: Mapping[str, str], with_region: Mapping[str, str]) -> str:
    """Return the code of a language as a service spells it.

    Args:
        language: The code that the user gives.
        codes: The codes that the service spells otherwise than we do.
        with_region: The languages of which the service tells the regions apart, by their codes in lower case.
    """
    # Locales of operating systems have an underscore, as in "pt_PT".
    given = language.replace("_", "-").lower()
    if given in with_region:
        return with_region[given]
    # A region is dropped unless it stands in `with_region`. That of Chinese says which script is meant, so Chinese is
    # looked up by its base: "zh-TW" is "zh-Hant".
    short, whole = base(language), without_region(language)
    return codes.get(short, whole) if short.startswith("zh") else codes.get(whole, whole)


def languages_of(to: str | Sequence[str]) -> list[str]:
    """Return the languages to translate into, each once and as it is spelled first: "pt_PT" is the same as "pt-pt"."""
    # A language that is named twice would be billed twice.
    known: dict[str, str] = {}
    for code in [to] if isinstance(to, str) else to:
        known.setdefault(code.replace("_", "-").lower(), code)
    return list(known.values())


def codes_of(languages: Sequence[str], code_of: Callable[[str], str]) -> list[str]:
    """Return the codes that a service is asked for, each once: "en" and "en-US" are one code for most services.

    Args:
        languages: The languages that the user asks for.
        code_of: A function that returns the code of a language as the service spells it.
    """
    return list(dict.fromkeys(map(code_of, languages)))


def require_whole(parts: Sequence[str], *, html: bool) -> None:
    """Raise InputError for HTML that does not fit into one request, because a part of it could end inside a tag."""
    if html and len(parts) > 1:
        raise InputError(
            "the HTML is longer than a request may be, and HTML is not sent in parts",
            advice="Give its elements one by one, for example each paragraph.",
        )
