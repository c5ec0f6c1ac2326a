"""Say the texts of the command in the language of its user.

A catalog (``locale/ko.po``, in the format of gettext) has a translation for each text; ``{name}`` and ``{0}`` stand
for what is filled in. The library itself raises errors and logs warnings in English: the command recognises each by the
pattern that its catalog has for it. The English catalog holds the texts that a user of the command is told in other
words than one of the library, because the command has options where the library has arguments.

Translators edit the catalogs with any program for gettext; ``tests/unit/cli/test_translations.py`` names what is
missing. The file is read as it is, so that no step of building can be forgotten.
"""

from __future__ import annotations

import ast
import locale
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from importlib.resources import files
from typing import Any

__all__ = ["LANGUAGES", "VARIABLE", "catalog", "of_system", "say", "spoken", "translated", "using", "using_everywhere"]

LANGUAGES = ("en", "ko")
VARIABLE = "CLOUDAI_LANG"
"""The environment variable that names the language of the command."""
OF_SYSTEM = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""The variables by which a system says its language, in gettext's order."""
HOLE = re.compile(r"\{(\w+)\}")
MOST = 1_000
"""Characters of a text that is looked up by its pattern, at most."""
MOST_SENTENCES = 20
"""Sentences of such a text, at most. The time grows with the square of their number, and a vendor's words, or the name
of a file, may be nothing but full stops."""

_of_command: str | None = None
"""The language of a command, which all of its threads speak."""
_of_block: ContextVar[tuple[str | None] | None] = ContextVar("cloudai_language", default=None)
"""The language of the ``with`` block that the thread or task is in, as the only item; None outside of any."""


@contextmanager
def using(language: str | None) -> Iterator[None]:
    """Speak this language within the ``with`` block, in this thread or task alone; None speaks as the library does."""
    # Two threads of a server may write a page each, in two languages.
    token = _of_block.set((language,))
    try:
        yield
    finally:
        _of_block.reset(token)


@contextmanager
def using_everywhere(language: str | None) -> Iterator[None]:
    """Speak this language within the ``with`` block in all threads that have not chosen one by `using`."""
    global _of_command  # noqa: PLW0603  # a command has one language, and its threads share it
    before, _of_command = _of_command, language
    try:
        yield
    finally:
        _of_command = before


def _chosen() -> str | None:
    of_block = _of_block.get()
    return _of_command if of_block is None else of_block[0]


def spoken() -> str:
    """Return the language that is spoken, "en" or "ko"."""
    return _chosen() or "en"


def of_system() -> str:
    """Return the language that the user's system is set to, where there is a catalog for it; otherwise "en"."""
    chosen = os.environ.get(VARIABLE) or next((os.environ[name] for name in OF_SYSTEM if os.environ.get(name)), None)
    if chosen is None:  # Windows has no such variable
        chosen = locale.getlocale()[0] or ""
    word = re.split(r"[_.:\-@]", chosen.lower())[0]
    return "ko" if word in ("ko", "korean") else "en"


def say(text: str, /, **values: Any) -> str:
    """Return a text of the command in the language that is spoken, with the values in the places of their names.

    Example:
        >>> say("{n} faces", n=15)
        '15 faces'
    """
    said = catalog(spoken()).get(text, text)
    return with_particles(said.format(**values)) if values else said


def translated(text: str, language: str | None = None) -> str:
    """Return a finished text, such as that of an error, in a language; as it is if no translation is known.

    A text may consist of several, as an error does of what has happened and what to do: each is looked up by itself.
    A value that is filled into a text is looked up, too.

    Args:
        text: The text in English.
        language: The language, for example that of a page; None is the one that is spoken.
    """
    chosen = language or _chosen()
    if chosen is None or not text or len(text) > MOST or OF_PYTHON.match(text):
        return text
    if len(SENTENCE_END.findall(text)) > MOST_SENTENCES:
        return text
    # The most exact reading comes first: a place to fill in matches anything, also further sentences that have a
    # translation of their own.
    return (
        _in_two(text, chosen, both=True)
        or _whole(text, chosen)
        or _after_name(text, chosen)
        or _in_two(text, chosen, both=False)
        or _from_second(text, chosen)
        or text
    )


OF_PYTHON = re.compile(r"[A-Z]\w*(Error|Exception): ")
"""Matches an exception of Python or of another library, whose words are not in the catalogs."""


def _after_name(text: str, language: str) -> str | None:
    """Return the translation of what follows the name of a provider or a file, behind that name."""
    name, colon, rest = text.partition(": ")
    said = translated(rest, language) if colon else rest
    return f"{name}: {said}" if said != rest else None


def _in_two(text: str, language: str, *, both: bool) -> str | None:
    """Return the translations of a sentence and of those that follow it; None if the first, or not both, are known."""
    for end in SENTENCE_END.finditer(text):
        sentence, rest = text[: end.end() - 1], text[end.end() :]
        # A place to fill in at the end of a text would take the full stop with it.
        known = catalog(language).get(sentence)
        whole = _whole(sentence[:-1], language) if sentence.endswith(".") else None
        said = known or whole or _whole(sentence, language)
        if said is not None and ((rest_said := translated(rest, language)) != rest or not both):
            return f"{said}{'' if said.endswith(('.', '?', '!')) else '.'} {rest_said}"
    return None


def _from_second(text: str, language: str) -> str | None:
    """Return a text whose first sentence is not known, with the translation of what follows it."""
    if (end := SENTENCE_END.search(text)) is None:
        return None
    rest = text[end.end() :]
    said = translated(rest, language)
    return None if said == rest else f"{text[: end.end()]}{said}"


SENTENCE_END = re.compile(r"[.?!] ")


def _whole(text: str, language: str) -> str | None:
    """Return the translation of a text that is one text of the catalog, with its values translated; None for others."""
    if (known := catalog(language).get(text)) is not None:
        return known
    for source, said in _candidates(text, language):
        if (match := _pattern(source).fullmatch(text)) is not None:
            values = {name[1:]: translated(value, language) for name, value in match.groupdict().items()}
            return with_particles(HOLE.sub(partial(_filled, values), said))
    return None


def with_particles(text: str) -> str:
    """Return a Korean text whose particles fit the syllable or the digit before them: "사진을(를)" becomes "사진을".

    Behind anything else, such as a Latin letter, both forms stay, as Koreans write it where the reading is open.
    """
    return PARTICLE.sub(_particle, text)


PARTICLE = re.compile(r"([가-힣0-9])(은\(는\)|이\(가\)|을\(를\)|과\(와\)|\(으\)로|\(이\)라는)")
FINALS = {"은(는)": "은는", "이(가)": "이가", "을(를)": "을를", "과(와)": "과와", "(이)라는": ("이라는", "라는")}
"""The forms of a particle behind a syllable with a final consonant, and behind one without."""
DIGITS = (21, 8, 0, 16, 0, 0, 1, 8, 8, 0)
"""The final consonant of each digit as it is read (영, 일, 이 …), by its number in Unicode's syllables; 0 for none."""
RIEUL, SYLLABLES, FINAL_COUNT = 8, 0xAC00, 28


def _particle(match: re.Match[str]) -> str:
    before, particle = match[1], match[2]
    final = DIGITS[int(before)] if before.isdigit() else (ord(before) - SYLLABLES) % FINAL_COUNT
    if particle == "(으)로":
        return f"{before}{'로' if final in (0, RIEUL) else '으로'}"
    return f"{before}{FINALS[particle][0 if final else 1]}"


def _filled(values: Mapping[str, str], hole: re.Match[str]) -> str:
    return values.get(hole[1], hole[0])


def _candidates(text: str, language: str) -> Iterator[tuple[str, str]]:
    """Yield the texts with places to fill in that may be this one, the longest first."""
    for literal, source, said in _templates(language):
        if literal in text:
            yield source, said


@cache
def _templates(language: str) -> tuple[tuple[str, str, str], ...]:
    """Return the texts of a catalog with places to fill in: the longest literal part, the text, the translation."""
    each = [(max(HOLE.split(source)[::2], key=len), source, said) for source, said in catalog(language).items()]
    # The texts of `say` have names in their holes, and are never looked for in others.
    usable = [entry for entry in each if OF_LIBRARY.search(entry[1]) and len(LETTER.findall(entry[0])) >= FEWEST]
    return tuple(sorted(usable, key=lambda entry: -len("".join(HOLE.split(entry[1])[::2]))))


OF_LIBRARY = re.compile(r"\{\d+\}")
LETTER = re.compile(r"[A-Za-z]")
FEWEST = 3
"""Letters that a part of a text must have between its holes, to be recognised by it."""


@cache
def _pattern(source: str) -> re.Pattern[str]:
    parts = HOLE.split(source)
    seen: set[str] = set()
    pattern = ""
    for number, part in enumerate(parts):
        if not number % 2:
            pattern += re.escape(part)
        else:
            pattern += f"(?P=h{part})" if part in seen else f"(?P<h{part}>.*?)"
            seen.add(part)
    return re.compile(pattern, re.DOTALL)


@cache
def catalog(language: str) -> Mapping[str, str]:
    """Return the translations of a language by their source; the file leaves out what has none yet.

    Raises:
        ValueError: The file is not in the format of gettext.
    """
    path = files("cloudai").joinpath(f"locale/{language}.po")
    entries: dict[str, str] = {}
    parts = {"msgid": "", "msgstr": ""}
    current = ""
    # An entry is stored when the next one begins, so one more is added at the end.
    for line in [*path.read_text("utf-8").splitlines(), 'msgid ""']:
        if line.startswith("#") or not line.strip():
            continue
        word, _, rest = line.partition(" ") if line.startswith("msg") else (current, "", line)
        if word not in parts:
            raise ValueError(f"{path}: {line!r} is not understood")
        if word != current:
            if word == "msgid":
                entries |= {parts["msgid"]: parts["msgstr"]} if parts["msgid"] and parts["msgstr"] else {}
                parts = {"msgid": "", "msgstr": ""}
            current = word
        parts[current] += ast.literal_eval(rest)
    return entries
