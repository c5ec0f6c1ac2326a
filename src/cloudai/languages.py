"""Users write language codes in BCP-47 ("ko", "ko-KR"), and vendors want their own spelling."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["base", "has_spaces", "includes", "joined", "spelled", "tag", "with_region", "without_region"]

# A speech service is asked for one of these regions where the user names only the language.
REGIONS: Mapping[str, str] = {
    "ar": "ar-EG",
    "cs": "cs-CZ",
    "da": "da-DK",
    "de": "de-DE",
    "el": "el-GR",
    "en": "en-US",
    "es": "es-ES",
    "fi": "fi-FI",
    "fil": "fil-PH",
    "fr": "fr-FR",
    "he": "he-IL",
    "hi": "hi-IN",
    "id": "id-ID",
    "it": "it-IT",
    "ja": "ja-JP",
    "ko": "ko-KR",
    "nb": "nb-NO",
    "nl": "nl-NL",
    "pl": "pl-PL",
    "pt": "pt-BR",
    "ru": "ru-RU",
    "sv": "sv-SE",
    "th": "th-TH",
    "tr": "tr-TR",
    "uk": "uk-UA",
    "vi": "vi-VN",
    "yue": "yue-HK",
    "zh": "zh-CN",
}

ALIASES: Mapping[str, str] = {
    "cmn": "zh",
    "in": "id",
    "iw": "he",
    "ji": "yi",
    "jw": "jv",
    "mo": "ro",
    "no": "nb",
    "tl": "fil",
}
"""The codes of languages that have another, usual code, as Unicode's CLDR lists them (languageAlias). Vendors who
themselves use one of these have a table of their own, beside the request.

https://github.com/unicode-org/cldr/blob/main/common/supplemental/supplementalMetadata.xml
"""
SCRIPTS: Mapping[str, str] = {
    "zh-Hans": "zh-CN",
    "zh-Hant": "zh-TW",
    "zh-Hans-CN": "zh-CN",
    "zh-Hant-TW": "zh-TW",
    "zh-Hant-HK": "zh-HK",
    "yue-Hant-HK": "yue-HK",
    "yue-Hans-CN": "yue-CN",
}
"""The codes whose script says which region is meant, or follows from it."""

SPACELESS = frozenset({"ja", "zh", "cmn", "yue", "th", "lo", "km", "my"})
"""Languages that are written without spaces between words."""


def _parts(code: str) -> list[str]:
    """Return the parts of a code in the case of BCP-47, the first of them the usual code of the language."""
    language, *rest = code.replace("_", "-").split("-")
    short = language.lower()
    # A part of four letters is a script, and one of two letters a region (RFC 5646, section 2.1.1): "zh-Hant", "ko-KR".
    cased = [part.title() if len(part) == 4 else part.upper() if len(part) == 2 else part for part in rest]  # noqa: PLR2004
    return [ALIASES.get(short, short), *cased]


def base(code: str) -> str:
    """Return the language without its region and script: "ko" for "ko-KR", "sr" for "sr-Latn-RS".

    Chinese in traditional characters is "zh-Hant", also where only the region says so ("zh-TW"); any other is "zh".
    """
    language, *rest = _parts(code)
    if language == "zh":
        return "zh-Hant" if rest and (rest[0] == "Hant" or rest[-1] in ("TW", "HK", "MO")) else "zh"
    return language


def spelled(code: str) -> str:
    """Return a code as BCP-47 spells it, with its region: "zh-CN" for "cmn-CN", "en-US" for "en-us"."""
    return "-".join(_parts(code))


def includes(asked: str, code: str) -> bool:
    """Return whether a language is one that is asked for: "ko" includes "ko-KR", and "en-GB" includes "en".

    Chinese without a script or a region includes both scripts, and both include it.
    """
    (language, *rest), (other, *others) = _parts(asked), _parts(code)
    if language != other or not rest or not others:
        return language == other
    regions = {part for part in rest if _is_region(part)}, {part for part in others if _is_region(part)}
    return base(asked) == base(code) and (not all(regions) or regions[0] == regions[1])


def _is_region(part: str) -> bool:
    return part.isdigit() or len(part) == 2  # noqa: PLR2004  # "419", "KR"


def tag(code: str) -> str:
    """Return the code in which a vendor names a language as BCP-47: "zh-Hant" for "zh_cht", "he" for "iw".

    Chinese has its script where the vendor says it, and no region. The code keeps its other parts.
    """
    language, *rest = _parts(code)
    if language == "zh" and rest:
        last = rest[-1].lower()
        return "zh-Hant" if base(code) == "zh-Hant" or last == "cht" else "zh-Hans"
    return "-".join([language, *rest])


def without_region(code: str) -> str:
    """Return the language with its script, if it has one, and without its region: "sr-Latn" for "sr-Latn-RS"."""
    language, *rest = _parts(code)
    return "-".join([language, *(part for part in rest if len(part) == 4 and part.isalpha())])  # noqa: PLR2004


def with_region(code: str) -> str:
    """Return the language with its usual region: "ko-KR" for "ko"; a code that has a region keeps it.

    A language whose usual region is not known here is returned without one.
    """
    parts = _parts(code)
    whole = "-".join(parts)
    return SCRIPTS.get(whole, whole) if len(parts) > 1 else REGIONS.get(whole, whole)


def has_spaces(language: str | None) -> bool:
    """Return whether a language is written with spaces between words; one that is not known is taken to be."""
    return not (language and base(language).partition("-")[0] in SPACELESS)


def joined(texts: list[str], language: str | None) -> str:
    """Join stretches of speech into one text, with spaces between them where the language has spaces."""
    space = " " if has_spaces(language) else ""
    return space.join(text for text in (t.strip() for t in texts) if text)
