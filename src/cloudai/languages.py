"""Language codes: users write BCP-47 ("ko", "ko-KR"), vendors want their own spelling."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["base", "with_region"]

# The region a speech service is asked for when the user names only the language.
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
"""Written without spaces between words."""


def base(code: str) -> str:
    """The language without its region: "ko" of "ko-KR"; Chinese keeps its script, "zh-Hant" of "zh-TW"."""
    language, _, rest = code.replace("_", "-").partition("-")
    if language.lower() == "zh":
        return "zh-Hant" if rest.lower() in ("hant", "tw", "hk", "mo", "hant-tw", "hant-hk") else "zh"
    return language.lower()


def with_region(code: str) -> str:
    """The language with a region: "ko-KR" of "ko"; one that has a region keeps it."""
    return code.replace("_", "-") if "-" in code or "_" in code else REGIONS.get(code.lower(), code)


def joined(texts: list[str], language: str | None) -> str:
    """Stretches of speech as one text, with spaces where the language has them."""
    space = "" if language and base(language).partition("-")[0] in SPACELESS else " "
    return space.join(text for text in (t.strip() for t in texts) if text)
