"""Speak texts of any length: cut them at sentences into parts that a vendor takes, and join what was spoken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal
from unicodedata import category

from cloudai.core.flow import Flow, call, parallel
from cloudai.errors import InputError, SettingsError
from cloudai.languages import includes, spelled, with_region
from cloudai.media.speech import converted, heard, joined
from cloudai.models.base import Meta
from cloudai.models.speech import Speech
from cloudai.models.voice import Voice, Voices
from cloudai.providers._parts import parts

__all__ = ["Format", "gender_of", "language_of", "listed", "parts_of", "require_speed", "spoken", "without_phonemes"]

Format = Literal["wav", "mp3", "ogg"]
SCRIPTS = (
    ("ko", "\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f"),
    ("ja", "\u3040-\u30ff"),
    ("zh", "\u4e00-\u9fff"),
    ("ru", "\u0400-\u04ff"),
    ("el", "\u0370-\u03ff"),
    ("ar", "\u0600-\u06ff"),
    ("he", "\u0590-\u05ff"),
    ("hi", "\u0900-\u097f"),
    ("th", "\u0e00-\u0e7f"),
)
"""Languages, each with the letters of its script; Japanese stands before Chinese, whose letters it uses too.

The second range of Korean has the single letters of which macOS puts the syllables of file names together.
"""
CONTROLS = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Control characters, and others that XML cannot hold: https://www.w3.org/TR/xml/#charsets"""
VOICE = re.compile(r"[a-z]{2,3}(?:[-_][A-Z][a-z]{3})?[-_](?:[A-Z]{2}|\d{3})(?![A-Za-z\d])")
"""The language at the beginning of the name of a voice: "en-GB", "sr-Latn-RS", "es-419"."""
NOTHING = ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp")
"""The categories of Unicode of what nobody can speak: control characters, invisible ones and blanks."""
# A text such as "나무 API" has more Latin letters than Hangul, and is still to be read in Korean.
FEW = 5
"""A script decides where at least every fifth letter is of it."""


def language_of(text: str, language: str | None, voice: str | None, usual: str = "en-US") -> str:
    """Return the language to speak, with its region: the one that is given, that of the voice, or that of the script.

    The name of a voice begins with its language and region, which count if the language that is given has no other. A
    text of no script that tells its language, such as the Latin alphabet, is taken to be in the usual one.
    """
    of_voice = VOICE.match(voice or "")
    # The voice goes first because it names the region: language="en" with the voice en-GB-Wavenet-A is British English.
    if of_voice and (language is None or includes(language, of_voice[0])):
        return with_region(of_voice[0])
    if language:
        return with_region(language)
    # Digits and punctuation belong to every script, so they are counted on neither side.
    letters = sum(map(str.isalpha, text))
    for code, script in SCRIPTS:
        if letters and len(re.findall(f"[{script}]", text)) * FEW >= letters:
            return with_region(code)
    return usual


def require_speed(speed: float, slowest: float, fastest: float, who: str) -> None:
    """Raise SettingsError for a speed that the vendor does not have; 1 is the usual one."""
    if not slowest <= speed <= fastest:
        advice = f"Give {slowest} to {fastest}; 1 is usual."
        raise SettingsError(f"{who} does not speak at speed={speed}", advice=advice)


def parts_of(text: str, most: int, size: Callable[[str], int] = len) -> list[str]:
    """Return a text in parts of at most ``most``, by ``size``, without the white space around them.

    Control characters, which services refuse, bill or obey, become blanks; parts in which nothing is spoken are left
    out.
    """
    cleaned = CONTROLS.sub(" ", text)
    return [part.strip() for part in parts(cleaned, most, size) if any(category(c) not in NOTHING for c in part)]


def spoken(
    texts: list[str],
    format: Format,  # noqa: A002  # the field's word
    speak: Callable[[str, Format], Flow[bytes]],
    meta: Meta,
) -> Flow[Speech]:
    """Speak the parts of a text, and return them as one piece of audio.

    Several parts are spoken as WAV at the same time, joined, and then converted: files of MP3 or Ogg that are only put
    behind one another state a false length.

    Args:
        texts: The parts, in order.
        format: The format of the audio.
        speak: The flow that speaks one part in a format.
        meta: What is known of the call.

    Raises:
        InputError: There are no parts, because nothing in the text can be spoken.
        MalformedResponseError: What was spoken is no audio of the format, or ends before its own length.
        MissingExtraError: Several parts are to be converted to MP3 or Ogg, and the extra ``audio`` is not installed.
    """
    if not texts:
        raise InputError("there is nothing to speak in the text", advice="Give a text with words in it.")
    if len(texts) == 1:
        audio = yield from speak(texts[0], format)
    else:
        # To join and to convert a long text takes seconds of the processor, which must not be those of the event loop.
        audio = yield from call(joined, (yield from parallel([speak(part, "wav") for part in texts])))
        audio = yield from call(converted, audio, format)
    # The audio is measured before it is returned: a reply that ends before the length in its header is an error, and no
    # short recording.
    result = yield from call(heard, audio, format)
    return Speech(audio=result.audio, format=format, rate=result.rate, duration=result.duration, meta=meta)


def without_phonemes(text: str) -> str:
    """Return a text in which espeak-ng and Piper see no "[[" and "]]", between which they read phonemes."""
    return re.sub(r"\[(?=\[)|\](?=\])", r"\g<0> ", text)


def gender_of(word: str | None) -> str | None:
    """Return a vendor's word for the gender of a voice as `Voice.gender` has it, or None if it says nothing."""
    known = {"female": "female", "f": "female", "male": "male", "m": "male", "neutral": "neutral"}
    return known.get((word or "").lower())


def listed(voices: Iterable[Voice], language: str | None, meta: Meta = Meta()) -> Voices:  # noqa: B008  # it is frozen
    """Return the voices that speak a language, those that were made for it first, or all where it is None.

    The languages of the voices are spelled as BCP-47 has them.
    """
    spelt = [voice.model_copy(update={"languages": tuple(map(spelled, voice.languages))}) for voice in voices]
    if language is not None:
        spelt = [voice for voice in spelt if any(includes(language, code) for code in voice.languages)]
        # Multilingual voices list many languages behind the one that they were made for, and would bury the voices of
        # the wanted one.
        spelt.sort(key=lambda voice: not includes(language, voice.languages[0]))
    return Voices(voices=tuple(spelt), meta=meta)
