"""Ask a chat model about a whole picture: captions, tags, objects, safety, and the text in it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from cloudai.core.flow import Flow
from cloudai.errors import InputError, UnsupportedOperationError
from cloudai.languages import base, tag, without_region
from cloudai.media import Image, Picture
from cloudai.media.document import DocumentLimits, as_document
from cloudai.models.base import Box, Meta
from cloudai.models.image import FEATURES, Block, Caption, Feature, ImageAnalysis, Line, Object, Page, Tag, Text
from cloudai.providers._generative.answers import THOUSAND, SafetyAnswer, TextAnswer, level, picture_answer
from cloudai.providers._generative.asking import asked
from cloudai.providers._generative.chat import Chat, meta_of
from cloudai.providers._generative.faces import expressions
from cloudai.providers._generative.prompts import prompt, require_codes
from cloudai.providers.base import require_known

__all__ = ["analyze_image", "read_text"]

TOKENS, TOKENS_OF_TEXT = 8_000, 16_000
"""The most tokens of an answer about a picture, and of one that has all the text in it."""
OF_THE_PICTURE: tuple[Feature, ...] = ("caption", "dense_captions", "tags", "objects", "text", "safety")
"""The features that one prompt asks for. Faces are asked for by prompts of their own."""
MOST_FACES = 100


def analyze_image(
    vendor: Chat,
    image: Image,
    *,
    features: Sequence[Feature] | None,
    language: str | None,
    max_results: int | None,
    missing: Literal["error", "report"],
    gender_neutral: bool,
) -> Flow[ImageAnalysis]:
    """Say what is in a picture, in any language."""
    has = vendor.generative_features()
    # The features by default are those of the classic services, as far as the chat model has them.
    usual = [feature for feature in ("caption", "tags", "objects") if feature in has]
    wanted = tuple(dict.fromkeys(usual if features is None else features))
    require_known(wanted, FEATURES, "feature")
    unsupported = tuple(feature for feature in wanted if feature not in has)
    if unsupported and missing == "error":
        raise UnsupportedOperationError(
            f"{vendor.chat_name} has no {', '.join(unsupported)}",
            advice=f'It has: {", ".join(has)}. missing="report" goes on without.',
        )
    if language:
        require_codes(language)  # the code goes into the rules of the prompt, where no word of a stranger may stand
    parts: dict[str, Any] = {}
    meta, code = Meta(method="generative"), _written_in(language) if language else "en"
    # The picture is prepared even where only faces are asked for: the result has its size and format.
    picture = yield from image.fit(vendor.chat_pictures)
    if asked_of_picture := tuple(feature for feature in OF_THE_PICTURE if feature in wanted and feature in has):
        model = picture_answer(asked_of_picture, boxes=vendor.chat_boxes)
        tokens = TOKENS_OF_TEXT if "text" in asked_of_picture else TOKENS
        wishes = [f"Write in the language {code} (BCP-47), except where text is to be written down as it stands."]
        wishes += ['Say "person" in place of words for a gender.'] if gender_neutral else []
        asking = prompt("analyze_image", [_blob(picture)], model, tokens, wishes)
        answer, replies = yield from asked(vendor, asking, model)
        meta = meta_of(asking, replies, language_sent=code)
        parts = {feature: PARTS[feature](getattr(answer, feature), picture, code) for feature in asked_of_picture}
    if "faces" in wanted:
        frame = image.frame
        # For the faces the model is shown their cuts alone, each with its number.
        parts["faces"] = yield from expressions(vendor, image, max_results or MOST_FACES)
        image.frame = frame  # the detector may have prepared the picture in another way
        meta = _both(meta, parts["faces"].meta)
    kept = {feature: _first(things, max_results) for feature, things in parts.items()}
    return ImageAnalysis(
        **kept,
        width=picture.width,
        height=picture.height,
        format=picture.format,
        unsupported=unsupported,
        truncated=any(isinstance(things, tuple) and len(things) > len(kept[f]) for f, things in parts.items())
        or bool(parts.get("faces") and parts["faces"].truncated),
        meta=meta,
    )


def read_text(vendor: Chat, image: Image, *, language: str | None, dense: bool | None) -> Flow[Text]:  # noqa: ARG001
    """Read the text in a picture, line by line; a model gives no positions."""
    # A model would be sent the first of several pages, without a word about the others.
    whole = yield from as_document(image, DocumentLimits(vendor.chat_name, max_bytes=sys.maxsize))
    if whole is not None:
        pages = f" of {whole.pages} pages" if whole.pages else ""
        raise InputError(
            f"{image.name} is a {whole.format}{pages}, and {vendor.chat_name} reads one picture at a time",
            advice="Give each page as a picture.",
        )
    picture = yield from image.fit(vendor.chat_pictures)
    wishes = [f"Its language is most likely {base(language)}."] if language else []
    asking = prompt("read_text", [_blob(picture)], TextAnswer, TOKENS_OF_TEXT, wishes)
    answer, replies = yield from asked(vendor, asking, TextAnswer)
    text = _text(answer, picture, "")
    return text.model_copy(update={"meta": meta_of(asking, replies, language_sent=language and base(language))})


def _written_in(language: str) -> str:
    """Return the language with its script, where it names one, and without its region: "sr-Latn", "zh-Hant", "ko"."""
    code = base(language)
    return code if code.startswith("zh") else without_region(language)


def _blob(picture: Picture) -> Any:
    return picture.blob


def _box(numbers: Sequence[int] | None, picture: Picture) -> Box | None:
    """Return the box for the numbers of a model, which are thousandths of the picture; None for none."""
    if numbers is None:
        return None
    top, left, bottom, right = (number / THOUSAND for number in numbers)
    return picture.box_from_fraction(left, top, right - left, bottom - top)


def _safety(answer: SafetyAnswer, _: Picture, __: str) -> dict[str, Any]:
    grades = {kind: level(getattr(answer, kind)) for kind in SafetyAnswer.model_fields}
    return {kind: grade for kind, grade in grades.items() if grade is not None}


def _text(answer: TextAnswer, picture: Picture, _: str) -> Text:
    lines = tuple(Line(text=each.text, handwritten=each.handwritten) for each in answer.lines)
    page = Page(blocks=(Block(lines=lines),) if lines else (), width=picture.width, height=picture.height)
    code = tag(answer.language) if answer.language else None
    return Text(text=page.text, pages=(page,), language=code)


# A model's answer has no confidence that anybody has measured, so none is given.
PARTS: Mapping[str, Any] = {
    "caption": lambda text, _, code: Caption(text=text, language=code),
    "dense_captions": lambda parts, picture, code: tuple(
        Caption(text=part.name, language=code, box=_box(getattr(part, "box", None), picture)) for part in parts
    ),
    # A model may name a thing twice.
    "tags": lambda names, _, code: tuple(Tag(name=name, language=code) for name in dict.fromkeys(names)),
    "objects": lambda parts, picture, code: tuple(
        Object(name=part.name, language=code, box=_box(part.box, picture)) for part in parts
    ),
    "text": _text,
    "safety": _safety,
}
"""The functions that make each feature of a result from the answer, the picture and the language."""


def _first(things: Any, most: int | None) -> Any:
    return things[:most] if isinstance(things, tuple) and most is not None else things


def _both(first: Meta, second: Meta) -> Meta:
    """Return the origin of a result that two prompts have made."""
    known = [meta for meta in (first, second) if meta.prompt]
    # A prompt that was not asked, because there was no face, has no origin.
    if len(known) < 2:  # noqa: PLR2004
        return known[0] if known else second
    models = ", ".join(dict.fromkeys(filter(None, (first.model, second.model))))
    # A sum without one of its parts would be too low a cost.
    usage = first.usage and second.usage and first.usage.plus(second.usage)
    return first.model_copy(
        update={"model": models or None, "prompt": f"{first.prompt}, {second.prompt}", "usage": usage}
    )
