"""Check what a provider accepts: pictures and recordings, the words of options, and languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from cloudai.core.flow import Flow
from cloudai.errors import CloudAIError, InputError, SettingsError, UnsupportedOperationError
from cloudai.media import Audio, AudioLimits, Image, ImageLimits, Picture, Sound
from cloudai.models.image import FEATURES
from cloudai.operations import OPERATIONS
from cloudai.options import complete
from cloudai.testing._contract.subject import Example, Subject, Told, bare, driven, outcome, shown
from cloudai.testing._script import Script

__all__ = ["languages", "limits", "options"]


class _WatchedImage(Image):
    """An image that remembers the limits that it was prepared for."""

    asked: ImageLimits | None = None
    used = False

    def fit(self, limits: ImageLimits) -> Flow[Picture]:
        self.asked, self.used = limits, True
        return super().fit(limits)

    def pixels(self, max_side: int) -> Flow[Any]:
        self.used = True
        return super().pixels(max_side)

    def whole(self, make: Any, **facts: Any) -> Any:
        self.used = True
        return super().whole(make, **facts)


class _WatchedAudio(Audio):
    """A recording that remembers whether it was checked against limits."""

    used = False

    def probe(self, limits: AudioLimits, channels: Literal["mix", "each"] | None = None) -> Flow[Sound]:
        self.used = True
        return super().probe(limits, channels)


FORMATS = frozenset({"AVIF", "BMP", "GIF", "HEIC", "HEIF", "ICO", "JPEG", "MPO", "PDF", "PNG", "TIFF", "WEBP"})


def limits(subject: Subject) -> Iterator[Told]:
    """Check that a picture or recording is made to fit before it is sent, and that other bytes are never sent."""
    for example in subject.examples:
        kind = OPERATIONS[example.operation].input
        if kind == "text":
            continue
        given = (_WatchedImage if kind == "image" else _WatchedAudio)(example.given)
        driver = driven(subject, example, given)
        if driver.requests and not given.used:
            yield (
                f"{example.operation} sends its input as it is",
                "Begin with `yield from image.fit(LIMITS)` (audio.probe): it looks, turns, shrinks and strips.",
            )
        if isinstance(given, _WatchedImage) and given.asked is not None:
            yield from _sensible(given.asked)
        script = Script()
        result = outcome(subject.provider(example), replace(example, given=b"no such thing"), script, offline=True)
        if not isinstance(result, InputError) or script.requests:
            what = f"{example.operation} of bytes that are no {'picture' if kind == 'image' else 'recording'}"
            yield (
                f"{what} gives {shown(result)}",
                "Let the InputError of image.fit or audio.probe through, before the first request.",
            )


def _sensible(asked: ImageLimits) -> Iterator[Told]:
    if unknown := sorted(asked.formats - FORMATS):
        yield f"its limits name the format {', '.join(unknown)}", f"Use Pillow's names: {', '.join(sorted(FORMATS))}."
    if not asked.formats & {"JPEG", "PNG"}:
        yield "its limits have neither JPEG nor PNG", "Name one: other formats are made into it."
    if not 0 < asked.min_side <= asked.max_side or asked.max_bytes <= 0:
        yield "its limits let no picture through", "See max_bytes, min_side and max_side: bytes and pixels."


def options(subject: Subject) -> Iterator[Told]:
    """Check that an unknown attribute, and a feature that the provider lacks, are refused before anything is sent."""
    for example in subject.first_of_each():
        if example.operation == "analyze_image":
            known = subject.provider(example).features()
            if not known or set(known) - set(FEATURES):
                yield f"features() is {known!r}", f"Give those that analyze_image has, of {', '.join(FEATURES)}."
            lacking = [feature for feature in FEATURES if feature not in known]
            if lacking:
                yield from _refuses(subject, example, {"features": lacking[:1], "missing": "error"})
        if "attributes" in OPERATIONS[example.operation].options:
            yield from _refuses(subject, example, {"attributes": ["no-such-thing"]})


def _refuses(subject: Subject, example: Example, wrong: Mapping[str, Any]) -> Iterator[Told]:
    script = Script()
    asking = replace(example, options={**example.options, **wrong})
    result = outcome(subject.provider(example), asking, script, offline=True)
    if script.requests or not isinstance(result, SettingsError | UnsupportedOperationError):
        words = ", ".join(word for value in wrong.values() if isinstance(value, list) for word in value)
        yield (
            f"{example.operation} with {words} gives {shown(result)}",
            "Begin with require_known(…), and raise UnsupportedOperationError for what the vendor lacks.",
        )


def languages(subject: Subject) -> Iterator[Told]:
    """Check that a language code may have a region, and that no language raises anything but a `CloudAIError`."""
    for example in subject.first_of_each():
        if "language" not in complete(example.operation, example.options):
            continue
        # The last code is that of Klingon, which ISO 639 lists, and which the table of a provider may well lack.
        came_to = {code: _asked_in(subject, example, code) for code in ("ko", "ko-KR", "en", "tlh")}
        for code, result in came_to.items():
            if isinstance(result, Exception) and not isinstance(result, CloudAIError):
                advice = "Map codes by a table with cloudai.languages; one it lacks is an UnsupportedOperationError."
                yield bare(f'{example.operation} in "{code}"', result, advice)
        short, long = (type(came_to[code]) for code in ("ko", "ko-KR"))
        if short is not long:
            what = f'{example.operation} takes "ko" and "ko-KR" differently ({short.__name__}, {long.__name__})'
            yield what, "Use cloudai.languages.base or with_region: users write either."


def _asked_in(subject: Subject, example: Example, code: str) -> Any:
    """Return the first request of a call in a language, or the outcome of a call that sends none."""
    script = Script()
    asking = replace(example, options={**example.options, "language": code})
    result = outcome(subject.provider(example), asking, script, offline=True)
    return script.requests[0] if script.requests else result
