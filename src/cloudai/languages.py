"""Users write language codes in BCP-47 ("ko", "ko-KR"), and vendors want their own spelling."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["base", "with_region"]

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
}

SPACELESS = frozenset({"ja", "zh", "cmn", "yue", "th", "lo", "km", "my"})
"""Languages that are written without spaces between words."""


def base(code: str) -> str:
    """Return the language without its region: "ko" for "ko-KR"; Chinese keeps its script, "zh-Hant" for "zh-TW"."""
    language, _, rest = code.replace("_", "-").partition("-")
    if language.lower() == "zh":
        return "zh-Hant" if rest.lower() in ("hant", "tw", "hk", "mo", "hant-tw", "hant-hk") else "zh"
    return language.lower()


def with_region(code: str) -> str:
    """Return the language with a region: "ko-KR" for "ko"; a code that has one, or no usual one, stays as it is."""
    return code.replace("_", "-") if "-" in code or "_" in code else REGIONS.get(code.lower(), code)


def joined(texts: list[str], language: str | None) -> str:
    """Join stretches of speech into one text, with spaces between them where the language has spaces."""
    space = "" if language and base(language).partition("-")[0] in SPACELESS else " "
    return space.join(text for text in (t.strip() for t in texts) if text)
